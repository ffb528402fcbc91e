//! The ways in which systems hand out long lists.

use super::path::{Path, Place};
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
    Link(Path),
    /// Pages are numbered from `first`, and a page says how many there are. Where it also says how many rows there are
    /// in all (`count`), that must not change while they are read: rows would be lost between two pages.
    Number { page: Place, first: u32, total: Path, count: Option<Path> },
    /// Each page holds what asks for the next one; the last holds none.
    Token { place: Place, at: Path },
    /// The next page begins behind the last row of this one, named by a `field` of it, as long as the page says `more`.
    After { place: Place, field: String, more: Path },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rows: Option<Path>,
    #[serde(default)]
    size: IndexMap<Place, u32>,
    next: Option<Path>,
    page: Option<Place>,
    from: Option<u32>,
    total: Option<Path>,
    count: Option<Path>,
    token: Option<IndexMap<Place, Path>>,
    after: Option<IndexMap<Place, String>>,
    more: Option<Path>,
}

impl TryFrom<Written> for Paging {
    type Error = String;

    fn try_from(written: Written) -> Result<Paging, String> {
        let Written { rows, size, next, page, from, total, count, token, after, more } = written;
        let next = match (next, page, total, token, after, more) {
            (Some(link), None, None, None, None, None) => NextPage::Link(link),
            (None, Some(page), Some(total), None, None, None) => {
                NextPage::Number { page, first: from.unwrap_or(1), total, count }
            }
            (None, None, None, Some(token), None, None) => match token.into_iter().next() {
                Some((place, at)) => NextPage::Token { place, at },
                None => return Err("token: names a place and where the page says what stands there".to_owned()),
            },
            (None, None, None, None, Some(after), Some(more)) => match after.into_iter().next() {
                Some((place, field)) => NextPage::After { place, field, more },
                None => return Err("after: names a place and a field of the last row".to_owned()),
            },
            _ => return Err("paging is one of: next · page, from, total · token · after, more".to_owned()),
        };
        Ok(Paging { rows, size, next })
    }
}
