//! Everything that can happen to a run, whatever its steps are: answers lost, late, twice and in any order, crashes, a
//! changed mapping, persons who answer, end, decide and replay, called runs that end well or not, rows that somebody else
//! changes. Walked to the end for small flows, and at random, for long, over a flow with every kind of step.
//!
//! The world is what a driver, a store and the systems are to a machine. What must hold: a piece of work is done once, a
//! key never stands for two bodies, nothing is done that a person said no to, and no run stands still for nothing.

mod side;
mod steps;
mod world;

use super::*;
use crate::engine::connector::{Is, Row};
use crate::engine::journal;
use crate::store::JournalEntry;
use crate::store::journal::Record as Stored;
use crate::value::json;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use steps::*;
use world::{Event, World};

/// The shortest way to a loss, and how many worlds were seen.
fn search(start: World) -> (Option<String>, usize) {
    let mut seen = HashSet::from([start.fingerprint()]);
    let mut steps: Vec<(usize, Event)> = vec![(0, Event::Timer)];
    let mut queue = VecDeque::from([(start, 0_usize)]);
    while let Some((world, came_by)) = queue.pop_front() {
        for event in world.events() {
            let mut next = world.clone();
            next.apply(event);
            if let Some(loss) = next.loss() {
                let mut events = vec![format!("{event:?}")];
                let mut at = came_by;
                while at != 0 {
                    events.push(format!("{:?}", steps[at].1));
                    at = steps[at].0;
                }
                events.reverse();
                return (Some(format!("{loss}\n{}", events.join("\n"))), seen.len());
            }
            if seen.insert(next.fingerprint()) {
                steps.push((came_by, event));
                queue.push_back((next, steps.len() - 1));
            }
        }
    }
    (None, seen.len())
}

#[track_caller]
fn walked(faults: u8, flow: impl Fn(&str) -> Vec<Node>) {
    let started = std::time::Instant::now();
    let (loss, worlds) = search(World::new(&flow, faults));
    println!("{worlds} worlds in {:?}", started.elapsed());
    assert!(loss.is_none(), "{}", loss.unwrap_or_default());
    assert!(worlds > 300, "the walk has seen {worlds} worlds only");
}

/// That the walk would see it: a look before the server has settled makes two of one.
#[test]
fn a_loss_is_seen() {
    let hasty = |note: &str| {
        let mut header = noted("header", RepeatBy::FindBy, note);
        if let NodeKind::Call(operation) = &mut header.kind {
            operation.repeat.settle = Duration::ZERO;
        }
        vec![pause(), header]
    };
    let loss = search(World::new(&hasty, 1)).0.expect("a duplicate");
    assert!(loss.starts_with("header is done twice") && loss.contains("LateCommit"), "{loss}");
    // And so would the play: what stands behind a question without waiting for the answer.
    let rude = |note: &str| vec![both(vec![vec![ask()], vec![noted("after", RepeatBy::Header, note)]])];
    let loss = search(World::new(&rude, 1)).0.expect("done without a yes");
    assert!(loss.starts_with("done without a yes"), "{loss}");
}

fn noted(id: &str, by: RepeatBy, note: &str) -> Node {
    write(id, by, constant(text(note)))
}

#[test]
fn writes_beside_each_other() {
    walked(1, |note| {
        let lists = vec![vec![noted("header", RepeatBy::FindBy, note)], vec![noted("line", RepeatBy::Key, note)]];
        vec![both(lists), noted("last", RepeatBy::Header, note)]
    });
}

#[test]
fn a_wait_before_a_write() {
    walked(2, |note| vec![pause(), noted("after", RepeatBy::Header, note)]);
}

#[test]
fn a_wait_for_a_row_before_a_write() {
    walked(1, |note| vec![until_ready(), noted("after", RepeatBy::Header, note)]);
}

#[test]
fn a_question_between_writes() {
    walked(2, |note| vec![noted("first", RepeatBy::Key, note), ask(), noted("after", RepeatBy::Header, note)]);
}

#[test]
fn a_change_of_what_was_read() {
    walked(2, |_| vec![read("known"), change()]);
}

#[test]
fn a_called_run_and_a_write_with_what_it_gave() {
    walked(2, |note| {
        vec![call(), write("last", RepeatBy::FindBy, path("steps.child.state")), noted("x", RepeatBy::Key, note)]
    });
}

#[test]
fn a_write_of_which_nothing_can_tell() {
    walked(2, |note| vec![noted("once", RepeatBy::None, note), noted("last", RepeatBy::Header, note)]);
}

/// Every kind of step in one flow.
fn everything(note: &str) -> Vec<Node> {
    let lists = vec![
        vec![noted("header", RepeatBy::FindBy, note), noted("once", RepeatBy::None, note)],
        vec![noted("line", RepeatBy::Key, note), until_ready()],
    ];
    vec![
        read("known"),
        both(lists),
        pause(),
        ask(),
        change(),
        call(),
        write("last", RepeatBy::Header, path("steps.child.state")),
    ]
}

/// A run at random, and then without more faults to its end.
fn played(choices: &[u8]) -> Result<(World, Vec<Event>), TestCaseError> {
    let mut world = World::new(&everything, u8::MAX);
    (world.replays, world.elsewhere) = (3, 3);
    let mut events = Vec::new();
    let check = |world: &World, events: &[Event]| match world.loss() {
        Some(loss) => Err(TestCaseError::fail(format!("{loss} after {events:?}"))),
        None => Ok(()),
    };
    for choice in choices {
        let able = world.events();
        // Faults are many and progress is one: it gets half of the chances.
        let on = able.iter().copied().find(|event| matches!(event, Event::Deliver(_) | Event::Timer));
        let event = match on.filter(|_| choice % 2 == 0) {
            Some(event) => event,
            None if able.is_empty() => break,
            None => able[usize::from(choice / 2) % able.len()],
        };
        world.apply(event);
        events.push(event);
        check(&world, &events)?;
    }
    world.faults = 0;
    for _ in 0..2000 {
        let able = world.events();
        let Some(event) = able.iter().copied().find(|event| *event != Event::Stop) else { break };
        // Who is asked, and whoever else it waits for, does what is wanted before time passes.
        let sooner = |event: &&Event| {
            matches!(event, Event::Judge { .. } | Event::ChildEnds { .. } | Event::BecomesReady | Event::LateCommit)
        };
        let event = able.iter().find(sooner).copied().unwrap_or(event);
        world.apply(event);
        events.push(event);
        check(&world, &events)?;
    }
    prop_assert!(world.end.is_some(), "never ends: {events:?}");
    Ok((world, events))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_to_a_run_nothing_is_lost_or_done_twice(choices in prop::collection::vec(any::<u8>(), 0..80)) {
        played(&choices)?;
    }
}

#[test]
fn when_nothing_goes_wrong_all_of_it_is_done() {
    let (world, events) = played(&[]).unwrap();
    assert_eq!(world.end, Some(End::Succeeded), "{events:?}");
}
