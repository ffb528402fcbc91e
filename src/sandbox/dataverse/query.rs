//! Lists: `$filter $select $orderby $top $count $expand`, pages with a link to the next, and what has changed since a
//! delta link was given. An option that Dataverse does not know is refused.

use super::refusal::{Refusal, code};
use super::table::{LINES, Table, Tables};
use super::write::{Named, State, TABLE_OF, VERSION, etag, id_of, same};
use crate::sandbox::filter::{self, Dialect, Filter};
use crate::sandbox::server::Call;
use crate::value::{Number, Record, Text, Value};
use std::cmp::Ordering;

/// Most rows of a page.
pub const PAGE: usize = 5000;
const OPTIONS: &[&str] =
    &["$filter", "$select", "$orderby", "$top", "$count", "$expand", "$skiptoken", "$deltatoken", "tag"];

/// What a list is asked with.
pub struct Query<'q> {
    pub tables: &'q Tables,
    pub state: &'q State,
    pub table: &'q Table,
    pub call: &'q Call,
    /// `http://127.0.0.1:PORT/api/data/v9.2/`.
    pub base: &'q str,
    /// Delta tokens from before that are no good any more.
    pub forgotten: i64,
    /// Most rows of a page, whatever is asked for.
    pub longest_page: usize,
}

/// How the token of a page of changes begins.
const TRACKED: &str = "track!";

/// Which changes are asked for.
struct Reading {
    /// All rows, for the first link.
    first: bool,
    /// The version of the delta link.
    since: i64,
    /// What is not told yet begins behind that.
    after: i64,
    /// What is younger stands in the next asking.
    up_to: i64,
}

impl Reading {
    fn token(&self) -> String {
        format!("{TRACKED}{}!{}!{}!{}", u8::from(self.first), self.since, self.after, self.up_to)
    }

    fn read(token: &str) -> Option<Reading> {
        let parts: Vec<i64> = token.strip_prefix(TRACKED)?.split('!').map(str::parse).collect::<Result<_, _>>().ok()?;
        let [first, since, after, up_to] = parts[..] else { return None };
        Some(Reading { first: first == 1, since, after, up_to })
    }
}

enum Change<'q> {
    Row(&'q Record),
    Gone(&'q str),
}

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::bad(code::QUERY, why)
}

