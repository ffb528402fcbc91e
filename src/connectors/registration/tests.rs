//! Plans, pure; the requests are tried in `tests/registration.rs`.

use super::*;
use crate::catalog::Catalog;
use crate::value::json;

fn planned(system: &str, rows: &str, events: &[&str]) -> Plan {
    let catalog = Catalog::bundled();
    let registration = catalog.system(system).unwrap().registration.clone().unwrap();
    let list = registration.list.as_ref().unwrap();
    let rows = json::parse(rows.as_bytes()).unwrap();
    let events = events.iter().map(|name| name.to_string()).collect();
    let url = "https://hooks.example/hooks/x".into();
    let wanted = Wanted {
        url,
        events,
        columns: BTreeMap::new(),
        secret: None,
        id: Some("8PV".into()),
        mark: "shop/prod/pay".into(),
    };
    plan(&registration, list, rows.as_list().unwrap(), &wanted)
}

#[test]
fn what_is_there_is_never_made_again() {
    let stripe = |rows: &str| planned("stripe", rows, &["charge.captured", "charge.succeeded"]);
    let all = vec!["charge.captured".to_string(), "charge.succeeded".to_string()];
    assert_eq!(stripe("[]"), Plan::Create { events: all.clone() });
    let elsewhere =
        r#"[{"id":"we_0","url":"https://other.example/hooks/x","enabled_events":["*"],"status":"enabled"}]"#;
    assert_eq!(stripe(elsewhere), Plan::Create { events: all.clone() });
    let there = r#"[{"id":"we_1","url":"https://HOOKS.example/hooks/x/","enabled_events":["charge.succeeded","charge.captured","x"],"status":"enabled"}]"#;
    assert_eq!(stripe(there), Plan::InPlace { id: "we_1".into() });
    assert_eq!(
        stripe(&there.replace("\"x\"]", "\"x\",\"*\"]").replace("charge.captured", "y")),
        Plan::InPlace { id: "we_1".into() }
    );
    // What somebody else asked for stays.
    let lacking = there.replace(",\"charge.captured\"", "");
    let events = ["charge.succeeded", "x", "charge.captured"].map(str::to_string).to_vec();
    let missing = vec!["charge.captured".to_string()];
    assert_eq!(
        stripe(&lacking),
        Plan::Update { id: "we_1".into(), missing, events, narrow: vec![], switched_off: false }
    );
    let off = there.replace("\"enabled\"", "\"disabled\"");
    assert!(matches!(stripe(&off), Plan::Update { switched_off: true, missing, .. } if missing.is_empty()));
    let twice = format!("[{0},{0}]", &there[1..there.len() - 1]);
    assert_eq!(stripe(&twice), Plan::Several { ids: vec!["we_1".into(), "we_1".into()] });
}

#[test]
fn paypals_events_are_objects() {
    let there = r#"[{"id":"8PV","url":"https://hooks.example/hooks/x","event_types":[{"name":"PAYMENT.CAPTURE.COMPLETED","status":"ENABLED"}]}]"#;
    assert_eq!(planned("paypal", there, &["PAYMENT.CAPTURE.COMPLETED"]), Plan::InPlace { id: "8PV".into() });
    let events = ["PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.DENIED"].map(str::to_string).to_vec();
    let missing = vec!["PAYMENT.CAPTURE.DENIED".to_string()];
    assert_eq!(
        planned("paypal", there, &["PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.DENIED"]),
        Plan::Update { id: "8PV".into(), missing, events, narrow: vec![], switched_off: false }
    );
}

#[test]
fn what_is_ours_moves_with_the_address() {
    let events = ["PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.DENIED"].map(str::to_string).to_vec();
    let old =
        r#"[{"id":"8PV","url":"https://old.example/hooks/x","event_types":[{"name":"PAYMENT.CAPTURE.COMPLETED"}]}]"#;
    let moves = Plan::Move { id: "8PV".into(), from: "https://old.example/hooks/x".into(), events: events.clone() };
    assert_eq!(planned("paypal", old, &["PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.DENIED"]), moves);
    // Of somebody else.
    let other = old.replace("8PV", "9QW");
    assert_eq!(planned("paypal", &other, &["PAYMENT.CAPTURE.DENIED"]), Plan::Create { events: events[1..].to_vec() });
    let marked = |mark: &str| {
        let row = format!(
            r#"[{{"id":"we_1","url":"https://old.example/x","enabled_events":["*"],"status":"enabled","metadata":{{"flowctl":"{mark}"}}}}]"#
        );
        planned("stripe", &row, &["payout.paid"])
    };
    let from = "https://old.example/x".into();
    assert_eq!(marked("shop/prod/pay"), Plan::Move { id: "we_1".into(), from, events: vec!["*".into()] });
    assert_eq!(marked("shop/staging/pay"), Plan::Create { events: vec!["payout.paid".into()] });
    // What has the address goes before what is ours.
    let both = format!(
        "[{},{}]",
        &old[1..old.len() - 1],
        &other.replace("old.example", "hooks.example")[1..other.len() - 1 + 2]
    );
    assert_eq!(planned("paypal", &both, &["PAYMENT.CAPTURE.COMPLETED"]), Plan::InPlace { id: "9QW".into() });
}
