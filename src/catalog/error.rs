//! What an answer that is no success means: its class, and whether the work may have been done.
//!
//! Tables, not code: an operation's own before its system's; in each, the message before the code before the status.
//! What data cannot say (F&O hides its message in a text) is a function named by the table, see [`super::infolog`].

use super::infolog;
use super::operation::Operation;
use super::path::{Headers, Path, Place};
use super::paypal;
use super::scalar::duration;
use super::system::System;
use crate::value::Value;
use indexmap::IndexMap;
use serde::Deserialize;
use std::time::Duration;

/// The closed classes of errors in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    Data,
    Config,
    Auth,
    Throttled,
    Unavailable,
    Timeout,
    Conflict,
}

impl ErrorClass {
    /// Every one of them.
    pub const ALL: [ErrorClass; 7] = [
        ErrorClass::Data,
        ErrorClass::Config,
        ErrorClass::Auth,
        ErrorClass::Throttled,
        ErrorClass::Unavailable,
        ErrorClass::Timeout,
        ErrorClass::Conflict,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ErrorClass::Data => "data",
            ErrorClass::Config => "config",
            ErrorClass::Auth => "auth",
            ErrorClass::Throttled => "throttled",
            ErrorClass::Unavailable => "unavailable",
            ErrorClass::Timeout => "timeout",
            ErrorClass::Conflict => "conflict",
        }
    }

    /// Whether it leaves open if the work was done, unless something says that it was not.
    pub fn leaves_open(self) -> bool {
        matches!(self, ErrorClass::Unavailable | ErrorClass::Timeout)
    }
}

/// How the errors of a system, or of one operation, are read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorTable {
    /// Where the provider's code stands: the first place that holds one.
    #[serde(default, deserialize_with = "super::scalar::one_or_many")]
    pub code: Vec<Source>,
    #[serde(default, deserialize_with = "super::scalar::one_or_many")]
    pub message: Vec<Source>,
    /// The first whose text is in the message counts.
    #[serde(default)]
    pub by_message: Vec<MessageRule>,
    #[serde(default)]
    pub by_code: IndexMap<String, Rule>,
    /// By the status as text: `'429'`.
    #[serde(default)]
    pub by_status: IndexMap<String, Rule>,
    /// A header that marks the stored answer to an earlier request with the same key.
    pub replayed: Option<Place>,
    /// A header by which the provider itself says whether to try again: `true` or `false`.
    pub should_retry: Option<Place>,
}

/// Where a code or message is read from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Source {
    At(Path),
    /// A function: `infolog`, `paypal_details`.
    Code {
        code: String,
    },
}

impl Source {
    fn read(&self, body: &Value) -> Option<Found> {
        match self {
            Source::At(path) => match path.find(body)? {
                Value::Text(text) if !text.trim().is_empty() => {
                    Some(Found { said: text.to_string(), whole: text.to_string() })
                }
                _ => None,
            },
            Source::Code { code } if code == infolog::NAME => infolog::read(body),
            Source::Code { code } if code == paypal::NAME => paypal::read(body),
            Source::Code { .. } => None,
        }
    }
}

/// A message: what is shown, and all of the text that rules look into.
pub(super) struct Found {
    pub said: String,
    pub whole: String,
}

/// What an error means.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub class: ErrorClass,
    /// Our code for it, where the provider has none or a useless one.
    pub code: Option<String>,
    pub hint: Option<String>,
    /// How long to wait at least, where the answer does not say.
    #[serde(default, deserialize_with = "duration")]
    pub wait: Option<Duration>,
    #[serde(default)]
    pub is: Is,
    /// Certainly not done, although the class would leave it open.
    #[serde(default)]
    pub undone: bool,
    pub known: Option<super::Known>,
}

/// A rule for a text in the message, in any case of letters.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "MessageRuleWritten")]
pub struct MessageRule {
    pub has: String,
    pub rule: Rule,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageRuleWritten {
    has: String,
    class: ErrorClass,
    code: Option<String>,
    hint: Option<String>,
    #[serde(default, deserialize_with = "duration")]
    wait: Option<Duration>,
    #[serde(default)]
    is: Is,
    #[serde(default)]
    undone: bool,
    known: Option<super::Known>,
}

impl From<MessageRuleWritten> for MessageRule {
    fn from(written: MessageRuleWritten) -> MessageRule {
        let MessageRuleWritten { has, class, code, hint, wait, is, undone, known } = written;
        MessageRule { has, rule: Rule { class, code, hint, wait, is, undone, known } }
    }
}

/// What an error says about the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Is {
    #[default]
    None,
    /// It exists already: what the operation's `find` gives is the result.
    Done,
    /// Something exists: look, compare, adopt it or fail with `key_taken`.
    MaybeDone,
}

