//! `one_at_a_time`: writes with the same value in an entity's column wait for each other, in all runs and flows of a
//! connection.
//!
//! A place is held from the sending to the answer and, where that leaves open what became of the write, through the
//! settle time; never during a back-off. It goes to whoever waits of the run that was accepted first: a run that went away
//! in between comes back to its turn. Who needs several takes them in their order, so that nobody waits for somebody who
//! waits for him. Held in this process alone: a store folder has one, and what was under way when the last one went away
//! is taken again from its open intents.

use super::connector::{Parameter, Request};
use super::machine::path::key_text;
use crate::graph::Operation;
use crate::value::{Text, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// A connection, a column and a value in it.
pub type Place = (Text, Text, String);

/// The places of all connections.
#[derive(Clone, Debug, Default)]
pub struct Places {
    taken: Arc<Mutex<Taken>>,
}

/// Who waits for each place that somebody has, by the number of his run and then as they came.
#[derive(Debug, Default)]
struct Taken {
    places: HashMap<Place, BTreeMap<(i64, u64), oneshot::Sender<Seat>>>,
    came: u64,
}

/// One place, until this is dropped.
#[derive(Debug)]
struct Seat {
    places: Places,
    place: Place,
}

/// The places that a write holds. Let go of before it is sent they are free at once; dropped without an answer, it keeps
/// them through the settle time: the server may still be working.
#[derive(Debug)]
pub struct Held {
    seats: Vec<Seat>,
    settle: Duration,
    sent: bool,
}

impl Places {
    /// Takes all of them, one after the other in their order; of those who wait, the run with the lowest number comes
    /// first. `None`: not within `patience`.
    pub async fn take(
        &self,
        places: BTreeSet<Place>,
        settle: Duration,
        number: i64,
        patience: Duration,
    ) -> Option<Held> {
        let all = async {
            let mut seats = Vec::with_capacity(places.len());
            for place in places {
                seats.push(self.seat(place, number).await?);
            }
            Some(seats)
        };
        let seats = tokio::time::timeout(patience, all).await.ok()??;
        Some(Held { seats, settle, sent: false })
    }

    /// Takes all of them where nobody has or awaits one.
    pub fn take_now(&self, places: &BTreeSet<Place>, settle: Duration) -> Option<Held> {
        let mut taken = self.lock();
        if places.iter().any(|place| taken.places.contains_key(place)) {
            return None;
        }
        taken.places.extend(places.iter().map(|place| (place.clone(), BTreeMap::new())));
        let seats = places.iter().map(|place| Seat { places: self.clone(), place: place.clone() });
        Some(Held { seats: seats.collect(), settle, sent: false })
    }

    async fn seat(&self, place: Place, number: i64) -> Option<Seat> {
        let turn = {
            let mut taken = self.lock();
            taken.came = taken.came.wrapping_add(1);
            let came = taken.came;
            let Some(waiting) = taken.places.get_mut(&place) else {
                taken.places.insert(place.clone(), BTreeMap::new());
                return Some(Seat { places: self.clone(), place });
            };
            // Who has given up is nobody's turn.
            waiting.retain(|_, waits| !waits.is_closed());
            let (gives, turn) = oneshot::channel();
            waiting.insert((number, came), gives);
            turn
        };
        turn.await.ok()
    }

    /// How many wait.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        self.lock().places.values().map(BTreeMap::len).sum()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    /// The next one has it. One who has gone away in this moment drops it again.
    fn drop(&mut self) {
        let next = {
            let mut taken = self.places.lock();
            let Some(waiting) = taken.places.get_mut(&self.place) else { return };
            waiting.retain(|_, waits| !waits.is_closed());
            let next = waiting.pop_first();
            if next.is_none() {
                taken.places.remove(&self.place);
            }
            next
        };
        if let Some((_, gives)) = next {
            drop(gives.send(Seat { places: self.places.clone(), place: self.place.clone() }));
        }
    }
}

impl Held {
    /// The write goes out: from now on it is open.
    pub fn goes_out(mut self) -> Held {
        self.sent = true;
        self
    }

    /// It is certain what became of the write.
    pub fn let_go(mut self) {
        self.seats.clear();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (seats, settle) = (std::mem::take(&mut self.seats), self.settle);
        if let (true, false, false, Ok(runtime)) =
            (self.sent, seats.is_empty(), settle.is_zero(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(async move {
                tokio::time::sleep(settle).await;
                drop(seats);
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

    async fn take(places: &Places, value: &str, number: i64) -> Held {
        places.take([place(value)].into(), SETTLE, number, LONG).await.unwrap()
    }

    #[tokio::test]
    async fn the_same_place_is_held_by_one_and_the_others_come_in_the_order_of_their_runs() {
        let places = Places::default();
        let first = take(&places, "1", 9).await;
        assert!(places.take_now(&[place("1")].into(), SETTLE).is_none());
        drop(take(&places, "2", 9).await.goes_out());
        let order = Arc::new(Mutex::new(vec![]));
        let mut waiting = vec![];
        for number in [7, 5, 8, 5] {
            let (places, order) = (places.clone(), order.clone());
            waiting.push(tokio::spawn(async move {
                let held = take(&places, "1", number).await;
                order.lock().unwrap().push(number);
                held.let_go();
            }));
            tokio::task::yield_now().await;
        }
        assert!(order.lock().unwrap().is_empty());
        // One who waited and went away does not stand in the way of the others.
        let gone = places.take([place("1")].into(), SETTLE, 1, Duration::from_millis(5)).await;
        assert!(gone.is_none());
        first.let_go();
        for one in waiting {
            one.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [5, 5, 7, 8]);
        let known: Vec<_> = places.lock().places.keys().cloned().collect();
        assert_eq!(known, [place("2")], "what nobody holds is forgotten: 2 is in its settle time");
    }

    #[tokio::test]
    async fn an_open_write_keeps_its_place_through_the_settle_time_and_one_that_was_never_sent_does_not() {
        let places = Places::default();
        drop(take(&places, "1", 1).await);
        drop(places.take_now(&[place("1")].into(), SETTLE).expect("free at once").goes_out());
        assert!(places.take([place("1")].into(), SETTLE, 1, Duration::from_millis(20)).await.is_none());
        assert!(places.take([place("1")].into(), SETTLE, 1, LONG).await.is_some());
    }

    #[tokio::test]
    async fn who_needs_several_takes_them_in_order() {
        let places = Places::default();
        let all: BTreeSet<Place> = ["3", "1", "2"].map(place).into();
        let mut working = vec![];
        for number in 0..20 {
            let (places, all) = (places.clone(), all.clone());
            working.push(tokio::spawn(async move {
                let held = places.take(all, SETTLE, number, LONG).await.unwrap();
                tokio::task::yield_now().await;
                held.let_go();
            }));
        }
        for one in working {
            one.await.unwrap();
        }
        assert!(places.lock().places.is_empty());
    }
}
