//! What a trigger can subscribe to.

use super::path::Place;
use super::scalar::{TypeRef, duration, one_or_many};
use super::system::System;
use indexmap::IndexMap;
use serde::{Deserialize, Deserializer};
use std::time::Duration;

/// Events of a system that are told apart, verified and decoded in one way.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventGroup {
    /// Where the event's name stands.
    #[serde(rename = "match")]
    pub matches: Option<Place>,
    /// The name of them all, where bodies have none.
    pub always: Option<String>,
    /// What the provider calls one event. A path, or several that are one together.
    #[serde(deserialize_with = "one_or_many")]
    pub id: Vec<Place>,
    /// What must be equal in every delivery of one id. Empty: the whole body.
    #[serde(default, deserialize_with = "one_or_many")]
    pub same: Vec<Place>,
    /// When it happened: unix seconds, or a text with the time.
    pub created: Option<Place>,
    /// Whether it comes from live or test data; has to fit the connection's `mode`.
    pub live: Option<Place>,
    /// Only bodies with these values are events of the group.
    #[serde(default)]
    pub only: IndexMap<Place, String>,
    /// The payload type of the whole body.
    pub envelope: Option<String>,
    /// Where in the envelope the event's own payload stands: `data.object`. `None`: it is the body.
    pub at: Option<String>,
    /// The events by name.
    #[serde(default)]
    pub types: IndexMap<String, EventType>,
    /// Names beyond `types`.
    pub names: Option<Names>,
    /// How an event of our own making is told.
    #[serde(default)]
    pub own: Own,
    pub verify: Option<Verify>,
    pub delivery: Option<Delivery>,
    /// How what was never delivered is found.
    #[serde(default)]
    pub reconcile: Reconcile,
    /// A function that turns the body into what a flow sees.
    pub decode: Option<Code>,
    /// What a decoded event holds, by field.
    #[serde(default)]
    pub gives: IndexMap<String, Given>,
    /// Where the company, and where a growing number, stand.
    pub company: Option<Place>,
    pub order: Option<Place>,
    /// Names, or parts of them, that are answered and not kept.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// How times stand in it, where it is not the usual way.
    pub dates: Option<Dates>,
}

impl EventGroup {
    /// The event with that name, also by the older names it is sent under.
    pub fn event(&self, name: &str) -> Option<(&str, &EventType)> {
        let found =
            self.types.iter().find(|(known, event)| *known == name || event.also.iter().any(|also| also == name));
        found.map(|(known, event)| (known.as_str(), event))
    }
}

impl EventGroup {
    /// Whether it has events of that name beyond those it lists.
    pub(super) fn names(&self, system: &System, name: &str) -> bool {
        match &self.names {
            None => false,
            Some(Names::Any) => !name.is_empty() && !name.contains('.'),
            Some(Names::Rows(messages)) => name.split_once('.').is_some_and(|(entity, message)| {
                system.entities.contains_key(entity) && messages.iter().any(|known| known == message)
            }),
        }
    }
}

/// How times stand in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dates {
    /// `/Date(1672408275000)/`.
    Ms,
}

/// Names of events that are not listed one by one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Names {
    /// `any`: customers define their own.
    Any,
    /// `{entity}.{Create|Update|Delete}`: a table, and what became of one of its rows.
    Rows(Vec<String>),
}

impl TryFrom<String> for Names {
    type Error = String;

    fn try_from(text: String) -> Result<Names, String> {
        if text == "any" {
            return Ok(Names::Any);
        }
        let messages = text.strip_prefix("{entity}.{").and_then(|rest| rest.strip_suffix('}'));
        match messages {
            Some(messages) => Ok(Names::Rows(messages.split('|').map(str::to_owned).collect())),
            None => Err(format!("{text:?} is neither any nor such as {{entity}}.{{Create|Update}}")),
        }
    }
}

/// The type of a field of a decoded event: `text`, `partial<row>?`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Given {
    pub ty: TypeRef,
    /// Not in every event.
    pub optional: bool,
}

impl TryFrom<String> for Given {
    type Error = String;

    fn try_from(text: String) -> Result<Given, String> {
        let (ty, optional) = match text.strip_suffix('?') {
            Some(ty) => (ty.to_owned(), true),
            None => (text, false),
        };
        Ok(Given { ty: TypeRef::try_from(ty)?, optional })
    }
}

/// One event.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventType {
    /// The payload type.
    #[serde(rename = "type")]
    pub ty: String,
    /// Other names under which the provider sends the same.
    #[serde(default)]
    pub also: Vec<String>,
    /// Names that people write for it and that do not exist.
    #[serde(default)]
    pub instead_of: Vec<String>,
    /// What a flow has to know of it.
    pub hint: Option<String>,
}

