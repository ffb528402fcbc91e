//! What the stand-ins tell of: delivered, signed, and again until it is taken.

use super::*;

/// An endpoint that answers each status in turn, then 200, and keeps what it got.
async fn endpoint(statuses: &[u16]) -> (Server, Arc<Receiver>) {
    let receiver = Arc::new(Receiver { faults: faults::Faults::default() });
    for status in statuses {
        let kind = faults::FaultKind::Status { status: *status, retry_after: None };
        receiver.faults.add(faults::Fault {
            method: String::new(),
            path: String::new(),
            body: String::new(),
            times: 1,
            kind,
        });
    }
    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    (Server::start(any, receiver.clone()).await.unwrap(), receiver)
}

struct Receiver {
    faults: faults::Faults,
}

impl server::Standin for Receiver {
    fn answer(&self, _: &server::Call) -> server::Reply {
        server::Reply::empty(200)
    }

    fn fault(&self, status: u16) -> server::Reply {
        server::Reply::empty(status)
    }

    fn faults(&self) -> &faults::Faults {
        &self.faults
    }

    fn inspect(&self, _: &str) -> Option<Vec<Record>> {
        None
    }
}

/// What has come in, once it is so much.
async fn received(server: &Server, count: usize) -> Vec<(String, Option<u16>)> {
    let begin = std::time::Instant::now();
    loop {
        let seen = server.seen();
        if seen.len() >= count {
            let of = |seen: &server::Seen| {
                let body: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
                let name = body["type"].as_str().or(body["BusinessEventId"].as_str()).unwrap_or_default();
                (name.to_string(), seen.status)
            };
            return seen.iter().map(of).collect();
        }
        assert!(begin.elapsed().as_secs() < 20, "{} of {count} came", seen.len());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn events_are_delivered_signed_and_again_until_they_are_taken() {
    let running = Running::start().await;
    let (server, _receiver) = endpoint(&[500]).await;
    let form = [
        ("url", server.url()),
        ("enabled_events[0]", "charge.succeeded".into()),
        ("enabled_events[1]", "payout.paid".into()),
    ];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (status, made) = posted(&running, "/v1/webhook_endpoints", &form).await;
    let secret = made["secret"].as_str().unwrap().to_string();
    assert!(status == 200 && secret.starts_with("whsec_"), "{made}");
    let (_, listed) = answer(running.stripe("GET", "/v1/webhook_endpoints")).await;
    assert!(listed["data"][0].get("secret").is_none(), "only once: {listed}");
    happens(&running, "payment", json!({ "amount": 1_000 })).await;
    let charge = || "charge.succeeded".to_string();
    assert_eq!(received(&server, 2).await, [(charge(), Some(500)), (charge(), Some(200))]);
    let last = server.seen().pop().unwrap();
    let header = last.headers["stripe-signature"].to_str().unwrap();
    let now = jiff::Timestamp::now().as_second();
    let verify = |body: &[u8]| {
        crate::triggers::stripe::verify(
            Some(header),
            body,
            std::slice::from_ref(&secret),
            Duration::from_secs(300),
            now,
        )
    };
    verify(&last.body).unwrap();
    let mut other = last.body.to_vec();
    other[20] ^= 1;
    assert!(verify(&other).is_err());

    running
        .sandbox
        .stripe
        .faults()
        .add(faults::Fault::from_json(&record(r#"{"path":"charge.","deliver":"late"}"#)).unwrap());
    running
        .sandbox
        .stripe
        .faults()
        .add(faults::Fault::from_json(&record(r#"{"path":"payout.","deliver":"twice"}"#)).unwrap());
    happens(&running, "payment", json!({ "amount": 1_000 })).await;
    happens(&running, "payout", json!({})).await;
    let names: Vec<String> = received(&server, 5).await.into_iter().skip(2).map(|(name, _)| name).collect();
    assert_eq!(names.iter().filter(|name| *name == "payout.paid").count(), 2, "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "charge.succeeded").count(), 1, "{names:?}");
}

fn record(text: &str) -> Record {
    match crate::value::json::parse(text.as_bytes()) {
        Ok(Value::Record(record)) => record,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn journals_balance_before_they_are_posted_and_are_told_of() {
    let running = Running::start().await;
    let (server, _receiver) = endpoint(&[]).await;
    let act = |what: &str, with: serde_json::Value| {
        answer(running.finops("POST", &format!("/_sandbox/do/{what}")).body(with.to_string()))
    };
    assert_eq!(act("endpoint", json!({ "url": server.url() + "/hooks/d365?code=k" })).await.0, 200);
    assert_eq!(received(&server, 1).await[0].0, "BusinessEventsTestEndpointContract");
    let (_, header) = running
        .post("/data/LedgerJournalHeaders", json!({ "JournalName": "GenJrn", "Description": "Stripe payout" }))
        .await;
    let journal = header["JournalBatchNumber"].as_str().unwrap().to_string();
    let line = async |number: i64, voucher: &str, debit: f64, credit: f64| {
        let body = json!({ "JournalBatchNumber": journal, "LineNumber": number, "AccountType": "Ledger", "AccountDisplayValue": "110150",
            "Voucher": voucher, "DebitAmount": debit, "CreditAmount": credit, "CurrencyCode": "USD", "TransDate": "2026-11-01T12:00:00Z" });
        running.post("/data/LedgerJournalLines", body).await
    };
    let (status, first) = line(1, "", 42.5, 0.0).await;
    assert_eq!(status, 201, "{first}");
    let voucher = first["Voucher"].as_str().unwrap().to_string();
    assert!(voucher.starts_with("GNJL"), "{first}");
    assert_eq!(line(2, &voucher, 0.0, 40.0).await.0, 201);
    let key = format!("/data/LedgerJournalHeaders(dataAreaId='usmf',JournalBatchNumber='{journal}')");
    let totals = async || {
        let (_, header) = running.get(&key).await;
        (header["JournalTotalDebit"].to_string(), header["JournalTotalCredit"].to_string())
    };
    assert_eq!(totals().await, ("42.5".into(), "40".into()));
    let post = || {
        answer(
            running
                .finops("POST", "/api/services/ContosoPosting/Journals/post")
                .json(&json!({ "JournalBatchNumber": journal })),
        )
    };
    let (status, body) = post().await;
    assert!(status == 400 && why(&body).contains("do not balance"), "{body}");
    assert_eq!(line(3, &voucher, 0.0, 2.5).await.0, 201);
    assert_eq!(post().await.0, 200);
    assert_eq!(running.get(&key).await.1["IsPosted"], "Yes");
    let (status, body) = line(4, &voucher, 1.0, 0.0).await;
    assert!(status == 400 && why(&body).contains("has been posted"), "{body}");
    let gone = format!("/data/LedgerJournalLines(dataAreaId='usmf',JournalBatchNumber='{journal}',LineNumber=1)");
    assert_eq!(answer(running.finops("DELETE", &gone)).await.0, 400);
    assert_eq!(line(1, "", 1.0, 0.0).await.0, 400, "of no journal either");
    assert_eq!(answer(running.finops("POST", "/api/services/Other/Service/op").json(&json!({}))).await.0, 404);

    running.order("ch_1").await;
    let (status, invoice) = act("invoice_order", json!({ "SalesOrderNumber": "SO-000001" })).await;
    assert_eq!((status, &invoice["SalesOrderNumber"]), (200, &json!("SO-000001")), "{invoice}");
    assert_eq!(received(&server, 2).await[1].0, "SalesInvoicePostedBusinessEvent");
    assert_eq!(act("invoice_order", json!({ "SalesOrderNumber": "SO-000001" })).await.0, 400);
}
