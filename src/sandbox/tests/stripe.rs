//! The stand-in of Stripe.

use super::*;

#[tokio::test]
async fn stripe_answers_a_key_once() {
    let running = Running::start().await;
    running.sandbox.stripe.insert(r#"{"id":"ch_1","object":"charge","metadata":{"sku":"MUG"}}"#).unwrap();
    let update = |key: &'static str, value: &'static str| {
        running
            .stripe("POST", "/v1/charges/ch_1")
            .header("Idempotency-Key", key)
            .form(&[("metadata[order]", value)])
            .send()
    };
    let first = update("k1", "SO-1").await.unwrap();
    assert_eq!(first.status(), 200);
    assert!(first.headers().get("idempotent-replayed").is_none());
    let first: serde_json::Value = serde_json::from_str(&first.text().await.unwrap()).unwrap();
    assert_eq!(first["metadata"], json!({ "sku": "MUG", "order": "SO-1" }), "metadata is merged");

    update("k2", "SO-2").await.unwrap();
    let again = update("k1", "SO-1").await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    let again: serde_json::Value = serde_json::from_str(&again.text().await.unwrap()).unwrap();
    assert_eq!(again, first, "the first answer, not the object as it is now");

    let other = update("k1", "SO-3").await.unwrap();
    assert_eq!(other.status(), 400);
    let other: serde_json::Value = serde_json::from_str(&other.text().await.unwrap()).unwrap();
    assert_eq!(other["error"]["type"], "idempotency_error");
    let now = answer(running.stripe("GET", "/v1/charges/ch_1")).await;
    assert_eq!(now.1["metadata"]["order"], "SO-2");
}

#[tokio::test]
async fn stripe_refuses_what_it_does_not_know() {
    let running = Running::start().await;
    let url = |path: &str| format!("{}{path}", running.sandbox.stripe_server.url());
    let (status, body) = answer(running.client.get(url("/v1/customers/cus_Contoso")).bearer_auth("sk_other")).await;
    assert_eq!(status, 401, "{body}");
    let (status, body) = answer(running.stripe("GET", "/v1/customers/cus_Nobody")).await;
    assert_eq!((status, &body["error"]["code"]), (404, &json!("resource_missing")));
    let (status, body) = answer(running.stripe("GET", "/v1/customers/cus_Contoso")).await;
    assert_eq!((status, &body["metadata"]["d365_customer_account"]), (200, &json!("US-001")));
    let unknown = running.stripe("POST", "/v1/customers/cus_Contoso").form(&[("metdata[x]", "1")]);
    assert_eq!(answer(unknown).await.1["error"]["code"], "parameter_unknown");
    let as_json = running.stripe("POST", "/v1/customers/cus_Contoso").json(&json!({ "name": "x" }));
    assert_eq!(answer(as_json).await.0, 400);

    let (_, first) = answer(running.stripe("GET", "/v1/customers?limit=3")).await;
    assert_eq!((&first["has_more"], first["data"].as_array().unwrap().len()), (&json!(true), 3));
    let last = first["data"][2]["id"].as_str().unwrap();
    let (_, rest) = answer(running.stripe("GET", &format!("/v1/customers?limit=3&starting_after={last}"))).await;
    assert_eq!((&rest["has_more"], rest["data"].as_array().unwrap().len()), (&json!(false), 2));
}

#[tokio::test]
async fn a_payout_holds_what_has_moved() {
    let running = Running::start().await;
    let first = happens(&running, "payment", json!({ "amount": 10_000, "customer": "cus_Contoso" })).await;
    let second = happens(&running, "payment", json!({ "amount": 4_200, "async": true })).await;
    let charge = first["id"].as_str().unwrap();
    let (status, refund) = posted(&running, "/v1/refunds", &[("charge", charge), ("amount", "2500")]).await;
    assert_eq!((status, &refund["amount"]), (200, &json!(2500)));
    let dispute = happens(&running, "dispute", json!({ "charge": second["id"] })).await;
    assert_eq!(dispute["balance_transactions"][0]["fee"], 1500);
    let payout = happens(&running, "payout", json!({})).await;
    assert_eq!(payout["reconciliation_status"], "completed");

    let path = format!("/v1/balance_transactions?payout={}&expand[]=data.source", payout["id"].as_str().unwrap());
    let (status, list) = answer(running.stripe("GET", &path)).await;
    assert_eq!(status, 200, "{list}");
    let rows = list["data"].as_array().unwrap();
    let of = |category: &str| rows.iter().filter(|row| row["reporting_category"] == category).collect::<Vec<_>>();
    assert_eq!((of("charge").len(), of("refund").len(), of("dispute").len(), of("payout").len()), (2, 1, 1, 1));
    assert_eq!(of("charge")[1]["source"]["id"], first["id"], "expanded");
    assert_eq!(of("refund")[0]["source"]["charge"], charge);
    for row in rows {
        let part = |name: &str| row[name].as_i64().unwrap();
        assert_eq!(part("net"), part("amount") - part("fee"), "{row}");
    }
    let nets: i64 = rows.iter().filter(|row| row["type"] != "payout").map(|row| row["net"].as_i64().unwrap()).sum();
    assert_eq!(json!(nets), payout["amount"]);
    assert_eq!(of("payout")[0]["net"], json!(-nets));

    let (_, events) = answer(running.stripe("GET", "/v1/events?limit=100")).await;
    let names: Vec<&str> =
        events["data"].as_array().unwrap().iter().rev().map(|event| event["type"].as_str().unwrap()).collect();
    for (earlier, later) in [
        ("charge.succeeded", "charge.updated"),
        ("refund.created", "charge.refunded"),
        ("payout.paid", "payout.reconciliation_completed"),
    ] {
        let place =
            |name: &str| names.iter().position(|known| *known == name).unwrap_or_else(|| panic!("{name} in {names:?}"));
        assert!(place(earlier) < place(later), "{names:?}");
    }
    let (status, body) = answer(running.stripe("POST", "/_sandbox/do/payout").body("{}")).await;
    assert_eq!(status, 400, "nothing is left: {body}");
}

#[tokio::test]
async fn refunds_are_never_more_than_was_taken() {
    let running = Running::start().await;
    let charge = happens(&running, "payment", json!({ "amount": 1_000 })).await;
    let charge = charge["id"].as_str().unwrap();
    let refund = async |amount: &str| posted(&running, "/v1/refunds", &[("charge", charge), ("amount", amount)]).await;
    assert_eq!(refund("1001").await.0, 400);
    assert_eq!(refund("400").await.0, 200);
    assert_eq!(refund("601").await.0, 400);
    assert_eq!(refund("x").await.1["error"]["code"], "parameter_invalid_integer");
    assert_eq!(posted(&running, "/v1/refunds", &[("charge", charge), ("reason", "because")]).await.0, 400);
    assert_eq!(posted(&running, "/v1/refunds", &[("charge", charge)]).await.1["amount"], 600);
    assert_eq!(refund("1").await.1["error"]["code"], "charge_already_refunded");
    let (_, now) = answer(running.stripe("GET", &format!("/v1/charges/{charge}?expand[]=refunds"))).await;
    assert_eq!((&now["amount_refunded"], &now["refunded"]), (&json!(1000), &json!(true)));
    assert_eq!(now["refunds"]["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn customers_are_made_changed_searched_for_and_deleted() {
    let running = Running::start().await;
    let form = [
        ("name", "Wide World"),
        ("email", "Ap@wideworld.example"),
        ("address[country]", "NO"),
        ("metadata[d365]", "US-9"),
        ("preferred_locales[0]", "nb"),
    ];
    let (status, made) = posted(&running, "/v1/customers", &form).await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(
        (&made["address"]["country"], &made["address"]["line1"], &made["preferred_locales"]),
        (&json!("NO"), &json!(null), &json!(["nb"]))
    );
    let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
    let (status, body) = posted(&running, &path, &[("address[streeet]", "x")]).await;
    assert_eq!((status, &body["error"]["param"]), (400, &json!("address[streeet]")));
    let (_, changed) = posted(&running, &path, &[("email", ""), ("metadata[d365]", ""), ("metadata[b]", "2")]).await;
    assert_eq!((&changed["email"], &changed["metadata"]), (&json!(null), &json!({ "b": "2" })));
    let search = |query: &str| {
        let url = format!("{}/v1/customers/search", running.sandbox.stripe_server.url());
        answer(running.client.get(url).query(&[("query", query), ("limit", "2")]).bearer_auth(credentials::STRIPE_KEY))
    };
    let names = |found: &serde_json::Value| {
        found["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["name"].as_str().unwrap().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&search(r#"metadata["b"]:"2" AND name~"wide""#).await.1), ["Wide World"]);
    assert_eq!(names(&search(r#"email:'ORDERS@contoso.example'"#).await.1), ["Contoso Retail"]);
    let (_, first) = search("created>0").await;
    assert_eq!((names(&first).len(), &first["has_more"], &first["next_page"]), (2, &json!(true), &json!("page_2")));
    for bad in ["balance:1", "email", "email:\"a", "OR"] {
        assert_eq!(search(bad).await.0, 400, "{bad}");
    }
    let (_, gone) = answer(running.stripe("DELETE", &path)).await;
    assert_eq!(gone["deleted"], true);
    assert_eq!(answer(running.stripe("GET", &path)).await.1["deleted"], true);
    assert_eq!(answer(running.stripe("DELETE", &path)).await.0, 404);
    let (_, events) = answer(running.stripe("GET", "/v1/events?types[0]=customer.updated")).await;
    assert_eq!(
        events["data"][0]["data"]["previous_attributes"],
        json!({ "email": "Ap@wideworld.example", "metadata": { "d365": "US-9" } })
    );
    let other = answer(running.stripe("GET", "/v1/customers").header("Stripe-Account", "acct_other")).await;
    assert_eq!(other.0, 403);
    assert_eq!(
        answer(running.stripe("GET", "/v1/charges?expand[]=data.customer.default_source.x.y")).await.0,
        200,
        "no rows"
    );
    assert_eq!(answer(running.stripe("GET", "/v1/customers?expand[]=name")).await.0, 400);
}
