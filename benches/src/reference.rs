//! The reference contestant (1.0): the mapping of `mapping/SPEC.md` as a careful Rust programmer writes it by
//! hand, over typed `serde_json` structs. Only the fields that the mapping reads are declared, texts
//! are borrowed from the body where they hold no escapes, and amounts stay integers in minor units.
//!
//! The tables, and what works on plain texts, also serve the untyped contestant.

use std::borrow::Cow;
use std::error::Error;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize, Serializer, ser};
use serde_json::value::RawValue;

pub(crate) type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

// ---------------------------------------------------------------- input: what is read of the event

/// A text that borrows from the body. (`Option<Cow<str>>` alone would never borrow under serde.)
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    livemode: bool,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    object: Invoice<'a>,
}

#[derive(Deserialize)]
struct Invoice<'a> {
    #[serde(borrow)]
    account_country: Option<Text<'a>>,
    amount_paid: i64,
    amount_remaining: i64,
    #[serde(borrow)]
    collection_method: Option<Text<'a>>,
    created: i64,
    #[serde(borrow)]
    currency: Text<'a>,
    #[serde(borrow)]
    customer: Option<Text<'a>>,
    #[serde(borrow)]
    customer_address: Option<Address<'a>>,
    #[serde(borrow)]
    customer_email: Option<Text<'a>>,
    #[serde(borrow)]
    customer_name: Option<Text<'a>>,
    #[serde(borrow)]
    lines: Lines<'a>,
    #[serde(borrow)]
    metadata: Option<InvoiceMetadata<'a>>,
    #[serde(borrow)]
    number: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    status_transitions: Option<StatusTransitions>,
    total: i64,
}

#[derive(Deserialize)]
struct Address<'a> {
    #[serde(borrow)]
    city: Option<Text<'a>>,
    #[serde(borrow)]
    country: Option<Text<'a>>,
    #[serde(borrow)]
    line1: Option<Text<'a>>,
    #[serde(borrow)]
    line2: Option<Text<'a>>,
    #[serde(borrow)]
    postal_code: Option<Text<'a>>,
    #[serde(borrow)]
    state: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct InvoiceMetadata<'a> {
    #[serde(borrow)]
    d365_account: Option<Text<'a>>,
    #[serde(borrow)]
    po_number: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct StatusTransitions {
    paid_at: Option<i64>,
}

#[derive(Deserialize)]
struct Lines<'a> {
    #[serde(borrow)]
    data: Vec<Line<'a>>,
}

#[derive(Deserialize)]
struct Line<'a> {
    amount: i64,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    #[serde(borrow)]
    metadata: Option<LineMetadata<'a>>,
    period: Period,
    #[serde(borrow)]
    pricing: Option<Pricing<'a>>,
    quantity: Option<i64>,
    #[serde(borrow)]
    taxes: Option<Vec<Tax<'a>>>,
}

#[derive(Deserialize)]
struct LineMetadata<'a> {
    #[serde(borrow)]
    cost_center: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Period {
    start: i64,
    end: i64,
}

#[derive(Deserialize)]
struct Pricing<'a> {
    #[serde(borrow)]
    price_details: Option<PriceDetails<'a>>,
    #[serde(borrow)]
    unit_amount_decimal: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct PriceDetails<'a> {
    #[serde(borrow)]
    product: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Tax<'a> {
    amount: i64,
    #[serde(borrow)]
    tax_rate_details: TaxRateDetails<'a>,
}

#[derive(Deserialize)]
struct TaxRateDetails<'a> {
    #[serde(borrow)]
    tax_rate: Text<'a>,
}

// ---------------------------------------------------------------- output: the order, in key order

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Order<'a> {
    currency_code: String,
    customer_name: Cow<'a, str>,
    customers_order_reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_address: Option<DeliveryAddress<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    invoice_customer_account_number: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_test: Option<bool>,
    lines: Vec<OrderLine<'a>>,
    notes: String,
    order_creation_date: Date,
    order_date_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    outstanding_amount: Option<Money>,
    paid_amount: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_terms_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_order_number: Option<&'a str>,
    sales_order_status: &'static str,
    total_amount: Money,
    total_tax_amount: Money,
    #[serde(rename = "dataAreaId")]
    data_area_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeliveryAddress<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_region_id: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    formatted_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    street: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zip_code: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OrderLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_center: Option<&'a str>,
    item_number: &'static str,
    line_amount: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_description: Option<Cow<'a, str>>,
    line_number: usize,
    ordered_sales_quantity: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sales_price: Option<Money>,
    sales_tax_item_group_code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_start_date: Option<Date>,
}

/// An exact amount: `minor / 10^exponent`, written with exactly `exponent` decimals.
struct Money {
    minor: i64,
    exponent: usize,
}

