//! The ways in which systems hand out long lists. A catalogue declares them, and for a system that nobody described a flow
//! does, in the same words.

use super::path::{Path, Place};
use crate::value::{Value, json};
use indexmap::IndexMap;
use serde::Deserialize;

/// One way to page: where the rows stand, how many are asked for, and how the next page is found.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Paging {
    /// The list of rows in a page. `None`: where the operation's result stands.
    pub rows: Option<Path>,
    /// Sent with the first request, and with each that is not a URL of the server's own.
    pub size: IndexMap<Place, u32>,
    pub next: NextPage,
}

/// How the next page is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum NextPage {
    /// Each page holds the next one's URL; the last holds none.
    Link(Link),
    /// Pages are numbered from `first`. A page says how many there are, or the first without a row ends the list. Where a
    /// page also says how many rows there are in all (`count`), that must not change while they are read: rows would be lost
    /// between two pages.
    Number { page: Place, first: u32, total: Option<Path>, count: Option<Path> },
    /// The next page begins behind as many rows as there were, until there are as many as a page says (`count`), or until a
    /// page has none.
    Offset { place: Place, count: Option<Path> },
    /// Each page holds what asks for the next one; the last holds none.
    Token { place: Place, at: Path },
    /// The next page begins behind the last row of this one, named by a `field` of it, as long as the page says `more`, or
    /// until a page has no rows.
    After { place: Place, field: String, more: Option<Path> },
}

/// Where a page's link to the next one stands.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub enum Link {
    /// In its body.
    Body(Path),
    /// In a header: an address, or several as `<ADDRESS>; rel="next"` (RFC 8288).
    Header(String),
}

impl Paging {
    /// The keys with which one is written.
    pub const KEYS: [&str; 11] =
        ["rows", "size", "next", "page", "from", "total", "count", "offset", "token", "after", "more"];

    /// The way that a flow wrote, as its compiler put it down.
    pub fn of(written: &Value) -> Option<Paging> {
        serde_json::from_str(&json::write(written).ok()?).ok()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rows: Option<Path>,
    #[serde(default)]
    size: IndexMap<Place, u32>,
    next: Option<Link>,
    page: Option<Place>,
    from: Option<u32>,
    total: Option<Path>,
    count: Option<Path>,
    offset: Option<Place>,
    token: Option<IndexMap<Place, Path>>,
    after: Option<IndexMap<Place, String>>,
    more: Option<Path>,
}

const WAYS: &str = "paging is one of: next · page, from, total, count · offset, count · token · after, more";

impl TryFrom<Written> for Paging {
    type Error = String;

    fn try_from(written: Written) -> Result<Paging, String> {
        let Written { rows, size, next, page, from, total, count, offset, token, after, more } = written;
        let (numbered, counted) = (from.is_some() || total.is_some(), count.is_some());
        let (next, fits) = match (next, page, offset, token, after) {
            (Some(link), None, None, None, None) => (NextPage::Link(link), !numbered && !counted && more.is_none()),
            (None, Some(page), None, None, None) => {
                let first = from.unwrap_or(1);
                (NextPage::Number { page, first, total, count }, more.is_none())
            }
            (None, None, Some(place), None, None) => (NextPage::Offset { place, count }, !numbered && more.is_none()),
            (None, None, None, Some(token), None) => {
                let (place, at) =
                    only(token).ok_or("token: names one place and where the page says what stands there")?;
                (NextPage::Token { place, at }, !numbered && !counted && more.is_none())
            }
            (None, None, None, None, Some(after)) => {
                let (place, field) = only(after).ok_or("after: names one place and a field of the last row")?;
                (NextPage::After { place, field, more }, !numbered && !counted)
            }
            _ => return Err(WAYS.to_owned()),
        };
        let asked = match &next {
            NextPage::Link(_) => None,
            NextPage::Number { page: place, .. }
            | NextPage::Offset { place, .. }
            | NextPage::Token { place, .. }
            | NextPage::After { place, .. } => Some(place),
        };
        if size.keys().chain(asked).any(|place| !matches!(place, Place::Query(_))) {
            return Err("a page is asked for in the query: query.NAME".to_owned());
        }
        if fits { Ok(Paging { rows, size, next }) } else { Err(WAYS.to_owned()) }
    }
}

fn only<T>(of: IndexMap<Place, T>) -> Option<(Place, T)> {
    let mut entries = of.into_iter();
    entries.next().filter(|_| entries.next().is_none())
}

impl TryFrom<String> for Link {
    type Error = String;

    fn try_from(text: String) -> Result<Link, String> {
        if text.starts_with('$') {
            return Path::try_from(text).map(Link::Body);
        }
        match Place::try_from(text.clone()) {
            Ok(Place::ResponseHeader(name)) => Ok(Link::Header(name)),
            _ => Err(format!("{text:?} is no place of a link: $.next or response.header.Link")),
        }
    }
}
