//! A long span of time that a system wants to be asked for in parts.

use super::scalar::duration;
use serde::Deserialize;
use std::time::Duration;

/// How a span of time is cut. Both ends of a part are in it, to the second: parts never share one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// The parameter for the first second.
    pub from: String,
    /// The parameter for the last second.
    pub to: String,
    /// The longest part that the system takes.
    #[serde(deserialize_with = "longest")]
    pub at_most: Duration,
    /// The error of a part in which there is too much: it is halved.
    pub too_long: Option<String>,
}

fn longest<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    let time = duration(input)?.filter(|time| time.as_secs() > 0);
    time.ok_or_else(|| serde::de::Error::custom("at_most is at least a second"))
}
