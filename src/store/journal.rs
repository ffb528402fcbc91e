//! What a run writes down: one versioned envelope, JSON text.
//!
//! The store keeps an envelope as text and never looks inside (but for the entry `accepted`, which is its own). Payload
//! values stand in it [`Encoded`], as `value::json` writes them with missing tagged, and are carried over letter by
//! letter: no number passes through a float. Instants are UTC text. Invariant: every version ever written stays
//! readable; `fixtures/` has some of each.

use super::types::RunError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The version that is written now.
pub const VERSION: u32 = 1;

/// One line of a run's journal. (Run, `seq`) is unique.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalEntry {
    /// Counts up from 1 in each run; 0 is the store's own `accepted`.
    pub seq: i64,
    /// `lines/<iteration key>/line_created`; empty: the run itself.
    pub node: String,
    /// Of the node: grows when a write is to be done anew.
    pub generation: u32,
    /// Of the generation, from 1; 0 where nothing is sent.
    pub attempt: u32,
    pub record: Record,
    pub at: Timestamp,
}

/// A value that `value::json` has already written as JSON text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Encoded(Box<RawValue>);

impl Encoded {
    /// Takes JSON text; anything else is refused.
    pub fn new(json: String) -> Result<Encoded, JournalError> {
        RawValue::from_string(json).map(Encoded).map_err(JournalError::json)
    }

    /// The JSON text, unchanged.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Encoded {
    fn eq(&self, other: &Encoded) -> bool {
        self.as_str() == other.as_str()
    }
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// Written by the store when the run was accepted.
    Accepted(Accepted),
    /// The run's first step begins.
    Started(Started),
    /// A step that holds others begins.
    Began(Began),
    /// About to be sent.
    Intent(Intent),
    /// The step is done.
    Result(StepResult),
    /// What was read is not yet what a step waits for.
    NotYet(NotYet),
    /// What looking for the work of an open attempt found.
    Look(Look),
    /// An attempt failed.
    Error(Failure),
    /// `when` did not hold.
    Skipped(Skipped),
    /// What was read no longer holds.
    Reread(Reread),
    /// A person is asked.
    Asked(Asked),
    /// A person said yes or no to it.
    Judged(Judged),
    /// A person decided.
    Decision(Decision),
    /// The run that a step has called. Written by the store with that run.
    Called(CalledRun),
    /// A person mended the event's payload: what the run goes by from here on. The original stays beside it.
    Payload(Payload),
}

/// The texts of what the run's row has only as hashes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedupe: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_key: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// Hash of the revision.
    pub revision: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Began {
    #[serde(with = "utc")]
    pub now: Timestamp,
}

/// The request as it is sent: look and repeat use exactly this while the attempt is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// `run.now` of the step.
    #[serde(with = "utc")]
    pub now: Timestamp,
    pub operation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When the step was first sent; the retry budget counts from here.
    #[serde(with = "utc")]
    pub first_sent: Timestamp,
    /// Parameters by name, the body among them.
    pub request: Encoded,
    /// What `find_by` looks for, column → value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub find_by: Option<Encoded>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepResult {
    #[serde(with = "utc")]
    pub now: Timestamp,
    /// What `steps.<id>` gives.
    pub value: Encoded,
    /// The work was found done instead of being done by this attempt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NotYet {
    /// When it is asked again.
    #[serde(with = "utc")]
    pub next: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// The row found; `None`: nothing is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Encoded>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub error: RunError,
    /// The work may have been done all the same.
    pub open: bool,
    /// When the next attempt is due; `None`: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "utc_option")]
    pub retry_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    #[serde(with = "utc")]
    pub now: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// `done`, `not_done`, `stop`, `again`, `reset`, `replay`, `left`, `moved`.
    pub what: String,
    pub actor: String,
    pub reason: String,
    /// The row that a "done" names; with "moved", the path that the step had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Encoded>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reread {
    /// Nodes that are forgotten.
    pub reset: Vec<String>,
}

/// What a person is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "utc_option")]
    pub expires_at: Option<Timestamp>,
    /// `[{ key, row }]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Encoded>,
}

