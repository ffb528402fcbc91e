//! Rates that a feed gives: the European Central Bank's XML or CSV, openexchangerates' JSON.
//!
//! What comes over the network is bounded and never trusted: what does not fit is an error, and what was known before
//! stays in use.

use super::{BASE, MAX_AGE, Table, is_code, parse, positive};
use crate::diagnostics::{Code, Diagnostic};
use crate::model::project::{RateSource, RateTable};
use crate::model::read::Spanned;
use crate::model::values::Referable;
use crate::value::{json, time};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often a feed is asked unless the project says.
const EVERY: Duration = Duration::from_secs(6 * 3600);
/// More days than a feed has that is asked for what is known today: the bank's own history has some 7000.
const MOST_DAYS: usize = 20_000;

/// A table that is asked for again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    pub name: String,
    pub source: RateSource,
    /// May hold a key: never shown.
    pub url: Spanned<Referable>,
    pub every: Duration,
    pub max_age: Duration,
}

impl Feed {
    pub(super) fn of(name: &str, table: &RateTable) -> Option<Feed> {
        Some(Feed {
            name: name.to_owned(),
            source: table.source.value,
            url: table.url.clone()?,
            every: table.every.as_ref().map_or(EVERY, |every| every.value.0),
            max_age: table.max_age.as_ref().map_or(MAX_AGE, |age| age.value.0),
        })
    }
}

