//! Writes: a row is checked against its entity's columns and keys as a whole before anything of it is kept.

use super::column::{empty, stored};
use super::refusal::{Refusal, bad, not_found, write_failed};
use super::{Entity, Finops, etag, is_annotation, is_blank, ledger, meets, same_text, text};
use crate::sandbox::server::Call;
use crate::value::{Number, Record, Text, Value};

impl Finops {
    pub(super) fn create(&self, name: &str, given: &Record) -> Result<Record, Refusal> {
        let entity = self.entities.get(name).ok_or_else(not_found)?;
        let refuse = |why: String| write_failed(name, &why);
        let mut state = self.lock();
        let mut row = Record::new();
        for (column, field) in &entity.row.fields {
            if is_annotation(column) {
                continue;
            }
            let default = entity.defaults.iter().find(|(name, _)| name.as_str() == column.as_str());
            let value = match (given.get(column), default) {
                (Some(value), _) => stored(column, &field.ty, value).map_err(|why| bad(&why))?,
                (None, Some((_, value))) => text(value),
                (None, None) => empty(&field.ty),
            };
            row.set(column.clone(), value);
        }
        for (column, _) in given.iter() {
            if !entity.row.fields.contains_key(column) && !is_annotation(column) {
                return Err(bad(&format!(
                    "The property '{column}' does not exist on type 'Microsoft.Dynamics.DataEntities.{name}'."
                )));
            }
        }
        let default = self.settings.companies.first().cloned().unwrap_or_default();
        let of_company = entity.row.fields.contains_key("dataAreaId");
        let given_company = row.get("dataAreaId").filter(|company| !is_blank(Some(company))).and_then(Value::as_text);
        let company = given_company.map_or(default, |company| company.to_lowercase());
        if !self.settings.companies.iter().any(|known| known.eq_ignore_ascii_case(&company)) {
            return Err(refuse(format!("Error: Company {company} does not exist.")));
        }
        if of_company {
            row.set("dataAreaId".into(), text(&company));
        }
        for column in &entity.required {
            if is_blank(row.get(column)) && given.get(column).is_none_or(|v| v.as_number().is_none()) {
                return Err(refuse(format!("Error: Field '{column}' must be filled in.")));
            }
        }
        for (column, other, key) in &entity.references {
            let Some(value) = row.get(column).filter(|value| !is_blank(Some(value))) else { continue };
            let known = state.rows.get(other).is_some_and(|rows| {
                rows.iter().any(|row| {
                    same_text(row.get(key), Some(value)) && same_text(row.get("dataAreaId"), Some(&text(&company)))
                })
            });
            if !known {
                let shown = value.as_text().map(|t| t.to_string()).unwrap_or_default();
                let why = format!(
                    "Warning: The value '{shown}' in field '{column}' is not found in the related table '{other}'."
                );
                return Err(refuse(why));
            }
        }
        for (column, prefix) in &entity.assigned {
            if is_blank(row.get(column)) {
                let next = state.sequences.entry(format!("{name}.{column}")).or_insert(0);
                *next += 1;
                row.set(Text::from(column.as_str()), text(&format!("{prefix}{next:06}")));
            }
        }
        ledger::is_open(&state, entity, &row)?;
        ledger::numbered(&mut state, entity, &mut row);
        let rows = state.rows.entry(name.to_string()).or_default();
        let taken = rows.iter().any(|other| {
            entity.key.iter().all(|column| {
                let (a, b) = (other.get(column), row.get(column));
                same_text(a, b)
                    || matches!((a, b), (Some(Value::Number(a)), Some(Value::Number(b))) if a.compare(b).is_eq())
            })
        });
        if taken {
            return Err(refuse(format!("Error: Cannot create a record in {name}. The record already exists.")));
        }
        state.changes += 1;
        let change = state.changes;
        row.set("#version".into(), Value::Number(Number::from(change as i64)));
        state.rows.entry(name.to_string()).or_default().push(row.clone());
        ledger::written(&mut state, name, &row);
        Ok(row)
    }

    pub(super) fn update(
        &self,
        entity: &Entity,
        key: &[(String, Value)],
        changes: &Record,
        call: &Call,
    ) -> Result<(), Refusal> {
        let mut state = self.lock();
        state.changes += 1;
        let change = state.changes;
        let rows = state.rows.entry(entity.name.clone()).or_default();
        let place =
            rows.iter().position(|row| meets(row, key) && self.company_visible(call, row)).ok_or_else(not_found)?;
        unchanged(&rows[place], call)?;
        let mut changed = rows[place].clone();
        ledger::is_open(&state, entity, &changed)?;
        for (column, value) in changes.iter().filter(|(column, _)| !is_annotation(column)) {
            if entity.key.iter().any(|key| key.as_str() == column.as_str()) {
                return Err(bad(&format!("The key property '{column}' cannot be changed.")));
            }
            let field = entity
                .row
                .fields
                .get(column.as_str())
                .ok_or_else(|| bad(&format!("The property '{column}' does not exist.")))?;
            changed.set(column.clone(), stored(column, &field.ty, value).map_err(|why| bad(&why))?);
        }
        changed.set("#version".into(), Value::Number(Number::from(change as i64)));
        state.rows.entry(entity.name.clone()).or_default()[place] = changed.clone();
        ledger::written(&mut state, &entity.name, &changed);
        Ok(())
    }

    pub(super) fn delete(&self, entity: &Entity, key: &[(String, Value)], call: &Call) -> Result<(), Refusal> {
        let mut state = self.lock();
        let rows = state.rows.entry(entity.name.clone()).or_default();
        let place =
            rows.iter().position(|row| meets(row, key) && self.company_visible(call, row)).ok_or_else(not_found)?;
        unchanged(&rows[place], call)?;
        ledger::is_open(&state, entity, &state.rows[&entity.name][place])?;
        let gone = state.rows.entry(entity.name.clone()).or_default().remove(place);
        ledger::written(&mut state, &entity.name, &gone);
        Ok(())
    }
}

/// Somebody else has changed the row since it was read.
fn unchanged(row: &Record, call: &Call) -> Result<(), Refusal> {
    let expected = call.header("if-match");
    if expected.is_empty() || expected == "*" || expected == etag(row) {
        return Ok(());
    }
    Err(Refusal { status: 412, message: "The record has been changed by another user.".into() })
}
