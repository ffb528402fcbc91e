//! What a project says of private data, at the door: what is dropped is gone before anything is kept, and who is meant
//! can be found later without being named.

use crate::catalog::Decoder;
use crate::model::project::Privacy;
use crate::store::{NewEvent, subject};
use crate::value::{Value, json};

/// Takes the private parts out of an event that is to be kept, and gives its body as flows may see it. `body` is what
/// was read of `event.body`; a body that cannot be read is kept as it is: losing it would be worse.
///
/// Where the body is not the event itself, paths are those of the event: that is what their author sees.
pub(super) fn apply(privacy: &Privacy, event: &mut NewEvent, body: &Value, decoder: Option<&Decoder>) -> Value {
    let decoded = |body: &Value| decoder.and_then(|decoder| decoder.event(body)).unwrap_or_else(|| body.clone());
    let whole = decoded(body);
    let named = privacy.subject.find(&whole).into_iter().filter_map(|value| match value {
        Value::Text(text) => subject(text),
        Value::Number(number) => subject(&number.canonical()),
        _ => None,
    });
    event.subjects.extend(named);
    event.subjects.sort();
    event.subjects.dedup();
    if privacy.drop.is_empty() {
        return whole;
    }
    let kept = match decoder {
        Some(decoder) => decoder.without(body, &privacy.drop),
        None => privacy.drop.without(body),
    };
    match json::write(&kept) {
        Ok(text) => event.body = text.into_bytes(),
        // What was read from JSON can be written as JSON.
        Err(error) => event.problem = Some(format!("the body cannot be kept without what is dropped: {error}")),
    }
    decoded(&kept)
}
