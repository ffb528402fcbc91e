//! Exchange rates: files that a project declares below `rates`, read into tables that can be asked.
//!
//! A file is data of today, not part of a flow: it is read anew when it changes. Invariants: a rate that is not in the
//! file is an error and never another one; a currency against euro is exactly what the file says; a cross rate is
//! rounded once, to [`DIGITS`] digits.

use super::effective::Effective;
use super::load::Project;
use super::project::RateTable;
use crate::diagnostics::{Code, Diagnostic, Sources};
use crate::value::{Exact, Fraction, NumberError, Rounding};
use jiff::civil::Date;
use jiff::fmt::strtime;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Significant digits of a rate that has to be worked out from two others.
pub const DIGITS: u32 = 12;
/// How old a rate may be unless the project says: over a long weekend.
pub const MAX_AGE: Duration = Duration::from_secs(5 * 24 * 3600);
/// What all rates of the European Central Bank are against.
const BASE: &str = "EUR";

/// All tables of a project by name; `None`: its file cannot be read.
#[derive(Clone, Debug, Default)]
pub struct Rates(BTreeMap<String, Option<Arc<Table>>>);

/// One table.
#[derive(Clone, Debug)]
struct Table {
    max_age: Duration,
    currencies: Vec<String>,
    /// The latest first; a rate for each currency, where there is one.
    days: Vec<(Date, Vec<Option<Exact>>)>,
}

/// A rate, and the day that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub rate: Exact,
    pub day: Date,
}

/// Why there is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRate {
    #[error("the rates `{table}` could not be read: their file has errors, or flowctl.yaml has them no more")]
    NoTable { table: String },
    #[error("the rates `{table}` have no currency {currency:?}")]
    NoCurrency { table: String, currency: String },
    #[error("the rates `{table}` have none of {from} to {to} for {day} or an earlier day")]
    NoDay { table: String, from: String, to: String, day: Date },
    #[error("the last rate of {from} to {to} in `{table}` is of {found}, more than {} before {day}", crate::value::time::write_duration(*.max_age))]
    Stale { table: String, from: String, to: String, day: Date, found: Date, max_age: Duration },
    #[error("the rate of {from} to {to} cannot be worked out: {why}")]
    Unreckonable { from: String, to: String, why: NumberError },
}

impl NoRate {
    /// `error.code` of the step.
    pub fn code(&self) -> &'static str {
        match self {
            NoRate::Stale { .. } => "rate_stale",
            NoRate::NoTable { .. } => "rates_unreadable",
            NoRate::NoCurrency { .. } | NoRate::NoDay { .. } | NoRate::Unreckonable { .. } => "rate_missing",
        }
    }
}

impl Rates {
    /// What one unit of `from` is worth in `to` on `day`, or on the last day before it that has a rate.
    pub fn get(&self, table: &str, from: &str, to: &str, day: Date) -> Result<Rate, NoRate> {
        let name = || table.to_owned();
        let found = self.0.get(table).and_then(Option::as_ref).ok_or_else(|| NoRate::NoTable { table: name() })?;
        let (from, to) = (from.trim().to_ascii_uppercase(), to.trim().to_ascii_uppercase());
        for currency in [&from, &to] {
            if currency != BASE && !found.currencies.contains(currency) {
                return Err(NoRate::NoCurrency { table: name(), currency: currency.clone() });
            }
        }
        let both =
            found.days.iter().filter(|(of, _)| *of <= day).find_map(|(of, rates)| {
                Some((*of, found.against_base(&from, rates)?, found.against_base(&to, rates)?))
            });
        let Some((of, a, b)) = both else { return Err(NoRate::NoDay { table: name(), from, to, day }) };
        let age = Duration::try_from(day.duration_since(of)).unwrap_or_default();
        if age > found.max_age {
            return Err(NoRate::Stale { table: name(), from, to, day, found: of, max_age: found.max_age });
        }
        match cross(a, b) {
            Ok(rate) => Ok(Rate { rate, day: of }),
            Err(why) => Err(NoRate::Unreckonable { from, to, why }),
        }
    }

    /// These, and of `before` what here cannot be read.
    pub fn or_before(mut self, before: &Rates) -> Rates {
        for (name, table) in self.0.iter_mut().filter(|(_, table)| table.is_none()) {
            *table = before.0.get(name).cloned().flatten();
        }
        self
    }
}

impl Table {
    /// Units of the currency for one euro.
    fn against_base(&self, currency: &str, rates: &[Option<Exact>]) -> Option<Exact> {
        if currency == BASE {
            return Some(Exact::from(1));
        }
        let place = self.currencies.iter().position(|known| known == currency)?;
        rates.get(place).copied().flatten()
    }
}

