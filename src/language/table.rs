//! Lookup tables: rows of a CSV (RFC 4180, with a header) read and checked by the declared types. The first columns are
//! the key, the others are found by the names of the value's fields.
//!
//! Cells are in the form of source without quotes. Every finding points at the line of the CSV.

use super::code::TableKey;
use super::types::{Facts, Kind, RecordType, Type};
use crate::diagnostics::{Code, Diagnostic, FileId, Span, did_you_mean};
use crate::value::{Number, Text, Value, time};
use std::ops::Range;
use std::sync::Arc;

/// So many findings of one file: who has more mends these first.
const MAX_FINDINGS: usize = 50;

/// One row: its key, its value, its place.
pub(super) type Row = (Vec<TableKey>, Value, Span);

/// Where each column of the file goes.
struct Columns {
    keys: usize,
    /// The value's field for each column behind the keys.
    fields: Vec<Field>,
}

struct Field {
    column: usize,
    /// `None` where the value is no record.
    name: Option<Text>,
    ty: Type,
}

/// Reads a CSV: its rows and all findings.
pub(super) fn read(file: FileId, text: &str, keys: &[Type], value: &Type) -> (Vec<Row>, Vec<Diagnostic>) {
    let mut findings = vec![];
    let bom = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let body = &text[bom..];
    if let Some((at, why)) = misquoted(body) {
        let span = Span::new(file, bom + at, bom + at + 1);
        return (vec![], vec![Diagnostic::error(Code::F0245, why, span)]);
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(body.as_bytes());
    let mut columns: Option<Columns> = None;
    let mut width = 0;
    let mut rows = vec![];
    let mut record = csv::StringRecord::new();
    while findings.len() < MAX_FINDINGS {
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                let at = error.position().map_or(0, |position| position.byte() as usize);
                let message = format!("this is no CSV: {error}");
                findings.push(Diagnostic::error(Code::F0245, message, Span::new(file, bom + at, bom + at)));
                break;
            }
        }
        let start = record.position().map_or(0, |position| position.byte() as usize);
        let cells = Cells::of(file, body, start..reader.position().byte() as usize, bom);
        let Some(columns) = &columns else {
            width = record.len();
            columns = header(&record, &cells, keys.len(), value, &mut findings);
            if columns.is_none() {
                break;
            }
            continue;
        };
        if record.len() != width {
            let message = format!("the header has {width} columns, this line has {}", record.len());
            findings.push(Diagnostic::error(Code::F0245, message, cells.line));
            continue;
        }
        if let Some((key, value)) = row(&record, &cells, columns, keys, value, &mut findings) {
            rows.push((key, value, cells.line));
        }
    }
    if columns.is_none() && findings.is_empty() {
        let message = "this CSV is empty: it needs a header";
        findings.push(Diagnostic::error(Code::F0245, message, Span::new(file, bom, bom)));
    }
    (rows, findings)
}

fn header(
    record: &csv::StringRecord,
    cells: &Cells<'_>,
    keys: usize,
    value: &Type,
    findings: &mut Vec<Diagnostic>,
) -> Option<Columns> {
    let before = findings.len();
    let mut fields: Vec<Field> = vec![];
    let wanted = value.fields();
    if record.len() == 1 && record.iter().any(|cell| cell.contains(';')) {
        let message = "columns are separated by `,`, not by `;`";
        findings.push(Diagnostic::error(Code::F0243, message, cells.line));
        return None;
    }
    if record.len() < keys + usize::from(wanted.is_none()) {
        let message = format!("the table needs {keys} key column(s) and its value, this header has {}", record.len());
        findings.push(Diagnostic::error(Code::F0243, message, cells.line));
        return None;
    }
    for (column, name) in record.iter().enumerate().skip(keys) {
        match wanted {
            Some(record) => match record.fields.get(name) {
                Some(field) if fields.iter().any(|other| other.name.as_deref() == Some(name)) => {
                    let _ = field;
                    let message = format!("the column {name:?} stands twice");
                    findings.push(Diagnostic::error(Code::F0243, message, cells.span(column)));
                }
                Some(field) => fields.push(Field { column, name: Some(name.into()), ty: field.ty.clone() }),
                None => findings.push(unknown_column(name, record, cells.span(column))),
            },
            None if column == keys => fields.push(Field { column, name: None, ty: value.clone() }),
            None => {
                let message = format!("the column {name:?} has no place: the table's value is {value}");
                findings.push(Diagnostic::error(Code::F0243, message, cells.span(column)));
            }
        }
    }
    for (name, field) in wanted.iter().flat_map(|record| &record.fields) {
        if !fields.iter().any(|column| column.name.as_deref() == Some(&**name)) {
            let message = format!("there is no column {:?} ({})", &**name, field.ty);
            findings.push(Diagnostic::error(Code::F0243, message, cells.line));
        }
    }
    for field in &fields {
        if !is_scalar(&field.ty) {
            let message = format!("a CSV cannot hold {}", field.ty.kind_name());
            findings.push(Diagnostic::error(Code::F0243, message, cells.span(field.column)));
        }
    }
    (findings.len() == before).then_some(Columns { keys, fields })
}

/// What has a form of source that stands in a cell.
fn is_scalar(ty: &Type) -> bool {
    matches!(ty.kind, Kind::Text | Kind::Int | Kind::Decimal | Kind::Bool | Kind::Date | Kind::Time)
}

