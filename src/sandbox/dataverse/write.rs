//! What a write does to the rows: checked by the metadata, tied to rows that exist, unique by its keys, with what Dataverse
//! works out itself.
//!
//! All or nothing is the caller's: it works on a copy of the state and keeps it, or does not.

use super::refusal::{Refusal, code};
use super::table::{CUSTOMERS, LINES, NUMBERS, Table, Tables};
use crate::value::{Exact, Number, Record, Rounding, Text, Value, time};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The rows, and what has become of them.
#[derive(Clone, Default)]
pub struct State {
    /// By entity set, in the order in which they were made.
    pub rows: BTreeMap<String, Vec<Record>>,
    pub numbers: BTreeMap<String, u64>,
    /// Grows with every write: the number behind ETags and delta tokens.
    pub version: i64,
    /// Deleted rows: when, of which table, which.
    pub deleted: Vec<(i64, String, String)>,
    /// Rows tied to each other in a collection of both: its name, one, the other.
    pub ties: BTreeSet<(String, String, String)>,
}

/// A write that was done, for those who want to be told.
#[derive(Clone, Debug)]
pub struct Change {
    pub message: &'static str,
    pub table: String,
    pub id: String,
    /// The columns that were given. `None`: the row is gone.
    pub target: Option<Record>,
    pub before: Option<Record>,
    pub after: Option<Record>,
    /// Who did it.
    pub user: String,
}

/// How a row is named.
#[derive(Clone, Debug)]
pub enum Named {
    Id(String),
    Alternate(Vec<(String, Value)>),
}

/// What one request may do to the rows.
pub struct Writer<'w> {
    pub tables: &'w Tables,
    pub state: &'w mut State,
    pub user: &'w str,
    pub now: Timestamp,
    /// Rows of earlier requests of the change set, by their `Content-ID`: table and id.
    pub made: &'w BTreeMap<String, (String, String)>,
    pub changes: &'w mut Vec<Change>,
}

/// The table that a lookup leads to stands beside it.
pub const TABLE_OF: &str = "@Microsoft.Dynamics.CRM.lookuplogicalname";
pub const VERSION: &str = "versionnumber";

impl State {
    /// All of it, to be written down.
    pub fn snapshot(&self) -> Value {
        let record = |fields: Vec<(String, Value)>| -> Value {
            Value::Record(fields.into_iter().map(|(name, value)| (Text::from(name), value)).collect())
        };
        let rows = |rows: &[Record]| Value::from(rows.iter().cloned().map(Value::Record).collect::<Vec<_>>());
        let texts = |texts: [&str; 3]| Value::from(texts.map(Value::from).to_vec());
        let numbers =
            self.numbers.iter().map(|(n, last)| (n.clone(), Value::from(i64::try_from(*last).unwrap_or(i64::MAX))));
        let deleted = self.deleted.iter().map(|(at, table, id)| texts([&at.to_string(), table, id]));
        let ties = self.ties.iter().map(|(name, a, b)| texts([name, a, b]));
        record(vec![
            ("rows".into(), record(self.rows.iter().map(|(name, of)| (name.clone(), rows(of))).collect())),
            ("numbers".into(), record(numbers.collect())),
            ("version".into(), Value::from(self.version)),
            ("deleted".into(), Value::from(deleted.collect::<Vec<_>>())),
            ("ties".into(), Value::from(ties.collect::<Vec<_>>())),
        ])
    }

