//! The mapping by hand over `serde_json::Value`: what a programmer writes who does not want to declare types.
//!
//! Amounts are binary floating point, as `Value` has nothing else: its output is compared *by value*.

use crate::reference::{Result, company, country, exponent, first, item, join, round, status, tax_group};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// What is prepared once: the time zone.
pub struct Mapping {
    oslo: TimeZone,
}

impl Mapping {
    pub fn new() -> Result<Self> {
        Ok(Self { oslo: TimeZone::get("Europe/Oslo")? })
    }

    /// One operation: the bytes of an event in, the bytes of an order out.
    pub fn run(&self, body: &[u8]) -> Result<Vec<u8>> {
        let event: Value = serde_json::from_slice(body)?;
        Ok(serde_json::to_vec(&self.order(&event)?)?)
    }

    fn order(&self, event: &Value) -> Result<Value> {
        let invoice = &event["data"]["object"];
        let code = text(invoice, "currency")?.to_ascii_uppercase();
        let scale = 10f64.powi(exponent(&code) as i32);
        let amount = |minor: i64| Value::from(minor as f64 / scale);
        let number = text(invoice, "number")?;
        let created = int(invoice, "created")?;

        let mut tax = 0i64;
        let mut lines = vec![];
        for (n, line) in invoice["lines"]["data"].as_array().ok_or("the lines are absent")?.iter().enumerate() {
            for t in line["taxes"].as_array().into_iter().flatten() {
                tax = tax.checked_add(int(t, "amount")?).ok_or("the sum of the taxes is too large")?;
            }
            lines.push(self.line(n, line, scale)?);
        }

        let mut order = Map::new();
        order.insert("CurrencyCode".into(), code.into());
        let name = squeeze(&invoice["customer_name"]).unwrap_or_else(|| "Unknown customer".into());
        order.insert("CustomerName".into(), name.into());
        order.insert("CustomersOrderReference".into(), number.into());
        if !invoice["customer_address"].is_null() {
            order.insert("DeliveryAddress".into(), delivery_address(&invoice["customer_address"])?);
        }
        put(&mut order, "Email", squeeze(&invoice["customer_email"]).map(|t| t.to_ascii_lowercase()));
        let account = match invoice["metadata"]["d365_account"].as_str() {
            Some(account) => account.to_string(),
            None => {
                let customer = text(invoice, "customer")?;
                format!("STRIPE-{}", customer.strip_prefix("cus_").unwrap_or(customer))
            }
        };
        order.insert("InvoiceCustomerAccountNumber".into(), account.into());
        if !event["livemode"].as_bool().ok_or("livemode is absent")? {
            order.insert("IsTest".into(), true.into());
        }
        order.insert("Lines".into(), lines.into());
        let notes = format!("Stripe invoice {number} for event {}", text(event, "id")?);
        order.insert("Notes".into(), notes.into());
        let paid_at = invoice["status_transitions"]["paid_at"].as_i64().unwrap_or(created);
        order.insert("OrderCreationDate".into(), self.date(paid_at)?.into());
        order.insert("OrderDateTime".into(), Timestamp::from_second(created)?.to_string().into());
        let remaining = int(invoice, "amount_remaining")?;
        put(&mut order, "OutstandingAmount", (remaining > 0).then(|| amount(remaining)));
        order.insert("PaidAmount".into(), amount(int(invoice, "amount_paid")?));
        if invoice["collection_method"] == "send_invoice" {
            order.insert("PaymentTermsName".into(), "Net30".into());
        }
        put(&mut order, "PurchaseOrderNumber", invoice["metadata"]["po_number"].as_str());
        order.insert("SalesOrderStatus".into(), status(text(invoice, "status")?)?.into());
        order.insert("TotalAmount".into(), amount(int(invoice, "total")?));
        order.insert("TotalTaxAmount".into(), amount(tax));
        order.insert("dataAreaId".into(), company(invoice["account_country"].as_str().unwrap_or("")).into());
        Ok(order.into())
    }

    fn line(&self, n: usize, line: &Value, scale: f64) -> Result<Value> {
        let pricing = &line["pricing"];
        let tax = &line["taxes"][0]["tax_rate_details"]["tax_rate"];
        let (start, end) = (int(&line["period"], "start")?, int(&line["period"], "end")?);
        let mut out = Map::new();
        put(&mut out, "CostCenter", line["metadata"]["cost_center"].as_str());
        out.insert("ItemNumber".into(), pricing["price_details"]["product"].as_str().map_or("MISC", item).into());
        out.insert("LineAmount".into(), (int(line, "amount")? as f64 / scale).into());
        let description = squeeze(&line["description"]).map(|t| first(Cow::Owned(t), 60).into_owned());
        put(&mut out, "LineDescription", description);
        out.insert("LineNumber".into(), json!(n + 1));
        out.insert("OrderedSalesQuantity".into(), line["quantity"].as_i64().unwrap_or(1).into());
        if let Some(unit) = pricing["unit_amount_decimal"].as_str() {
            out.insert("SalesPrice".into(), (round(unit)? as f64 / scale).into());
        }
        out.insert("SalesTaxItemGroupCode".into(), tax.as_str().map_or("NOTAX", tax_group).into());
        if start != end {
            out.insert("ServiceStartDate".into(), self.date(start)?.into());
        }
        Ok(out.into())
    }

    fn date(&self, seconds: i64) -> Result<String> {
        Ok(self.oslo.to_datetime(Timestamp::from_second(seconds)?).date().to_string())
    }
}

fn delivery_address(a: &Value) -> Result<Value> {
    let (line1, line2, city) = (squeeze(&a["line1"]), squeeze(&a["line2"]), squeeze(&a["city"]));
    let state = squeeze(&a["state"]).map(|t| t.to_ascii_uppercase());
    let zip = squeeze(&a["postal_code"]).map(|t| t.to_ascii_uppercase());
    let country = a["country"].as_str().map(country).transpose()?;
    let parts = [line1.as_deref(), line2.as_deref(), zip.as_deref(), city.as_deref(), state.as_deref(), country];
    let (formatted, street) = (join(&parts, ", "), join(&parts[..2], "\n"));
    let mut out = Map::new();
    put(&mut out, "City", city);
    put(&mut out, "CountryRegionId", country);
    put(&mut out, "FormattedAddress", formatted);
    put(&mut out, "State", state);
    put(&mut out, "Street", street);
    put(&mut out, "ZipCode", zip);
    Ok(out.into())
}

fn put(out: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        out.insert(name.into(), value.into());
    }
}

fn text<'a>(of: &'a Value, name: &str) -> Result<&'a str> {
    Ok(of[name].as_str().ok_or_else(|| format!("{name} is absent or no text"))?)
}

fn int(of: &Value, name: &str) -> Result<i64> {
    Ok(of[name].as_i64().ok_or_else(|| format!("{name} is absent or no integer"))?)
}

/// White space at the ends removed, inner runs made one space; nothing when nothing is left.
fn squeeze(text: &Value) -> Option<String> {
    let mut out = String::new();
    for word in text.as_str()?.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    (!out.is_empty()).then_some(out)
}
