//! The data that flows through mappings and runs: exact numbers, missing and null as two things, records that keep
//! their order, and JSON in and out with untouched numbers byte for byte.
//!
//! Payload data never passes through `f64` or `serde_json::Value`; this module is the only border. It knows nothing
//! of types, mappings or systems.

mod exact;
pub mod json;
mod money;
mod number;
mod record;
mod text;
pub mod time;

pub use exact::{Exact, Fraction, NumberError, Rounding};
pub use money::{Currency, Money};
pub use number::Number;
pub use record::Record;
pub use text::Text;

use std::sync::Arc;

/// One value. Cloning is cheap: what is long is shared.
#[derive(Clone, Debug)]
pub enum Value {
    /// Not there. Never inside a list; a record's field that is missing is not in the record.
    Missing,
    /// There, and nothing: JSON's `null`.
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    /// A calendar day.
    Date(jiff::civil::Date),
    /// An instant.
    Time(jiff::Timestamp),
    /// A local time in a zone (`t.in_zone(z)`): has no written type and cannot be written.
    Local(Arc<jiff::Zoned>),
    Money(Money),
    List(Arc<Vec<Value>>),
    Record(Record),
}