    /// From what was written down.
    pub fn restored(snapshot: &Value) -> State {
        let whole = |value: &Value| value.as_number().and_then(Number::small).unwrap_or(0);
        let named = |name: &str| snapshot.get(name).as_record().cloned().unwrap_or_default();
        let triples = |name: &str| -> Vec<[String; 3]> {
            let text = |value: &Value| value.as_text().map(|text| text.to_string()).unwrap_or_default();
            let triple = |item: &Value| match item.as_list() {
                Some([a, b, c]) => Some([text(a), text(b), text(c)]),
                _ => None,
            };
            snapshot.get(name).as_list().unwrap_or_default().iter().filter_map(triple).collect()
        };
        let rows = |value: &Value| {
            value.as_list().unwrap_or_default().iter().filter_map(|row| row.as_record().cloned()).collect()
        };
        State {
            rows: named("rows").iter().map(|(name, value)| (name.to_string(), rows(value))).collect(),
            numbers: named("numbers")
                .iter()
                .map(|(n, v)| (n.to_string(), u64::try_from(whole(v)).unwrap_or(0)))
                .collect(),
            version: whole(snapshot.get("version")),
            deleted: triples("deleted")
                .into_iter()
                .map(|[at, table, id]| (at.parse().unwrap_or(0), table, id))
                .collect(),
            ties: triples("ties").into_iter().map(|[name, a, b]| (name, a, b)).collect(),
        }
    }

    pub fn row(&self, table: &Table, named: &Named) -> Option<&Record> {
        self.rows.get(&table.name)?.iter().find(|row| is_named(row, table, named))
    }

    fn place(&self, table: &Table, named: &Named) -> Option<usize> {
        self.rows.get(&table.name)?.iter().position(|row| is_named(row, table, named))
    }
}

fn is_named(row: &Record, table: &Table, named: &Named) -> bool {
    match named {
        Named::Id(id) => row.get(&table.id).is_some_and(|known| same(known, &Value::from(id.as_str()))),
        Named::Alternate(key) => {
            key.iter().all(|(column, value)| row.get(column).is_some_and(|known| same(known, value)))
        }
    }
}

/// Equal as keys are compared: texts without regard to case, nothing equal to null.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => a.to_lowercase() == b.to_lowercase(),
        (Value::Number(a), Value::Number(b)) => a.compare(b).is_eq(),
        (Value::Bool(a), Value::Bool(b)) => a == b,
        _ => false,
    }
}

pub fn etag(row: &Record) -> String {
    format!("W/\"{}\"", row.get(VERSION).and_then(Value::as_number).map(Number::canonical).unwrap_or_default())
}

pub fn id_of(row: &Record, table: &Table) -> String {
    row.get(&table.id).and_then(Value::as_text).map(|id| id.to_string()).unwrap_or_default()
}

fn whole(row: &Record, column: &str) -> Option<i64> {
    row.get(column)?.as_number()?.exact().ok()?.to_i64()
}