impl Query<'_> {
    /// The body of the answer.
    pub fn list(&self) -> Result<Value, Refusal> {
        for (name, _) in &self.call.query {
            if !OPTIONS.contains(&name.as_str()) {
                return Err(bad(format!("The query parameter '{name}' is not supported.")));
            }
        }
        if let Some(reading) = self.reading()? {
            return self.changes(reading);
        }
        let mut rows = self.rows()?;
        let count = rows.len();
        let top = self.number("$top")?;
        let size = self.page_size().filter(|_| top.is_none()).unwrap_or(PAGE).clamp(1, self.longest_page);
        let from = match self.call.parameter("$skiptoken") {
            Some(token) => token.parse::<usize>().map_err(|_| bad("The skip token is not valid."))?,
            None => 0,
        };
        rows.truncate(top.unwrap_or(usize::MAX));
        let shown: Vec<Value> =
            rows.iter().skip(from).take(size).map(|row| self.shown(row)).collect::<Result<_, _>>()?;
        let mut body = Record::new();
        body.set("@odata.context".into(), Value::from(format!("{}$metadata#{}", self.base, self.table.name)));
        if self.call.parameter("$count") == Some("true") {
            body.set("@odata.count".into(), Value::from(i64::try_from(count.min(PAGE)).unwrap_or(i64::MAX)));
        }
        let more = from + shown.len() < rows.len();
        body.set("value".into(), Value::from(shown));
        if more {
            body.set("@odata.nextLink".into(), Value::from(self.link("$skiptoken", &(from + size).to_string())));
        }
        Ok(Value::Record(body))
    }

    /// The words of `Prefer`.
    fn prefers(&self) -> Vec<String> {
        self.call.header("prefer").split(',').map(|word| word.trim().to_owned()).collect()
    }

    fn number(&self, name: &str) -> Result<Option<usize>, Refusal> {
        let number = self.call.parameter(name).map(str::parse::<usize>).transpose();
        number.map_err(|_| bad(format!("'{name}' is a whole number.")))
    }

    /// The rows that meet the condition, in order.
    fn rows(&self) -> Result<Vec<&Record>, Refusal> {
        let parse = |text| filter::parse_as(text, &self.table.row, Dialect::Dataverse).map_err(bad);
        let filter: Option<Filter> = self.call.parameter("$filter").map(parse).transpose()?;
        let all = self.state.rows.get(&self.table.name).into_iter().flatten();
        let meets = |row: &&Record| filter.as_ref().is_none_or(|filter| filter.holds_in(row, Dialect::Dataverse));
        let mut rows: Vec<&Record> = all.filter(meets).collect();
        for part in self.call.parameter("$orderby").into_iter().flat_map(|order| order.rsplit(',')) {
            let (column, descending) = match part.trim().split_once(' ') {
                Some((column, "desc")) => (column, true),
                Some((column, "asc")) => (column, false),
                None => (part.trim(), false),
                Some(_) => return Err(bad("`$orderby` takes asc or desc.")),
            };
            self.table.column(column)?;
            rows.sort_by(|a, b| {
                let order = order(a.get(column), b.get(column));
                if descending { order.reverse() } else { order }
            });
        }
        Ok(rows)
    }

    /// A row as it is shown.
    pub fn shown(&self, row: &Record) -> Result<Value, Refusal> {
        let mut shown = self.chosen(self.table, row, self.call.parameter("$select"))?;
        if let Some(expand) = self.call.parameter("$expand") {
            for part in outside_brackets(expand, ',') {
                let (name, options) = match part.trim().split_once('(') {
                    Some((name, options)) => (name, options.strip_suffix(')').unwrap_or(options)),
                    None => (part.trim(), ""),
                };
                let select = options.split(';').find_map(|option| option.trim().strip_prefix("$select="));
                shown.set(Text::from(name), self.expanded(row, name, select)?);
            }
        }
        Ok(Value::Record(shown))
    }

    fn expanded(&self, row: &Record, name: &str, select: Option<&str>) -> Result<Value, Refusal> {
        let lines = LINES.iter().find(|(_, _, whole, navigation)| *whole == self.table.name && *navigation == name);
        if let Some((lines, lookup, ..)) = lines {
            let Some(table) = self.tables.get(*lines) else { return Ok(Value::from(Vec::<Value>::new())) };
            let id = Value::from(id_of(row, self.table));
            let rows = self.state.rows.get(*lines).into_iter().flatten();
            let of_it = rows.filter(|line| line.get(lookup).is_some_and(|of| same(of, &id)));
            let shown: Result<Vec<Value>, Refusal> =
                of_it.map(|line| self.chosen(table, line, select).map(Value::Record)).collect();
            return Ok(Value::from(shown?));
        }
        let unknown = || bad(format!("Could not find a property named '{name}' on type '{}'.", self.table.logical));
        let (lookup, leads_to) = self.table.navigation(name).ok_or_else(unknown)?;
        let logical = row.get(&format!("{lookup}{TABLE_OF}")).and_then(Value::as_text);
        let id = row.get(&lookup).and_then(Value::as_text);
        let (Some(id), Some(logical)) = (id, logical) else { return Ok(Value::Null) };
        if leads_to.is_some_and(|wanted| wanted != logical.as_str()) {
            return Ok(Value::Null);
        }
        let table = self.tables.values().find(|table| table.logical == logical.as_str()).ok_or_else(unknown)?;
        match self.state.row(table, &Named::Id(id.to_string())) {
            Some(row) => Ok(Value::Record(self.chosen(table, row, select)?)),
            None => Ok(Value::Null),
        }
    }

    fn chosen(&self, table: &Table, row: &Record, select: Option<&str>) -> Result<Record, Refusal> {
        let annotated = self.prefers().iter().any(|word| word.starts_with("odata.include-annotations"));
        let mut shown = Record::new();
        shown.set("@odata.etag".into(), Value::from(etag(row)));
        let mut show = |column: &str| {
            if let (true, Some(to)) = (annotated, row.get(&format!("{column}{TABLE_OF}")).filter(|to| !to.is_absent()))
            {
                shown.set(format!("{column}{TABLE_OF}").into(), to.clone());
            }
            shown.set(Text::from(column), row.get(column).cloned().unwrap_or(Value::Null));
        };
        match select {
            None => row.iter().filter(|(name, _)| !name.contains('@')).for_each(|(name, _)| show(name)),
            Some(columns) => {
                for column in columns.split(',').map(str::trim) {
                    table.column(column)?;
                    show(column);
                }
                // The id is always shown.
                if !columns.split(',').any(|column| column.trim() == table.id) {
                    show(&table.id);
                }
            }
        }
        Ok(shown)
    }

    /// The first asking gives all rows, each later one what was changed and deleted since the link was given; in the order
    /// of the versions, so that what happens while the pages are read stands in the next asking.
    fn changes(&self, reading: Reading) -> Result<Value, Refusal> {
        for option in ["$filter", "$orderby", "$expand", "$top"] {
            if self.call.parameter(option).is_some() {
                return Err(bad(format!("The query option '{option}' cannot be used with change tracking.")));
            }
        }
        let Reading { first, since, after, up_to } = reading;
        if !first && since < self.forgotten {
            let why = "Version stamp associated with the client has expired. Please perform a full sync.";
            return Err(Refusal::bad(code::EXPIRED_TOKEN, why));
        }
        let version = |row: &Record| row.get(VERSION).and_then(Value::as_number).and_then(Number::small).unwrap_or(0);
        let wanted = |at: i64| at > after && at <= up_to;
        let rows = self.state.rows.get(&self.table.name).into_iter().flatten();
        let mut found: Vec<(i64, Change<'_>)> =
            rows.filter(|row| wanted(version(row))).map(|row| (version(row), Change::Row(row))).collect();
        if !first {
            let deleted = self.state.deleted.iter().filter(|(at, table, _)| wanted(*at) && *table == self.table.name);
            found.extend(deleted.map(|(at, _, id)| (*at, Change::Gone(id))));
        }
        found.sort_by_key(|(at, _)| *at);
        let page = self.page_size().unwrap_or(PAGE).clamp(1, self.longest_page);
        let more = found.len() > page;
        found.truncate(page);
        let shown = found.iter().map(|(_, change)| match change {
            Change::Row(row) => self.shown(row),
            Change::Gone(id) => {
                let context = format!("{}$metadata#{}/$deletedEntity", self.base, self.table.name);
                Ok(Value::Record(Record::from_iter([
                    (Text::from("@odata.context"), Value::from(context)),
                    (Text::from("id"), Value::from(*id)),
                    (Text::from("reason"), Value::from("deleted")),
                ])))
            }
        });
        let shown: Vec<Value> = shown.collect::<Result<_, _>>()?;
        let context = if first { "" } else { "/$delta" };
        let (name, link) = match found.last().filter(|_| more) {
            Some((last, _)) => {
                let token = Reading { first, since, after: *last, up_to }.token();
                ("@odata.nextLink", self.link("$skiptoken", &token))
            }
            None => ("@odata.deltaLink", self.link("$deltatoken", &format!("{up_to}!01/01/2026 00:00:00"))),
        };
        let body = [
            ("@odata.context", Value::from(format!("{}$metadata#{}{context}", self.base, self.table.name))),
            (name, Value::from(link)),
            ("value", Value::from(shown)),
        ];
        Ok(Value::Record(body.into_iter().map(|(name, value)| (Text::from(name), value)).collect()))
    }

    /// Whether it is asked for changes, and for which.
    fn reading(&self) -> Result<Option<Reading>, Refusal> {
        let up_to = self.state.version;
        if let Some(token) = self.call.parameter("$skiptoken").filter(|token| token.starts_with(TRACKED)) {
            return Reading::read(token).map(Some).ok_or_else(|| bad("The skip token is not valid."));
        }
        if let Some(token) = self.call.parameter("$deltatoken") {
            let since = token.split('!').next().and_then(|since| since.parse::<i64>().ok());
            let since = since.ok_or_else(|| bad("The delta token is not valid."))?;
            return Ok(Some(Reading { first: false, since, after: since, up_to }));
        }
        let tracked = self.prefers().iter().any(|word| word == "odata.track-changes");
        Ok(tracked.then_some(Reading { first: true, since: 0, after: 0, up_to }))
    }

    fn page_size(&self) -> Option<usize> {
        self.prefers().iter().find_map(|word| word.strip_prefix("odata.maxpagesize=")?.parse().ok())
    }

    /// This request's address with another token.
    fn link(&self, name: &str, token: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (known, value) in
            self.call.query.iter().filter(|(known, _)| !matches!(known.as_str(), "$skiptoken" | "$deltatoken"))
        {
            query.append_pair(known, value);
        }
        query.append_pair(name, token);
        format!("{}{}?{}", self.base, self.table.name, query.finish())
    }
}

/// `a,b(c,d)` at the commas that stand in no brackets.
fn outside_brackets(text: &str, at: char) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (vec![], 0i32, 0);
    for (place, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            c if c == at && depth == 0 => {
                parts.push(&text[from..place]);
                from = place + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

/// Null first, numbers by value, texts without regard to case.
fn order(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    let there = |value: Option<&Value>| value.is_some_and(|value| !value.is_absent());
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => a.compare(b),
        (Some(Value::Text(a)), Some(Value::Text(b))) => a.to_lowercase().cmp(&b.to_lowercase()),
        (Some(Value::Bool(a)), Some(Value::Bool(b))) => a.cmp(b),
        (a, b) => there(a).cmp(&there(b)),
    }
}
