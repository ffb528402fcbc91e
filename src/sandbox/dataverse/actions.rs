//! The actions that the integrations call, as unbound `POST`s.

use super::refusal::{Refusal, code};
use super::table::Table;
use super::write::{Named, Writer, id_of, no_row};
use crate::value::{Number, Record, Text, Value};

impl Writer<'_> {
    /// What the action gives; nothing: 204.
    pub fn act(&mut self, name: &str, body: &Record) -> Result<Option<Value>, Refusal> {
        match name {
            "FulfillSalesOrder" => self.close_order(body, 3, 100001).map(|()| None),
            "CancelSalesOrder" => self.close_order(body, 2, 4).map(|()| None),
            "ConvertSalesOrderToInvoice" => self.invoice(body).map(Some),
            "CloseIncident" => self.close_incident(body).map(|()| None),
            _ => Err(Refusal::new(404, code::SEGMENT, format!("Resource not found for the segment '{name}'."))),
        }
    }

    fn known(&self, name: &str) -> Result<&'static str, Refusal> {
        let known = ["salesorders", "invoices", "salesorderdetails", "invoicedetails", "incidents"];
        let found = known.into_iter().find(|known| *known == name && self.tables.contains_key(*known));
        found.ok_or_else(|| Refusal::bad(code::UNEXPECTED, format!("There is no table {name}.")))
    }

    /// The row that an activity closes.
    fn closed(&self, body: &Record, activity: &str, ty: &str, lookup: &str) -> Result<(String, String), Refusal> {
        let wrong = |why: &str| Refusal::bad(code::PAYLOAD, format!("Error identified in Payload: {why}"));
        let Some(Value::Record(close)) = body.get(activity) else {
            return Err(wrong(&format!("{activity} is missing.")));
        };
        if !super::write::same(close.get("@odata.type").unwrap_or(&Value::Missing), &Value::from(ty)) {
            return Err(wrong(&format!("{activity} needs \"@odata.type\": \"{ty}\".")));
        }
        if close.get("subject").is_none_or(Value::is_blank) {
            return Err(wrong(&format!("{activity} needs a subject.")));
        }
        let bound = close.get(&format!("{lookup}@odata.bind")).and_then(Value::as_text);
        let bound = bound.ok_or_else(|| wrong(&format!("{lookup}@odata.bind is missing.")))?;
        let (table, id) = self.target(bound)?;
        Ok((table.name.clone(), id))
    }

    fn status(&self, table: &Table, body: &Record, state: i64, usual: i64) -> Result<i64, Refusal> {
        let wrong =
            || Refusal::bad(code::INVALID, format!("The status of {} in state {state} is another.", table.logical));
        let status = body.get("Status").and_then(Value::as_number).and_then(Number::small).ok_or_else(wrong)?;
        match status {
            -1 => Ok(usual),
            status if table.statuses(state).contains(&status) => Ok(status),
            _ => Err(wrong()),
        }
    }

    fn close_order(&mut self, body: &Record, state: i64, usual: i64) -> Result<(), Refusal> {
        let ty = "Microsoft.Dynamics.CRM.orderclose";
        let (_, id) = self.closed(body, "OrderClose", ty, "salesorderid")?;
        self.close("salesorders", &id, body, state, usual)
    }

    fn close_incident(&mut self, body: &Record) -> Result<(), Refusal> {
        let ty = "Microsoft.Dynamics.CRM.incidentresolution";
        let (_, id) = self.closed(body, "IncidentResolution", ty, "incidentid")?;
        self.close("incidents", &id, body, 1, 5)
    }

    fn close(&mut self, table: &str, id: &str, body: &Record, state: i64, usual: i64) -> Result<(), Refusal> {
        let tables = self.tables;
        let Some(table) = tables.get(self.known(table)?) else { return Ok(()) };
        let status = self.status(table, body, state, usual)?;
        let named = Named::Id(id.to_owned());
        let row = self.state.row(table, &named).ok_or_else(|| no_row(table, &named))?;
        let was = row.get("statecode").and_then(Value::as_number).and_then(Number::small).unwrap_or(0);
        if table.is_closed(was) {
            let why = format!("The {} is already closed.", table.logical);
            return Err(Refusal::bad(code::INVALID, why));
        }
        self.set(table, id, &[("statecode", Value::from(state)), ("statuscode", Value::from(status))])?;
        Ok(())
    }

    /// An invoice with the customer, the currency and the lines of an order, which is invoiced by that.
    fn invoice(&mut self, body: &Record) -> Result<Value, Refusal> {
        let tables = self.tables;
        let known = |writer: &Self, name: &str| writer.known(name).map(|name| tables.get(name));
        let (Some(orders), Some(invoices)) = (known(self, "salesorders")?, known(self, "invoices")?) else {
            return Err(Refusal::bad(code::UNEXPECTED, "There are no invoices."));
        };
        let id = body.get("SalesOrderId").and_then(Value::as_text).map(|id| id.to_string()).unwrap_or_default();
        let named = Named::Id(id.clone());
        let order = self.state.row(orders, &named).cloned().ok_or_else(|| no_row(orders, &named))?;
        let state = order.get("statecode").and_then(Value::as_number).and_then(Number::small).unwrap_or(0);
        if orders.is_closed(state) && state != 3 {
            return Err(Refusal::bad(code::INVALID, "The salesorder is already closed."));
        }
        let mut invoice = Record::new();
        for column in ["name", "freightamount", "discountamount"] {
            if let Some(value) = order.get(column).filter(|value| !value.is_absent()) {
                invoice.set(Text::from(column), value.clone());
            }
        }
        for (navigation, lookup, set) in [
            ("customerid_account", "_accountid_value", "accounts"),
            ("customerid_contact", "_contactid_value", "contacts"),
            ("transactioncurrencyid", "_transactioncurrencyid_value", "transactioncurrencies"),
            ("pricelevelid", "_pricelevelid_value", "pricelevels"),
        ] {
            if let Some(to) = order.get(lookup).and_then(Value::as_text) {
                invoice.set(format!("{navigation}@odata.bind").into(), Value::from(format!("/{set}({to})")));
            }
        }
        invoice.set("salesorderid@odata.bind".into(), Value::from(format!("/salesorders({id})")));
        let row = self.create(invoices, &invoice, &[])?;
        let invoice = id_of(&row, invoices);
        if let (Some(from), Some(to)) = (known(self, "salesorderdetails")?, known(self, "invoicedetails")?) {
            let lines: Vec<Record> = self.state.rows.get(&from.name).into_iter().flatten().cloned().collect();
            for line in lines.iter().filter(|line| {
                line.get("_salesorderid_value").is_some_and(|of| super::write::same(of, &Value::from(id.as_str())))
            }) {
                let mut copy = Record::new();
                for column in [
                    "isproductoverridden",
                    "ispriceoverridden",
                    "productdescription",
                    "quantity",
                    "priceperunit",
                    "tax",
                    "manualdiscountamount",
                    "lineitemnumber",
                ] {
                    if let Some(value) = line.get(column).filter(|value| !value.is_absent()) {
                        copy.set(Text::from(column), value.clone());
                    }
                }
                for (navigation, lookup, set) in
                    [("productid", "_productid_value", "products"), ("uomid", "_uomid_value", "uoms")]
                {
                    if let Some(to) = line.get(lookup).and_then(Value::as_text) {
                        copy.set(format!("{navigation}@odata.bind").into(), Value::from(format!("/{set}({to})")));
                    }
                }
                copy.set("invoiceid@odata.bind".into(), Value::from(format!("/invoices({invoice})")));
                self.create(to, &copy, &[])?;
            }
        }
        self.set(orders, &id, &[("statecode", Value::from(4)), ("statuscode", Value::from(100003))])?;
        let row = self.state.row(invoices, &Named::Id(invoice)).cloned().unwrap_or(row);
        Ok(Value::Record(
            row.iter().filter(|(name, _)| !name.contains('@')).map(|(n, v)| (n.clone(), v.clone())).collect(),
        ))
    }
}
