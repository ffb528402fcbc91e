//! Tables: rows and `else` of inline ones are constants, checked here; a CSV is read by `language::table`.

use super::scope::{Names, TableInfo};
use super::{Checker, Want, constant};
use crate::diagnostics::{Code as Number, Diagnostic, FileId, Span};
use crate::language::ast::{Expr, ExprKind, Outcome, Rows, TableDef};
use crate::language::code::{Row, Rows as Loaded, Table, TableKey};
use crate::language::table;
use crate::language::types::{Kind, Type};
use crate::value::Value;
use std::sync::Arc;

/// Loads a table. `csv` is the text of the file that it names. `None` where it has errors.
pub(super) fn load(
    names: &Names<'_>,
    written: &TableDef,
    info: &TableInfo,
    csv: Option<(FileId, Arc<str>)>,
) -> (Option<Table>, Vec<Diagnostic>) {
    let mut checker = Checker::new(names);
    checker.constants = true;
    let keys: Option<Vec<Type>> = info.keys.iter().cloned().collect();
    let (Some(keys), Some(value)) = (keys, info.value.clone()) else { return (None, vec![]) };
    for (key, written) in keys.iter().zip(&written.keys) {
        let plain = matches!(key.kind, Kind::Text | Kind::Int | Kind::Decimal | Kind::Bool | Kind::Date);
        if !plain || key.missing {
            let message = format!("a key is text, int, decimal, bool or date, not {key}");
            checker.report(Diagnostic::error(Number::F0240, message, written.span));
        }
    }
    if checker.has_errors() {
        return (None, checker.findings);
    }
    let (outcome, rows) = match &written.rows {
        Rows::Inline { rows, otherwise } => {
            let [key] = keys.as_slice() else {
                let message = "several keys only come from a CSV".to_string();
                checker.report(Diagnostic::error(Number::F0240, message, written.name.span));
                return (None, checker.findings);
            };
            let mut all = vec![];
            for row in rows {
                let own = Type { missing: written.value.optional, ..value.clone() };
                let what = format!("a row of `{}`", info.name);
                // Outside of it `None` is a finding, inside `fail`.
                let value = match &row.value {
                    Outcome::Fail(_) => Some(None),
                    Outcome::Value(expr) => checker.constant(expr, &own, &what).map(Some),
                };
                for expr in &row.keys {
                    let key = checker.constant(expr, key, &format!("the key of `{}`", info.name));
                    if let (Some(key), Some(value)) = (key.as_ref().and_then(TableKey::of), &value) {
                        all.push((vec![key], value.clone(), expr.span));
                    }
                }
            }
            (otherwise, all)
        }
        Rows::Csv { otherwise, .. } => match csv {
            Some((file, text)) => {
                let columns = Type { missing: false, ..value.clone() };
                let own = Type { missing: written.value.optional, ..columns };
                let (rows, findings) = table::read(file, &text, &keys, &own);
                checker.findings.extend(findings);
                (otherwise, rows.into_iter().map(|(key, value, span)| (key, Some(value), span)).collect())
            }
            None => return (None, checker.findings),
        },
    };
    let otherwise = match outcome {
        Outcome::Fail(_) => None,
        Outcome::Value(expr) => checker.constant(expr, &value, &format!("the `else` of `{}`", info.name)),
    };
    let rows = checker.unique(&info.name, rows);
    if checker.has_errors() {
        return (None, checker.findings);
    }
    let mut values: Vec<Value> = rows.iter().filter_map(|row| row.value.clone()).collect();
    values.extend(otherwise.clone());
    let _ = info.values.set(Arc::new(values));
    let table = Table { name: info.name.clone(), rows, otherwise, span: written.span };
    (Some(table), checker.findings)
}

impl Checker<'_> {
    fn constant(&mut self, expr: &Expr, ty: &Type, what: &str) -> Option<Value> {
        let typed = self.check(expr, Some(&Want::new(ty.clone(), what)))?;
        let value = constant::folded(&typed.code);
        if value.is_none() {
            let message = format!("{what} is a constant: it cannot be calculated");
            let help = match expr.kind {
                ExprKind::Fail(_) => "`fail` stands alone here: the error names the table and the key",
                _ => "constants are text, numbers, bools, `missing`, and lists and records of them, or `fail`",
            };
            self.report(Diagnostic::error(Number::F0241, message, expr.span).help(help));
        }
        value
    }

    /// The rows by key; a key that comes twice is a finding.
    fn unique(&mut self, name: &str, rows: Vec<(Vec<TableKey>, Option<Value>, Span)>) -> Loaded {
        let mut all = Loaded::default();
        for (key, value, span) in rows {
            if let Some(first) = all.get(&key) {
                let message = format!("`{name}` has this key twice: {}", shown(&key));
                self.report(Diagnostic::error(Number::F0242, message, span).also(first.span, "it stands here first"));
                continue;
            }
            all.insert(key, Row { value, span });
        }
        all
    }
}

fn shown(key: &[TableKey]) -> String {
    let one = |key: &TableKey| match key {
        TableKey::Text(text) => format!("{text:?}"),
        TableKey::Number(number) => number.clone(),
        TableKey::Bool(value) => value.to_string(),
        TableKey::Date(date) => date.to_string(),
    };
    key.iter().map(one).collect::<Vec<_>>().join(", ")
}