/// What a person answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    pub approved: bool,
    /// Keys of the items that are taken out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    pub actor: String,
    /// The role in which the person answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    pub reason: String,
    #[serde(with = "utc")]
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalledRun {
    /// The run's id.
    pub run: String,
    /// It was there before the call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub joined: bool,
    /// The caller waits for its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    pub event: Encoded,
    pub actor: String,
    pub reason: String,
}

/// An envelope that cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    #[error("a journal entry of version {found}; this flowctl knows versions up to {VERSION}")]
    Newer { found: u32 },
    #[error("a journal entry of the unknown kind `{0}`")]
    Kind(String),
    #[error("not a journal entry: {0}")]
    Json(String),
}

impl JournalError {
    fn json(error: serde_json::Error) -> JournalError {
        JournalError::Json(error.to_string())
    }
}

#[derive(Serialize)]
struct Written<'a, T> {
    v: u32,
    kind: &'static str,
    data: &'a T,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    v: u32,
    kind: String,
    #[serde(borrow)]
    data: &'a RawValue,
}

macro_rules! records {
    ($($variant:ident = $kind:literal,)*) => {
        /// As its envelope.
        impl Serialize for Record {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Record::$variant(data) => Written { v: VERSION, kind: $kind, data }.serialize(serializer),)*
                }
            }
        }

        impl Record {
            /// The name of its kind.
            pub fn kind(&self) -> &'static str {
                match self { $(Record::$variant(_) => $kind,)* }
            }

            /// The envelope as text.
            pub fn to_json(&self) -> Result<String, JournalError> {
                serde_json::to_string(self).map_err(JournalError::json)
            }

            /// Reads an envelope of this or an earlier version.
            pub fn from_json(text: &str) -> Result<Record, JournalError> {
                let envelope: Envelope = serde_json::from_str(text).map_err(JournalError::json)?;
                if envelope.v > VERSION {
                    return Err(JournalError::Newer { found: envelope.v });
                }
                match envelope.kind.as_str() {
                    $($kind => serde_json::from_str(envelope.data.get()).map(Record::$variant).map_err(JournalError::json),)*
                    _ => Err(JournalError::Kind(envelope.kind)),
                }
            }
        }
    };
}

records! {
    Accepted = "accepted",
    Started = "started",
    Began = "began",
    Intent = "intent",
    Result = "result",
    NotYet = "not_yet",
    Look = "look",
    Error = "error",
    Skipped = "skipped",
    Reread = "reread",
    Asked = "asked",
    Judged = "judged",
    Decision = "decision",
    Called = "called",
    Payload = "payload",
}

mod utc {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

mod utc_option {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.collect_str(at),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(de::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 1 for ever: every line is read, and written again letter by letter.
    #[test]
    fn version_1_stays_readable() {
        let fixture = include_str!("fixtures/journal-v1.jsonl");
        let records: Vec<Record> = fixture.lines().map(|line| Record::from_json(line).unwrap()).collect();
        let written: Vec<String> = records.iter().map(|record| record.to_json().unwrap()).collect();
        assert_eq!(written, fixture.lines().collect::<Vec<_>>());
        let Record::Intent(intent) = &records[2] else { panic!("{:?}", records[2]) };
        assert!(intent.request.as_str().contains("\"Amount\":10.50,\"Big\":12345678901234567890.10"));
        assert_eq!(intent.now.to_string(), "2026-03-02T09:00:00.123456789Z");
        let kinds: std::collections::BTreeSet<_> = records.iter().map(Record::kind).collect();
        assert_eq!(kinds.len(), 15, "the fixture has every kind");
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let newer = Record::from_json(r#"{"v":2,"kind":"result","data":{}}"#);
        assert_eq!(newer, Err(JournalError::Newer { found: 2 }));
        let unknown = Record::from_json(r#"{"v":1,"kind":"dream","data":{}}"#);
        assert_eq!(unknown, Err(JournalError::Kind("dream".to_owned())));
        for text in ["", "{", "[]", r#"{"v":1,"kind":"result","data":{"value":1}}"#, "\u{0}"] {
            assert!(matches!(Record::from_json(text), Err(JournalError::Json(_))), "{text}");
        }
        assert!(Encoded::new("{\"a\":".to_owned()).is_err());
    }
}