/// What is wrong with an address as it is written.
pub(super) fn unfit(url: &Spanned<Referable>) -> Option<Diagnostic> {
    let Referable::Text(text) = &url.value else { return None };
    let Ok(parsed) = url::Url::parse(text) else {
        let finding = Diagnostic::error(Code::F0426, "this is no address of a feed", url.span);
        return Some(finding.help("as in https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist-90d.xml"));
    };
    if parsed.query_pairs().any(|(name, _)| matches!(&*name, "app_id" | "api_key" | "key" | "token" | "access_key")) {
        let finding = Diagnostic::error(Code::F0400, "a secret stands here in clear", url.span);
        return Some(finding.help("name the whole address: `url: secret://rates/url` or `url: env://RATES_URL`"));
    }
    let own = matches!(parsed.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if parsed.scheme() != "https" && !(parsed.scheme() == "http" && own) {
        let finding =
            Diagnostic::error(Code::F0426, "rates that anybody on the way could change are not taken", url.span);
        return Some(finding.help("write `https://`"));
    }
    None
}

/// What a feed gave, as a table.
pub fn parse_feed(source: RateSource, bytes: &[u8], max_age: Duration) -> Result<Table, String> {
    match source {
        RateSource::Openexchangerates => openexchangerates(bytes, max_age),
        RateSource::Ecb => {
            let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
            let text = text.trim_start_matches('\u{feff}');
            match text.trim_start().starts_with('<') {
                true => ecb_xml(text, max_age),
                false => parse(text, max_age).map_err(|(line, why)| format!("line {line}: {why}")),
            }
        }
    }
}

/// `Cube[@time]` with a `Cube[@currency, @rate]` for each currency.
fn ecb_xml(text: &str, max_age: Duration) -> Result<Table, String> {
    let mut reader = Reader::from_str(text);
    let mut days: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    let mut day = None;
    loop {
        let element = match reader.read_event() {
            Ok(Event::Start(element) | Event::Empty(element)) => element,
            Ok(Event::Eof) => break,
            Ok(Event::DocType(_)) => return Err("it has a document type, which no feed of rates has".to_owned()),
            Ok(_) => continue,
            Err(error) => return Err(format!("it is not XML: {error}")),
        };
        if element.local_name().as_ref() != "Cube" {
            continue;
        }
        let (mut currency, mut rate) = (None, None);
        for attribute in element.attributes() {
            let attribute = attribute.map_err(|error| format!("it is not XML: {error}"))?;
            let value = attribute.value.into_owned();
            match attribute.key.as_ref() {
                "time" => {
                    let date = time::parse_date(&value).ok_or_else(|| format!("{value:?} is no day"))?;
                    if days.contains_key(&date) {
                        return Err(format!("{date} stands there twice"));
                    }
                    if days.len() >= MOST_DAYS {
                        return Err(format!("it has more than {MOST_DAYS} days"));
                    }
                    days.insert(date, BTreeMap::new());
                    day = Some(date);
                }
                "currency" => currency = Some(value),
                "rate" => rate = Some(value),
                _ => {}
            }
        }
        let (Some(currency), Some(rate)) = (currency, rate) else { continue };
        if !is_code(&currency) {
            return Err(format!("{currency:?} is no currency"));
        }
        let exact = positive(&rate).ok_or_else(|| format!("{rate:?} is no rate of {currency}"))?;
        let rates = day.and_then(|day| days.get_mut(&day)).ok_or("a rate stands there before any day")?;
        if rates.insert(currency.clone(), exact).is_some() {
            return Err(format!("{currency} stands twice below one day"));
        }
    }
    if days.values().all(BTreeMap::is_empty) {
        return Err("it has no rate".to_owned());
    }
    Ok(Table { max_age, base: BASE.to_owned(), days })
}

/// `{ timestamp, base, rates: { EUR: 0.924123 } }`.
fn openexchangerates(bytes: &[u8], max_age: Duration) -> Result<Table, String> {
    let body = json::parse(bytes).map_err(|error| format!("it is not JSON: {error}"))?;
    if let Some(said) = body.get("description").as_text().or(body.get("message").as_text()) {
        return Err(format!("it was refused: {}", said.chars().take(200).collect::<String>()));
    }
    let seconds = body.get("timestamp").as_number().and_then(|n| n.exact().ok()).and_then(|n| n.to_i64());
    let at = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or("it has no `timestamp`")?;
    let base = body.get("base").as_text().filter(|base| is_code(base)).ok_or("it has no `base`")?.to_string();
    let written = body.get("rates").as_record().ok_or("it has no `rates`")?;
    let mut rates = BTreeMap::new();
    for (currency, rate) in written.iter() {
        let exact = rate.as_number().and_then(|n| positive(&n.written()));
        // Some of its names are no codes of ISO 4217; nobody asks for those.
        if is_code(currency) && currency.as_str() != base {
            let exact = exact.ok_or_else(|| format!("there is no rate of {currency}"))?;
            rates.insert(currency.to_string(), exact);
        }
    }
    if rates.is_empty() {
        return Err("it has no rate".to_owned());
    }
    let day = at.to_zoned(TimeZone::UTC).date();
    Ok(Table { max_age, base, days: BTreeMap::from([(day, rates)]) })
}

#[cfg(test)]
mod tests {
    use super::super::{Known, Rates};
    use super::*;
    use std::sync::Arc;

    const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<gesmes:subject>Reference rates</gesmes:subject>
<Cube><Cube time="2026-10-30"><Cube currency="USD" rate="1.1172"/><Cube currency='JPY' rate='175.68'/></Cube>
<Cube time="2026-10-29"><Cube currency="USD" rate="1.1130"/></Cube></Cube></gesmes:Envelope>"#;
    const JSON: &str = r#"{"disclaimer":"x","license":"y","timestamp":1793361600,"base":"USD","rates":{"EUR":0.895095,"NOK":10.123456789,"USD":1,"BTC_X":0.1}}"#;

    fn rate(table: Table, from: &str, to: &str, on: &str) -> Result<(String, String), &'static str> {
        let rates = Rates(BTreeMap::from([("t".to_owned(), Known::NotYet)])).with_feed("t", &Arc::new(table));
        let found = rates.get("t", from, to, on.parse().unwrap()).map_err(|why| why.code())?;
        Ok((found.rate.to_string(), found.day.to_string()))
    }

    #[test]
    fn the_banks_xml_is_exact() {
        let table = || parse_feed(RateSource::Ecb, XML.as_bytes(), MAX_AGE).unwrap();
        assert_eq!(rate(table(), "EUR", "USD", "2026-11-01"), Ok(("1.1172".into(), "2026-10-30".into())));
        assert_eq!(rate(table(), "EUR", "USD", "2026-10-29"), Ok(("1.1130".into(), "2026-10-29".into())));
        assert_eq!(rate(table(), "USD", "JPY", "2026-10-30").unwrap().0, "157.250268528");
        assert_eq!(rate(table(), "EUR", "JPY", "2026-10-29"), Err("rate_missing"));
        assert_eq!(rate(table(), "EUR", "USD", "2026-11-05"), Err("rate_stale"));
    }

    #[test]
    fn openexchangerates_says_its_base() {
        let table = || parse_feed(RateSource::Openexchangerates, JSON.as_bytes(), MAX_AGE).unwrap();
        assert_eq!(rate(table(), "USD", "NOK", "2026-10-30"), Ok(("10.123456789".into(), "2026-10-30".into())));
        assert_eq!(rate(table(), "EUR", "USD", "2026-10-30").unwrap().0, "1.1171998503");
        assert_eq!(rate(table(), "USD", "GBP", "2026-10-30"), Err("rate_missing"));
    }

    #[test]
    fn what_is_no_feed_says_why() {
        let bomb = format!("<!DOCTYPE x [<!ENTITY a \"{}\">]>{XML}", "b".repeat(10));
        for (source, text, part) in [
            (RateSource::Ecb, "<html><body>Sorry</body></html>", "no rate"),
            (RateSource::Ecb, &XML.replace("1.1172", "-1"), "no rate of USD"),
            (RateSource::Ecb, &XML.replace("1.1172", "1e400"), "no rate of USD"),
            (RateSource::Ecb, &XML.replace("2026-10-29", "2026-10-30"), "twice"),
            (RateSource::Ecb, &XML.replace("JPY", "USD"), "twice"),
            (RateSource::Ecb, &XML.replace("</Cube>", "</Cubes>"), "not XML"),
            (RateSource::Ecb, &XML.replace("\"USD\"", "\"dollar\""), "no currency"),
            (RateSource::Ecb, &bomb, "document type"),
            (RateSource::Openexchangerates, "<html>", "not JSON"),
            (RateSource::Openexchangerates, &JSON.replace("0.895095", "\"x\""), "no rate of EUR"),
            (RateSource::Openexchangerates, &JSON.replace("1793361600", "null"), "timestamp"),
            (
                RateSource::Openexchangerates,
                r#"{"error":true,"status":401,"message":"invalid_app_id","description":"Invalid App ID provided."}"#,
                "Invalid App ID",
            ),
        ] {
            let why = parse_feed(source, text.as_bytes(), MAX_AGE).unwrap_err();
            assert!(why.contains(part), "{part}: {why}");
        }
    }

    #[test]
    fn a_file_mends_what_a_feed_does_not_have() {
        let file = "Date,USD,NOK\n2026-10-30,1.2,11.5\n";
        let own = Known::Table(Arc::new(parse(file, MAX_AGE).unwrap()));
        let fed = Arc::new(parse_feed(RateSource::Ecb, XML.as_bytes(), MAX_AGE).unwrap());
        let rates = Rates(BTreeMap::from([("t".to_owned(), own)])).with_feed("t", &fed);
        let get = |to: &str| rates.get("t", "EUR", to, "2026-10-30".parse().unwrap()).unwrap().rate.to_string();
        assert_eq!([get("USD"), get("NOK"), get("JPY")], ["1.2", "11.5", "175.68"]);
    }
}
