//! Why a request is not done, in F&O's shape: the code is always empty, what is wrong stands in the inner error.

use super::{text, written};
use crate::value::{Record, Value};

/// A request that is not done.
#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    pub message: String,
}

impl Refusal {
    /// The answer's body.
    pub fn body(&self) -> String {
        let mut inner = Record::new();
        inner.set("message".into(), text(&self.message));
        inner.set("type".into(), text("Microsoft.Dynamics.Platform.Integration.Services.OData.ODataWriteException"));
        let mut error = Record::new();
        error.set("code".into(), text(""));
        error.set("message".into(), text("An error has occurred."));
        error.set("innererror".into(), Value::Record(inner));
        let mut body = Record::new();
        body.set("error".into(), Value::Record(error));
        written(&Value::Record(body))
    }
}

pub fn bad(why: &str) -> Refusal {
    Refusal { status: 400, message: why.to_string() }
}

pub fn not_found() -> Refusal {
    Refusal { status: 404, message: "No resources were found when selecting for update.".into() }
}

pub fn write_failed(entity: &str, infolog: &str) -> Refusal {
    let singular = entity.strip_suffix('s').unwrap_or(entity);
    bad(&format!(
        "Write failed for table row of type '{singular}Entity'. Infolog: {infolog}; Error: Update has been canceled.."
    ))
}
