//! A table of Dataverse as its metadata has it: columns by type, lookups, alternate keys, states.
//!
//! Made of the catalogue and the payload types, so that a project's own columns and tables are there, too. What stands
//! here besides is what those types do not say: which states go with which status, and where lines belong.

use super::refusal::{Refusal, code};
use crate::catalog::{Catalog, Entity};
use crate::language::types::{Form, Kind, RecordType, Type, TypeSource};
use crate::value::{Text, Value, time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A table.
pub struct Table {
    /// The entity set.
    pub name: String,
    /// What Dataverse calls one row.
    pub logical: String,
    /// The column of its id.
    pub id: String,
    pub alternate_keys: Vec<Vec<String>>,
    pub required: Vec<String>,
    pub row: Arc<RecordType>,
    /// Lookup columns by their names without `_` and `_value`.
    lookups: Vec<String>,
}

/// The tables by entity set.
pub type Tables = BTreeMap<String, Table>;

/// All tables that the catalogue knows.
pub fn tables(catalog: &Catalog, types: &dyn TypeSource) -> Tables {
    let Some(system) = catalog.system("dataverse") else { return Tables::new() };
    let tables = system.entities.values().filter_map(|entity| Some((entity.name.clone(), table(entity, types)?)));
    tables.collect()
}

fn table(entity: &Entity, types: &dyn TypeSource) -> Option<Table> {
    let Kind::Record(row) = types.payload(&entity.ty)?.kind else { return None };
    let lookup = |name: &Text| Some(name.strip_prefix('_')?.strip_suffix("_value")?.to_owned());
    Some(Table {
        name: entity.name.clone(),
        logical: entity.logical_name.clone()?,
        id: entity.key.first()?.clone(),
        alternate_keys: entity.alternate_keys.clone(),
        required: entity.required.clone(),
        lookups: row.fields.keys().filter_map(lookup).collect(),
        row,
    })
}

impl Table {
    /// The lookup column that a navigation property writes, with the table it leads to where its name says one:
    /// `customerid_account` is `customerid` to an account.
    pub fn navigation(&self, name: &str) -> Option<(String, Option<String>)> {
        let declared = self.row.fields.get(format!("{name}@odata.bind").as_str()).filter(|field| field.write_only);
        declared?;
        let lower = name.to_lowercase();
        let fits = |lookup: &&String| lower == **lookup || lower.starts_with(&format!("{lookup}_"));
        let lookup = self.lookups.iter().filter(fits).max_by_key(|lookup| lookup.len())?;
        let target =
            lower.strip_prefix(&format!("{lookup}_")).map(|rest| rest.split('_').next().unwrap_or(rest).to_owned());
        Some((format!("_{lookup}_value"), target))
    }

    /// The column's type; a 400 where there is none of that name to read.
    pub fn column(&self, name: &str) -> Result<&Type, Refusal> {
        let known = self.row.fields.get(name).filter(|field| !field.write_only && !name.contains('@'));
        known.map(|field| &field.ty).ok_or_else(|| {
            let of = format!("Microsoft.Dynamics.CRM.{}", self.logical);
            Refusal::bad(code::QUERY, format!("Could not find a property named '{name}' on type '{of}'."))
        })
    }

    /// The value of a column as it is kept; a 400 where it does not fit.
    pub fn stored(&self, column: &str, value: &Value) -> Result<Value, Refusal> {
        let Some(field) = self.row.fields.get(column).filter(|field| !field.write_only) else {
            let why =
                format!("Invalid property '{column}' was found in entity 'Microsoft.Dynamics.CRM.{}'.", self.logical);
            return Err(self.payload(why));
        };
        if field.read_only && column != self.id {
            return Err(self.payload(format!("The property '{column}' cannot be written.")));
        }
        if *value == Value::Null {
            return Ok(Value::Null);
        }
        self.typed(column, &field.ty, value)
    }

    fn typed(&self, column: &str, ty: &Type, value: &Value) -> Result<Value, Refusal> {
        let facts = ty.facts.as_deref();
        let wrong = |expected: &str| {
            Err(self.payload(format!("Cannot convert the value of '{column}' to the expected type '{expected}'.")))
        };
        match (&ty.kind, value) {
            (Kind::Text, Value::Text(text)) if facts.and_then(|facts| facts.form) == Some(Form::Guid) => {
                match uuid::Uuid::try_parse(text) {
                    Ok(id) => Ok(Value::from(id.hyphenated().to_string())),
                    Err(_) => wrong("Edm.Guid"),
                }
            }
            (Kind::Text, Value::Text(text)) => match facts.and_then(|facts| facts.max_length) {
                Some(most) if text.encode_utf16().count() > most as usize => {
                    let why = format!(
                        "A validation error occurred. The length of the '{column}' attribute of the '{}' entity exceeded the maximum allowed length of '{most}'.",
                        self.logical
                    );
                    Err(Refusal::bad(code::TOO_LONG, why))
                }
                _ => Ok(value.clone()),
            },
            (Kind::Int, Value::Number(number)) if number.is_whole() => {
                let options = facts.map(|facts| facts.options.as_slice()).unwrap_or_default();
                let given = number.canonical();
                if !options.is_empty() && !options.iter().any(|(option, _)| option.as_str() == given) {
                    let accepted: Vec<&str> = options.iter().map(|(option, _)| option.as_str()).collect();
                    let why = format!(
                        "A validation error occurred. The value {given} of '{column}' on record of type '{}' is outside the valid range. Accepted Values: {}",
                        self.logical,
                        accepted.join(",")
                    );
                    return Err(Refusal::bad(code::OPTION, why));
                }
                Ok(value.clone())
            }
            (Kind::Int, _) => wrong("Edm.Int32"),
            (Kind::Decimal, Value::Number(_)) => Ok(value.clone()),
            (Kind::Decimal, _) => wrong("Edm.Decimal"),
            (Kind::Bool, Value::Bool(_)) => Ok(value.clone()),
            (Kind::Bool, _) => wrong("Edm.Boolean"),
            (Kind::Date, Value::Text(text)) if text.len() == 10 && time::parse_date(text).is_some() => {
                Ok(value.clone())
            }
            (Kind::Date, _) => wrong("Edm.Date"),
            (Kind::Time, Value::Text(text)) => match time::parse_time(text).and_then(|at| time::write_time(at).ok()) {
                Some(at) => Ok(Value::from(at)),
                None => wrong("Edm.DateTimeOffset"),
            },
            (Kind::Time, _) => wrong("Edm.DateTimeOffset"),
            _ => wrong("Edm.String"),
        }
    }

    /// What is wrong with a body.
    pub fn payload(&self, why: String) -> Refusal {
        let message = format!(
            "Error identified in Payload provided by the user for Entity :'{}', For more information on this error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : {why}",
            self.name
        );
        Refusal::bad(code::PAYLOAD, message)
    }

    /// The statuses of a state, the first of them its own choice. Nothing: any will do.
    pub fn statuses(&self, state: i64) -> &'static [i64] {
        let of = STATES.iter().find(|(table, of, _)| *table == self.name && *of == state);
        of.map(|(_, _, statuses)| *statuses).unwrap_or_default()
    }

    /// The states into which a row is brought by an action only, and the action.
    pub fn by_action(&self, state: i64) -> Option<&'static str> {
        let of = BY_ACTION.iter().find(|(table, of, _)| *table == self.name && *of == state);
        of.map(|(_, _, action)| *action)
    }

    /// The states in which nothing of a row can be changed any more.
    pub fn is_closed(&self, state: i64) -> bool {
        CLOSED.iter().any(|(table, of)| *table == self.name && *of == state)
    }
}

