//! What has changed in a table: OData's delta links. One page at a time, for only whoever keeps the rows knows when the
//! next one may be asked for.
//!
//! The rows become events of rows. A link is taken only where it leads below the connection's own address.

use super::live::Live;
use super::request::{Bound, Call};
use super::{Connectors, Stop, undone};
use crate::engine::connector::{LINK_EXPIRED, Row, StepError};
use crate::graph::{DELETE, ErrorClass, UPDATE};
use crate::value::{Record, Text, Value};
use std::time::Duration;

const NEXT: &str = "@odata.nextLink";
const DELTA: &str = "@odata.deltaLink";
const CONTEXT: &str = "@odata.context";
const VERSION: &str = "@odata.etag";
/// How the context of a row that is gone ends.
const GONE: &str = "/$deletedEntity";

impl Connectors {
    /// One page, from the beginning or from the link in `since`: `{ changes: [{ event, version? }], next?, link? }`.
    pub(super) async fn changes(&self, live: &Live, bound: &Bound<'_>, timeout: Duration) -> Result<Row, Stop> {
        let calls = bound.calls().map_err(undone)?;
        let Some(first) = calls.into_iter().next() else { return Err(Stop::Failed(nothing_asked())) };
        let call = match bound.since() {
            None => first,
            Some(link) => match bound.address(link) {
                Some(url) => Call { url, ..first },
                None => {
                    let message = "the link to the changes leads to another address than the connection's";
                    return Err(Stop::Failed(undone(StepError::data(LINK_EXPIRED, message))));
                }
            },
        };
        let answer = live.exchange(&self.client, bound, &call, timeout).await?;
        let body = bound.json(&answer)?;
        let (Some(rows), Some(entity)) = (body.get("value").as_list(), bound.entity) else {
            return Err(Stop::Failed(bound.unread(&answer, "has no list where one should be")));
        };
        let mut changes = Vec::with_capacity(rows.len());
        for row in rows {
            let gone = row.get(CONTEXT).as_text().is_some_and(|context| context.ends_with(GONE));
            let key = if gone { "id" } else { entity.key.first().map_or("", String::as_str) };
            let (id, version) = (row.get(key).as_text(), row.get(VERSION).as_text());
            let (Some(id), true) = (id, gone || version.is_some()) else {
                return Err(Stop::Failed(bound.unread(&answer, "holds a row without its id or its version")));
            };
            let mut event = Record::from_iter([
                (Text::from("message"), Value::from(if gone { DELETE } else { UPDATE })),
                (Text::from("entity"), Value::from(entity.name.as_str())),
                (Text::from("id"), Value::Text(id.clone())),
            ]);
            if !gone {
                event.set("target".into(), bound.without_notes(row.clone()));
            }
            let mut change = Record::from_iter([(Text::from("event"), Value::Record(event))]);
            if let Some(version) = version {
                change.set("version".into(), Value::Text(version.clone()));
            }
            changes.push(Value::Record(change));
        }
        let mut page = Record::from_iter([(Text::from("changes"), Value::from(changes))]);
        for (name, place) in [("next", NEXT), ("link", DELTA)] {
            let Some(link) = body.get(place).as_text() else { continue };
            if bound.address(link).is_none() {
                let message =
                    format!("{} gives a link to another address than the connection's own", bound.system.title);
                let error = StepError::new(ErrorClass::Config, "foreign_link", message);
                let hint = "write the address under which the system knows itself as `base_url`";
                return Err(Stop::Failed(StepError { hint: Some(hint.into()), ..error }));
            }
            page.set(name.into(), Value::Text(link.clone()));
        }
        Ok(Row::value(Value::Record(page)))
    }
}

fn nothing_asked() -> StepError {
    StepError::data("not_found", "there is nothing to ask for")
}
