//! `one_at_a_time`: writes with the same value in an entity's column wait for each other, in all runs and flows of a
//! connection.
//!
//! A place is held from the sending to the answer and, where that leaves open what became of the write, through the
//! settle time; never during a back-off. Who needs several takes them in their order, so that nobody waits for somebody
//! who waits for him. Held in this process alone: a store folder has one, and what was under way when the last one went
//! away is taken again from its open intents.

use super::connector::{Parameter, Request};
use super::machine::path::key_text;
use crate::graph::Operation;
use crate::value::{Text, Value};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;

/// A connection, a column and a value in it.
pub type Place = (Text, Text, String);

/// The places of all connections.
#[derive(Debug, Default)]
pub struct Places {
    taken: Mutex<HashMap<Place, Arc<tokio::sync::Mutex<()>>>>,
}

/// The places that a write holds. Dropped without an answer, it keeps them through the settle time: the server may still
/// be working.
#[derive(Debug)]
pub struct Held {
    places: Vec<OwnedMutexGuard<()>>,
    settle: Duration,
}

impl Places {
    /// Takes all of them, one after the other in their order, first come, first served. `None`: not within `patience`.
    pub async fn take(&self, places: BTreeSet<Place>, settle: Duration, patience: Duration) -> Option<Held> {
        let all = async {
            let mut held = Vec::with_capacity(places.len());
            for place in places {
                held.push(self.of(place).lock_owned().await);
            }
            held
        };
        let places = tokio::time::timeout(patience, all).await.ok()?;
        Some(Held { places, settle })
    }

    fn of(&self, place: Place) -> Arc<tokio::sync::Mutex<()>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|_, place| Arc::strong_count(place) > 1);
        taken.entry(place).or_default().clone()
    }
}

impl Held {
    /// It is certain what became of the write.
    pub fn let_go(mut self) {
        self.places.clear();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (places, settle) = (std::mem::take(&mut self.places), self.settle);
        if let (false, false, Ok(runtime)) =
            (places.is_empty(), settle.is_zero(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(async move {
                tokio::time::sleep(settle).await;
                drop(places);
            });
        }
    }
}

/// The places that a request needs; a change set those of all its writes.
pub fn places(operation: &Operation, request: &Request) -> BTreeSet<Place> {
    let mut places = BTreeSet::new();
    let own = |operation: &Operation, request: &Request| {
        let column = operation.one_at_a_time.as_ref()?;
        Some((request.connection.clone(), column.clone(), key_text(value(request, column)?)?))
    };
    places.extend(own(operation, request));
    for write in request.writes() {
        let id = write.path.split_once('/').map_or(write.path.as_str(), |(id, _)| id);
        let member = operation.members().iter().find(|member| member.id.as_str() == id);
        places.extend(member.and_then(|member| own(&member.operation, &write.request)));
    }
    places
}

/// The column's value: of the body, or of the key that names the row.
fn value<'r>(request: &'r Request, column: &str) -> Option<&'r Value> {
    let of_key = request.params.iter().find_map(|(_, param)| match param {
        Parameter::Value(value @ Value::Record(_)) => Some(value.get(column)).filter(|value| !value.is_absent()),
        _ => None,
    });
    let of_body = request.body.as_ref().map(|body| body.get(column)).filter(|value| !value.is_absent());
    of_body.or(of_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(value: &str) -> Place {
        ("d365".into(), "JournalBatchNumber".into(), value.to_owned())
    }

    const LONG: Duration = Duration::from_secs(60);
    const SETTLE: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn the_same_place_is_held_by_one_and_the_others_come_in_turn() {
        let places = Arc::new(Places::default());
        let first = places.take([place("1")].into(), SETTLE, LONG).await.unwrap();
        assert!(places.take([place("2")].into(), SETTLE, LONG).await.is_some(), "another value is another place");
        let order = Arc::new(Mutex::new(vec![]));
        let mut waiting = vec![];
        for n in 0..3 {
            let (places, order) = (places.clone(), order.clone());
            waiting.push(tokio::spawn(async move {
                let held = places.take([place("1")].into(), SETTLE, LONG).await.unwrap();
                order.lock().unwrap().push(n);
                held.let_go();
            }));
            tokio::task::yield_now().await;
        }
        assert!(order.lock().unwrap().is_empty());
        first.let_go();
        for one in waiting {
            one.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [0, 1, 2]);
        let other = places.of(place("3"));
        let known = places.taken.lock().unwrap().len();
        assert_eq!(
            (known, other.try_lock().is_ok()),
            (2, true),
            "what nobody holds is forgotten: 2 is in its settle time"
        );
    }

    #[tokio::test]
    async fn an_open_write_keeps_its_place_through_the_settle_time() {
        let places = Places::default();
        drop(places.take([place("1")].into(), SETTLE, LONG).await.unwrap());
        assert!(places.take([place("1")].into(), SETTLE, Duration::from_millis(20)).await.is_none());
        assert!(places.take([place("1")].into(), SETTLE, LONG).await.is_some());
    }

    #[tokio::test]
    async fn who_needs_several_takes_them_in_order() {
        let places = Arc::new(Places::default());
        let all: BTreeSet<Place> = ["3", "1", "2"].map(place).into();
        let mut working = vec![];
        for _ in 0..20 {
            let (places, all) = (places.clone(), all.clone());
            working.push(tokio::spawn(async move {
                let held = places.take(all, SETTLE, LONG).await.unwrap();
                tokio::task::yield_now().await;
                held.let_go();
            }));
        }
        for one in working {
            one.await.unwrap();
        }
    }
}
