//! `**/*.flow.yaml`: one flow. Every verb and key of the contract; what the compiler cannot do yet, the compiler says.

use super::read::{Named, Read, Reader, Spanned, model, words};
use super::schema::exactly_one;
use super::slot::{Configurable, Expr, Template};
use super::values::{Count, Decimal, Duration, Flag, FlowName, Id, Word};
use super::yaml::{Key, Node};
use crate::diagnostics::{Code, Diagnostic, Span, did_you_mean};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::json;
use std::borrow::Cow;

/// The schema of the keys, for what is read from them.
macro_rules! schema_of {
    ($($name:ty => $keys:ty;)*) => { $(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                <$keys>::schema_name()
            }
            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                <$keys>::json_schema(generator)
            }
        }
    )* };
}

mod trigger;
pub use trigger::{FileTrigger, FlowTrigger, Poll, Reconcile, Schedule, Trigger, TriggerSource, TypeText, Webhook};

model! {
    /// One flow: what starts it, and its steps.
    pub struct Flow: "a flow" {
        /// Name of the flow. With the ids of the steps it is its identity: renaming a flow makes another one of it.
        flow: Spanned<FlowName>,
        /// What the flow is for, in a sentence.
        description: Option<Spanned<Word>>,
        /// Mapping files whose names the flow uses: `order.map`, `std:paypal`.
        uses as "use": Vec<Spanned<Word>> = vec![],
        /// What starts a run of the flow.
        trigger: Trigger,
        /// What a run does, one after the other.
        steps: Vec<Step>,
        /// Run once, before a failed run goes to the dead letters; `error` and `steps` are in scope.
        on_failure: Vec<Step> = vec![],
        /// What the flow gives to a flow that called it.
        result: Option<Expr>,
    }

    /// Takes the first case whose condition holds.
    pub struct Branch: "a branch" {
        /// Asked one after the other.
        cases: Vec<Case>,
        /// Taken when no case is; `{}` where then nothing is to be done.
        otherwise as "else": Otherwise,
    }

    /// One case of a branch.
    pub struct Case: "a case" {
        /// Condition under which this case is taken.
        when: Expr,
        /// What is done then.
        steps: Vec<Step> = vec![],
        /// What the branch then gives as `steps.<id>`.
        result: Option<Expr>,
    }

    /// What a branch does when no case is taken.
    pub struct Otherwise: "`else`" {
        /// What is done then.
        steps: Vec<Step> = vec![],
        /// What the branch then gives as `steps.<id>`.
        result: Option<Expr>,
    }

    /// The same steps for each item of a list.
    pub struct ForEach: "`for_each`" {
        /// The list.
        items: Expr,
        /// What an item is called in expressions.
        item as "as": Spanned<Id>,
        /// What the position of an item (from 0) is called in expressions.
        index: Option<Spanned<Id>>,
        /// The iteration's name in journal and tests: what an item is, never where it stands.
        key: Expr,
        /// How many items are worked on at the same time (1 unless written).
        concurrency: Option<Configurable<Count>>,
        /// What is done with each item.
        steps: Vec<Step>,
        /// What an item gives (unless written: the record of its steps).
        result: Option<Expr>,
    }

    /// Several lists of steps at the same time.
    pub struct Parallel: "`parallel`" {
        /// Each list runs beside the others.
        lists: Vec<Vec<Step>>,
    }

    /// Asks an operator.
    pub struct Approve: "`approve`" {
        /// The question, with `{holes}`.
        title: Template,
        /// What the operator should know, with `{holes}`.
        detail: Option<Template>,
        /// Who may decide.
        roles: Vec<Spanned<Word>> = vec![],
        /// After how long nobody's decision counts as "no".
        expires: Option<Configurable<Duration>>,
        /// A list of records, shown as a table; the operator may take some out.
        items: Option<Expr>,
        /// What names an item, over `row`.
        key: Option<Expr>,
    }

    /// Tells people something.
    pub struct Alert: "an alert" {
        /// How bad it is.
        severity: Configurable<Severity>,
        /// What kind of alert it is: two of one flow, code and title are one while open.
        code: Configurable<Word>,
        /// One line, with `{holes}`.
        title: Template,
        /// More about it, with `{holes}`.
        detail: Option<Template>,
    }

    /// Ends the run as failed.
    pub struct Fail: "`fail`" {
        /// What kind of failure it is; `error.code` in `on_failure`.
        code: Configurable<Word>,
        /// What happened, with `{holes}`.
        message: Template,
        /// Class of the error (`data` unless written).
        class: Option<Configurable<ErrorClass>>,
    }

    /// Ends the run as stopped: nothing is left to do.
    pub struct Stop: "`stop`" {
        /// Why, with `{holes}`.
        reason: Template,
        /// Give the `dedupe` value free again, so that the same thing can start another run.
        release: Option<Spanned<Flag>>,
    }

    /// How long and how often a failed attempt is repeated.
    pub struct Retry: "`retry`" {
        /// Time within which attempts are made (24h unless written).
        budget as "for": Option<Configurable<Duration>>,
        /// Delay before the first repetition (1s unless written).
        initial: Option<Configurable<Duration>>,
        /// By how much each delay is longer than the one before (2 unless written).
        factor: Option<Configurable<Decimal>>,
        /// Longest delay (5m unless written).
        max: Option<Configurable<Duration>>,
        /// Share of a delay that varies, from 0 to 1 (0.3 unless written).
        jitter: Option<Configurable<Decimal>>,
    }

    /// What is done about an error of the step.
    pub struct ErrorCase: "an entry of `on_error`" {
        /// Condition over `error` under which this entry is taken.
        when: Expr,
        /// What is done then.
        steps: Vec<Step> = vec![],
        /// How the run goes on (`fail` unless written).
        then: Option<Spanned<Then>>,
        /// With `continue`: what the step gives instead as `steps.<id>`.
        result: Option<Expr>,
    }
}