/// `to / from`, exact where `from` is the base.
fn cross(from: Exact, to: Exact) -> Result<Exact, NumberError> {
    if from == Exact::from(1) {
        return Ok(to);
    }
    let rate = Fraction::from(to).div(Fraction::from(from))?;
    // The place of its first digit.
    let mut first = 0;
    let mut whole = rate.round(0, Rounding::Down)?;
    while whole.is_zero() && first < 28 {
        first += 1;
        whole = rate.round(first, Rounding::Down)?;
    }
    let before_point = if first == 0 { whole.to_i128().map_or(0, |whole| whole.to_string().len() as u32) } else { 1 };
    Ok(rate.round((first + DIGITS).saturating_sub(before_point), Rounding::HalfEven)?.shortest())
}

impl Project {
    /// The rates of an environment, and what is wrong with the others.
    pub fn rates(&self, effective: &Effective, sources: &Sources) -> (Rates, Vec<Diagnostic>) {
        let (mut rates, mut findings) = (Rates::default(), vec![]);
        for (name, written) in self.file.iter().flat_map(|file| file.rates.iter()) {
            let table = read(written, effective, sources).map_err(|finding| findings.push(*finding));
            rates.0.insert(name.text.to_string(), table.ok().map(Arc::new));
        }
        (rates, findings)
    }
}

fn read(written: &RateTable, effective: &Effective, sources: &Sources) -> Result<Table, Box<Diagnostic>> {
    if written.source.as_str() != "ecb" {
        let message = format!("rates of `{}` cannot be read", written.source.as_str());
        let finding = Diagnostic::error(Code::F0426, message, written.source.span);
        return Err(Box::new(finding.help("`source: ecb` reads the CSV files of the European Central Bank")));
    }
    let path = written.file.as_str();
    let Some(file) = effective.files.get(path).filter(|_| path.ends_with(".csv")) else {
        let finding = Diagnostic::error(Code::F0426, format!("there is no file `{path}`"), written.file.span);
        return Err(Box::new(finding.help("a CSV file of this project, named from its root: tables/eurofxref.csv")));
    };
    let max_age = written.max_age.as_ref().map_or(MAX_AGE, |age| age.value.0);
    let text = &sources.get(*file).text;
    parse(text, max_age).map_err(|(line, why)| {
        let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let end = text.get(start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| start + end);
        let finding = Diagnostic::error(Code::F0427, why, crate::diagnostics::Span::new(*file, start, end));
        Box::new(finding.also(written.file.span, "named here").help(
            "the file is as the European Central Bank gives it: a line with `Date` and the currencies, and a line for each day",
        ))
    })
}

/// A file of the European Central Bank: of one day (`30 October 2026`) or of many (`2026-10-30`, `N/A`). An error has
/// its line.
fn parse(text: &str, max_age: Duration) -> Result<Table, (usize, String)> {
    let mut lines = csv::ReaderBuilder::new();
    lines.has_headers(false).flexible(true).trim(csv::Trim::All);
    let mut records = lines.from_reader(text.as_bytes()).into_records().enumerate().map(|(n, record)| {
        let line = record.as_ref().ok().and_then(|record| record.position()).map_or(n + 1, |at| at.line() as usize);
        record.map(|record| (line, record)).map_err(|why| (line, format!("this is no line of a CSV file: {why}")))
    });
    let Some(header) = records.next() else { return Err((1, "the file is empty".into())) };
    let (line, header) = header?;
    let mut names = header.iter();
    if names.next() != Some("Date") {
        return Err((line, "the first line begins with `Date` and names the currencies".into()));
    }
    let currencies: Vec<String> = names.take_while(|name| !name.is_empty()).map(str::to_owned).collect();
    let is_code = |name: &String| name.len() == 3 && name.bytes().all(|byte| byte.is_ascii_uppercase());
    if let Some(other) = currencies.iter().find(|name| !is_code(name)) {
        return Err((line, format!("{other:?} is no currency")));
    }
    if currencies.is_empty() {
        return Err((line, "no currency is named".into()));
    }
    let mut days = vec![];
    for record in records {
        let (line, record) = record?;
        let mut fields = record.iter();
        let written = fields.next().unwrap_or_default();
        let day = day(written).ok_or_else(|| (line, format!("{written:?} is no day")))?;
        let mut rates = Vec::with_capacity(currencies.len());
        for currency in &currencies {
            rates.push(match fields.next() {
                None => return Err((line, format!("the line has no field for {currency}"))),
                Some("" | "N/A") => None,
                Some(rate) => Some(positive(rate).ok_or_else(|| (line, format!("{rate:?} is no rate of {currency}")))?),
            });
        }
        if let Some(more) = fields.find(|field| !field.is_empty()) {
            return Err((line, format!("{more:?} stands under no currency")));
        }
        days.push((day, rates));
    }
    if days.is_empty() {
        return Err((line, "the file has no day".into()));
    }
    days.sort_by_key(|(day, _)| std::cmp::Reverse(*day));
    if let Some(twice) = days.windows(2).find(|two| matches!(two, [(a, _), (b, _)] if a == b)) {
        return Err((line, format!("{} stands there twice", twice.first().map_or(Date::MIN, |(day, _)| *day))));
    }
    Ok(Table { max_age, currencies, days })
}

