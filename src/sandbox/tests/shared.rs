//! What all stand-ins have: faults on demand, a memory that survives a restart, a page.

use super::*;

#[tokio::test]
async fn faults_hit_what_they_name_and_are_gone() {
    let running = Running::start().await;
    running.fault(json!({ "method": "POST", "path": ORDER, "body": "ch_2", "status": 429, "retry_after": 3 })).await;
    assert_eq!(running.order("ch_1").await.0, 201, "another body");
    let body = json!({ "OrderingCustomerAccountNumber": "US-001", "CustomersOrderReference": "ch_2" });
    let answer = running.finops("POST", ORDER).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "3");
    assert_eq!(running.orders("ch_2"), 0);
    assert_eq!(running.order("ch_2").await.0, 201, "only once");

    running.fault(json!({ "path": ORDER, "status": 503, "times": 2 })).await;
    assert_eq!(running.order("ch_3").await.0, 503);
    let url = format!("{}/_sandbox/faults", running.sandbox.finops_server.url());
    assert_eq!(running.client.delete(url).send().await.unwrap().status(), 204);
    assert_eq!(running.order("ch_3").await.0, 201, "forgotten");

    let (status, why) = running.post("/_sandbox/faults", json!({ "path": "/" })).await;
    assert_eq!(status, 400, "{why}");
    assert_eq!(running.get("/_sandbox/Nothing").await.0, 404);
    assert_eq!(running.get("/_sandbox/SalesOrderHeadersV2").await.1.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_dropped_connection_may_have_done_the_work() {
    let running = Running::start().await;
    let body =
        |reference: &str| json!({ "OrderingCustomerAccountNumber": "US-001", "CustomersOrderReference": reference });
    for (how, made) in [("before", 0), ("after", 1)] {
        running.fault(json!({ "method": "POST", "path": ORDER, "drop": how })).await;
        let lost = running.finops("POST", ORDER).json(&body(how)).send().await;
        assert!(lost.is_err(), "{lost:?}");
        assert_eq!(running.orders(how), made, "{how}");
    }
    let seen = running.sandbox.finops_server.seen();
    assert_eq!(seen.iter().filter(|seen| seen.path == ORDER).map(|seen| seen.status).collect::<Vec<_>>(), [None, None]);
}

#[tokio::test]
async fn work_can_be_done_long_after_the_connection_broke() {
    let running = Running::start().await;
    running.fault(json!({ "method": "POST", "path": ORDER, "commit_late_ms": 100 })).await;
    let body = json!({ "OrderingCustomerAccountNumber": "US-001", "CustomersOrderReference": "ch_late" });
    assert!(running.finops("POST", ORDER).json(&body).send().await.is_err());
    assert_eq!(running.orders("ch_late"), 0, "not yet");
    let begin = std::time::Instant::now();
    while running.orders("ch_late") == 0 {
        assert!(begin.elapsed().as_secs() < 10, "it never came");
        tokio::task::yield_now().await;
    }
    assert_eq!(running.orders("ch_late"), 1);
}

#[tokio::test]
async fn what_is_kept_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::bundled();
    let types = Types::bundled(&catalog);
    let start = async || Sandbox::start_kept(&catalog, &types, Ports::default(), Some(folder.path())).await.unwrap();
    let mut running = Running::start().await;
    running.sandbox = start().await;
    running.token = running.token(&[]).await.1["access_token"].as_str().unwrap().to_string();
    running.order("ch_1").await;
    let charge = happens(&running, "payment", json!({ "amount": 1_000 })).await;
    let form = [("charge", charge["id"].as_str().unwrap()), ("amount", "400")];
    let refund =
        |running: &Running| running.stripe("POST", "/v1/refunds").header("Idempotency-Key", "once").form(&form).send();
    let first = refund(&running).await.unwrap().text().await.unwrap();

    running.sandbox = start().await;
    assert_eq!(running.get(ORDER).await.0, 401, "tokens are forgotten");
    running.token = running.token(&[]).await.1["access_token"].as_str().unwrap().to_string();
    assert_eq!(running.orders("ch_1"), 1);
    assert_eq!(running.order("ch_2").await.1["SalesOrderNumber"], "SO-000002");
    let again = refund(&running).await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.text().await.unwrap(), first);
    assert_eq!(running.sandbox.stripe.objects("refunds").len(), 1);
    assert_eq!(running.sandbox.finops.rows("CustomersV3").len(), 5, "planted once");
}

#[tokio::test]
async fn the_page_shows_everything_and_runs_nothing() {
    let running = Running::start().await;
    running.sandbox.stripe.insert(r#"{"id":"ch_1","object":"charge","metadata":{}}"#).unwrap();
    posted(&running, "/v1/charges/ch_1", &[("description", "<script>alert('x')</script>")]).await;
    let url = format!("{}/_sandbox", running.sandbox.stripe_server.url());
    let page = running.client.get(&url).send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let page = page.text().await.unwrap();
    assert!(page.contains("/_sandbox/charges") && page.contains("do/payout"), "{page}");
    assert!(!page.contains("<script") && !page.contains("alert('x')"), "{page}");
    let (_, requests) = answer(running.client.get(format!("{url}/requests"))).await;
    assert_eq!(requests[0]["path"], "/v1/charges/ch_1");
    assert!(requests[0]["headers"].get("authorization").is_none(), "{requests}");
    let form =
        running.client.post(format!("{url}/faults?page=1")).form(&[("with", r#"{"path":"/v1/refunds","status":503}"#)]);
    assert!(form.send().await.is_ok());
    let (_, waiting) = answer(running.client.get(format!("{url}/faults"))).await;
    assert_eq!(waiting, json!([{ "path": "/v1/refunds", "times": 1, "status": 503 }]));
    let (status, why) =
        answer(running.client.post(format!("{url}/faults")).body(r#"{"paht":"/v1","status":503}"#)).await;
    assert!(status == 400 && why.as_str().unwrap().contains("paht"), "{why}");
}