words! {
    /// How the run goes on after an error was dealt with.
    pub enum Then {
        /// The run fails.
        Fail = "fail",
        /// The run goes on as if the step had given `result`.
        Continue = "continue",
        /// The run ends as stopped.
        Stop = "stop",
    }

    /// How bad an alert is.
    pub enum Severity {
        /// Good to know.
        Info = "info",
        /// Somebody should look at it.
        Warning = "warning",
        /// Somebody must do something.
        Error = "error",
    }

    /// The closed classes of errors.
    pub enum ErrorClass {
        /// The data is at fault: repeating changes nothing.
        Data = "data",
        /// A setting, permission or set-up is at fault.
        Config = "config",
        /// Credentials are refused.
        Auth = "auth",
        /// Too many requests.
        Throttled = "throttled",
        /// The system cannot be reached or is failing.
        Unavailable = "unavailable",
        /// No answer in time.
        Timeout = "timeout",
        /// What was read no longer holds.
        Conflict = "conflict",
    }

    /// What a lookup does that finds nothing.
    pub enum OnMissing {
        /// The step fails.
        Fail = "fail",
        /// The step gives missing.
        Continue = "continue",
    }

    /// What a lookup does whose key is missing, null or blank.
    pub enum BlankKey {
        /// The step fails.
        Fail = "fail",
        /// Nothing is sent; the step gives missing, or an empty list.
        Missing = "missing",
    }
}

/// A step: its id, exactly one verb, and what to do when it fails.
#[derive(Clone, Debug)]
pub struct Step {
    pub id: Spanned<Id>,
    pub description: Option<Spanned<Word>>,
    pub when: Option<Expr>,
    pub verb: Verb,
    /// The key of the verb: `lookup`.
    pub verb_key: Span,
    pub timeout: Option<Configurable<Duration>>,
    pub retry: Option<Retry>,
    pub on_error: Vec<ErrorCase>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Verb {
    Transform(Expr),
    Lookup(Lookup),
    Call(Call),
    Branch(Branch),
    ForEach(ForEach),
    Parallel(Parallel),
    Wait(Wait),
    Approve(Approve),
    Alert(Alert),
    Fail(Fail),
    Stop(Stop),
}

model! {
    /// One step: an id, exactly one verb, and what to do when it fails.
    #[schemars(rename = "Step", transform = exactly_one("step", StepKeys::VERBS))]
    struct StepKeys: "a step" {
        /// Name of the step, unique in the flow; later steps read its result as `steps.<id>`.
        id: Spanned<Id>,
        /// What the step is for, in a sentence.
        description: Option<Spanned<Word>>,
        /// Condition under which the step runs; where it is false, `steps.<id>` is missing.
        when: Option<Expr>,
        /// Computes a value with the mapping language.
        transform: Option<Expr>,
        /// Reads from a system.
        lookup: Option<Lookup>,
        /// Writes to a system.
        call: Option<Call>,
        /// Takes the first case whose condition holds.
        branch: Option<Branch>,
        /// The same steps for each item of a list.
        for_each: Option<ForEach>,
        /// Several lists of steps at the same time.
        parallel: Option<Parallel>,
        /// Waits for a time, or until a row is as it should be.
        wait: Option<Wait>,
        /// Asks an operator.
        approve: Option<Approve>,
        /// Tells people something.
        alert: Option<Alert>,
        /// Ends the run as failed.
        fail: Option<Fail>,
        /// Ends the run as stopped: nothing is left to do.
        stop: Option<Stop>,
        /// How long one attempt of a lookup or call may take.
        timeout: Option<Configurable<Duration>>,
        /// How long and how often a failed attempt of a lookup or call is repeated.
        retry: Option<Retry>,
        /// What is done when the step has finally failed; the first entry that fits.
        on_error: Vec<ErrorCase> = vec![],
    }
}

impl StepKeys {
    const VERBS: &'static [&'static str] =
        &["transform", "lookup", "call", "branch", "for_each", "parallel", "wait", "approve", "alert", "fail", "stop"];
}

