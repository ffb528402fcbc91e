//! A lookup with `cache` asks once for all runs.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_is_used_again_by_other_runs_and_stands_in_their_journals() {
    let mut currency = lookup("currency", constant(text("NOK")));
    if let NodeKind::Lookup(operation) = &mut currency.kind {
        operation.cache = Some(Duration::from_secs(3600));
    }
    let house = House::new(vec![currency], |_, _| Behaviour::Done(fields(&[("id", text("c-1"))]))).await;
    let first = house.event("CAP-1").await;
    house.becomes(first, RunState::Succeeded).await;
    let second = house.event("CAP-2").await;
    let loaded = house.becomes(second, RunState::Succeeded).await;
    assert_eq!(house.sent().len(), 1);
    let given = loaded.journal.iter().find_map(|entry| match &entry.record {
        Record::Result(result) => Some(result.value.as_str()),
        _ => None,
    });
    assert_eq!(given, Some(r#"{"id":"c-1"}"#));
    // Other connections, other results.
    house.executor.set_connectors([(Text::from("d365"), house.fake.clone() as Arc<dyn Connector>)].into());
    let third = house.event("CAP-3").await;
    house.becomes(third, RunState::Succeeded).await;
    assert_eq!(house.sent().len(), 2);
}