/// State → statuses, of the tables whose statuses depend on it.
const STATES: &[(&str, i64, &[i64])] = &[
    ("salesorders", 0, &[1, 2, 690970000]),
    ("salesorders", 1, &[3]),
    ("salesorders", 2, &[4]),
    ("salesorders", 3, &[100001, 100002]),
    ("salesorders", 4, &[100003]),
    ("invoices", 0, &[1, 2, 4, 5, 6]),
    ("invoices", 1, &[3, 7]),
    ("invoices", 2, &[100001, 100002]),
    ("invoices", 3, &[100003]),
    ("incidents", 0, &[1, 2, 3, 4]),
    ("incidents", 1, &[5, 1000]),
    ("incidents", 2, &[6, 2000]),
    ("tasks", 0, &[2, 3, 4, 7]),
    ("tasks", 1, &[5]),
    ("tasks", 2, &[6]),
    ("accounts", 0, &[1]),
    ("accounts", 1, &[2]),
    ("contacts", 0, &[1]),
    ("contacts", 1, &[2]),
    ("products", 0, &[1]),
    ("products", 1, &[2]),
    ("products", 2, &[0]),
    ("products", 3, &[3]),
];

const BY_ACTION: &[(&str, i64, &str)] = &[
    ("incidents", 1, "CloseIncident"),
    ("salesorders", 2, "CancelSalesOrder"),
    ("salesorders", 3, "FulfillSalesOrder"),
    ("salesorders", 4, "ConvertSalesOrderToInvoice"),
];

const CLOSED: &[(&str, i64)] = &[
    ("salesorders", 2),
    ("salesorders", 3),
    ("salesorders", 4),
    ("invoices", 2),
    ("invoices", 3),
    ("incidents", 1),
    ("incidents", 2),
];

/// Lines and what they belong to: table of the lines, lookup, table of the whole, navigation from there.
pub const LINES: &[(&str, &str, &str, &str)] = &[
    ("salesorderdetails", "_salesorderid_value", "salesorders", "order_details"),
    ("invoicedetails", "_invoiceid_value", "invoices", "invoice_details"),
    ("contacts", "_parentcustomerid_value", "accounts", "contact_customer_accounts"),
];

/// What a new row must be tied to: one of these navigation properties.
pub const CUSTOMERS: &[&str] = &["salesorders", "invoices", "incidents"];

/// The columns that number themselves: table, column, prefix.
pub const NUMBERS: &[(&str, &str, &str)] = &[
    ("salesorders", "ordernumber", "ORD-01000-"),
    ("invoices", "invoicenumber", "INV-01000-"),
    ("incidents", "ticketnumber", "CAS-01000-"),
];
