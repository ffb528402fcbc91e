//! The transaction search with its limits, and balances.

use super::money::Money;
use super::{Answer, Call, Paypal, Refusal, Reply, State, now, set, text};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// Longest span of a search, and how far back it goes.
const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);
const OLDEST: SignedDuration = SignedDuration::from_hours(3 * 366 * 24);
/// Most movements of one search.
const MOST: usize = 10_000;

/// The parameters that it takes.
const KNOWN: &[&str] = &[
    "transaction_id",
    "transaction_type",
    "transaction_status",
    "transaction_amount",
    "transaction_currency",
    "start_date",
    "end_date",
    "payment_instrument_type",
    "store_id",
    "terminal_id",
    "fields",
    "balance_affecting_records_only",
    "page_size",
    "page",
];

impl Paypal {
    /// Notes a movement of the balance: `of` gives its id and the shop's numbers, `reference` what it belongs to.
    #[expect(clippy::too_many_arguments, reason = "each is a column of the report")]
    pub(super) fn moved(
        &self,
        state: &mut State,
        of: &Json,
        code: &str,
        amount: &Money,
        fee: &Money,
        reference: (&str, &str),
        payer: Option<Json>,
    ) {
        // Times of reports have no colon in their offset.
        let at = now().replace('Z', "+0000");
        let mut info = json!({
            "paypal_account_id": "QYR5Z8XDVJNXQ", "transaction_id": text(of, "id"), "transaction_event_code": code,
            "transaction_initiation_date": at, "transaction_updated_date": at, "transaction_amount": amount.json(),
            "transaction_status": "S", "protection_eligibility": "01",
        });
        if !fee.value.is_zero() {
            set(&mut info, "fee_amount", fee.json());
        }
        let (kind, id) = reference;
        if !id.is_empty() {
            set(&mut info, "paypal_reference_id", id);
            set(&mut info, "paypal_reference_id_type", kind);
        }
        if !text(of, "invoice_id").is_empty() {
            set(&mut info, "invoice_id", text(of, "invoice_id"));
        }
        if !text(of, "custom_id").is_empty() {
            set(&mut info, "custom_field", text(of, "custom_id"));
        }
        let mut row = json!({ "transaction_id": text(of, "id"), "transaction_info": info });
        if let Some(payer) = payer {
            let told = json!({
                "account_id": payer.get("payer_id"), "email_address": payer.get("email_address"),
                "payer_name": payer.get("name"), "country_code": payer.pointer("/address/country_code"),
            });
            set(&mut row, "payer_info", told);
        }
        state.put("transactions", row);
    }

    /// Puts a movement there that happened at some time: `transaction_info` as PayPal has it.
    pub fn insert_transaction(&self, row: &str) -> Result<(), String> {
        let mut row: Json = serde_json::from_str(row).map_err(|error| error.to_string())?;
        let id =
            row.pointer("/transaction_info/transaction_id").and_then(Json::as_str).ok_or("it has no id")?.to_owned();
        set(&mut row, "transaction_id", id);
        self.lock().put("transactions", row);
        Ok(())
    }

