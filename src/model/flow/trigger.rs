//! What starts a run of a flow, and what is asked of each event at the door.

use super::one_of;
use crate::diagnostics::Span;
use crate::language::SourceText;
use crate::model::read::{Named, Read, Reader, Spanned, model};
use crate::model::schema::exactly_one;
use crate::model::slot::{Configurable, Expr};
use crate::model::values::{Duration, Flag, Word};
use crate::model::yaml::{Core, Node};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::borrow::Cow;

model! {
    /// Events that a system sends to a connection.
    pub struct Webhook: "a webhook trigger" {
        /// Connection that receives the events.
        connection: Configurable<Word>,
        /// Kinds of events, as the system names them.
        events: Vec<Spanned<Word>>,
        /// Columns of which an update must touch one.
        columns: Vec<Spanned<Word>> = vec![],
        /// Drop events that our own writes caused.
        ignore_own: Option<Spanned<Flag>>,
        /// Also ask the provider what was never delivered.
        reconcile: Option<Reconcile>,
    }

    /// How the provider is asked for events that were never delivered.
    pub struct Reconcile: "`reconcile`" {
        /// How often it is asked.
        every: Configurable<Duration>,
        /// How far back it is asked.
        lookback: Configurable<Duration>,
    }

    /// Points in time.
    pub struct Schedule: "a schedule" {
        /// When: minute, hour, day of month, month, day of week.
        cron: Configurable<Word>,
        /// Time zone of the schedule, such as `Europe/Oslo`.
        zone: Configurable<Word>,
        /// Whether ticks that were missed start one run (true unless written).
        catch_up: Option<Configurable<Flag>>,
    }

    /// Files that appear in a folder.
    pub struct FileTrigger: "a file trigger" {
        /// Which files, with `*`.
        path: Configurable<Word>,
        /// How they are read.
        reader: Option<Configurable<Word>>,
        /// How long a file must be unchanged before it is taken.
        settle: Option<Configurable<Duration>>,
    }

    /// Calls by other flows.
    pub struct FlowTrigger: "a flow trigger" {
        /// What a caller gives, with the type of each; read as `event.NAME`.
        params: Named<TypeText> = Named::default(),
    }

    /// Rows that are asked for again and again.
    pub struct Poll: "a poll trigger" + params {
        /// What is read: `system.operation`.
        operation: Spanned<Word>,
        /// Which connection, where the project has several of that system.
        connection: Option<Configurable<Word>>,
        /// How often.
        every: Configurable<Duration>,
        /// Column that is asked from its last value on; not where the system tells of changes itself.
        cursor: Option<Spanned<Word>>,
        /// Where the first asking begins (unless written: now).
        from: Option<Expr>,
    }
}

/// A type of the mapping language. Not parsed yet.
#[derive(Clone, Debug)]
pub struct TypeText {
    pub text: SourceText,
    pub span: Span,
}

impl Read for TypeText {
    fn read(node: &Node, reader: &mut Reader) -> Option<TypeText> {
        let Some(scalar) = node.scalar().filter(|scalar| scalar.traceable && scalar.core() == Core::Text) else {
            return reader.unfit(node, "a type such as `text` or `list<paypal.order>`");
        };
        Some(TypeText { text: scalar.source_text(), span: node.span })
    }
}

impl JsonSchema for TypeText {
    fn schema_name() -> Cow<'static, str> {
        "Type".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string" })
    }
    fn inline_schema() -> bool {
        true
    }
}

/// What starts a run, and what is asked of each event at the door.
#[derive(Clone, Debug)]
pub struct Trigger {
    pub source: TriggerSource,
    /// The key of the source: `webhook`.
    pub source_key: Span,
    pub when: Option<Expr>,
    pub dedupe: Option<Expr>,
    pub order_by: Option<Expr>,
    pub sequence: Option<Expr>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum TriggerSource {
    Webhook(Webhook),
    Schedule(Schedule),
    Poll(Poll),
    File(FileTrigger),
    Flow(FlowTrigger),
}

model! {
    /// What starts a run, and what is asked of each event at the door.
    #[schemars(rename = "Trigger", transform = exactly_one("trigger", TriggerKeys::SOURCES))]
    struct TriggerKeys: "a trigger" {
        /// Events that a system sends.
        webhook: Option<Webhook>,
        /// Points in time.
        schedule: Option<Schedule>,
        /// Rows that are asked for again and again.
        poll: Option<Poll>,
        /// Files that appear in a folder.
        file: Option<FileTrigger>,
        /// Calls by other flows.
        flow: Option<FlowTrigger>,
        /// Condition over `event`; where it is false the event is kept, and its run recorded as skipped.
        when: Option<Expr>,
        /// One run of this flow per value (unless written: the event's id).
        dedupe: Option<Expr>,
        /// Runs with equal values run one after the other.
        order_by: Option<Expr>,
        /// With `order_by`, where each event stands for the whole state of its key: older ones are superseded.
        sequence: Option<Expr>,
    }
}

impl TriggerKeys {
    const SOURCES: &'static [&'static str] = &["webhook", "schedule", "poll", "file", "flow"];
}

impl Read for Trigger {
    fn read(node: &Node, reader: &mut Reader) -> Option<Trigger> {
        let keys = TriggerKeys::read(node, reader)?;
        let source_key = one_of(node, reader, "a trigger", TriggerKeys::SOURCES)?.span;
        let source = None
            .or(keys.webhook.map(TriggerSource::Webhook))
            .or(keys.schedule.map(TriggerSource::Schedule))
            .or(keys.poll.map(TriggerSource::Poll))
            .or(keys.file.map(TriggerSource::File))
            .or(keys.flow.map(TriggerSource::Flow))?;
        let TriggerKeys { when, dedupe, order_by, sequence, span, .. } = keys;
        Some(Trigger { source, source_key, when, dedupe, order_by, sequence, span })
    }
}

schema_of! {
    Trigger => TriggerKeys;
}
