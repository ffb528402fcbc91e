//! Journals as F&O keeps them (vouchers, totals, no change once they are posted), and what people do with rows there:
//! post a journal, invoice an order. What was posted is told to the endpoints of business events.

use super::column::empty;
use super::refusal::write_failed;
use super::{
    Call, Delivery, Entity, Finops, Refusal, Reply, State, bad, is_blank, not_found, same_text, text,
    written as json_text,
};
use crate::value::{Number, Record, Text, Value};
use bytes::Bytes;
use std::sync::Arc;

/// What can be made to happen, and with what.
pub const ACTIONS: &[(&str, &str)] = &[
    ("endpoint", r#"{"url":"http://127.0.0.1:8080/hooks/d365?code=SECRET"}"#),
    ("post_journal", r#"{"JournalBatchNumber":"000001"}"#),
    ("invoice_order", r#"{"SalesOrderNumber":"SO-000001"}"#),
];

/// The custom service of this company that posts a journal.
const POSTING: &str = "ContosoPosting/Journals/post";

/// Lines, the header that they belong to, and the column that names it in both.
const JOURNALS: &[(&str, &str)] = &[
    ("LedgerJournalLines", "LedgerJournalHeaders"),
    ("CustomerPaymentJournalLines", "CustomerPaymentJournalHeaders"),
    ("VendorPaymentJournalLines", "VendorPaymentJournalHeaders"),
];

const JOURNAL: &str = "JournalBatchNumber";

fn header_of(lines: &str) -> Option<&'static str> {
    JOURNALS.iter().find(|(of, _)| *of == lines).map(|(_, header)| *header)
}

fn same_journal(a: &Record, b: &Record) -> bool {
    same_text(a.get(JOURNAL), b.get(JOURNAL)) && same_text(a.get("dataAreaId"), b.get("dataAreaId"))
}

/// Nothing in a posted journal is changed.
pub(super) fn is_open(state: &State, entity: &Entity, row: &Record) -> Result<(), Refusal> {
    let Some(header) = header_of(&entity.name) else { return Ok(()) };
    let posted = |journal: &&Record| same_journal(journal, row) && journal.get("IsPosted") == Some(&text("Yes"));
    match state.rows.get(header).into_iter().flatten().find(posted) {
        Some(_) => Err(write_failed(&entity.name, "Error: The journal has been posted and cannot be changed.")),
        None => Ok(()),
    }
}

/// A line without a voucher gets one.
pub(super) fn numbered(state: &mut State, entity: &Entity, row: &mut Record) {
    if header_of(&entity.name).is_some() && is_blank(row.get("Voucher")) {
        let next = state.sequences.entry("Voucher".to_string()).or_insert(0);
        *next += 1;
        row.set("Voucher".into(), text(&format!("GNJL{next:06}")));
    }
}

/// A line was written or is gone: its general journal's totals follow.
pub(super) fn written(state: &mut State, entity: &str, line: &Record) {
    if entity != "LedgerJournalLines" {
        return;
    }
    let lines = state.rows.get(entity).into_iter().flatten().filter(|row| same_journal(row, line));
    let (mut debit, mut credit) = (zero(), zero());
    for row in lines {
        debit = sum(debit, row.get("DebitAmount"));
        credit = sum(credit, row.get("CreditAmount"));
    }
    let headers = state.rows.entry("LedgerJournalHeaders".to_string()).or_default();
    if let Some(header) = headers.iter_mut().find(|header| same_journal(header, line)) {
        header.set("JournalTotalDebit".into(), debit);
        header.set("JournalTotalCredit".into(), credit);
    }
}

fn zero() -> Value {
    Value::Number(Number::from(0))
}

fn sum(total: Value, amount: Option<&Value>) -> Value {
    let exact = |value: &Value| value.as_number().and_then(|number| number.exact().ok());
    let added = exact(&total).zip(amount.and_then(exact)).and_then(|(a, b)| a.add(b).ok());
    added.map_or(total, |sum| Value::Number(Number::from(sum)))
}

impl Finops {
    /// `POST /api/services/Group/Service/operation`: the one that this company has.
    pub(super) fn service(&self, service: &str, call: &Call) -> Result<Reply, Refusal> {
        if call.method != "POST" || service != POSTING {
            return Err(not_found());
        }
        let journal = super::read_body(call)?;
        self.post(&journal)?;
        Ok(Reply::json(200, r#"{"Posted":true}"#))
    }

    /// What people do. `None`: there is no such thing.
    pub(super) fn happen(&self, what: &str, with: &Record) -> Option<Result<Record, Refusal>> {
        Some(match what {
            "endpoint" => self.endpoint(with),
            "post_journal" => self.post(with),
            "invoice_order" => self.invoice(with),
            _ => return None,
        })
    }

    /// An endpoint of business events is activated: F&O sends it a test.
    fn endpoint(&self, with: &Record) -> Result<Record, Refusal> {
        let url = with
            .get("url")
            .and_then(Value::as_text)
            .filter(|url| url.starts_with("http"))
            .ok_or_else(|| bad("`url` is needed"))?;
        let mut state = self.lock();
        state.endpoints.push(url.to_string());
        self.tell(&mut state, "BusinessEventsTestEndpointContract", "", Record::new());
        Ok(with.clone())
    }

    /// Posts a general journal: each voucher has to balance, by currency and date.
    fn post(&self, with: &Record) -> Result<Record, Refusal> {
        let mut state = self.lock();
        let number = with.get(JOURNAL).cloned().unwrap_or(Value::Missing);
        let headers = state.rows.entry("LedgerJournalHeaders".to_string()).or_default();
        let header =
            headers.iter().find(|row| same_text(row.get(JOURNAL), Some(&number))).ok_or_else(not_found)?.clone();
        let refuse = |why: &str| Err(write_failed("LedgerJournalHeaders", why));
        if header.get("IsPosted") == Some(&text("Yes")) {
            return refuse("Error: The journal has already been posted.");
        }
        let lines = state.rows.get("LedgerJournalLines").into_iter().flatten().filter(|row| same_journal(row, &header));
        let mut vouchers: Vec<(String, Value, Value)> = vec![];
        for line in lines {
            let part =
                |name: &str| line.get(name).and_then(Value::as_text).map(|text| text.to_string()).unwrap_or_default();
            let key = format!("{} {} {}", part("Voucher"), part("CurrencyCode"), part("TransDate"));
            let place = vouchers.iter().position(|(known, ..)| *known == key).unwrap_or_else(|| {
                vouchers.push((key, zero(), zero()));
                vouchers.len() - 1
            });
            let (_, debit, credit) = &mut vouchers[place];
            *debit = sum(debit.clone(), line.get("DebitAmount"));
            *credit = sum(credit.clone(), line.get("CreditAmount"));
        }
        if vouchers.is_empty() {
            return refuse("Error: The journal has no lines.");
        }
        if let Some((voucher, debit, credit)) =
            vouchers.iter().find(|(_, debit, credit)| debit.equal(credit) != Ok(true))
        {
            let shown = |amount: &Value| amount.as_number().map(|n| n.canonical()).unwrap_or_default();
            let why = format!(
                "Error: The transactions on voucher {voucher} do not balance. (debit {}, credit {})",
                shown(debit),
                shown(credit)
            );
            return refuse(&why);
        }
        let headers = state.rows.entry("LedgerJournalHeaders".to_string()).or_default();
        let mut posted = header.clone();
        posted.set("IsPosted".into(), text("Yes"));
        headers.iter_mut().filter(|row| same_journal(row, &header)).for_each(|row| *row = posted.clone());
        posted.remove("#version");
        Ok(posted)
    }

    /// Invoices an open sales order: the invoice stands among the posted ones, and the order is invoiced.
    fn invoice(&self, with: &Record) -> Result<Record, Refusal> {
        let mut state = self.lock();
        let number = with.get("SalesOrderNumber").cloned().unwrap_or(Value::Missing);
        let order = |row: &&mut Record| same_text(row.get("SalesOrderNumber"), Some(&number));
        let found = state
            .rows
            .entry("SalesOrderHeadersV2".to_string())
            .or_default()
            .iter_mut()
            .find(order)
            .ok_or_else(not_found)?;
        if found.get("SalesOrderStatus") == Some(&text("Invoiced")) {
            return Err(bad("The order has already been invoiced."));
        }
        found.set("SalesOrderStatus".into(), text("Invoiced"));
        found.set("SalesOrderProcessingStatus".into(), text("Invoiced"));
        let order = found.clone();
        let lines = state.rows.get("CDSSalesOrderLinesV2").into_iter().flatten();
        let lines = lines.filter(|row| same_text(row.get("SalesOrderNumber"), Some(&number)));
        let total = lines.fold(zero(), |total, line| sum(total, line.get("LineAmount")));
        let next = state.sequences.entry("Invoice".to_string()).or_insert(0);
        *next += 1;
        let (invoice, voucher) = (format!("CIV-{next:06}"), format!("ARIV{next:06}"));
        let today = format!("{}T12:00:00Z", &jiff::Timestamp::now().to_string()[..10]);
        let mut row = Record::new();
        if let Some(entity) = self.entities.get("SalesInvoiceHeadersV2") {
            let columns = entity.row.fields.iter().filter(|(name, _)| !super::is_annotation(name));
            columns.for_each(|(name, field)| row.set(name.clone(), empty(&field.ty)));
        }
        let account = order.get("OrderingCustomerAccountNumber").cloned().unwrap_or_else(|| text(""));
        let of_order = |name: &str| order.get(name).cloned().unwrap_or_else(|| text(""));
        for (name, value) in [
            ("dataAreaId", of_order("dataAreaId")),
            ("InvoiceNumber", text(&invoice)),
            ("InvoiceDate", text(&today)),
            ("LedgerVoucher", text(&voucher)),
            ("SalesOrderNumber", number.clone()),
            ("InvoiceCustomerAccountNumber", account.clone()),
            ("CurrencyCode", of_order("CurrencyCode")),
            ("TotalInvoiceAmount", total.clone()),
            ("CustomersOrderReference", of_order("CustomersOrderReference")),
        ] {
            row.set(Text::from(name), value);
        }
        state.rows.entry("SalesInvoiceHeadersV2".to_string()).or_default().push(row.clone());
        let company = order.get("dataAreaId").and_then(Value::as_text).map(|text| text.to_string()).unwrap_or_default();
        let midnight = jiff::Timestamp::now().as_second().div_euclid(86_400) * 86_400;
        let date = text(&format!("/Date({}000)/", midnight));
        let facts = [
            ("InvoiceAccount", account),
            ("InvoiceId", text(&invoice)),
            ("SalesId", number),
            ("InvoiceDate", date),
            ("InvoiceDueDate", text("/Date(-2208988800000)/")),
            ("InvoiceAmount", total),
            ("InvoiceTaxAmount", zero()),
            ("LegalEntity", text(&company)),
        ];
        let facts = facts.into_iter().map(|(name, value)| (Text::from(name), value)).collect();
        self.tell(&mut state, "SalesInvoicePostedBusinessEvent", &company, facts);
        Ok(row)
    }

    /// Sends a business event to every endpoint.
    fn tell(&self, state: &mut State, name: &str, company: &str, facts: Record) {
        state.changes += 1;
        let now = jiff::Timestamp::now();
        let control = i64::try_from(state.changes).unwrap_or(i64::MAX);
        let mut event: Record = [
            ("BusinessEventId", text(name)),
            ("BusinessEventLegalEntity", text(&company.to_uppercase())),
            ("ContextRecordSubject", text("")),
            ("ControlNumber", Value::from(5_637_000_000i64.saturating_add(control))),
            ("EventId", text(&uuid::Uuid::new_v4().to_string().to_uppercase())),
            ("EventTime", text(&format!("/Date({}000)/", now.as_second()))),
            ("EventTimeIso8601", text(&now.to_string())),
            ("InitiatingUserAADObjectId", text("{410A2690-5EC2-42EE-9F2A-E75B4E324930}")),
            ("MajorVersion", Value::from(0)),
            ("MinorVersion", Value::from(0)),
            ("ParentContextRecordSubjects", Value::from(Vec::<Value>::new())),
        ]
        .into_iter()
        .map(|(name, value)| (Text::from(name), value))
        .collect();
        facts.iter().for_each(|(name, value)| event.set(name.clone(), value.clone()));
        let body = Bytes::from(json_text(&Value::Record(event)));
        for url in &state.endpoints {
            // No signature: the secret stands in the address.
            let headers = Arc::new(|_: &Bytes| vec![]);
            self.outbox.push(Delivery { event: name.to_string(), url: url.clone(), body: body.clone(), headers });
        }
    }
}