impl Writer<'_> {
    /// A new row; `key` names it where it was to be found by an alternate key.
    pub fn create(&mut self, table: &Table, body: &Record, key: &[(String, Value)]) -> Result<Record, Refusal> {
        let mut row = Record::new();
        for name in
            table.row.fields.iter().filter(|(name, f)| !f.write_only && !name.contains('@')).map(|(name, _)| name)
        {
            row.set(name.clone(), Value::Null);
        }
        for (column, value) in key {
            row.set(Text::from(column.as_str()), value.clone());
        }
        let mut given = self.assign(table, &mut row, body, true)?;
        if row.get(&table.id).is_none_or(Value::is_blank) {
            row.set(Text::from(table.id.as_str()), Value::from(uuid::Uuid::now_v7().to_string()));
        }
        given.set(Text::from(table.id.as_str()), row.get(&table.id).cloned().unwrap_or(Value::Null));
        for column in &table.required {
            let bound =
                column.strip_suffix("@odata.bind").and_then(|name| table.navigation(name)).map(|(lookup, _)| lookup);
            let column = bound.as_deref().unwrap_or(column);
            if row.get(column).is_none_or(Value::is_blank) {
                let why = format!("The required field '{column}' is missing.");
                return Err(Refusal::bad(code::INVALID, why));
            }
        }
        if CUSTOMERS.contains(&table.name.as_str()) && row.get("_customerid_value").is_none_or(Value::is_blank) {
            return Err(Refusal::bad(code::INVALID, "You should specify a parent contact or account."));
        }
        self.number(table, &mut row);
        self.begin(table, &mut row)?;
        self.check_line(table, &row)?;
        self.check_unique(table, &row, None)?;
        self.stamp(&mut row, true);
        self.derive(table, &mut row);
        let id = id_of(&row, table);
        self.state.rows.entry(table.name.clone()).or_default().push(row.clone());
        self.total_of(table, &row)?;
        let row = self.state.row(table, &Named::Id(id.clone())).cloned().unwrap_or(row);
        self.told("Create", table, id, Some(given), None, Some(row.clone()));
        Ok(row)
    }

    /// A row as it is given, with what every row has.
    pub fn plant(&mut self, table: &Table, given: &Record) {
        let mut row = Record::new();
        for name in
            table.row.fields.iter().filter(|(name, f)| !f.write_only && !name.contains('@')).map(|(name, _)| name)
        {
            row.set(name.clone(), Value::Null);
        }
        row.set("statecode".into(), Value::from(0));
        given.iter().for_each(|(name, value)| row.set(name.clone(), value.clone()));
        self.stamp(&mut row, true);
        self.state.rows.entry(table.name.clone()).or_default().push(row);
    }

    /// Some columns of a row that is there.
    pub fn update(&mut self, table: &Table, named: &Named, body: &Record) -> Result<Record, Refusal> {
        let Some(place) = self.state.place(table, named) else { return Err(no_row(table, named)) };
        let before = self.state.rows.get(&table.name).and_then(|rows| rows.get(place)).cloned().unwrap_or_default();
        let mut row = before.clone();
        let given = self.assign(table, &mut row, body, false)?;
        self.check_state(table, &before, &mut row, &given)?;
        self.check_unique(table, &row, Some(place))?;
        self.put(table, place, row.clone())?;
        let id = id_of(&row, table);
        let row = self.state.row(table, &Named::Id(id.clone())).cloned().unwrap_or(row);
        self.told("Update", table, id, Some(given), Some(before), Some(row.clone()));
        Ok(row)
    }

    /// Columns that only Dataverse itself sets, as an action does.
    pub fn set(&mut self, table: &Table, id: &str, columns: &[(&str, Value)]) -> Result<Record, Refusal> {
        let named = Named::Id(id.to_owned());
        let Some(place) = self.state.place(table, &named) else { return Err(no_row(table, &named)) };
        let before = self.state.rows.get(&table.name).and_then(|rows| rows.get(place)).cloned().unwrap_or_default();
        let mut row = before.clone();
        let mut given = Record::new();
        for (column, value) in columns {
            row.set(Text::from(*column), value.clone());
            given.set(Text::from(*column), value.clone());
        }
        self.put(table, place, row.clone())?;
        self.told("Update", table, id.to_owned(), Some(given), Some(before), Some(row.clone()));
        Ok(row)
    }

    pub fn delete(&mut self, table: &Table, named: &Named) -> Result<(), Refusal> {
        let Some(place) = self.state.place(table, named) else { return Err(no_row(table, named)) };
        let row = self.state.rows.get_mut(&table.name).map(|rows| rows.remove(place)).unwrap_or_default();
        let id = id_of(&row, table);
        self.state.version += 1;
        self.state.deleted.push((self.state.version, table.name.clone(), id.clone()));
        // Lines go with what they belong to.
        let tables = self.tables;
        for (lines, lookup, ..) in LINES.iter().filter(|(.., whole, _)| *whole == table.name && *whole != "accounts") {
            let Some(lines) = tables.get(*lines) else { continue };
            let of_it: Vec<String> = self
                .state
                .rows
                .get(&lines.name)
                .into_iter()
                .flatten()
                .filter(|line| line.get(lookup).is_some_and(|of| same(of, &Value::from(id.as_str()))))
                .map(|line| id_of(line, lines))
                .collect();
            for line in of_it {
                self.delete(lines, &Named::Id(line))?;
            }
        }
        self.total_of(table, &row)?;
        self.told("Delete", table, id, None, Some(row), None);
        Ok(())
    }

    fn put(&mut self, table: &Table, place: usize, mut row: Record) -> Result<(), Refusal> {
        self.stamp(&mut row, false);
        self.derive(table, &mut row);
        if let Some(kept) = self.state.rows.get_mut(&table.name).and_then(|rows| rows.get_mut(place)) {
            *kept = row.clone();
        }
        self.total_of(table, &row)
    }

    fn told(
        &mut self,
        message: &'static str,
        table: &Table,
        id: String,
        target: Option<Record>,
        before: Option<Record>,
        after: Option<Record>,
    ) {
        let (table, user) = (table.name.clone(), self.user.to_owned());
        self.changes.push(Change { message, table, id, target, before, after, user });
    }

    /// Takes the columns and lookups of a body over; gives those that were named.
    fn assign(&self, table: &Table, row: &mut Record, body: &Record, creating: bool) -> Result<Record, Refusal> {
        let mut given = Record::new();
        for (name, value) in body.iter().filter(|(name, _)| !name.starts_with("@odata.")) {
            if let Some(navigation) = name.strip_suffix("@odata.bind") {
                let (lookup, leads_to) = table.navigation(navigation).ok_or_else(|| {
                    let why = format!("An undeclared property '{navigation}' which only has property annotations in the payload but no property value was found in the payload.");
                    table.payload(why)
                })?;
                let bound = match value {
                    Value::Null if !creating => None,
                    Value::Text(text) => Some(self.target(text)?),
                    _ => return Err(table.payload(format!("The value of '{name}' names no row."))),
                };
                let (id, logical) = match bound {
                    Some((target, id)) => (Value::from(id), Value::from(target.logical.as_str())),
                    None => (Value::Null, Value::Null),
                };
                if let (Some(wanted), Some(found)) = (&leads_to, logical.as_text())
                    && wanted.as_str() != found.as_str()
                {
                    return Err(table.payload(format!("'{navigation}' leads to {wanted}, not to {found}.")));
                }
                row.set(Text::from(lookup.as_str()), id.clone());
                row.set(Text::from(format!("{lookup}{TABLE_OF}")), logical.clone());
                given.set(Text::from(lookup.as_str()), id);
                given.set(Text::from(format!("{lookup}{TABLE_OF}")), logical);
                continue;
            }
            if name.as_str() == table.id && !creating && !row.get(name).is_some_and(|known| same(known, value)) {
                return Err(table.payload(format!("The key '{name}' cannot be changed.")));
            }
            let value = table.stored(name, value)?;
            row.set(name.clone(), value.clone());
            given.set(name.clone(), value);
        }
        Ok(given)
    }

    /// The row that a lookup names: `/contacts(…)`, by its id or an alternate key, or `$1` of the change set.
    pub fn target(&self, written: &str) -> Result<(&Table, String), Refusal> {
        let unread = || Refusal::bad(code::PAYLOAD, format!("'{written}' names no row."));
        if let Some(reference) = written.strip_prefix('$') {
            let (set, id) = self.made.get(reference).ok_or_else(unread)?;
            return Ok((self.tables.get(set).ok_or_else(unread)?, id.clone()));
        }
        let path = match written.find("/api/data/v9.2/") {
            Some(at) => &written[at + "/api/data/v9.2/".len()..],
            None => written.trim_start_matches('/'),
        };
        let (set, rest) = path.split_once('(').ok_or_else(unread)?;
        let key = rest.strip_suffix(')').ok_or_else(unread)?;
        let segment = || Refusal::new(404, code::SEGMENT, format!("Resource not found for the segment '{set}'."));
        let table = self.tables.get(set).ok_or_else(segment)?;
        let named = super::address::named(table, key)?;
        let row = self.state.row(table, &named).ok_or_else(|| no_row(table, &named))?;
        Ok((table, id_of(row, table)))
    }

    fn number(&mut self, table: &Table, row: &mut Record) {
        for (_, column, prefix) in NUMBERS.iter().filter(|(of, ..)| *of == table.name) {
            if row.get(column).is_none_or(Value::is_blank) {
                let next = self.state.numbers.entry(table.name.clone()).or_insert(0);
                *next += 1;
                row.set(Text::from(*column), Value::from(format!("{prefix}{next:06}")));
            }
        }
    }

    /// The state in which a new row begins.
    fn begin(&self, table: &Table, row: &mut Record) -> Result<(), Refusal> {
        if !table.row.fields.contains_key("statecode") {
            return Ok(());
        }
        let first = if table.name == "products" { 2 } else { 0 };
        let state = whole(row, "statecode").unwrap_or(first);
        if table.by_action(state).is_some() {
            return Err(Refusal::bad(
                code::INVALID,
                format!("A new row of '{}' cannot be in state {state}.", table.logical),
            ));
        }
        row.set("statecode".into(), Value::from(state));
        self.check_status(table, row)
    }

    /// The status belongs to the state; where none is given, its first.
    fn check_status(&self, table: &Table, row: &mut Record) -> Result<(), Refusal> {
        let state = whole(row, "statecode").unwrap_or(0);
        let statuses = table.statuses(state);
        match (whole(row, "statuscode"), statuses.first()) {
            (None, Some(first)) => row.set("statuscode".into(), Value::from(*first)),
            (None, None) => row.set("statuscode".into(), Value::from(1)),
            (Some(status), Some(_)) if !statuses.contains(&status) => {
                let why = format!("{status} is not a valid status code for state code {state} on {}.", table.logical);
                return Err(Refusal::bad(code::INVALID, why));
            }
            _ => {}
        }
        Ok(())
    }

    fn check_state(&self, table: &Table, before: &Record, row: &mut Record, given: &Record) -> Result<(), Refusal> {
        if !table.row.fields.contains_key("statecode") {
            return Ok(());
        }
        let (was, is) = (whole(before, "statecode").unwrap_or(0), whole(row, "statecode").unwrap_or(0));
        if was != is {
            if let Some(action) = table.by_action(is) {
                let why = format!(
                    "This message can not be used to set the state of {} to {is}. Use {action} instead.",
                    table.logical
                );
                return Err(Refusal::bad(code::INVALID, why));
            }
            if !given.contains("statuscode") {
                row.set("statuscode".into(), Value::Null);
            }
        } else if table.is_closed(was) {
            let why = format!("The {} cannot be changed: it is closed and read-only.", table.logical);
            return Err(Refusal::bad(code::INVALID, why));
        }
        self.check_status(table, row)
    }

    /// A line belongs to a row that is still open, and has a product with a unit, or a description.
    fn check_line(&self, table: &Table, row: &Record) -> Result<(), Refusal> {
        let of = LINES.iter().find(|(lines, _, whole, _)| *lines == table.name && *whole != "accounts");
        let Some((_, lookup, whole_table, _)) = of else { return Ok(()) };
        let parent = self.tables.get(*whole_table);
        let id = row.get(lookup).and_then(Value::as_text);
        if let (Some(parent), Some(id)) = (parent, id) {
            let found = self.state.row(parent, &Named::Id(id.to_string()));
            if found.is_some_and(|found| parent.is_closed(whole(found, "statecode").unwrap_or(0))) {
                let why = format!("The {} cannot be changed: it is closed and read-only.", parent.logical);
                return Err(Refusal::bad(code::INVALID, why));
            }
        }
        let has = |column: &str| row.get(column).is_some_and(|value| !value.is_blank());
        let write_in = row.get("isproductoverridden").and_then(Value::as_bool).unwrap_or(false);
        match write_in {
            true if !has("productdescription") => {
                Err(Refusal::bad(code::INVALID, "A write-in product needs a product description."))
            }
            false if !has("_productid_value") || !has("_uomid_value") => Err(Refusal::bad(
                code::INVALID,
                "The product and its unit are missing; a write-in has isproductoverridden.",
            )),
            _ => Ok(()),
        }
    }

    /// No two rows share an id or an alternate key that is whole.
    fn check_unique(&self, table: &Table, row: &Record, own: Option<usize>) -> Result<(), Refusal> {
        let id = vec![table.id.clone()];
        let unique = if table.name == "products" { vec![vec!["productnumber".to_owned()]] } else { vec![] };
        for key in [id].iter().chain(&table.alternate_keys).chain(&unique) {
            let values: Option<Vec<&Value>> =
                key.iter().map(|column| row.get(column).filter(|value| !value.is_absent())).collect();
            let Some(values) = values else { continue };
            let taken = self.state.rows.get(&table.name).into_iter().flatten().enumerate().any(|(place, other)| {
                let equal = key.iter().zip(&values).all(|(c, v)| other.get(c).is_some_and(|known| same(known, v)));
                Some(place) != own && equal
            });
            if taken {
                let why = "A record with matching key values already exists.";
                return Err(Refusal::new(412, code::DUPLICATE_KEY, why));
            }
        }
        Ok(())
    }

    fn stamp(&mut self, row: &mut Record, new: bool) {
        self.state.version += 1;
        let now = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
        let now = time::write_time(now).map(Value::from).unwrap_or(Value::Null);
        if new {
            row.set("createdon".into(), now.clone());
            row.set("_ownerid_value".into(), Value::from(self.user));
        }
        row.set("modifiedon".into(), now);
        row.set(VERSION.into(), Value::from(self.state.version));
    }

    /// What Dataverse works out of a row's own columns.
    fn derive(&self, table: &Table, row: &mut Record) {
        let text = |row: &Record, column: &str| row.get(column).and_then(Value::as_text).map(|text| text.to_string());
        if table.name == "contacts" {
            let name: Vec<String> = ["firstname", "lastname"].iter().filter_map(|column| text(row, column)).collect();
            row.set("fullname".into(), if name.is_empty() { Value::Null } else { Value::from(name.join(" ")) });
        }
        let composites: Vec<String> =
            table.row.fields.keys().filter_map(|name| Some(name.strip_suffix("_composite")?.to_owned())).collect();
        for prefix in composites {
            let parts = ["line1", "line2", "line3", "city", "stateorprovince", "postalcode", "country"];
            let parts: Vec<String> = parts.iter().filter_map(|part| text(row, &format!("{prefix}_{part}"))).collect();
            let whole = if parts.is_empty() { Value::Null } else { Value::from(parts.join("\r\n")) };
            row.set(format!("{prefix}_composite").into(), whole);
        }
        if CUSTOMERS.contains(&table.name.as_str()) {
            let customer = row.get("_customerid_value").cloned().unwrap_or(Value::Null);
            let is = row.get(&format!("_customerid_value{TABLE_OF}")).cloned().unwrap_or(Value::Null);
            for (column, logical) in [("_accountid_value", "account"), ("_contactid_value", "contact")] {
                let follows = same(&is, &Value::from(logical));
                row.set(column.into(), if follows { customer.clone() } else { Value::Null });
            }
        }
        if LINES.iter().any(|(lines, _, whole, _)| *lines == table.name && *whole != "accounts") {
            if row.get("ispriceoverridden").and_then(Value::as_bool) != Some(true)
                && let Some(product) = row.get("_productid_value").and_then(Value::as_text)
            {
                let products = self.tables.get("products");
                let found = products.and_then(|table| self.state.row(table, &Named::Id(product.to_string())));
                let price = found.and_then(|product| product.get("price")).filter(|price| !price.is_absent()).cloned();
                row.set("priceperunit".into(), price.unwrap_or(Value::Number(Number::from(0))));
            }
            let (price, quantity) = (amount(row, "priceperunit"), amount(row, "quantity"));
            let base = price.mul(quantity).and_then(|base| base.round(4, Rounding::HalfAway)).unwrap_or(Exact::ZERO);
            let less = base.sub(amount(row, "manualdiscountamount")).and_then(|less| less.add(amount(row, "tax")));
            row.set("baseamount".into(), Value::from(base));
            row.set("extendedamount".into(), Value::from(less.unwrap_or(base)));
        }
        if matches!(table.name.as_str(), "salesorders" | "invoices") {
            self.total(table, row);
        }
    }

    /// The total of an order: its lines, freight, discount and tax.
    fn total(&self, table: &Table, row: &mut Record) {
        let Some((lines, lookup, ..)) = LINES.iter().find(|(.., whole, _)| *whole == table.name) else { return };
        let id = Value::from(id_of(row, table));
        let mut sums = [Exact::ZERO; 3];
        for line in self.state.rows.get(*lines).into_iter().flatten() {
            if !line.get(lookup).is_some_and(|of| same(of, &id)) {
                continue;
            }
            for (sum, column) in sums.iter_mut().zip(["baseamount", "manualdiscountamount", "tax"]) {
                *sum = sum.add(amount(line, column)).unwrap_or(*sum);
            }
        }
        let [base, discount, tax] = sums;
        let add = |a: Exact, b: Exact| a.add(b).unwrap_or(a);
        let items = add(base, discount.neg());
        let less_freight = add(items, amount(row, "discountamount").neg());
        let total = add(add(less_freight, tax), amount(row, "freightamount"));
        for (column, value) in [
            ("totallineitemamount", items),
            ("totallineitemdiscountamount", discount),
            ("totaltax", tax),
            ("totalamountlessfreight", less_freight),
            ("totaldiscountamount", add(discount, amount(row, "discountamount"))),
            ("totalamount", total),
        ] {
            row.set(column.into(), Value::from(value));
        }
    }

    /// Works the order of a line out anew.
    fn total_of(&mut self, table: &Table, line: &Record) -> Result<(), Refusal> {
        let Some((_, lookup, whole, _)) = LINES.iter().find(|(lines, ..)| *lines == table.name) else { return Ok(()) };
        let tables = self.tables;
        let Some(parent) = tables.get(*whole).filter(|parent| parent.name != "accounts") else { return Ok(()) };
        let Some(id) = line.get(lookup).and_then(Value::as_text).map(|id| id.to_string()) else { return Ok(()) };
        let Some(place) = self.state.place(parent, &Named::Id(id)) else { return Ok(()) };
        let Some(mut row) = self.state.rows.get(&parent.name).and_then(|rows| rows.get(place)).cloned() else {
            return Ok(());
        };
        self.total(parent, &mut row);
        self.stamp(&mut row, false);
        if let Some(kept) = self.state.rows.get_mut(&parent.name).and_then(|rows| rows.get_mut(place)) {
            *kept = row;
        }
        Ok(())
    }
}

fn amount(row: &Record, column: &str) -> Exact {
    row.get(column).and_then(Value::as_number).and_then(|number| number.exact().ok()).unwrap_or(Exact::ZERO)
}

/// What is answered where a row is not there.
pub fn no_row(table: &Table, named: &Named) -> Refusal {
    match named {
        Named::Id(id) => Refusal::no_row(&table.logical, id),
        Named::Alternate(_) => {
            let why = format!("A record with the specified key values does not exist in {} entity", table.logical);
            Refusal::new(404, code::NO_SUCH_KEY, why)
        }
    }
}