impl Read for Step {
    fn read(node: &Node, reader: &mut Reader) -> Option<Step> {
        let keys = StepKeys::read(node, reader);
        let verb_key = one_of(node, reader, "a step", StepKeys::VERBS)?.span;
        let keys = keys?;
        let verb = None
            .or(keys.transform.map(Verb::Transform))
            .or(keys.lookup.map(Verb::Lookup))
            .or(keys.call.map(Verb::Call))
            .or(keys.branch.map(Verb::Branch))
            .or(keys.for_each.map(Verb::ForEach))
            .or(keys.parallel.map(Verb::Parallel))
            .or(keys.wait.map(Verb::Wait))
            .or(keys.approve.map(Verb::Approve))
            .or(keys.alert.map(Verb::Alert))
            .or(keys.fail.map(Verb::Fail))
            .or(keys.stop.map(Verb::Stop))?;
        let StepKeys { id, description, when, timeout, retry, on_error, span, .. } = keys;
        Some(Step { id, description, when, verb, verb_key, timeout, retry, on_error, span })
    }
}

/// The one key of `choices` that is written.
fn one_of<'n>(node: &'n Node, reader: &mut Reader, what: &str, choices: &[&str]) -> Option<&'n Key> {
    let written: Vec<&Key> =
        node.entries().iter().map(|(key, _)| key).filter(|key| choices.contains(&&*key.text)).collect();
    match written[..] {
        [one] => Some(one),
        [] => {
            // A key written wrong is said as such.
            let meant = |key: &Key| did_you_mean(&key.text, choices.iter().copied()).is_some();
            if reader.findings.iter().any(|said| {
                said.code == Code::F0310
                    && node
                        .entries()
                        .iter()
                        .any(|(key, _)| meant(key) && said.primary.as_ref().is_some_and(|label| label.span == key.span))
            }) {
                return None;
            }
            let place = node.entries().first().map_or(node.span, |(first, _)| first.span);
            let message = format!("{what} has exactly one of: {}", choices.join(", "));
            reader.say(Diagnostic::error(Code::F0316, message, place).label("none of them is here"));
            None
        }
        [first, second, ..] => {
            let message = format!("{what} has exactly one of `{}` and `{}`", first.text, second.text);
            reader.say(
                Diagnostic::error(Code::F0316, message, second.span)
                    .label("one too many")
                    .also(first.span, "the first")
                    .help(format!("make another of it: {what} does one thing")),
            );
            None
        }
    }
}

model! {
    /// Reads from a system. The operation's parameters are the catalogue's to judge.
    pub struct Lookup: "a lookup" + params {
        /// What is read: `system.operation`.
        operation: Spanned<Word>,
        /// Which connection, where the project has several of that system.
        connection: Option<Configurable<Word>>,
        /// What happens when nothing is found (`fail` unless written).
        on_missing: Option<Configurable<OnMissing>>,
        /// What happens when the key is missing, null or blank (`fail` unless written).
        blank_key: Option<Configurable<BlankKey>>,
        /// How long a result may be used again.
        cache: Option<Configurable<Duration>>,
    }

    /// Writes to a system. The operation's parameters are the catalogue's to judge.
    pub struct Call: "a call" + params {
        /// What is written: `system.operation`.
        operation: Spanned<Word>,
        /// Which connection, where the project has several of that system.
        connection: Option<Configurable<Word>>,
        /// An earlier lookup of the same list: on class `conflict` the run goes on from there.
        reread: Option<Spanned<Id>>,
    }

}

