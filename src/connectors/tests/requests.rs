//! What Stripe is sent, byte for byte as its official client sends it for the same call. (That client writes a list's
//! parameters in the order in which its caller does; here the page comes first.)

use super::server::{Server, json};
use super::*;

/// The request target and body of an operation.
async fn sent(request: Request) -> (String, String) {
    let server = Server::start(|_| json(200, r#"{"id":"x","object":"list","data":[],"has_more":false}"#)).await;
    done(send(&connectors(&server.url()), &request).await);
    let asked = &server.seen()[0];
    (format!("{} {}", asked.method, asked.target), asked.body.clone())
}

#[tokio::test]
async fn bodies_and_queries_are_the_official_clients() {
    let write = |operation: &str, body: &str| request(operation, None).key("k").body(body);
    let read = |operation: &str| request(operation, None);
    let expand = |request: Request, paths: &[&str]| {
        let paths: Vec<Value> = paths.iter().map(|path| Value::from(*path)).collect();
        request.param("expand", Value::from(paths))
    };
    let customer = r#"{"email":"a+b@example.com","name":"Zoë O’Neil & Co","address":{"line1":"1 Main St","country":"US"},"metadata":{"d365_customer_account":"US-001","d365_company":"usmf"},"preferred_locales":["de","en"]}"#;
    for (request, target, body) in [
        (
            write("stripe.customers.create", customer),
            "POST /v1/customers",
            "email=a%2Bb%40example.com&name=Zo%C3%AB%20O%E2%80%99Neil%20%26%20Co&address[line1]=1%20Main%20St\
             &address[country]=US&metadata[d365_customer_account]=US-001&metadata[d365_company]=usmf\
             &preferred_locales[0]=de&preferred_locales[1]=en",
        ),
        (
            write("stripe.customers.update", r#"{"metadata":{"d365_customer_account":""}}"#).param("id", "cus_123"),
            "POST /v1/customers/cus_123",
            "metadata[d365_customer_account]=",
        ),
        (
            write("stripe.refunds.create", r#"{"charge":"ch_123","amount":500,"reason":"requested_by_customer"}"#),
            "POST /v1/refunds",
            "charge=ch_123&amount=500&reason=requested_by_customer",
        ),
        (
            write(
                "stripe.prices.create",
                r#"{"product":"prod_1","currency":"jpy","unit_amount":500,"recurring":{"interval":"month"},"lookup_key":"item-1000"}"#,
            ),
            "POST /v1/prices",
            "product=prod_1&currency=jpy&unit_amount=500&recurring[interval]=month&lookup_key=item-1000",
        ),
        (
            write(
                "stripe.products.create",
                r#"{"name":"P","default_price_data":{"currency":"usd","unit_amount_decimal":"12.5"}}"#,
            ),
            "POST /v1/products",
            "name=P&default_price_data[currency]=usd&default_price_data[unit_amount_decimal]=12.5",
        ),
        (
            write(
                "stripe.webhook_endpoints.create",
                r#"{"url":"https://a.example/hooks","enabled_events":["charge.succeeded","payout.paid"]}"#,
            ),
            "POST /v1/webhook_endpoints",
            "url=https%3A%2F%2Fa.example%2Fhooks&enabled_events[0]=charge.succeeded&enabled_events[1]=payout.paid",
        ),
        (
            expand(read("stripe.charges.get").param("id", "ch_123"), &["balance_transaction", "refunds", "customer"]),
            "GET /v1/charges/ch_123?expand[0]=balance_transaction&expand[1]=refunds&expand[2]=customer",
            "",
        ),
        (
            expand(read("stripe.balance_transactions.list").param("payout", "po_123"), &["source"]),
            "GET /v1/balance_transactions?limit=100&payout=po_123&expand[0]=data.source",
            "",
        ),
        (
            read("stripe.balance_transactions.list")
                .param("from", 1_700_000_000)
                .param("to", 1_700_086_400)
                .param("type", "stripe_fee"),
            "GET /v1/balance_transactions?limit=100&type=stripe_fee&created[gte]=1700000000&created[lt]=1700086400",
            "",
        ),
        (
            read("stripe.invoice_payments.list").param("invoice", "in_123").param("status", "paid"),
            "GET /v1/invoice_payments?limit=100&invoice=in_123&status=paid",
            "",
        ),
        (
            read("stripe.invoice_payments.list").param("by", "payment_intent").param("payment_intent", "pi_1"),
            "GET /v1/invoice_payments?limit=100&payment[type]=payment_intent&payment[payment_intent]=pi_1",
            "",
        ),
    ] {
        let operation = request.operation.clone();
        assert_eq!(sent(request).await, (target.to_string(), body.to_string()), "{operation}");
    }
}

#[tokio::test]
async fn a_value_in_a_search_is_one_literal() {
    let found = |value: &str| {
        let both = EvaluatedFilter::And(vec![
            is("email", value),
            EvaluatedFilter::Compare {
                column: EvaluatedColumn { path: vec!["metadata".into(), "or\"der".into()], ty: None },
                op: CompareOp::NotEqual,
                value: value.into(),
            },
            EvaluatedFilter::Function { name: "contains".into(), column: column("name"), args: vec!["Con".into()] },
            EvaluatedFilter::Compare { column: column("created"), op: CompareOp::GreaterEqual, value: 17.into() },
        ]);
        sent(request("stripe.customers.search", None).filter(both))
    };
    let (target, _) = found("a@b.example\" OR -email:\"x\\").await;
    let url = url::Url::parse(&format!("http://a{}", target.strip_prefix("GET ").unwrap())).unwrap();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let literal = r#""a@b.example\" OR -email:\"x\\""#;
    let query = format!("email:{literal} AND -metadata[\"or\\\"der\"]:{literal} AND name~\"Con\" AND created>=17");
    assert_eq!(pairs, [("limit".to_string(), "100".to_string()), ("query".to_string(), query)]);
}

#[tokio::test]
async fn a_search_is_read_to_its_end() {
    let server = Server::start(|asked| match asked.target.contains("page=next1") {
        false => json(200, r#"{"object":"search_result","data":[{"id":"cus_1"}],"has_more":true,"next_page":"next1"}"#),
        true => json(200, r#"{"object":"search_result","data":[{"id":"cus_2"}],"has_more":false,"next_page":null}"#),
    })
    .await;
    let search = request("stripe.customers.search", None).filter(is("email", "a@b.example"));
    let row = done(send(&connectors(&server.url()), &search).await);
    assert_eq!(written(&row.value), r#"[{"id":"cus_1"},{"id":"cus_2"}]"#);
}

#[tokio::test]
async fn a_connected_account_is_named_in_a_header() {
    let server = Server::start(|_| json(200, r#"{"id":"po_1"}"#)).await;
    let payout = || request("stripe.payouts.get", None).param("id", "po_1");
    let connectors = connectors(&server.url());
    done(send(&connectors, &payout()).await);
    done(send(&connectors, &payout().param("account", "acct_1")).await);
    let yaml = yaml(&server.url(), "").replace("    api_key: env://KEY", "    api_key: env://KEY\n    account: acct_2");
    let of_connection = Connectors::new(Catalog::bundled(), configs(&yaml, ENV).unwrap()).unwrap();
    done(send(&of_connection, &payout()).await);
    done(send(&of_connection, &payout().param("account", "acct_1")).await);
    let accounts: Vec<Option<String>> =
        server.seen().iter().map(|asked| asked.header("stripe-account").map(str::to_string)).collect();
    assert_eq!(accounts, [None, Some("acct_1".into()), Some("acct_2".into()), Some("acct_1".into())]);
}

#[tokio::test]
async fn a_service_is_called_beside_the_data() {
    let server = Server::start(|asked| match asked.target.as_str() {
        "/api/services/Post%20Group/Journals/post" => json(200, r#"{"Posted":true}"#),
        "/api/services/Post/Journals/quiet" => json(200, ""),
        target if target.ends_with("/oauth2/v2.0/token") => json(200, r#"{"access_token":"t","expires_in":3599}"#),
        _ => json(404, "{}"),
    })
    .await;
    let connectors = connectors(&server.url());
    let service = |path: &str| request("finops.service", None).param("path", path).body(r#"{"journal":"00640"}"#);
    let row = done(send(&connectors, &service("Post Group/Journals/post")).await);
    assert_eq!(written(&row.value), r#"{"Posted":true}"#);
    assert_eq!(server.seen().last().unwrap().body, r#"{"journal":"00640"}"#);
    // One that says nothing has done it.
    let row = done(send(&connectors, &service("Post/Journals/quiet")).await);
    assert_eq!(row.value, Value::Null);
    let error = failed(send(&connectors, &service("../Journals/post")).await);
    assert_eq!(error.code.as_str(), "bad_key");
}

#[tokio::test]
async fn what_is_gone_stays_gone() {
    let server = Server::start(|asked| match asked.target.as_str() {
        target if target.ends_with("/oauth2/v2.0/token") => json(200, r#"{"access_token":"t","expires_in":3599}"#),
        target if target.contains("US-001") => json(204, ""),
        _ => json(404, r#"{"error":{"code":"","message":"No resources were found when selecting for update."}}"#),
    })
    .await;
    let connectors = connectors(&server.url());
    for account in ["US-001", "US-999"] {
        let delete = request("finops.delete", Some("CustomersV3")).param("key", account);
        let row = done(send(&connectors, &delete).await);
        assert_eq!(row.value, Value::Missing, "{account}");
    }
    let seen = server.seen();
    let first = seen.iter().find(|asked| asked.method == "DELETE").unwrap();
    assert_eq!(first.target, "/data/CustomersV3(dataAreaId='usmf',CustomerAccount='US-001')?cross-company=true");
    assert_eq!(first.header("if-match"), None);
}
