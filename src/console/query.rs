//! What a request asks for, read strictly: an unknown or wrong parameter is an error, not another answer than expected.

use super::api::Problem;
use crate::diagnostics::did_you_mean;
use crate::store::Page;
use std::fmt::Display;
use std::str::FromStr;

/// How many a list gives when nobody says how many, and at most.
const USUAL: usize = 50;
const MOST: usize = 200;

/// The parameters of a request.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// `known` are the parameters that the request may have; each at most once.
    pub fn read(text: Option<&str>, known: &[&str]) -> Result<Query, Problem> {
        let mut pairs: Vec<(String, String)> = vec![];
        for (name, value) in url::form_urlencoded::parse(text.unwrap_or_default().as_bytes()).into_owned() {
            if !known.contains(&name.as_str()) {
                let near = did_you_mean(&name, known.iter().copied());
                let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                return Err(Problem::wrong(format!("there is no parameter `{name}`{near}")));
            }
            if pairs.iter().any(|(there, _)| *there == name) {
                return Err(Problem::wrong(format!("`{name}` is given twice")));
            }
            pairs.push((name, value));
        }
        Ok(Query(pairs))
    }

    /// A parameter's text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// A parameter read as something else.
    pub fn parsed<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let read = |text: String| text.parse().map_err(|error| Problem::wrong(format!("`{name}`: {error}")));
        self.text(name).map(read).transpose()
    }

    /// Several, separated by commas.
    pub fn several<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Vec<T>, Problem> {
        let text = self.text(name).unwrap_or_default();
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| part.parse().map_err(|error| Problem::wrong(format!("`{name}`: {error}")))).collect()
    }

    /// `limit` and `after`.
    pub fn page(&self) -> Result<Page, Problem> {
        let limit = self.parsed("limit")?.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(Problem::wrong(format!("`limit` is {limit}: it is from 1 to {MOST}")));
        }
        Ok(Page { limit, after: self.text("after") })
    }
}
