//! Back-off and idempotency keys.

use super::super::backoff::{Facts as Attempt, after, delay, next_attempt};
use super::super::key::{Work, idempotency_key, own_prefix};
use super::super::path::{key_text, segment};
use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

fn retry() -> impl Strategy<Value = Retry> {
    (0_u64..172_800, 1_u64..10_000, 10_u32..60, 1_u64..3_600, 0_u32..=100).prop_map(
        |(budget, initial, factor, max, jitter)| Retry {
            budget: Duration::from_secs(budget),
            initial: Duration::from_millis(initial),
            factor: f64::from(factor) / 10.0,
            max: Duration::from_secs(max),
            jitter: f64::from(jitter) / 100.0,
        },
    )
}

fn work<'a>(dedupe: &'a str, node: &'a NodePath) -> Work<'a> {
    Work { project: "contoso-payments", flow: "capture", dedupe, node, generation: 0 }
}

proptest! {
    #[test]
    fn waits_grow_up_to_a_cap(retry in retry(), failures in 1_u32..200) {
        let wait = delay(&retry, failures, 0.0);
        prop_assert!(wait <= retry.max);
        prop_assert!(delay(&retry, failures + 1, 0.0) >= wait);
        if failures == 1 {
            prop_assert_eq!(wait, retry.initial.min(retry.max));
        }
    }

    #[test]
    fn jitter_takes_off_at_most_its_share(retry in retry(), failures in 1_u32..50, chance in 0_u32..=100) {
        let whole = delay(&retry, failures, 0.0);
        let wait = delay(&retry, failures, f64::from(chance) / 100.0);
        prop_assert!(wait <= whole);
        let least = whole.mul_f64(1.0 - retry.jitter);
        prop_assert!(wait + Duration::from_micros(1) >= least, "{wait:?} < {least:?}");
    }

    #[test]
    fn no_attempt_lies_past_the_budget_or_before_what_was_asked(
        retry in retry(),
        failures in 1_u32..50,
        passed in 0_i64..200_000,
        retry_after in proptest::option::of(0_u64..10_000),
        probe in proptest::option::of(0_i64..300_000),
    ) {
        let facts = Attempt {
            now: at(passed),
            first_sent: at(0),
            failures,
            retry_after: retry_after.map(Duration::from_secs),
            not_before: probe.map(at),
            chance: 0.5,
        };
        let latest = [
            Some(after(facts.now, delay(&retry, failures, 0.5))),
            facts.retry_after.map(|wait| after(facts.now, wait)),
            facts.not_before,
        ].into_iter().flatten().max().unwrap();
        let budget = after(facts.first_sent, retry.budget);
        prop_assert_eq!(next_attempt(&retry, facts), (latest <= budget).then_some(latest));
    }

    #[test]
    fn different_work_has_different_keys(
        a in ("[ab/%:-]{0,4}", "[ab/%:-]{0,4}", "[ab/%:-]{0,4}", 0_u32..12),
        b in ("[ab/%:-]{0,4}", "[ab/%:-]{0,4}", "[ab/%:-]{0,4}", 0_u32..12),
    ) {
        let key = |(flow, dedupe, node, generation): &(String, String, String, u32)| {
            let node = NodePath::new(node.as_str());
            idempotency_key(Work { project: "p", flow, dedupe, node: &node, generation: *generation })
        };
        prop_assert_eq!(key(&a) == key(&b), a == b);
    }

    #[test]
    fn different_iterations_have_different_paths(a in "[ab/%25F ]{1,5}", b in "[ab/%25F ]{1,5}") {
        let lines = NodePath::new("lines");
        let path = |key: &str| lines.join(&segment(key)).join("line");
        prop_assert_eq!(path(&a) == path(&b), a == b);
        prop_assert_eq!(path(&a).frame().frame(), lines);
    }
}

#[test]
fn a_factor_of_one_and_a_half_is_not_one() {
    let retry = Retry { factor: 1.5, jitter: 0.0, ..Retry::default() };
    let waits: Vec<u64> = (1..=4).map(|n| delay(&retry, n, 0.0).as_millis() as u64).collect();
    assert_eq!(waits, [1000, 1500, 2250, 3375]);
}

#[test]
fn no_number_is_too_large() {
    let retry = Retry { initial: Duration::MAX, max: Duration::MAX, budget: Duration::MAX, ..Retry::default() };
    let facts = Attempt {
        now: Timestamp::MAX,
        first_sent: at(0),
        failures: u32::MAX,
        retry_after: Some(Duration::MAX),
        not_before: None,
        chance: 1.0,
    };
    assert_eq!(next_attempt(&retry, facts), Some(Timestamp::MAX));
}

/// Providers remember keys across our upgrades: these never change.
#[test]
fn keys_are_what_they_always_were() {
    let node = NodePath::new("lines/1/line_created");
    assert_eq!(idempotency_key(work("CAP-1", &node)).as_str(), "flowctl-34a0462a-3308c270d116270926f54fcec18f0c26");
    let next = Work { generation: 1, ..work("CAP-1", &node) };
    assert_eq!(idempotency_key(next).as_str(), "flowctl-34a0462a-2c6b911b6aa03c09a166b9bbd4e795c0");
    assert!(idempotency_key(next).starts_with(&own_prefix("contoso-payments")));
    assert_eq!(idempotency_key(next).len(), 8 + 8 + 1 + 32);
}

#[test]
fn keys_of_iterations_are_canonical() {
    let number = |text: &str| crate::value::json::parse(text.as_bytes()).unwrap();
    let keys = ["1", "1.0", "1e0", "\"1\""].map(|text| key_text(&number(text)).unwrap());
    assert_eq!(HashSet::from(keys), HashSet::from(["1".to_owned()]));
    for nothing in ["null", "\" \\t\"", "[1]", "{}"] {
        assert_eq!(key_text(&number(nothing)), None, "{nothing}");
    }
    assert_eq!(segment("a/b%2F"), "a%2Fb%252F");
}
