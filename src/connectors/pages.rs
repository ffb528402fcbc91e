//! Long lists, page by page to the end, as the catalogue says how.

use super::http::Answer;
use super::request::{Bound, Call, encoded};
use crate::catalog::{NextPage, Place};
use crate::engine::connector::StepError;
use crate::graph::ErrorClass;
use crate::value::Value;
use url::Url;

/// Most bytes of one list, all pages together.
const LONGEST_LIST: usize = 256 << 20;

/// A list while it is read.
pub struct Pages<'a> {
    bound: Bound<'a>,
    first: Call,
    asked: u32,
    bytes: usize,
    /// How many rows there are in all, as the first page said.
    count: Option<Value>,
    pub rows: Vec<Value>,
}

impl<'a> Pages<'a> {
    /// The list that begins with `first`.
    pub fn new(bound: Bound<'a>, first: Call) -> Pages<'a> {
        Pages { bound, first, asked: 0, bytes: 0, count: None, rows: vec![] }
    }

    /// The first request, with the page's size.
    pub fn begin(&self) -> Call {
        self.numbered(None)
    }

    /// Takes a page's rows; gives the request for the next page, where there is one.
    pub fn take(&mut self, answer: &Answer) -> Result<Option<Call>, StepError> {
        let bound = self.bound;
        let body = bound.json(answer)?;
        self.bytes = self.bytes.saturating_add(answer.body.len());
        if self.bytes > LONGEST_LIST {
            let message = format!("the list is longer than {} MiB", LONGEST_LIST >> 20);
            return Err(StepError {
                hint: Some("narrow it with `where` or `limit`".into()),
                ..StepError::data("list_too_long", message)
            });
        }
        let rules = bound.operation.paging.as_ref().and_then(|name| bound.system.paging.get(name));
        let at = rules.and_then(|rules| rules.rows.as_ref()).or(bound.operation.result().at.as_ref());
        let rows = match at {
            Some(at) => at.find(&body),
            None => Some(&body),
        };
        let Some(rows) = rows.and_then(Value::as_list) else {
            return Err(bound.unread(answer, "has no list where one should be"));
        };
        let count = rows.len();
        let last = rows.last().cloned();
        self.rows.extend(rows.iter().map(|row| bound.without_notes(row.clone())));
        self.asked += 1;
        let Some(rules) = rules else { return Ok(None) };
        match &rules.next {
            NextPage::Link(path) => match path.find(&body).and_then(Value::as_text) {
                Some(link) => self.follow(link).map(Some),
                None => Ok(None),
            },
            NextPage::Number { page, first, total, count: all } => {
                let all = all.as_ref().and_then(|path| path.find(&body)).cloned();
                if self.asked > 1 && all != self.count {
                    // What moved to an earlier page would be lost, what moved to a later one be there twice.
                    let message = format!("the list of {} changed while it was read", bound.system.title);
                    return Err(StepError::new(ErrorClass::Unavailable, "list_changed", message));
                }
                self.count = all;
                let total =
                    total.find(&body).and_then(Value::as_number).and_then(|n| n.exact().ok()).and_then(|n| n.to_i64());
                let next = i64::from(*first) + i64::from(self.asked);
                let more = count > 0 && total.is_some_and(|total| next < i64::from(*first) + total);
                Ok(more.then(|| self.numbered(Some((page, next.to_string())))))
            }
            NextPage::Token { place, at } => match at.find(&body).and_then(Value::as_text) {
                Some(token) => Ok(Some(self.numbered(Some((place, token.to_string()))))),
                None => Ok(None),
            },
            NextPage::After { place, field, more } => {
                if more.find(&body).and_then(Value::as_bool) != Some(true) {
                    return Ok(None);
                }
                match last.as_ref().and_then(|row| row.get(field).as_text()) {
                    Some(cursor) => Ok(Some(self.numbered(Some((place, cursor.to_string()))))),
                    None => Err(bound.unread(answer, &format!("has more rows, and none with `{field}` to go on from"))),
                }
            }
        }
    }

    /// The server's own address of the next page: only where it is the connection's.
    fn follow(&self, link: &str) -> Result<Call, StepError> {
        let url = self.bound.address(link);
        let Some(url) = url else {
            let host = Url::parse(link).ok().and_then(|url| url.host_str().map(str::to_string));
            let host = host.unwrap_or_else(|| "an unreadable address".into());
            let message = format!(
                "{} sends on to {host} for the next page, which is not the connection's own",
                self.bound.system.title
            );
            return Err(StepError {
                hint: Some("write the address under which the system knows itself as `base_url`".into()),
                ..StepError::new(ErrorClass::Config, "foreign_link", message)
            });
        };
        Ok(Call { url, ..self.first.clone() })
    }

    /// The first request with the page's size and, where given, where to go on.
    fn numbered(&self, next: Option<(&Place, String)>) -> Call {
        let mut call = self.first.clone();
        let rules = self.bound.operation.paging.as_ref().and_then(|name| self.bound.system.paging.get(name));
        let sizes = rules.into_iter().flat_map(|rules| &rules.size).map(|(place, size)| (place, size.to_string()));
        let options: Vec<String> = sizes
            .chain(next)
            .filter_map(|(place, value)| match place {
                Place::Query(name) => Some(format!("{}={}", encoded(name), encoded(&value))),
                _ => None,
            })
            .chain(call.url.query().map(str::to_string))
            .collect();
        call.url.set_query(Some(options.join("&")).filter(|query| !query.is_empty()).as_deref());
        call
    }
}
