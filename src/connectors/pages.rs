//! Long lists, page by page to the end, as the catalogue says how.

use super::http::Answer;
use super::request::{Bound, Call, encoded};
use crate::catalog::{Link, NextPage, Paging, ParamKind, Place};
use crate::engine::connector::StepError;
use crate::graph::ErrorClass;
use crate::value::Value;
use bytes::Bytes;
use std::borrow::Cow;
use url::Url;

/// Most bytes of one list, all pages together.
const LONGEST_LIST: usize = 256 << 20;

/// A list while it is read.
pub struct Pages<'a> {
    bound: Bound<'a>,
    /// `None`: all of it comes at once.
    rules: Option<Cow<'a, Paging>>,
    first: Call,
    asked: u32,
    bytes: usize,
    /// How many rows there are in all, as the first page said.
    count: Option<Value>,
    /// What asked for the page in hand: nothing may ask for it again.
    asked_by: String,
    /// The page before, as it came.
    before: Bytes,
    pub rows: Vec<Value>,
}

impl<'a> Pages<'a> {
    /// The list that begins with `first`.
    pub fn new(bound: Bound<'a>, first: Call) -> Pages<'a> {
        let rules = bound.paging();
        let (asked_by, before) = (String::new(), Bytes::new());
        Pages { bound, rules, first, asked: 0, bytes: 0, count: None, asked_by, before, rows: vec![] }
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
        let rules = self.rules.clone();
        let at = rules.as_ref().and_then(|rules| rules.rows.as_ref()).or(bound.operation.result().at.as_ref());
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
            NextPage::Link(link) => match self.link(link, answer, &body) {
                Some(link) => {
                    self.never_again(&link, answer)?;
                    self.follow(&link).map(Some)
                }
                None => Ok(None),
            },
            NextPage::Number { page, first, total, count: all } => {
                self.same_count(all.as_ref().and_then(|path| path.find(&body)))?;
                self.another(answer)?;
                let next = i64::from(*first) + i64::from(self.asked);
                let more = match total {
                    Some(total) => whole(total.find(&body)).is_some_and(|total| next < i64::from(*first) + total),
                    None => true,
                };
                Ok((count > 0 && more).then(|| self.numbered(Some((page, next.to_string())))))
            }
            NextPage::Offset { place, count: all } => {
                let all = all.as_ref().and_then(|path| path.find(&body));
                self.same_count(all)?;
                self.another(answer)?;
                let there = i64::try_from(self.rows.len()).unwrap_or(i64::MAX);
                let more = whole(all).is_none_or(|all| there < all);
                Ok((count > 0 && more).then(|| self.numbered(Some((place, there.to_string())))))
            }
            NextPage::Token { place, at } => match at.find(&body).and_then(said) {
                Some(token) => {
                    self.never_again(&token, answer)?;
                    Ok(Some(self.numbered(Some((place, token)))))
                }
                None => Ok(None),
            },
            NextPage::After { place, field, more } => {
                let more = match more {
                    Some(more) => more.find(&body).and_then(Value::as_bool) == Some(true),
                    None => count > 0,
                };
                if !more {
                    return Ok(None);
                }
                match last.as_ref().and_then(|row| said(row.get(field))) {
                    Some(cursor) => {
                        self.never_again(&cursor, answer)?;
                        Ok(Some(self.numbered(Some((place, cursor)))))
                    }
                    None => Err(bound.unread(answer, &format!("has more rows, and none with `{field}` to go on from"))),
                }
            }
        }
    }

    /// The link to the next page, where there is one.
    fn link(&self, link: &Link, answer: &Answer, body: &Value) -> Option<String> {
        match link {
            Link::Body(path) => path.find(body).and_then(said),
            Link::Header(name) => {
                let values = answer.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
                next_of(&values.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// Where a page asks for itself the list would have no end.
    fn never_again(&mut self, asks: &str, answer: &Answer) -> Result<(), StepError> {
        if self.asked_by == asks {
            return Err(self.bound.unread(answer, "asks for the same page again"));
        }
        self.asked_by = asks.to_owned();
        Ok(())
    }

    /// A server that does not know how pages are asked for gives the first one for ever.
    fn another(&mut self, answer: &Answer) -> Result<(), StepError> {
        if self.asked > 1 && self.before == answer.body && !self.rows.is_empty() {
            return Err(self
                .bound
                .unread(answer, "is the page before once more: is that how its pages are asked for?"));
        }
        self.before = answer.body.clone();
        Ok(())
    }

    /// How many there are in all is the same on every page.
    fn same_count(&mut self, all: Option<&Value>) -> Result<(), StepError> {
        if self.asked > 1 && all != self.count.as_ref() {
            // What moved to an earlier page would be lost, what moved to a later one be there twice.
            let message = format!("the list of {} changed while it was read", self.bound.system.title);
            return Err(StepError::new(ErrorClass::Unavailable, "list_changed", message));
        }
        self.count = all.cloned();
        Ok(())
    }

    /// The server's own address of the next page: only where it is the connection's.
    fn follow(&self, link: &str) -> Result<Call, StepError> {
        // A relative one is so to the page that has it, which differs from the first only in its query.
        let url = self.first.url.join(link).ok().and_then(|url| self.bound.address(url.as_str()));
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
        let sizes = self.rules.iter().flat_map(|rules| &rules.size).map(|(place, size)| (place, size.to_string()));
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

impl<'a> Bound<'a> {
    /// How the operation pages: as the catalogue says, or as the flow does.
    fn paging(&self) -> Option<Cow<'a, Paging>> {
        if let Some(known) = self.operation.paging.as_ref().and_then(|name| self.system.paging.get(name)) {
            return Some(Cow::Borrowed(known));
        }
        let (name, _) = self.operation.params.iter().find(|(_, param)| param.kind == ParamKind::Paging)?;
        Paging::of(self.literal(name)?).map(Cow::Owned)
    }
}

/// A text or a number that asks for something; what is blank asks for nothing.
fn said(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()).filter(|text| !text.trim().is_empty()),
        Value::Number(number) => number.shortest().ok(),
        _ => None,
    }
}

fn whole(value: Option<&Value>) -> Option<i64> {
    value?.as_number()?.exact().ok()?.to_i64()
}

/// The address of the next page in a `Link` header: `<ADDRESS>; rel="next", <ADDRESS>; rel="last"`, or an address alone.
fn next_of(header: &str) -> Option<String> {
    let header = header.trim();
    if !header.starts_with('<') {
        return Some(header.to_owned()).filter(|address| !address.is_empty());
    }
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (address, after) = after.split_once('>')?;
        // Up to the next address; a comma inside quotes is none of ours to split at.
        let parameters = after.split_once('<').map_or(after, |(before, _)| before);
        let is_next = parameters.split([';', ',']).filter_map(|part| part.split_once('=')).any(|(name, value)| {
            let relations = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && relations.split_ascii_whitespace().any(|relation| relation.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(address.to_owned());
        }
        rest = after;
    }
    None
}
