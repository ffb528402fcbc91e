//! Why a request is not done, in Dataverse's shape and codes.

use crate::sandbox::server::Reply;
use crate::value::{Record, Text, Value, json};

/// The codes that are answered here. Those of the product's documentation; `K`: general knowledge.
pub mod code {
    pub const NOT_FOUND: &str = "0x80040217";
    pub const NO_SUCH_KEY: &str = "0x80060891";
    pub const DUPLICATE_KEY: &str = "0x80040237";
    pub const DUPLICATE_FOUND: &str = "0x80040333";
    pub const VERSION: &str = "0x80060882";
    pub const PAYLOAD: &str = "0x80048d19";
    pub const SEGMENT: &str = "0x8006088a";
    pub const LIMIT: &str = "0x80072322";
    /// K.
    pub const QUERY: &str = "0x80060888";
    /// K.
    pub const TOO_LONG: &str = "0x80044331";
    /// K.
    pub const OPTION: &str = "0x8004431a";
    /// K.
    pub const INVALID: &str = "0x80040203";
    /// K.
    pub const EXPIRED_TOKEN: &str = "0x80044352";
    /// K.
    pub const UNEXPECTED: &str = "0x80040216";
}

/// A request that is not done.
#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    code: &'static str,
    message: String,
}

impl Refusal {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { status, code, message: message.into() }
    }

    pub fn bad(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal::new(400, code, message)
    }

    /// A row that there is not.
    pub fn no_row(logical: &str, id: &str) -> Refusal {
        Refusal::new(404, code::NOT_FOUND, format!("{logical} With Id = {id} Does Not Exist"))
    }

    pub fn reply(&self) -> Reply {
        if self.status == 401 {
            let authority = "Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize";
            return Reply::empty(401).with("WWW-Authenticate", authority);
        }
        let error = Record::from_iter([
            (Text::from("code"), Value::from(self.code)),
            (Text::from("message"), Value::from(self.message.as_str())),
        ]);
        let body = Value::Record(Record::from_iter([(Text::from("error"), Value::Record(error))]));
        Reply::json(self.status, json::write(&body).unwrap_or_else(|_| "{}".into()))
    }

    pub fn message(&self) -> &str {
        &self.message
    }
}