model! {
    /// One write of a change set.
    pub struct Write: "a write of a change set" + params {
        /// Name of the write: `steps.SET.NAME` is its row, with `each` a list.
        id: Spanned<Id>,
        /// What is written: `system.operation`.
        operation: Spanned<Word>,
        /// Makes one write per item of a list.
        each: Option<Each>,
        /// Lookup columns that point to the row of an earlier write, with its id.
        refer: Option<Named<Spanned<Id>>>,
    }

    /// One write per item of a list.
    pub struct Each: "`each`" {
        /// The list.
        items: Expr,
        /// What an item is called in expressions.
        item as "as": Spanned<Id>,
        /// What names an item in tests and the journal.
        key: Expr,
    }
}

/// Waits, durably.
#[derive(Clone, Debug)]
pub enum Wait {
    /// `for: 10m`
    For(Configurable<Duration>),
    /// `until: EXPR`, a time.
    Until(Expr),
    /// Until a row is as it should be.
    Lookup(Box<WaitLookup>),
}

/// Asks again and again until a row is as it should be.
#[derive(Clone, Debug)]
pub struct WaitLookup {
    pub lookup: Lookup,
    /// Condition over `row`.
    pub until: Expr,
    pub every: Configurable<Duration>,
    pub at_most: Configurable<Duration>,
    pub span: Span,
}

model! {
    /// Waits for a time, or until a row is as it should be.
    #[schemars(rename = "Wait", transform = WaitKeys::shape)]
    struct WaitKeys: "`wait`" {
        /// How long.
        duration as "for": Option<Configurable<Duration>>,
        /// Until when: a time; with `lookup`, a condition over `row`.
        until: Option<Expr>,
        /// What is asked again and again.
        lookup: Option<Lookup>,
        /// With `lookup`: how often it is asked.
        every: Option<Configurable<Duration>>,
        /// With `lookup`: after how long the step fails (class `timeout`, code `wait_expired`).
        at_most: Option<Configurable<Duration>>,
    }
}

impl WaitKeys {
    /// With `lookup` its three companions, without it `for` or `until`.
    fn shape(schema: &mut Schema) {
        let one = json!({ "dependentSchemas": { "for": { "properties": { "until": false } } },
            "anyOf": [{ "required": ["for"] }, { "required": ["until"] }], "properties": { "every": false, "at_most": false } });
        let all = json!({ "required": ["until", "every", "at_most"], "properties": { "for": false } });
        schema.insert("if".into(), json!({ "required": ["lookup"] }));
        schema.insert("then".into(), all);
        schema.insert("else".into(), one);
    }
}

impl Read for Wait {
    fn read(node: &Node, reader: &mut Reader) -> Option<Wait> {
        let WaitKeys { duration, until, lookup, every, at_most, span } = WaitKeys::read(node, reader)?;
        let written = |key: &str| node.entry(key).map(|(key, _)| key.span);
        if written("lookup").is_some() {
            let missing = ["until", "every", "at_most"].into_iter().find(|key| written(key).is_none());
            if let Some(missing) = missing {
                let message = format!("`wait` with `lookup` needs the key `{missing}`");
                reader.say(Diagnostic::error(Code::F0311, message, span));
            }
            if let Some(extra) = written("for") {
                reader.say(Diagnostic::error(Code::F0310, "`wait` with `lookup` has no key `for`", extra));
            }
            return Some(Wait::Lookup(Box::new(WaitLookup {
                lookup: lookup?,
                until: until?,
                every: every?,
                at_most: at_most?,
                span,
            })));
        }
        for key in ["every", "at_most"] {
            if let Some(extra) = written(key) {
                let message = format!("`wait` has `{key}` only with `lookup`");
                reader.say(Diagnostic::error(Code::F0310, message, extra));
            }
        }
        one_of(node, reader, "`wait` without `lookup`", &["for", "until"])?;
        None.or(duration.map(Wait::For)).or(until.map(Wait::Until))
    }
}

schema_of! {
    Step => StepKeys;
    Wait => WaitKeys;
}