/// An answer that is no success, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Classified {
    pub class: ErrorClass,
    /// The provider's code, or ours from the table, or `http_STATUS`.
    pub code: String,
    /// The provider's words, or what the status is called.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How long the provider, or else the table, wants us to wait at least.
    pub wait: Option<Duration>,
    pub is: Is,
    /// Certainly not done: also true of every class that does not leave it open.
    pub undone: bool,
    /// The stored answer to an earlier request: repeating it with this key would only bring it back. An open attempt is
    /// settled by `find` or ends as `outcome_unknown`.
    pub stored: bool,
    /// The provider's id of the request.
    pub trace: Option<String>,
}

impl System {
    /// What the answer `status` with that body (missing where it is not JSON) means.
    pub fn classify(
        &self,
        operation: Option<&Operation>,
        status: u16,
        body: &Value,
        headers: Headers<'_>,
    ) -> Classified {
        let own = operation.map(|operation| &operation.errors);
        let tables = || own.into_iter().chain([&self.errors]);

        let found = tables().flat_map(|table| &table.message).find_map(|source| source.read(body));
        // A sentence where a code should be is none.
        let is_code = |found: &Found| !found.said.contains(char::is_whitespace);
        let mut codes = tables().flat_map(|table| &table.code).filter_map(|source| source.read(body));
        let code = codes.find(is_code).map(|found| found.said);
        let whole = found.as_ref().map_or(String::new(), |found| found.whole.to_lowercase());
        let rule = tables().find_map(|table| table.rule(&whole, code.as_deref(), status));

        let class = rule.map_or_else(|| class_of(status), |rule| rule.class);
        let mut answer = Classified {
            class,
            code: rule.and_then(|rule| rule.code.clone()).or(code).unwrap_or_else(|| format!("http_{status}")),
            message: found.map_or_else(|| format!("{} answered {status}", self.title), |found| found.said),
            hint: rule.and_then(|rule| rule.hint.clone()),
            wait: retry_after(headers).or_else(|| rule.and_then(|rule| rule.wait)),
            is: rule.map_or(Is::None, |rule| rule.is),
            undone: !class.leaves_open() || rule.is_some_and(|rule| rule.undone),
            stored: tables()
                .filter_map(|table| table.replayed.as_ref())
                .any(|place| says(place, headers) == Some(true)),
            trace: self.http.as_ref().and_then(|http| http.trace.as_ref()?.in_response(headers)).map(str::to_owned),
        };
        let asked = tables().filter_map(|table| table.should_retry.as_ref()).find_map(|place| says(place, headers));
        answer.obey(asked);
        answer
    }
}

impl Classified {
    /// What the provider itself says about trying again goes before what we make of the status.
    fn obey(&mut self, should_retry: Option<bool>) {
        match should_retry {
            Some(true) if matches!(self.class, ErrorClass::Data | ErrorClass::Config | ErrorClass::Conflict) => {
                self.class = ErrorClass::Unavailable;
            }
            Some(false) if self.class.leaves_open() && !self.undone => self.stored = true,
            Some(false) if self.class != ErrorClass::Config && self.class != ErrorClass::Auth => {
                self.class = ErrorClass::Data;
            }
            _ => {}
        }
    }
}

impl ErrorTable {
    fn rule(&self, message: &str, code: Option<&str>, status: u16) -> Option<&Rule> {
        let by_message = || self.by_message.iter().find(|rule| message.contains(&rule.has.to_lowercase()));
        let by_message = by_message().map(|rule| &rule.rule);
        by_message.or_else(|| self.by_code.get(code?)).or_else(|| self.by_status.get(status.to_string().as_str()))
    }
}

/// What a status means where no table says it.
fn class_of(status: u16) -> ErrorClass {
    match status {
        401 => ErrorClass::Auth,
        403 => ErrorClass::Config,
        408 | 504 => ErrorClass::Timeout,
        412 => ErrorClass::Conflict,
        425 | 429 => ErrorClass::Throttled,
        400..500 => ErrorClass::Data,
        _ => ErrorClass::Unavailable,
    }
}

fn says(place: &Place, headers: Headers<'_>) -> Option<bool> {
    place.in_response(headers)?.trim().parse().ok()
}

/// `Retry-After`: seconds, or a date that is compared with the answer's own `Date`, so that no clock has to agree.
fn retry_after(headers: Headers<'_>) -> Option<Duration> {
    let text = headers("Retry-After")?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
    Duration::try_from(date(text)?.duration_since(date(headers("Date")?)?)).ok()
}
