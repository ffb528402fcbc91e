//! How a webhook is registered at the provider: which requests show what is there, and which make it so.

use super::operation::Method;
use super::path::Path;
use serde::Deserialize;

/// A registration as data, by code, or by hand.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// What is registered.
    pub list: Option<RegistrationList>,
    pub create: Option<RegistrationRequest>,
    /// Makes one that is there be as it should.
    pub update: Option<RegistrationRequest>,
    /// Gives one that is ours and has another address the right one.
    pub relocate: Option<RegistrationRequest>,
    /// Where in the answer to `create` the secret stands that signs deliveries: given then and never again.
    pub secret: Option<Path>,
    /// A function of the connectors, for what data cannot say.
    pub code: Option<String>,
    /// What a person does where no request can: `{url}` and `{events}` are filled in.
    pub by_hand: Option<String>,
}

/// What is registered, and where in it its parts stand.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationList {
    pub path: String,
    pub rows: Path,
    /// Fields of a row.
    pub url: String,
    pub events: String,
    /// The field of an event that names it, where it is no text.
    pub event: Option<String>,
    /// The field that says whether it is at work, and the text that says so.
    pub active: Option<(String, String)>,
    /// Where in a row the mark stands that `create` leaves: whose it is, whatever its address.
    pub mark: Option<Path>,
}

/// A request. In its path `{id}`, in its body `{url}`, `{events}` (a list), `{mark}` (whose it is) and keys of the connection are filled in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationRequest {
    pub method: Method,
    pub path: String,
    pub body: serde_yaml::Value,
}
