//! A system as a whole: its connection, how it is spoken to, its tables.

use super::error::ErrorTable;
use super::event::{EventGroup, groups};
use super::expand::Expand;
use super::operation::{Operation, Param};
use super::paging::Paging;
use super::path::Place;
use super::registration::Registration;
use super::scalar::{Rate, Template, duration};
use indexmap::IndexMap;
use serde::Deserialize;
use std::time::Duration;

/// Everything known of one system. One file of `schemas/systems/`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// The file's `system:`.
    #[serde(rename = "system")]
    pub name: String,
    pub title: String,
    /// Where the provider documents it.
    pub docs: Option<String>,
    /// Keys of a connection beside the common ones (`system limits circuit webhook`).
    #[serde(default)]
    pub connection: IndexMap<String, ConnectionKey>,
    /// Keys of a connection's `webhook` beside `path`.
    #[serde(default)]
    pub webhook: IndexMap<String, ConnectionKey>,
    /// The column that the connection's `company` fills in every body, key and filter.
    pub company: Option<String>,
    /// `None` for what the engine itself does.
    pub http: Option<Http>,
    #[serde(default)]
    pub errors: ErrorTable,
    /// Ways to page, by the names that operations use.
    #[serde(default)]
    pub paging: IndexMap<String, Paging>,
    pub filter: Option<FilterRules>,
    #[serde(default)]
    pub entities: IndexMap<String, Entity>,
    /// Parameters that every request of the system has beside its operation's own.
    #[serde(default)]
    pub params: IndexMap<String, Param>,
    /// How whole objects are asked for instead of their ids.
    pub expand: Option<Expand>,
    /// What can be done with a table that only a project knows (`types/SYSTEM/NAME.json` with `x-key`). Nothing: there
    /// are no such tables.
    #[serde(default)]
    pub own_tables: Vec<String>,
    /// By their name without the system's.
    pub operations: IndexMap<String, Operation>,
    #[serde(default, deserialize_with = "groups")]
    pub events: IndexMap<String, EventGroup>,
    /// How its webhooks are registered.
    pub registration: Option<Registration>,
    /// Names that people expect here, and what to use instead.
    #[serde(default)]
    pub not_here: IndexMap<String, String>,
}

/// A key that a connection of the system has.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionKey {
    #[serde(rename = "type")]
    pub ty: KeyType,
    #[serde(default)]
    pub required: bool,
    /// Only as a reference (`env:// file:// secret://`), never in clear; never shown.
    #[serde(default)]
    pub secret: bool,
    /// May be a reference, and usually is.
    #[serde(default)]
    pub reference: bool,
    pub one_of: Option<Vec<String>>,
    pub default: Option<String>,
    pub description: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyType {
    Text,
    Texts,
    Url,
    Uuid,
    Duration,
    Int,
}

/// How every request of the system is made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub base: Base,
    /// Other names of the host, which stand in the system's own links: their paths are asked below the base.
    #[serde(default)]
    pub aliases: Vec<String>,
    pub auth: Auth,
    /// Of every request; values may use the connection's keys.
    #[serde(default)]
    pub headers: IndexMap<String, Template>,
    /// How a body is written.
    #[serde(default)]
    pub body: BodyForm,
    #[serde(default, deserialize_with = "duration")]
    pub timeout: Option<Duration>,
    #[serde(default)]
    pub limits: Limits,
    /// The provider's own id of a request, for its support.
    pub trace: Option<Place>,
    /// A path that can be read without harm, to learn whether the connection works.
    pub check: Option<String>,
}

/// Where the system is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Base {
    One(Template),
    /// By the connection's `mode`, unless the connection has a `base_url` of its own.
    ByMode(IndexMap<String, Template>),
}

impl Base {
    /// The base for a connection of that mode.
    pub fn of_mode(&self, mode: Option<&str>) -> Option<&Template> {
        match self {
            Base::One(base) => Some(base),
            Base::ByMode(modes) => modes.get(mode?),
        }
    }
}

/// How requests show who sends them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// `Authorization: Bearer TOKEN`.
    Bearer { token: Template },
    /// As the connection's own `auth` says.
    ByConnection,
    /// `HEADER: t=SECONDS,v1=HEX`: HMAC-SHA256 over `SECONDS.BODY`.
    Hmac { header: String, secret: Template },
    /// A token from `url` (below the base unless it is a whole URL), kept until shortly before it expires.
    Oauth2ClientCredentials { url: Template, credentials: Credentials, scope: Option<Template> },
}

/// Where the client's id and secret stand in a token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credentials {
    Basic,
    Body,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyForm {
    #[default]
    Json,
    /// The same, with its charset said in the content type.
    JsonUtf8,
    /// `application/x-www-form-urlencoded` with `a[b]=c` for what is nested; null is the empty text.
    Form,
    /// `multipart/form-data` with the JSON as its part `input`.
    Multipart,
}

/// What the system takes at once, unless the connection says less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub concurrency: Option<usize>,
    pub rate: Option<Rate>,
}

/// What a `where` may say. Anything else does not compile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterRules {
    pub dialect: Dialect,
    pub operators: Vec<String>,
    /// The language's functions, and what they are called there.
    #[serde(default)]
    pub functions: IndexMap<String, String>,
    /// How `row.x in list` is said; `None`: not at all.
    #[serde(rename = "in")]
    pub within: Option<InRule>,
    /// How a column with a closed set of values is compared.
    #[serde(default)]
    pub enums: EnumForm,
}

impl FilterRules {
    /// Whether `operator` (`==`, `and`) can be said.
    pub fn allows(&self, operator: &str) -> bool {
        self.operators.iter().any(|known| known == operator)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    Odata,
    /// `email:"a@b.example" AND metadata["order"]:"SO-1"`.
    StripeSearch,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnumForm {
    #[default]
    Text,
    /// With the enumeration's name in front: `Namespace.SalesStatus'Invoiced'`; only `==` and `!=`.
    Typed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InRule {
    #[serde(rename = "as")]
    pub form: InForm,
    /// Values in one request; more are asked for in several.
    pub at_most: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InForm {
    Or,
}

/// A table of the system.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// As it is written in a flow and in a URL: the entity set.
    #[serde(skip)]
    pub name: String,
    /// What the system itself calls one row (`salesorder`), as its payload type says.
    #[serde(skip)]
    pub logical_name: Option<String>,
    /// Other keys by which a row can be named, each a list of columns, as its payload type says.
    #[serde(skip)]
    pub alternate_keys: Vec<Vec<String>>,
    pub title: Option<String>,
    /// All key columns in their order.
    pub key: Vec<String>,
    /// The payload type of its rows.
    #[serde(rename = "type")]
    pub ty: String,
    /// Operations, by their name without the system's, that it allows.
    pub can: Vec<String>,
    /// The whole key, where the caller chooses it (the company's column counts as chosen).
    #[serde(default)]
    pub chosen: Vec<String>,
    /// Key columns that the server gives when they are left out.
    #[serde(default)]
    pub assigned: Vec<String>,
    /// What a new row must have.
    #[serde(default)]
    pub required: Vec<String>,
    /// Writes with the same value in this column wait for each other.
    pub one_at_a_time: Option<String>,
    /// Names that people write for it.
    #[serde(default)]
    pub instead_of: Vec<String>,
}

impl Entity {
    /// Whether a create of it has a key that the caller chooses: then no `find_by` is needed.
    pub fn is_chosen(&self) -> bool {
        !self.chosen.is_empty()
    }
}
