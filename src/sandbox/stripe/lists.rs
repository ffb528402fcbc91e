//! Reading: one object, lists with cursors, searches, and the objects that stand in an answer instead of their ids.

use super::kinds::Kind;
use super::{Refusal, State, id_of, invalid, missing, shown, text_of};
use crate::sandbox::server::Call;
use crate::value::{Record, Text, Value};

/// Most objects that one path of `expand` goes through.
const DEEPEST: usize = 4;

impl State {
    /// One object.
    pub fn one(&self, kind: &Kind, id: &str, call: &Call) -> Result<Record, Refusal> {
        let found = self.find(kind.segment, id).ok_or_else(|| missing(kind.object, id))?;
        let mut object = Value::Record(shown(found));
        for path in expansions(call) {
            object = self.expanded(object, &path, &path)?;
        }
        match object {
            Value::Record(object) => Ok(object),
            _ => Err(missing(kind.object, id)),
        }
    }

    /// A page of a list, the newest first.
    pub fn list(&self, kind: &Kind, call: &Call) -> Result<Record, Refusal> {
        let mut newest: Vec<&Record> = self.all(kind.segment).iter().rev().collect();
        for (name, value) in &call.query {
            match name.as_str() {
                "limit" | "starting_after" | "ending_before" => {}
                name if name.starts_with("expand[") => {}
                name if ["created[", "arrival_date["].iter().any(|known| name.starts_with(known)) => {
                    let wanted: i64 = value.parse().map_err(|_| invalid(name, &format!("Invalid integer: {value}")))?;
                    let (field, op) = name.split_once('[').unwrap_or((name, ""));
                    newest.retain(|object| match (number(object, field), op) {
                        (Some(at), "gte]") => at >= wanted,
                        (Some(at), "gt]") => at > wanted,
                        (Some(at), "lt]") => at < wanted,
                        (Some(at), "lte]") => at <= wanted,
                        _ => false,
                    });
                }
                name if kind.filters.contains(&name) => self.only(&mut newest, kind, name, value, call)?,
                other => {
                    let refusal = invalid(other, &format!("Received unknown parameter: {other}"));
                    return Err(Refusal { code: "parameter_unknown", ..refusal });
                }
            }
        }
        let limit = limit(call)?;
        let place = |name: &str| -> Result<Option<usize>, Refusal> {
            let Some(id) = call.parameter(name) else { return Ok(None) };
            let place = newest.iter().position(|object| id_of(object) == id);
            place.map(Some).ok_or_else(|| Refusal { status: 400, ..missing("object", id) })
        };
        let (after, before) = (place("starting_after")?, place("ending_before")?);
        let begin = after.map_or(0, |place| place + 1);
        let end = before.unwrap_or(newest.len()).max(begin);
        // Backwards, a page holds those directly in front of the cursor.
        let (page, more) = match before {
            Some(_) => (&newest[end.saturating_sub(limit).max(begin)..end], end - begin > limit),
            None => (&newest[begin..(begin + limit).min(end)], end - begin > limit),
        };
        let mut list = Record::new();
        list.set("object".into(), Value::from("list"));
        list.set("data".into(), self.rows(page, call)?);
        list.set("has_more".into(), Value::Bool(more));
        list.set("url".into(), Value::Text(Text::from(call.path.as_str())));
        Ok(list)
    }

    /// A page of a search.
    pub fn search(&self, kind: &Kind, call: &Call) -> Result<Record, Refusal> {
        let query = call.parameter("query").ok_or_else(|| invalid("query", "Missing required param: query."))?;
        let clauses = clauses(query, kind)?;
        let found: Vec<&Record> = self
            .all(kind.segment)
            .iter()
            .rev()
            .filter(|object| clauses.iter().all(|clause| clause.holds(object)))
            .collect();
        let limit = limit(call)?;
        let begin = match call.parameter("page") {
            None => 0,
            Some(page) => page
                .strip_prefix("page_")
                .and_then(|n| n.parse::<usize>().ok())
                .ok_or_else(|| invalid("page", "Invalid page"))?,
        };
        let end = begin.saturating_add(limit).min(found.len());
        let page = found.get(begin.min(end)..end).unwrap_or_default();
        let more = end < found.len();
        let mut list = Record::new();
        list.set("object".into(), Value::from("search_result"));
        list.set("data".into(), self.rows(page, call)?);
        list.set("has_more".into(), Value::Bool(more));
        list.set("next_page".into(), if more { Value::from(format!("page_{end}")) } else { Value::Null });
        list.set("url".into(), Value::Text(Text::from(call.path.as_str())));
        Ok(list)
    }

