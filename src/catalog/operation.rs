//! What a flow can call: parameters, the request, the result, and why a repeat is safe.

use super::error::ErrorTable;
use super::path::{Path, Place};
use super::scalar::{Template, TypeRef, duration, one_or_many};
use super::system::BodyForm;
use super::windows::Windows;
use crate::value::Value;
use indexmap::IndexMap;
use serde::Deserialize;
use std::time::Duration;

/// The function of the connector that asks for changes by the link that the last answer gave.
const ODATA_DELTA: &str = "odata_delta";

/// One operation of a system.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// With the system's name in front: `finops.create`.
    #[serde(skip)]
    pub name: String,
    pub title: String,
    pub does: Does,
    /// Another operation of this system; what is not written here is taken from it.
    pub(super) same_as: Option<String>,
    /// By the name written in a flow, in the order in which they are documented.
    #[serde(default)]
    pub params: IndexMap<String, Param>,
    /// At least one of these has to be written.
    #[serde(default)]
    pub needs_one_of: Vec<String>,
    /// `None` where the engine itself does the work (`links.get`).
    pub http: Option<Request>,
    /// One of the system's ways to page.
    pub paging: Option<String>,
    /// A span of time that is asked for in parts.
    pub windows: Option<Windows>,
    /// Always there once loaded.
    pub(super) result: Option<Outcome>,
    /// Why it may be tried again. Every write says so.
    #[serde(default)]
    pub repeat: Vec<RepeatEntry>,
    /// Looked up before the system's own table.
    #[serde(default)]
    pub errors: ErrorTable,
    /// Largest sizes, by place.
    #[serde(default)]
    pub limits: IndexMap<Place, AtMost>,
}

impl Operation {
    /// Whether it changes something: `call` takes these, `lookup` the others.
    pub fn writes(&self) -> bool {
        self.does == Does::Write
    }

    /// Where a flow writes it: the key of a step's verb, or of a trigger.
    pub fn belongs_under(&self) -> &'static str {
        match (self.does, self.tells_changes()) {
            (_, true) => "poll",
            (Does::Write, false) => "call",
            (Does::Read, false) => "lookup",
        }
    }

    /// What it gives.
    pub fn result(&self) -> &Outcome {
        self.result.as_ref().unwrap_or(&NOTHING)
    }

    /// The name without its system: `create`.
    pub fn short_name(&self) -> &str {
        self.name.split_once('.').map_or(&self.name, |(_, name)| name)
    }

    /// The parameter that a flow writes as `name` (`key` for the one marked so), with the catalogue's own name for it.
    pub fn param(&self, name: &str) -> Option<(&str, &Param)> {
        let by_key = || self.params.iter().find(|(_, param)| name == "key" && param.key);
        let by_name = self.params.iter().find(|(known, param)| *known == name && !param.key);
        by_name.or_else(by_key).map(|(known, param)| (known.as_str(), param))
    }

    /// The names that a flow can write, for suggestions.
    pub fn param_names(&self) -> impl Iterator<Item = &str> {
        self.params.iter().map(|(name, param)| if param.key { "key" } else { name.as_str() })
    }

    /// Why a repeat is safe: the first entry that fits. `chosen`: the caller chooses the row's whole key; `find_by`: the
    /// flow names columns that find it.
    pub fn repeat(&self, chosen: bool, find_by: bool) -> Option<&RepeatEntry> {
        self.repeat.iter().find(|entry| match entry.when {
            None => true,
            Some(When::Chosen) => chosen,
            Some(When::FindBy) => find_by,
        })
    }

    /// Whether its being done is all that there is to know of it.
    pub fn gives_nothing_to_find(&self) -> bool {
        self.result().ty == TypeRef::None && self.repeat.iter().all(|entry| entry.find.is_none())
    }

    /// Whether a new row's id is made of the idempotency key.
    pub fn makes_key(&self) -> bool {
        self.repeat.iter().any(|entry| entry.by == RepeatBy::MadeKey)
    }

    /// Whether it gives what has changed since it was asked last: only a poll can ask so.
    pub fn tells_changes(&self) -> bool {
        self.http.as_ref().is_some_and(|http| http.code.as_deref() == Some(ODATA_DELTA))
    }

    /// The parameter by which a flow says why a repeat is safe, where it can.
    pub fn repeat_param(&self) -> Option<&str> {
        self.params.iter().find(|(_, param)| param.kind == ParamKind::Repeat).map(|(name, _)| name.as_str())
    }

    /// The header that carries the idempotency key, with its greatest length. A declared header is always sent.
    pub fn idempotency_header(&self) -> Option<(&str, Option<usize>)> {
        self.repeat.iter().find_map(|entry| Some((entry.header.as_deref()?, entry.at_most)))
    }

    pub(super) fn complete_from(&mut self, base: &Operation) {
        if self.params.is_empty() {
            self.params = base.params.clone();
            self.needs_one_of = base.needs_one_of.clone();
        }
        if self.repeat.is_empty() {
            self.repeat = base.repeat.clone();
        }
        self.http = self.http.take().or_else(|| base.http.clone());
        self.paging = self.paging.take().or_else(|| base.paging.clone());
        self.windows = self.windows.take().or_else(|| base.windows.clone());
        self.result = self.result.take().or_else(|| base.result.clone());
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    Read,
    Write,
}

