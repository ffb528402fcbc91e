use super::*;
use crate::store::{Event, EventFilter, EventState, Page, RunFilter, RunState, StoreError};
use crate::triggers::ingress::{Answer, Delivery, take};
use crate::triggers::intake::{delivery_facts, kept_headers, trigger_facts};
use bytes::Bytes;
use jiff::Timestamp;

const NOW: i64 = 1_760_000_000;

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

async fn deliver_signed(store: &dyn Store, body: &str, signature: Option<&str>) -> Answer {
    let mut sent = headers(&[("content-type", "application/json")]);
    sent.extend(signature.map(|signature| ("stripe-signature".to_owned(), signature.to_owned())));
    let body = Bytes::copy_from_slice(body.as_bytes());
    let delivery = Delivery { headers: &sent, query: None, body, received_at: Timestamp::from_second(NOW).unwrap() };
    let flows = [
        flow("orders", "stripe", "charge.succeeded"),
        flow("elsewhere", "other", "charge.succeeded"),
        flow("failures", "stripe", "charge.failed"),
    ];
    take(&endpoint(), &flows, store, delivery).await
}

async fn deliver(store: &dyn Store, body: &str) -> Answer {
    deliver_signed(store, body, Some(&signature(body, NOW))).await
}

async fn events(store: &dyn Store) -> Vec<Event> {
    store.events(EventFilter::default(), Page::first(10)).await.unwrap().items
}

async fn runs(store: &dyn Store) -> Vec<(String, RunState)> {
    let listed = store.runs(RunFilter::default(), Page::first(10)).await.unwrap();
    listed.items.into_iter().map(|run| (run.flow, run.state)).collect()
}

#[tokio::test]
async fn an_event_is_kept_with_the_runs_of_the_flows_that_listen() {
    let (_folder, store) = store();
    assert_eq!(deliver(&*store, CHARGE).await, Answer::Kept { runs: 1 });
    assert_eq!(runs(&*store).await, [("orders".to_owned(), RunState::Ready)]);
    let kept = events(&*store).await.remove(0);
    assert_eq!((kept.provider_id.as_str(), kept.kind.as_str()), ("evt_1", "charge.succeeded"));
    assert_eq!((kept.state, kept.own), (EventState::Routed, false));
    let (_, body) = store.event(kept.id).await.unwrap().unwrap();
    assert_eq!(body, CHARGE.as_bytes(), "the bytes as received");
}

#[tokio::test]
async fn a_repeat_is_a_duplicate_though_a_detail_of_the_delivery_differs() {
    let (_folder, store) = store();
    deliver(&*store, CHARGE).await;
    assert_eq!(deliver(&*store, CHARGE).await, Answer::Duplicate);
    let again = CHARGE.replace("\"livemode\"", "\"pending_webhooks\": 2, \"livemode\"");
    assert_eq!(deliver(&*store, &again).await, Answer::Duplicate);
    assert_eq!(runs(&*store).await.len(), 1);
}

#[tokio::test]
async fn another_body_under_a_known_id_is_kept_and_starts_nothing() {
    let (_folder, store) = store();
    deliver(&*store, CHARGE).await;
    assert_eq!(deliver(&*store, &CHARGE.replace("1050", "9950")).await, Answer::Conflicting);
    assert_eq!(runs(&*store).await.len(), 1);
    assert_eq!(events(&*store).await.len(), 2);
}