    fn rows(&self, page: &[&Record], call: &Call) -> Result<Value, Refusal> {
        let paths = expansions(call);
        let rows = page.iter().map(|object| {
            let mut row = Value::Record(shown(object));
            for path in &paths {
                let inner = path.strip_prefix("data.");
                let inner = inner.ok_or_else(|| unexpandable(path))?;
                row = self.expanded(row, inner, path)?;
            }
            Ok(row)
        });
        rows.collect()
    }

    fn only(&self, rows: &mut Vec<&Record>, kind: &Kind, name: &str, value: &str, call: &Call) -> Result<(), Refusal> {
        match name {
            "delivery_success" => {}
            // What a payout holds is known of automatic ones only.
            "payout" => {
                let payout = self.find("payouts", value).ok_or_else(|| missing("payout", value))?;
                if payout.get("automatic").and_then(Value::as_bool) != Some(true) {
                    let why = "Balance transaction history can only be filtered on automatic transfers, not manual.";
                    return Err(invalid("payout", why));
                }
                rows.retain(|row| text_of(row, "#payout") == value);
            }
            name if name.starts_with("types[") => {
                let wanted = |row: &Record| {
                    call.query.iter().any(|(n, v)| n.starts_with("types[") && text_of(row, "type") == *v)
                };
                rows.retain(|row| wanted(row));
            }
            "lookup_keys[0]" => rows.retain(|row| text_of(row, "lookup_key") == value),
            "active" => rows.retain(|row| {
                row.get("active").and_then(Value::as_bool).is_some_and(|active| active.to_string() == value)
            }),
            // Unless they are asked for, canceled ones are left out.
            "status" if kind.segment == "subscriptions" && value == "all" => {}
            name => match name.split_once('[') {
                Some((outer, inner)) => {
                    let inner = inner.trim_end_matches(']');
                    rows.retain(|row| {
                        row.get(outer).and_then(|v| v.get(inner).as_text()).is_some_and(|text| text.as_str() == value)
                    });
                }
                None => rows.retain(|row| text_of(row, name) == value),
            },
        }
        Ok(())
    }

    /// The object with what stands at a path instead of its id.
    fn expanded(&self, object: Value, path: &str, whole: &str) -> Result<Value, Refusal> {
        if whole.strip_prefix("data.").unwrap_or(whole).split('.').count() > DEEPEST {
            return Err(invalid("expand", &format!("You cannot expand more than {DEEPEST} levels of a property")));
        }
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let mut record = match object {
            Value::Record(record) => record,
            Value::List(items) => {
                let each = items.iter().map(|item| self.expanded(item.clone(), path, whole));
                return each.collect();
            }
            _ => return Err(unexpandable(whole)),
        };
        let id = id_of(&record).to_string();
        let found = match (first, record.get(first)) {
            ("refunds", _) if text_of(&record, "object") == "charge" => self.listed("refunds", "charge", &id),
            ("payments", _) if text_of(&record, "object") == "invoice" => {
                self.listed("invoice_payments", "invoice", &id)
            }
            (_, Some(Value::Text(text))) => {
                let named = self.by_id(text).ok_or_else(|| unexpandable(whole))?;
                Value::Record(shown(named))
            }
            (_, Some(Value::Null)) => Value::Null,
            // Already an object: the path goes through it.
            (_, Some(value @ (Value::Record(_) | Value::List(_)))) if rest.is_some() => value.clone(),
            _ => return Err(unexpandable(whole)),
        };
        let found = match (rest, found) {
            (Some(_), Value::Null) => Value::Null,
            (Some(rest), found) => self.expanded(found, rest, whole)?,
            (None, found) => found,
        };
        record.set(Text::from(first), found);
        Ok(Value::Record(record))
    }

    fn listed(&self, segment: &str, by: &str, id: &str) -> Value {
        let rows = self.all(segment).iter().rev().filter(|row| text_of(row, by) == id);
        let mut list = Record::new();
        list.set("object".into(), Value::from("list"));
        list.set("data".into(), Value::from(rows.map(|row| Value::Record(shown(row))).collect::<Vec<_>>()));
        list.set("has_more".into(), Value::Bool(false));
        list.set("url".into(), Value::from(format!("/v1/{segment}")));
        Value::Record(list)
    }
}