/// How an event that we caused is told from those that others caused.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "OwnWritten")]
pub enum Own {
    /// The system does not say who caused an event: `ignore_own` does not compile.
    #[default]
    Unknown,
    /// It repeats the idempotency key that we sent.
    IdempotencyKey(Place),
    /// It names a user: ours is in that key of the connection.
    User { place: Place, key: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OwnWritten {
    Word(String),
    User(IndexMap<Place, String>),
}

impl TryFrom<OwnWritten> for Own {
    type Error = String;

    fn try_from(written: OwnWritten) -> Result<Own, String> {
        match written {
            OwnWritten::Word(word) if word == "none" => Ok(Own::Unknown),
            OwnWritten::Word(place) => Ok(Own::IdempotencyKey(Place::try_from(place)?)),
            OwnWritten::User(users) => match users.into_iter().next() {
                Some((place, key)) => Ok(Own::User { place, key }),
                None => Err("own: names a place and a key of the connection".to_owned()),
            },
        }
    }
}

/// How a delivery proves where it comes from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "VerifyWritten")]
pub enum Verify {
    /// A function of `triggers`: `stripe_signature`, `paypal_signature`.
    Code(String),
    /// A secret that both sides know, in one of these places.
    SharedSecret(Vec<SecretPlace>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyWritten {
    code: Option<String>,
    shared_secret: Option<Vec<SecretPlace>>,
}

impl TryFrom<VerifyWritten> for Verify {
    type Error = String;

    fn try_from(written: VerifyWritten) -> Result<Verify, String> {
        match (written.code, written.shared_secret) {
            (Some(code), None) => Ok(Verify::Code(code)),
            (None, Some(places)) => Ok(Verify::SharedSecret(places)),
            _ => Err("verify: is either code or shared_secret".to_owned()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretPlace {
    Query,
    Header,
}

/// A function named by data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    pub code: String,
}

/// How often and how long the provider tries.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    pub tries: Option<u32>,
    #[serde(default, deserialize_with = "duration")]
    pub over: Option<Duration>,
    pub order: Option<DeliveryOrder>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOrder {
    /// Events come in any order.
    None,
}

/// How what was never delivered is found.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "ReconcileWritten")]
pub enum Reconcile {
    /// It cannot be asked for: `reconcile` does not compile.
    #[default]
    None,
    /// A reading operation lists events.
    List(Listing),
    /// A reading operation lists rows by when they were made and changed.
    Rows(RowListing),
}

/// An operation that lists rows, where the provider keeps no events. Of a row it can only be said that it is as it is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowListing {
    pub operation: String,
    /// The columns that say when a row was made, and when it was changed last.
    pub created: String,
    pub changed: String,
    /// The column that says who changed it last.
    pub by_user: Option<String>,
}

/// An operation that lists the events of some time.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    pub operation: String,
    /// Its parameter for the event's name: asked for one by one. `None`: it lists all.
    pub by: Option<String>,
    /// Its parameter for the first instant: unix seconds where it is an int.
    pub from: String,
    /// And for the instant behind the last.
    pub to: Option<String>,
    /// How long the provider keeps events.
    #[serde(default, deserialize_with = "duration")]
    pub keeps: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ReconcileWritten {
    Word(String),
    List(Listing),
    Rows(RowListing),
}

impl TryFrom<ReconcileWritten> for Reconcile {
    type Error = String;

    fn try_from(written: ReconcileWritten) -> Result<Reconcile, String> {
        match written {
            ReconcileWritten::Word(word) if word == "none" => Ok(Reconcile::None),
            ReconcileWritten::Word(word) => Err(format!("reconcile: {word:?} is neither none nor an operation")),
            ReconcileWritten::List(listing) => Ok(Reconcile::List(listing)),
            ReconcileWritten::Rows(listing) => Ok(Reconcile::Rows(listing)),
        }
    }
}

/// `events:` is one group, or several by name that share `verify`, `delivery` and `reconcile`. One group alone is
/// called `all`.
pub(super) fn groups<'de, D: Deserializer<'de>>(input: D) -> Result<IndexMap<String, EventGroup>, D::Error> {
    use serde::de::Error;
    use serde_yaml::{Mapping, Value, from_value};

    const SHARED: [&str; 3] = ["verify", "delivery", "reconcile"];
    let written = Mapping::deserialize(input)?;
    if ["match", "always"].iter().any(|key| written.get(*key).is_some_and(Value::is_string)) {
        let group = from_value(Value::Mapping(written)).map_err(Error::custom)?;
        return Ok(IndexMap::from([("all".to_owned(), group)]));
    }
    let mut groups = IndexMap::new();
    for (name, group) in &written {
        let name = name.as_str().ok_or_else(|| Error::custom("a group of events has a name"))?;
        if SHARED.contains(&name) {
            continue;
        }
        let mut group = group.clone();
        if let Value::Mapping(group) = &mut group {
            for shared in SHARED {
                if let (Some(value), None) = (written.get(shared), group.get(shared)) {
                    group.insert(shared.into(), value.clone());
                }
            }
        }
        let group = from_value(group).map_err(|e| Error::custom(format!("{name}: {e}")))?;
        groups.insert(name.to_owned(), group);
    }
    Ok(groups)
}