#[tokio::test]
async fn what_no_flow_wants_is_kept() {
    let (_folder, store) = store();
    assert_eq!(deliver(&*store, &CHARGE.replace("charge.succeeded", "charge.pending")).await, Answer::Unrouted);
    assert_eq!(events(&*store).await[0].state, EventState::Unrouted);
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_as_a_dead_letter() {
    let (_folder, store) = store();
    for (body, why) in [
        ("{\"id\":", "not JSON"),
        ("[]", "no event of Stripe"),
        (r#"{"id":"evt_2","object":"v2.core.event","type":"charge.succeeded"}"#, "no event of Stripe"),
        (r#"{"object":"event","type":"charge.succeeded"}"#, "no event of Stripe"),
        (&CHARGE.replace("false", "true"), "an event of live data came to a connection for test data"),
        (&CHARGE.replace("evt_1", "evt_3").replace("false", "null"), "does not say"),
    ] {
        let answer = deliver(&*store, body).await;
        assert_eq!((answer.clone(), answer.status()), (Answer::DeadLetter, 200), "{body}");
        let kept = events(&*store).await.remove(0);
        assert_eq!(kept.state, EventState::DeadLetter);
        assert!(kept.problem.as_ref().is_some_and(|problem| problem.contains(why)), "{:?}", kept.problem);
    }
    assert_eq!(deliver(&*store, "[]").await, Answer::Duplicate, "known by its bytes");
    assert_eq!(runs(&*store).await, []);
}

#[tokio::test]
async fn what_is_not_proved_is_not_kept() {
    let (_folder, store) = store();
    let forged = stripe::sign(CHARGE.as_bytes(), &["whsec_other"], NOW);
    let (early, late) = (signature(CHARGE, NOW + 301), signature(CHARGE, NOW - 301));
    let other_body = signature("{}", NOW);
    for (header, status) in [
        (None, 400),
        (Some("nonsense"), 400),
        (Some("t=soon,v1=00"), 400),
        (Some(forged.as_str()), 401),
        (Some(other_body.as_str()), 401),
        (Some(early.as_str()), 401),
        (Some(late.as_str()), 401),
    ] {
        assert_eq!(deliver_signed(&*store, CHARGE, header).await.status(), status, "{header:?}");
    }
    assert_eq!(events(&*store).await, []);
    let (_, fresh) = (assert_eq!(deliver(&*store, CHARGE).await.status(), 200), events(&*store).await);
    assert_eq!(fresh.len(), 1, "a refused delivery does not stand in the way of the real one");
}

#[tokio::test]
async fn an_event_of_our_own_making_is_told_by_its_key() {
    let (_folder, store) = store();
    let with_key = |id: &str, key: &str| {
        CHARGE
            .replace("evt_1", id)
            .replace("\"created\"", &format!("\"request\":{{\"idempotency_key\":\"{key}\"}},\"created\""))
    };
    deliver(&*store, &with_key("evt_1", &format!("{PREFIX}00"))).await;
    deliver(&*store, &with_key("evt_2", "flowctl-99999999-00")).await;
    let states: Vec<_> = runs(&*store).await.into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, [RunState::Ready, RunState::Ignored], "the latest first");
    assert_eq!(events(&*store).await.iter().map(|event| event.own).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn proofs_are_not_kept() {
    let (_folder, store) = store();
    let signature = signature(CHARGE, NOW);
    let sent = headers(&[
        ("stripe-signature", &signature),
        ("authorization", "Bearer x"),
        ("x-shared-secret", "x"),
        ("via", "one"),
        ("via", "two"),
    ]);
    let body = Bytes::from_static(CHARGE.as_bytes());
    let delivery = Delivery { headers: &sent, query: None, body, received_at: Timestamp::from_second(NOW).unwrap() };
    take(&endpoint(), &[], &*store, delivery).await;
    assert_eq!(events(&*store).await[0].delivery, r#"{"headers":{"via":"one, two"}}"#);
}

#[tokio::test]
async fn a_run_sees_the_trigger_that_the_door_saw() {
    let (_folder, store) = store();
    let sent = headers(&[("via", "one"), ("x-note", "\"é\"")]);
    let received_at = Timestamp::from_second(NOW).unwrap();
    let kept = kept_headers(&sent, None);
    let new = crate::store::NewEvent {
        delivery: delivery_facts(&kept, None),
        received_at,
        ..crate::store::conformance::event("evt_1", "{}")
    };
    store.accept(new.clone(), vec![]).await.unwrap();
    let event = events(&*store).await.remove(0);
    assert_eq!(crate::engine::door::trigger(&event), trigger_facts(&new, kept));
}

#[tokio::test]
async fn names_that_say_nothing_are_answered_and_not_kept() {
    let (_folder, store) = store();
    let mut endpoint = endpoint();
    let mut system = (*endpoint.system).clone();
    system.events.values_mut().for_each(|group| group.ignore.push("charge.succeeded".to_owned()));
    endpoint.system = Arc::new(system);
    let sent = headers(&[("stripe-signature", &signature(CHARGE, NOW))]);
    let body = Bytes::from_static(CHARGE.as_bytes());
    let delivery = Delivery { headers: &sent, query: None, body, received_at: Timestamp::from_second(NOW).unwrap() };
    let answer = take(&endpoint, &[], &*store, delivery).await;
    assert_eq!((answer.clone(), answer.status()), (Answer::Ignored, 200));
    assert_eq!(events(&*store).await, []);
}

#[tokio::test]
async fn a_store_that_cannot_keep_it_is_never_a_2xx() {
    for (error, seconds) in [(StoreError::Busy("queue".to_owned()), 1), (StoreError::Full("disk".to_owned()), 30)] {
        let answer = deliver(&Broken(error), CHARGE).await;
        assert_eq!(answer.status(), 503);
        let Answer::Unavailable { retry_after, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(retry_after, Duration::from_secs(seconds));
    }
}

/// Removed before anything is kept or asked, found by its hash, and no other event for it.
#[tokio::test]
async fn what_is_dropped_is_never_kept_and_who_is_meant_is_found() {
    use crate::model::project::Privacy;
    use crate::store::subject;
    use crate::value::paths::{Path, Paths};
    let paths = |texts: &[&str]| Paths::new(texts.iter().map(|text| Path::parse(text).unwrap()).collect());
    let privacy =
        Privacy { drop: paths(&["$..card", "$..email"]), subject: paths(&["$..email"]), ..Privacy::default() };
    let endpoint = Endpoint { privacy: Arc::new(privacy), ..endpoint() };
    let (_folder, store) = store();
    let body =
        CHARGE.replace("{\"amount\":1050}", r#"{"amount":10.50,"card":"4242","by":{"email":"Ana@Example.com"}}"#);
    let sent = headers(&[("stripe-signature", &signature(&body, NOW))]);
    for expected in [Answer::Kept { runs: 1 }, Answer::Duplicate] {
        let delivery = Delivery {
            headers: &sent,
            query: None,
            body: Bytes::copy_from_slice(body.as_bytes()),
            received_at: Timestamp::from_second(NOW).unwrap(),
        };
        let flows = [flow("orders", "stripe", "charge.succeeded")];
        assert_eq!(take(&endpoint, &flows, &*store, delivery).await, expected);
    }
    let found = EventFilter { subject: subject("ana@example.com"), ..EventFilter::default() };
    let found = store.events(found, Page::first(9)).await.unwrap().items;
    assert_eq!(found.len(), 1);
    let (_, kept) = store.event(found[0].id).await.unwrap().unwrap();
    let expected = CHARGE.replace("{\"amount\":1050}", r#"{"amount":10.50,"by":{}}"#);
    assert_eq!(String::from_utf8(kept).unwrap(), expected);
}