impl Money {
    /// The decimal text, built from the right in `buffer`.
    fn text<'b>(&self, buffer: &'b mut [u8; 32]) -> &'b str {
        let mut at = buffer.len();
        let mut rest = self.minor.unsigned_abs();
        let mut digits = 0;
        while rest > 0 || digits <= self.exponent {
            if digits == self.exponent && digits > 0 {
                at -= 1;
                buffer[at] = b'.';
            }
            at -= 1;
            buffer[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            digits += 1;
        }
        if self.minor < 0 {
            at -= 1;
            buffer[at] = b'-';
        }
        std::str::from_utf8(&buffer[at..]).expect("digits are ASCII")
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = [0; 32];
        let number: &RawValue = serde_json::from_str(self.text(&mut buffer)).map_err(ser::Error::custom)?;
        number.serialize(serializer)
    }
}

// ---------------------------------------------------------------- the mapping

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
        let event: Event = serde_json::from_slice(body)?;
        let order = self.order(&event)?;
        let mut out = Vec::with_capacity(4096);
        serde_json::to_writer(&mut out, &order)?;
        Ok(out)
    }

    fn order<'a>(&self, event: &'a Event<'a>) -> Result<Order<'a>> {
        let invoice = &event.data.object;
        let currency_code = invoice.currency.0.to_ascii_uppercase();
        let exponent = exponent(&currency_code);
        let amount = |minor| Money { minor, exponent };
        let metadata = invoice.metadata.as_ref();
        let number = &*invoice.number.0;

        let mut tax = 0i64;
        let mut lines = Vec::with_capacity(invoice.lines.data.len());
        for (n, line) in invoice.lines.data.iter().enumerate() {
            for t in line.taxes.iter().flatten() {
                tax = tax.checked_add(t.amount).ok_or("the sum of the taxes is too large")?;
            }
            lines.push(self.line(n, line, exponent)?);
        }

        let paid_at = invoice.status_transitions.as_ref().and_then(|s| s.paid_at);
        Ok(Order {
            customer_name: squeeze(&invoice.customer_name).unwrap_or(Cow::Borrowed("Unknown customer")),
            customers_order_reference: number,
            delivery_address: invoice.customer_address.as_ref().map(delivery_address).transpose()?,
            email: squeeze(&invoice.customer_email).map(|t| t.to_ascii_lowercase()),
            invoice_customer_account_number: match metadata.and_then(|m| m.d365_account.as_ref()) {
                Some(account) => Cow::Borrowed(&account.0),
                None => {
                    let customer = &invoice.customer.as_ref().ok_or("data.object.customer is absent")?.0;
                    Cow::Owned(["STRIPE-", customer.strip_prefix("cus_").unwrap_or(customer)].concat())
                }
            },
            is_test: (!event.livemode).then_some(true),
            lines,
            notes: format!("Stripe invoice {number} for event {}", event.id.0),
            order_creation_date: self.date(paid_at.unwrap_or(invoice.created))?,
            order_date_time: Timestamp::from_second(invoice.created)?,
            outstanding_amount: (invoice.amount_remaining > 0).then(|| amount(invoice.amount_remaining)),
            paid_amount: amount(invoice.amount_paid),
            payment_terms_name: (invoice.collection_method.as_ref().is_some_and(|m| m.0 == "send_invoice"))
                .then_some("Net30"),
            purchase_order_number: metadata.and_then(|m| m.po_number.as_ref()).map(|t| &*t.0),
            sales_order_status: status(&invoice.status.0)?,
            total_amount: amount(invoice.total),
            total_tax_amount: amount(tax),
            data_area_id: company(invoice.account_country.as_ref().map_or("", |t| &t.0)),
            currency_code,
        })
    }

    fn line<'a>(&self, n: usize, line: &'a Line<'a>, exponent: usize) -> Result<OrderLine<'a>> {
        let pricing = line.pricing.as_ref();
        let product = pricing.and_then(|p| p.price_details.as_ref()).and_then(|d| d.product.as_ref());
        let unit = pricing.and_then(|p| p.unit_amount_decimal.as_ref());
        Ok(OrderLine {
            cost_center: line.metadata.as_ref().and_then(|m| m.cost_center.as_ref()).map(|t| &*t.0),
            item_number: product.map_or("MISC", |p| item(&p.0)),
            line_amount: Money { minor: line.amount, exponent },
            line_description: squeeze(&line.description).map(|t| first(t, 60)),
            line_number: n + 1,
            ordered_sales_quantity: line.quantity.unwrap_or(1),
            sales_price: unit.map(|u| Ok::<_, &str>(Money { minor: round(&u.0)?, exponent })).transpose()?,
            sales_tax_item_group_code: match line.taxes.iter().flatten().next() {
                Some(tax) => tax_group(&tax.tax_rate_details.tax_rate.0),
                None => "NOTAX",
            },
            service_start_date: (line.period.start != line.period.end)
                .then(|| self.date(line.period.start))
                .transpose()?,
        })
    }

    fn date(&self, seconds: i64) -> Result<Date> {
        Ok(self.oslo.to_datetime(Timestamp::from_second(seconds)?).date())
    }
}

