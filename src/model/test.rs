//! `**/*.test.yaml`: tests of a flow and of its mappings. Payloads stay trees: whoever runs the tests reads them.

use super::read::{Keyed, Read, Reader, Spanned, model};
use super::values::{Duration, FlowName, Time, Word};
use super::yaml::Node;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

model! {
    /// Tests of one flow.
    pub struct TestFile: "a test file" {
        /// The flow that is tested.
        flow: Spanned<FlowName>,
        /// What all cases share; a case overrides by key.
        given: Option<Given>,
        /// The tests.
        cases: Vec<Case>,
    }

    /// What all cases share; a case overrides by key.
    pub struct Given: "`given`" {
        /// The event that starts the run.
        event: Option<Data>,
        /// The virtual clock.
        at: Option<Spanned<Time>>,
        /// Values of settings, by name.
        settings: Keyed<Data> = Keyed::default(),
        /// Facts of the delivery, such as `own: true`.
        trigger: Option<Data>,
        /// What each step is answered, by its path.
        answers: Keyed<Data> = Keyed::default(),
    }

    /// One test.
    pub struct Case: "a case" {
        /// What is shown, in a few words.
        name: Spanned<Word>,
        /// The event that starts the run.
        event: Option<Data>,
        /// The virtual clock.
        at: Option<Spanned<Time>>,
        /// Values of settings, by name.
        settings: Keyed<Data> = Keyed::default(),
        /// Facts of the delivery, such as `own: true`.
        trigger: Option<Data>,
        /// What each step is answered, by its path; a list is a sequence.
        answers: Keyed<Data> = Keyed::default(),
        /// Events that run first.
        before: Vec<Data> = vec![],
        /// A mapping or `fn` to be tested alone: `FILE#NAME`.
        mapping: Option<Spanned<Word>>,
        /// With `mapping`: its arguments.
        args: Vec<Data> = vec![],
        /// What must come out.
        expect: Expect,
    }

    /// What must come out. An empty one fails the case.
    pub struct Expect: "`expect`" {
        /// How the run ends.
        run: Option<Data>,
        /// All writes, exactly and in order.
        calls: Option<Vec<ExpectedCall>>,
        /// Some of the writes.
        calls_include: Option<Vec<ExpectedCall>>,
        /// What steps give, by id.
        steps: Keyed<Data> = Keyed::default(),
        /// All alerts; of each, some of its keys.
        alerts: Option<Vec<Data>>,
        /// How long the whole run waited, by the virtual clock.
        waited: Option<Spanned<Duration>>,
        /// What the mapping gives.
        value: Option<Data>,
        /// Some of what the mapping gives.
        value_has: Option<Data>,
        /// How the mapping fails: its code, and some of its message.
        error: Option<Data>,
    }

    /// A write that is expected.
    pub struct ExpectedCall: "an expected call" {
        /// Path of the step: `lines/1/line_created`.
        step: Spanned<Word>,
        /// The row's key.
        key: Option<Data>,
        /// The body, exactly.
        body: Option<Data>,
        /// Some of the body.
        body_has: Option<Data>,
        /// The value put into a link.
        value: Option<Data>,
        /// The writes of a change set.
        writes: Option<Vec<Data>>,
        /// How often it was sent.
        attempts: Option<Data>,
        /// Whether a repeat found the work done.
        adopted: Option<Data>,
    }
}

/// Any data: payloads, `{ file: PATH }`, `{ with: … }`.
#[derive(Clone, Debug)]
pub struct Data(pub Node);

impl Read for Data {
    fn read(node: &Node, _: &mut Reader) -> Option<Data> {
        Some(Data(node.clone()))
    }
}

impl JsonSchema for Data {
    fn schema_name() -> Cow<'static, str> {
        "Data".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
    fn inline_schema() -> bool {
        true
    }
}