fn expansions(call: &Call) -> Vec<String> {
    let named = call.query.iter().filter(|(name, _)| name.starts_with("expand["));
    named.map(|(_, path)| path.clone()).collect()
}

fn unexpandable(path: &str) -> Refusal {
    invalid("expand", &format!("This property cannot be expanded ({path})."))
}

fn limit(call: &Call) -> Result<usize, Refusal> {
    match call.parameter("limit").map(str::parse::<usize>) {
        None => Ok(10),
        Some(Ok(limit)) if (1..=100).contains(&limit) => Ok(limit),
        Some(_) => Err(Refusal { code: "parameter_invalid_integer", ..invalid("limit", "Invalid integer: limit") }),
    }
}

fn number(object: &Record, name: &str) -> Option<i64> {
    object.get(name)?.as_number()?.exact().ok()?.to_i64()
}

/// One condition of a search.
#[derive(Debug)]
struct Clause {
    not: bool,
    /// A field, or a field and a key below it.
    field: (String, Option<String>),
    op: &'static str,
    value: String,
}

impl Clause {
    fn holds(&self, object: &Record) -> bool {
        let (field, key) = &self.field;
        let value = match key {
            None => object.get(field).cloned(),
            Some(key) => object.get(field).map(|map| map.get(key).clone()),
        };
        let value = value.unwrap_or(Value::Missing);
        let is = match (&value, self.op) {
            (Value::Text(text), ":") => text.to_lowercase() == self.value.to_lowercase(),
            (Value::Text(text), "~") => text.to_lowercase().contains(&self.value.to_lowercase()),
            (Value::Number(number), op) => {
                let (at, wanted) = (number.exact().ok().and_then(|n| n.to_i64()), self.value.parse::<i64>().ok());
                match (at, wanted, op) {
                    (Some(at), Some(wanted), ":") => at == wanted,
                    (Some(at), Some(wanted), ">") => at > wanted,
                    (Some(at), Some(wanted), ">=") => at >= wanted,
                    (Some(at), Some(wanted), "<") => at < wanted,
                    (Some(at), Some(wanted), "<=") => at <= wanted,
                    _ => false,
                }
            }
            _ => false,
        };
        is != self.not
    }
}

/// `email:"a@b.example" AND -metadata["order"]:"SO-1"`. Only `AND` joins here; the real one does not mix it with `OR`.
fn clauses(query: &str, kind: &Kind) -> Result<Vec<Clause>, Refusal> {
    let bad = || invalid("query", "We were unable to parse your search query.");
    let mut clauses = vec![];
    let mut rest = query.trim();
    loop {
        let (not, after) = rest.strip_prefix('-').map_or((false, rest), |after| (true, after));
        let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).ok_or_else(bad)?;
        let (field, mut after) = after.split_at(end);
        if !kind.search.contains(&field) {
            return Err(invalid(
                "query",
                &format!("Field `{field}` is an unsupported search field for resource `{}`.", kind.segment),
            ));
        }
        let mut key = None;
        if let Some(inside) = after.strip_prefix('[') {
            let (text, tail) = quoted(inside).ok_or_else(bad)?;
            key = Some(text);
            after = tail.strip_prefix(']').ok_or_else(bad)?;
        }
        let op = [">=", "<=", ":", "~", ">", "<"].into_iter().find(|op| after.starts_with(op)).ok_or_else(bad)?;
        after = &after[op.len()..];
        let (value, tail) = match quoted(after) {
            Some(found) => found,
            None if after.starts_with(['"', '\'']) || after.is_empty() => return Err(bad()),
            None => {
                let end = after.find(char::is_whitespace).unwrap_or(after.len());
                (after[..end].to_string(), &after[end..])
            }
        };
        clauses.push(Clause { not, field: (field.to_string(), key), op, value });
        let tail = tail.trim_start();
        if tail.is_empty() {
            return Ok(clauses);
        }
        rest = tail.strip_prefix("AND ").unwrap_or(tail).trim_start();
        if rest.starts_with("OR ") {
            return Err(invalid("query", "`OR` is not known to this stand-in."));
        }
    }
}

/// A quoted text at the beginning, and what stands behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mark = text.chars().next().filter(|c| *c == '"' || *c == '\'')?;
    let mut found = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => found.push(chars.next()?.1),
            c if c == mark => return Some((found, &text[at + c.len_utf8()..])),
            c => found.push(c),
        }
    }
    None
}