fn delivery_address<'a>(a: &'a Address<'a>) -> Result<DeliveryAddress<'a>> {
    let line1 = squeeze(&a.line1);
    let line2 = squeeze(&a.line2);
    let city = squeeze(&a.city);
    let state = squeeze(&a.state).map(|t| t.to_ascii_uppercase());
    let zip_code = squeeze(&a.postal_code).map(|t| t.to_ascii_uppercase());
    let country_region_id = a.country.as_ref().map(|c| country(&c.0)).transpose()?;
    let (line1, line2) = (line1.as_deref(), line2.as_deref());
    Ok(DeliveryAddress {
        formatted_address: join(
            &[line1, line2, zip_code.as_deref(), city.as_deref(), state.as_deref(), country_region_id],
            ", ",
        ),
        street: join(&[line1, line2], "\n"),
        city,
        country_region_id,
        state,
        zip_code,
    })
}

// ---------------------------------------------------------------- texts and numbers

/// White space at the ends removed, inner runs made one space; nothing when nothing is left.
fn squeeze<'a>(text: &'a Option<Text<'a>>) -> Option<Cow<'a, str>> {
    let white = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
    let text = text.as_ref()?.0.trim_matches(white);
    if text.is_empty() {
        return None;
    }
    let bytes = text.as_bytes();
    let clean = bytes.iter().enumerate().all(|(i, b)| match b {
        b'\t' | b'\n' | b'\r' => false,
        b' ' => bytes[i - 1] != b' ',
        _ => true,
    });
    if clean {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split(white).filter(|w| !w.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    Some(Cow::Owned(out))
}

pub(crate) fn join(parts: &[Option<&str>], separator: &str) -> Option<String> {
    let mut present = parts.iter().flatten();
    let mut out = String::from(*present.next()?);
    for part in present {
        out.push_str(separator);
        out.push_str(part);
    }
    Some(out)
}

/// The first `count` code points.
pub(crate) fn first(text: Cow<'_, str>, count: usize) -> Cow<'_, str> {
    match text.char_indices().nth(count) {
        None => text,
        Some((end, _)) => match text {
            Cow::Borrowed(t) => Cow::Borrowed(&t[..end]),
            Cow::Owned(t) => Cow::Owned(t[..end].to_string()),
        },
    }
}

/// A decimal text to the nearest integer, halves away from zero.
pub(crate) fn round(text: &str) -> Result<i64, &'static str> {
    const BAD: &str = "unit_amount_decimal is not a decimal number";
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let numeric = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if !numeric(whole) || !numeric(fraction) {
        return Err(BAD);
    }
    let up = i64::from(fraction.as_bytes()[0] >= b'5');
    let value = whole.parse::<i64>().ok().and_then(|w| w.checked_add(up)).ok_or(BAD)?;
    Ok(if negative { -value } else { value })
}

// ---------------------------------------------------------------- tables

/// ISO 4217: decimals of a currency.
pub(crate) fn exponent(currency: &str) -> usize {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

pub(crate) fn status(stripe: &str) -> Result<&'static str> {
    Ok(match stripe {
        "draft" => "None",
        "open" => "Backorder",
        "paid" => "Invoiced",
        "uncollectible" => "Delivered",
        "void" => "Canceled",
        other => return Err(format!("no sales order status for {other:?}").into()),
    })
}

pub(crate) fn company(country: &str) -> &'static str {
    match country {
        "US" => "usmf",
        "NO" => "nomf",
        "DE" => "demf",
        "JP" => "jpmf",
        "GB" => "gbsi",
        "KW" => "gcmf",
        _ => "usmf",
    }
}

pub(crate) fn country(alpha2: &str) -> Result<&'static str> {
    Ok(match alpha2 {
        "US" => "USA",
        "CA" => "CAN",
        "NO" => "NOR",
        "SE" => "SWE",
        "DK" => "DNK",
        "DE" => "DEU",
        "FR" => "FRA",
        "GB" => "GBR",
        "JP" => "JPN",
        "KR" => "KOR",
        "KW" => "KWT",
        "BH" => "BHR",
        "TN" => "TUN",
        other => return Err(format!("no country region for {other:?}").into()),
    })
}

pub(crate) fn item(product: &str) -> &'static str {
    match product {
        "prod_TeamSeat01" => "D0001",
        "prod_TeamSeat12" => "D0002",
        "prod_Storage100" => "D0003",
        "prod_Storage999" => "D0004",
        "prod_Support24x7" => "S0001",
        "prod_Support8x5" => "S0002",
        "prod_Onboarding" => "S0003",
        "prod_ApiCalls1k" => "U0001",
        "prod_SmsBundle" => "U0002",
        "prod_CardReader" => "H0001",
        "prod_DockStation" => "H0002",
        "prod_ReceiptRoll" => "H0003",
        _ => "MISC",
    }
}

pub(crate) fn tax_group(rate: &str) -> &'static str {
    match rate {
        "txr_no_25" => "NO-HIGH",
        "txr_no_15" => "NO-MED",
        "txr_de_19" => "DE-STD",
        "txr_de_7" => "DE-RED",
        "txr_us_ca" => "CA-ST",
        "txr_us_ny" => "NY-ST",
        "txr_jp_10" => "JP-STD",
        "txr_jp_8" => "JP-RED",
        "txr_gb_20" => "GB-STD",
        _ => "STD",
    }
}