    pub(super) fn search(&self, call: &Call) -> Answer {
        let invalid = |issue: &str, field: &str| {
            let details = vec![json!({ "field": field, "location": "query", "issue": issue })];
            let message = "Request is not well-formed, syntactically incorrect, or violates schema.";
            Refusal { details, ..Refusal::new(400, "INVALID_REQUEST", message) }
        };
        if let Some((name, _)) = call.query.iter().find(|(name, _)| !KNOWN.contains(&name.as_str())) {
            return Err(invalid("Unknown parameter", name));
        }
        let time = |name: &str| -> Result<Timestamp, Refusal> {
            let given = call.parameter(name).ok_or_else(|| invalid("A required parameter is missing", name))?;
            given.parse().map_err(|_| invalid("Invalid date passed", name))
        };
        let (from, to) = (time("start_date")?, time("end_date")?);
        if to < from {
            return Err(invalid("Start date should be less than end date", "start_date"));
        }
        if to.duration_since(from) > LONGEST {
            return Err(invalid("Date range is greater than 31 days", "end_date"));
        }
        if Timestamp::now().duration_since(from) > OLDEST {
            return Err(invalid("Data for the given start date is not available.", "start_date"));
        }
        let number = |name: &str, usual: usize, most: usize| match call.parameter(name).map(str::parse::<usize>) {
            None => Ok(usual),
            Some(Ok(number)) if (1..=most).contains(&number) => Ok(number),
            Some(_) => Err(invalid("Invalid value passed", name)),
        };
        let (page, size) = (number("page", 1, usize::MAX)?, number("page_size", 100, 500)?);
        let same = |row: &Json, name: &str, at: &str| {
            call.parameter(name).is_none_or(|wanted| row.pointer(at).and_then(Json::as_str) == Some(wanted))
        };
        let wanted = |row: &Json| {
            let at =
                row.pointer("/transaction_info/transaction_initiation_date").and_then(Json::as_str).unwrap_or_default();
            let at = jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%z", at).and_then(|parsed| parsed.to_timestamp());
            at.is_ok_and(|at| (from..=to).contains(&at))
                && same(row, "transaction_id", "/transaction_info/transaction_id")
                && same(row, "transaction_type", "/transaction_info/transaction_event_code")
                && same(row, "transaction_status", "/transaction_info/transaction_status")
                && same(row, "transaction_currency", "/transaction_info/transaction_amount/currency_code")
        };
        let state = self.lock();
        let all: Vec<&Json> =
            state.objects.get("transactions").into_iter().flatten().filter(|row| wanted(row)).collect();
        if all.len() > MOST {
            let message =
                "Result set size is greater than the maximum limit. Change the filter criteria and try again.";
            return Err(Refusal::new(400, "RESULTSET_TOO_LARGE", message));
        }
        let with_all = call.parameter("fields").is_some_and(|fields| fields == "all");
        let rows = all.iter().skip((page - 1).saturating_mul(size)).take(size).map(|row| {
            let mut row = (*row).clone();
            if let Json::Object(fields) = &mut row {
                fields.remove("transaction_id");
                fields.retain(|name, _| with_all || name == "transaction_info");
            }
            row
        });
        let rows: Vec<Json> = rows.collect();
        let written = |at: Timestamp| at.to_string().replace('Z', "+0000");
        let found = json!({
            "transaction_details": rows, "account_number": "QYR5Z8XDVJNXQ", "start_date": written(from),
            "end_date": written(to), "last_refreshed_datetime": now().replace('Z', "+0000"), "page": page,
            "total_items": all.len(), "total_pages": all.len().div_ceil(size), "links": [],
        });
        Ok(Reply::json(200, found.to_string()))
    }

    pub(super) fn balances(&self, call: &Call) -> Answer {
        let mut sums: BTreeMap<String, Money> = BTreeMap::new();
        for row in self.objects("transactions") {
            for at in ["/transaction_info/transaction_amount", "/transaction_info/fee_amount"] {
                let Some(amount) = row.pointer(at).map(Money::of) else { continue };
                let sum = sums.entry(amount.currency.clone()).or_insert_with(|| Money::nothing(&amount.currency));
                *sum = sum.plus(&amount);
            }
        }
        let asked = call.parameter("currency_code").filter(|currency| *currency != "ALL");
        let shown = sums.iter().filter(|(currency, _)| asked.is_none_or(|asked| asked == *currency));
        let balances: Vec<Json> = shown
            .map(|(currency, sum)| {
                let nothing = Money::nothing(currency).json();
                json!({ "currency": currency, "primary": currency == "USD", "total_balance": sum.json(), "available_balance": sum.json(), "withheld_balance": nothing })
            })
            .collect();
        let found = json!({ "balances": balances, "account_id": "QYR5Z8XDVJNXQ", "as_of_time": now(), "last_refresh_time": now() });
        Ok(Reply::json(200, found.to_string()))
    }
}
