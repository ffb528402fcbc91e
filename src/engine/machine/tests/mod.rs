//! The machine alone, on graphs built by hand.

mod flows;
mod formulas;
mod replay;
mod walker;
mod worlds;

use super::*;
use crate::engine::testing::*;
use crate::graph::*;
use crate::language::code::Code;
use std::time::Duration;

fn facts() -> Arc<Facts> {
    Arc::new(Facts {
        project: "contoso".into(),
        id: "0190".into(),
        dedupe: "CAP-1".into(),
        revision: "r1".into(),
        event: fields(&[("id", text("CAP-1")), ("blank", text(" "))]),
        trigger: fields(&[]),
    })
}

fn rebuild(graph: &Arc<ExecutionGraph>, journal: &[Entry]) -> Run {
    Run::rebuild(facts(), graph.clone(), Arc::new(Limits::default()), journal)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}