/// The first quote that RFC 4180 does not know: inside a cell without quotes, not followed by the cell's end, or never
/// closed. The reader would take it as text, or the rest of the file as one cell.
fn misquoted(body: &str) -> Option<(usize, &'static str)> {
    let bytes = body.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'"' {
            let open = at;
            loop {
                at = at + 1 + bytes[at + 1..].iter().position(|byte| *byte == b'"').unwrap_or(bytes.len());
                match bytes.get(at..) {
                    None => return Some((open, "this quote is never closed")),
                    Some([_, b'"', ..]) => at += 1,
                    Some([_] | [_, b',' | b'\r' | b'\n', ..]) => break,
                    Some(_) => return Some((at, "a cell ends with its quote; a quote inside it is doubled")),
                }
            }
            at += 1;
        }
        while let Some(byte) = bytes.get(at).filter(|byte| !matches!(byte, b',' | b'\r' | b'\n')) {
            if *byte == b'"' {
                return Some((at, "a cell with a quote in it stands in quotes, and the quote is doubled"));
            }
            at += 1;
        }
        at += 1;
    }
    None
}

fn unknown_column(name: &str, record: &RecordType, span: Span) -> Diagnostic {
    let finding =
        Diagnostic::error(Code::F0243, format!("the table's value has no field for the column {name:?}"), span);
    match did_you_mean(name, record.fields.keys().map(|name| &**name)) {
        Some(near) => finding.help(format!("did you mean {near:?}?")),
        None => finding,
    }
}

fn row(
    record: &csv::StringRecord,
    cells: &Cells<'_>,
    columns: &Columns,
    keys: &[Type],
    value: &Type,
    findings: &mut Vec<Diagnostic>,
) -> Option<(Vec<TableKey>, Value)> {
    let before = findings.len();
    let mut report =
        |why: String, column: usize| findings.push(Diagnostic::error(Code::F0244, why, cells.span(column)));
    let mut key = vec![];
    for (column, (text, ty)) in record.iter().zip(keys).take(columns.keys).enumerate() {
        match cell(text, ty) {
            Ok(value) => key.extend(TableKey::of(&value)),
            Err(why) => report(why, column),
        }
    }
    let mut read = vec![];
    for field in &columns.fields {
        match cell(record.get(field.column).unwrap_or(""), &field.ty) {
            Ok(value) => read.push((field.name.clone(), value)),
            Err(why) => report(why, field.column),
        }
    }
    if findings.len() > before || key.len() != keys.len() {
        return None;
    }
    let value = match &value.kind {
        Kind::Record(record) => {
            let named = |name: &Text| read.iter().find(|(read, _)| read.as_ref() == Some(name));
            let fields = record.fields.keys().filter_map(|name| Some((name.clone(), named(name)?.1.clone())));
            Value::Record(fields.filter(|(_, value)| !matches!(value, Value::Missing)).collect())
        }
        _ => read.into_iter().next()?.1,
    };
    Some((key, value))
}

/// A cell as its type: in the form of source, without quotes. `Err` says why not.
fn cell(text: &str, ty: &Type) -> Result<Value, String> {
    if text.is_empty() {
        return match ty.kind {
            _ if ty.missing => Ok(Value::Missing),
            Kind::Text => Ok(Value::Text("".into())),
            _ => Err(format!("an empty cell is no {}", ty.kind_name().split(' ').next_back().unwrap_or_default())),
        };
    }
    let value = match ty.kind {
        Kind::Text => Some(Value::Text(text.into())),
        Kind::Int => number(text).filter(|value| matches!(value, Value::Number(number) if number.is_whole())),
        Kind::Decimal => number(text),
        Kind::Bool => match text {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        Kind::Date => time::parse_date(text).map(Value::Date),
        Kind::Time => time::parse_time(text).map(Value::Time),
        _ => return Err(format!("a CSV cannot hold {}", ty.kind_name())),
    };
    let Some(value) = value else {
        let example = match ty.kind {
            Kind::Int => "12",
            Kind::Decimal => "1234.50",
            Kind::Bool => "true or false",
            Kind::Date => "2026-03-01",
            _ => "2026-03-01T09:00:00Z",
        };
        return Err(format!("{text:?} is not {}, written like {example}", ty.kind_name()));
    };
    match &ty.facts {
        Some(facts) => fitting(value, facts),
        None => Ok(value),
    }
}

fn fitting(value: Value, facts: &Arc<Facts>) -> Result<Value, String> {
    match super::check::misfit_value(&value, facts) {
        Some(why) => Err(why),
        None => Ok(value),
    }
}

/// `-?` and a number as in source: no exponent, no leading zeros, `_` between digits.
fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let grouped = whole.split('_').all(plain) && (whole == "0" || !whole.starts_with('0'));
    if !grouped || !plain(decimals) {
        return None;
    }
    Some(Value::Number(Number::from_json(text.replace('_', "").into())))
}

/// A line of the file, and where its cells stand: looked for only where something is wrong with one.
struct Cells<'t> {
    line: Span,
    text: &'t str,
}

impl<'t> Cells<'t> {
    /// The bytes that were read for a record: blank lines before it and the end of its own are in them.
    fn of(file: FileId, body: &'t str, bytes: Range<usize>, offset: usize) -> Cells<'t> {
        let read = body.get(bytes.start..bytes.end.min(body.len())).unwrap_or("");
        let text = read.trim_start_matches(['\r', '\n']);
        let start = offset + bytes.start + read.len() - text.len();
        let text = text.trim_end_matches(['\r', '\n']);
        Cells { line: Span::new(file, start, start + text.len()), text }
    }

    fn span(&self, column: usize) -> Span {
        let (mut from, mut left, mut quoted) = (0, column, false);
        for (at, byte) in self.text.bytes().chain([b',']).enumerate() {
            match byte {
                b'"' => quoted = !quoted,
                b',' if !quoted && left == 0 => {
                    let start = self.line.start as usize;
                    return Span::new(self.line.file, start + from, start + at);
                }
                b',' if !quoted => (from, left) = (at + 1, left - 1),
                _ => {}
            }
        }
        self.line
    }
}
