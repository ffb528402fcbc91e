//! Changes that a system tells of itself; the whole way is tried in `tests/dataverse_polls.rs`.

use super::askers::{House, at};
use super::*;
use crate::graph::TriggerKind;
use crate::triggers::askers::Trouble;
use crate::triggers::changes;
use crate::value::json;
use jiff::Timestamp;

async fn ask(house: &House, graph: &Arc<ExecutionGraph>, now: &str) -> Result<Timestamp, Trouble> {
    let TriggerKind::Changes(tracking) = &graph.trigger.kind else { panic!("no changes") };
    changes::turn(&house.askers, graph, tracking, at(now)).await
}

fn next_page(house: &House, page: &str) {
    house.system.pages.lock().unwrap().push(json::parse(page.as_bytes()).unwrap());
}

#[tokio::test]
async fn a_table_that_tells_no_changes_is_told_to_somebody() {
    let house = House::new();
    let graph = house.flow("people", "poll: { operation: dataverse.changes, entity: contacts, every: 5m }");
    next_page(&house, r#"{"changes":[]}"#);
    let trouble = ask(&house, &graph, "2026-03-02T09:00:00Z").await.unwrap_err();
    assert!(!trouble.passing && trouble.message.contains("flowctl explain F0680"), "{}", trouble.message);
}

/// A process that stops between two pages asks the same again; a row that was taken stays taken.
#[tokio::test]
async fn the_link_moves_when_all_that_it_led_to_is_kept() {
    let house = House::new();
    let graph = house.flow("people", "poll: { operation: dataverse.changes, entity: contacts, every: 5m }");
    next_page(&house, r#"{"changes":[],"link":"first"}"#);
    let due = ask(&house, &graph, "2026-03-02T09:00:00Z").await.unwrap();
    assert_eq!(due, at("2026-03-02T09:05:00Z"));
    let row = |id: &str, version: u64| {
        format!(
            r#"{{"event":{{"message":"Update","entity":"contacts","id":"{id}","target":{{"contactid":"{id}"}}}},"version":"W/\"{version}\""}}"#
        )
    };
    let gone = r#"{"event":{"message":"Delete","entity":"contacts","id":"c"}}"#;
    // The second page has no link: the turn fails behind the first one.
    next_page(&house, &format!(r#"{{"changes":[{}],"next":"more"}}"#, row("a", 7)));
    next_page(&house, r#"{"changes":[]}"#);
    assert!(ask(&house, &graph, "2026-03-02T09:06:00Z").await.is_err());
    next_page(&house, &format!(r#"{{"changes":[{},{gone}],"next":"more"}}"#, row("a", 7)));
    next_page(&house, &format!(r#"{{"changes":[{}],"link":"second"}}"#, row("b", 8)));
    ask(&house, &graph, "2026-03-02T09:07:00Z").await.unwrap();
    let ids: Vec<String> = house.events("poll/people").await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    assert_eq!((ids[0].as_str(), ids[2].as_str()), ("a@W/\"7\"", "b@W/\"8\""));
    assert!(ids[1].starts_with("c@deleted/"), "{ids:?}");
    // Made again under its id and deleted again: another link tells of it.
    next_page(&house, &format!(r#"{{"changes":[{gone}],"link":"third"}}"#));
    ask(&house, &graph, "2026-03-02T09:13:00Z").await.unwrap();
    assert_eq!(house.events("poll/people").await.len(), 4);
}