/// One parameter of an operation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    pub kind: ParamKind,
    #[serde(rename = "type")]
    pub ty: Option<TypeRef>,
    #[serde(default)]
    pub required: bool,
    /// Source of an expression for `expr`, the text of the value for `literal`.
    pub default: Option<String>,
    #[serde(rename = "in")]
    pub place: Option<ParamPlace>,
    /// Its name on the wire, where it is another.
    pub name: Option<String>,
    /// Written `key:` in a flow.
    #[serde(default)]
    pub key: bool,
    /// `writes`: how a lookup names the row of an earlier one. `None`: not at all.
    pub refer: Option<Refer>,
    /// `literal`: all that may be written.
    #[serde(default)]
    pub one_of: Vec<String>,
    /// `columns`: the parameter whose fields they are. `filter`: the columns that it can name, where not all.
    /// `writes`: the operations that may stand in it.
    #[serde(default, deserialize_with = "one_or_many")]
    pub of: Vec<String>,
    pub description: Option<String>,
}

/// How a write of a change set names the row of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refer {
    /// `"COLUMN@odata.bind": "$1"`.
    OdataBind,
}

/// What stands in a flow under a parameter's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    /// An expression.
    Expr,
    /// A plain YAML value.
    Literal,
    /// The name of an entity of the system.
    Entity,
    /// A list of column names.
    Columns,
    /// A condition over `row`.
    Filter,
    /// A list of paths to the objects that stand in the answer instead of their ids.
    Expand,
    /// The writes of a change set.
    Writes,
    /// A path below the base: a text whose every `{hole}` is one encoded part.
    Path,
    /// Why a repeat is safe, where only the flow knows: `header.NAME`, `set` or `none`.
    Repeat,
    /// How a list comes page by page, where only the flow knows: the keys of [`Paging`](super::Paging).
    Paging,
    /// The name of something that `flowctl.yaml` declares.
    Link,
    Total,
    Rate,
    /// The name of a flow.
    Flow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamPlace {
    Path,
    Query,
    Header,
    Body,
}

/// The HTTP request of an operation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub method: Method,
    /// Below the system's base. `{name}` is one encoded segment.
    pub path: Template,
    /// Instead of the system's base.
    pub base: Option<Template>,
    #[serde(default)]
    pub query: IndexMap<String, String>,
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// How its body is written, where it is not as the system's others.
    pub body: Option<BodyForm>,
    /// A function of the connector, for what data cannot say.
    pub code: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// What an operation gives, and where in the answer it stands.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    #[serde(rename = "type")]
    pub ty: TypeRef,
    /// The whole body, unless written.
    pub at: Option<Path>,
    /// Statuses that mean "there is none", not an error.
    #[serde(default)]
    pub missing: Vec<u16>,
    /// Of the rows that are found there has to be exactly one.
    pub exactly: Option<Exactly>,
}

static NOTHING: Outcome = Outcome { ty: TypeRef::None, at: None, missing: vec![], exactly: None };

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exactly {
    One,
}

/// One reason why a repeat is safe, and how an open attempt is settled.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepeatEntry {
    pub by: RepeatBy,
    pub when: Option<When>,
    /// Carries the idempotency key.
    pub header: Option<String>,
    /// Longest idempotency key.
    pub at_most: Option<usize>,
    /// Where in the request the key stands that the caller chooses.
    pub key: Option<Place>,
    /// How long the server knows a repeat, counted from the first sending. `None`: for ever.
    #[serde(default, deserialize_with = "duration")]
    pub remembers: Option<Duration>,
    /// How long the server may still be working after an attempt whose outcome is open.
    #[serde(default, deserialize_with = "duration")]
    pub settle: Option<Duration>,
    pub find: Option<Find>,
}

/// Why a repeat is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatBy {
    /// The server knows a repeat by a header.
    Header,
    /// The caller chooses the key: a repeat meets its own row.
    Key,
    /// A new row's id is made of the idempotency key, by the connector: a repeat meets its own row and nobody else's.
    MadeKey,
    /// Writing the same again changes nothing.
    Set,
    /// Only a natural key given by the flow tells.
    FindBy,
    /// A change set: done when its first write is found.
    FirstWrite,
    /// The engine's own: written in the transaction that writes the step's result.
    Transaction,
    /// Nothing tells.
    None,
}

/// When an entry of `repeat` fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The caller chooses the whole key.
    Chosen,
    /// The flow names the columns that find the row.
    FindBy,
}

/// How to learn what an uncertain or too old attempt did.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Find {
    /// A reading operation of the same system.
    pub operation: Option<String>,
    /// Or places in the error's body of which the first that is there holds the work's address.
    #[serde(default, deserialize_with = "one_or_many")]
    pub at: Vec<Path>,
    /// Where the row exists anyway: what it holds once the work is done.
    #[serde(default)]
    pub done: IndexMap<Path, OneOf>,
    /// The operation's parameters, each filled by a parameter of the write (`key: body`, `where: find_by`).
    #[serde(flatten)]
    pub with: IndexMap<String, String>,
}

impl Find {
    /// Whether a row that was found says that the work is done.
    pub fn is_done(&self, row: &Value) -> bool {
        self.done.iter().all(|(path, values)| match path.find(row) {
            Some(Value::Text(text)) => values.0.iter().any(|value| value == text.as_str()),
            Some(Value::Number(number)) => values.0.contains(&number.canonical()),
            _ => false,
        })
    }
}

/// One text or several, of which any will do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct OneOf(#[serde(deserialize_with = "one_or_many")] pub Vec<String>);

/// A largest size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtMost {
    pub at_most: u32,
}