fn day(text: &str) -> Option<Date> {
    crate::value::time::parse_date(text)
        .or_else(|| strtime::parse("%d %B %Y", text).ok().and_then(|parsed| parsed.to_date().ok()))
}

fn positive(text: &str) -> Option<Exact> {
    Exact::parse(text).ok().filter(|rate| !rate.is_zero() && !rate.is_negative())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATEST: &str = "Date, USD, JPY, GBP, \n30 October 2026, 1.1172, 175.68, 0.83380, \n";
    const HISTORY: &str = "Date,USD,JPY,BGN,\n2026-10-30,1.1172,175.68,N/A,\n2026-10-29,1.113,175.92,1.9558,\n";

    fn rates(text: &str) -> Rates {
        Rates(BTreeMap::from([("daily".to_owned(), Some(Arc::new(parse(text, MAX_AGE).unwrap())))]))
    }

    fn asked(rates: &Rates, from: &str, to: &str, on: &str) -> Result<(String, String), NoRate> {
        let found = rates.get("daily", from, to, on.parse().unwrap())?;
        Ok((found.rate.to_string(), found.day.to_string()))
    }

    fn told(from: &str, to: &str, on: &str) -> (String, String) {
        asked(&rates(LATEST), from, to, on).unwrap()
    }

    #[test]
    fn a_rate_against_euro_is_what_the_file_says() {
        assert_eq!(told("EUR", "USD", "2026-10-30"), ("1.1172".into(), "2026-10-30".into()));
        assert_eq!(told("EUR", "GBP", "2026-10-30").0, "0.83380");
        assert_eq!(told("eur", "EUR", "2026-10-30").0, "1");
    }

    #[test]
    fn a_cross_rate_has_twelve_digits() {
        assert_eq!(told("USD", "EUR", "2026-10-30").0, "0.895094880057");
        assert_eq!(told("JPY", "GBP", "2026-10-30").0, "0.00474612932605");
        assert_eq!(told("USD", "JPY", "2026-10-30").0, "157.250268528");
        assert_eq!(told("USD", "USD", "2026-10-30").0, "1");
    }

    #[test]
    fn the_last_day_before_it_that_has_one() {
        // A Sunday.
        assert_eq!(told("EUR", "USD", "2026-11-01").1, "2026-10-30");
        let history = rates(HISTORY);
        assert_eq!(asked(&history, "EUR", "BGN", "2026-10-30").unwrap(), ("1.9558".into(), "2026-10-29".into()));
        assert_eq!(asked(&history, "EUR", "USD", "2026-10-29").unwrap().0, "1.113");
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        let code = |from, to, on| asked(&rates(LATEST), from, to, on).map_err(|why| why.code());
        assert_eq!(code("EUR", "USD", "2026-11-04").unwrap().1, "2026-10-30");
        assert_eq!(code("EUR", "USD", "2026-11-05"), Err("rate_stale"));
        assert_eq!(code("EUR", "USD", "2026-10-29"), Err("rate_missing"));
        assert_eq!(code("XAU", "USD", "2026-10-30"), Err("rate_missing"));
        assert_eq!(
            Rates::default().get("daily", "EUR", "USD", Date::MAX).map_err(|why| why.code()),
            Err("rates_unreadable")
        );
    }

    #[test]
    fn a_file_that_is_none_says_where() {
        for (text, line, part) in [
            ("", 1, "empty"),
            ("Day,USD\n", 1, "`Date`"),
            ("Date,\n", 1, "no currency"),
            ("Date,USD,dollar\n", 1, "dollar"),
            ("Date,USD\n", 1, "no day"),
            ("Date,USD\n2026-13-01,1\n", 2, "no day"),
            ("Date,USD,GBP\n2026-10-30,1.1\n", 2, "no field for GBP"),
            ("Date,USD\n2026-10-30,1.1,3\n", 2, "under no currency"),
            ("Date,USD\n2026-10-30,-1\n", 2, "no rate of USD"),
            ("Date,USD\n2026-10-30,0\n", 2, "no rate of USD"),
            ("Date,USD\n2026-10-30,1,1\n", 2, "under no currency"),
            ("Date,USD\n2026-10-30,1\n2026-10-30,2\n", 1, "twice"),
        ] {
            let (at, why) = parse(text, MAX_AGE).unwrap_err();
            assert!(at == line && why.contains(part), "{text:?}: {at} {why}");
        }
    }
}
