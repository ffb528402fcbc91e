//! Exchange rates: files and feeds that a project declares below `rates`, read into tables that can be asked.
//!
//! They are data of today, not part of a flow: a file is read anew when it changes, a feed every few hours (the runtime
//! does). Where a table has both, what its file says goes before what the feed says: that is how it is mended.
//! Invariants: a rate that is not in the
//! file is an error and never another one; a currency against the base is exactly what the source says; a cross rate is
//! rounded once, to [`DIGITS`] digits.

mod feed;

pub use feed::{Feed, parse_feed};

use super::effective::Effective;
use super::load::Project;
use super::project::{RateSource, RateTable};
use super::read::Spanned;
use super::values::Word;
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

/// All tables of a project by name.
#[derive(Clone, Debug, Default)]
pub struct Rates(BTreeMap<String, Known>);

/// What is known of a table.
#[derive(Clone, Debug)]
enum Known {
    Table(Arc<Table>),
    /// It comes from a feed that was not read yet.
    NotYet,
    /// Its file cannot be read.
    Broken,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    max_age: Duration,
    /// What all rates are against.
    base: String,
    /// By day, units of each currency for one of the base.
    days: BTreeMap<Date, BTreeMap<String, Exact>>,
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
    #[error("the rates `{table}` come from a feed that could not be read yet")]
    NotYet { table: String },
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
            NoRate::NoTable { .. } | NoRate::NotYet { .. } => "rates_unreadable",
            NoRate::NoCurrency { .. } | NoRate::NoDay { .. } | NoRate::Unreckonable { .. } => "rate_missing",
        }
    }
}

impl Rates {
    /// What one unit of `from` is worth in `to` on `day`, or on the last day before it that has a rate.
    pub fn get(&self, table: &str, from: &str, to: &str, day: Date) -> Result<Rate, NoRate> {
        let name = || table.to_owned();
        let found = match self.0.get(table) {
            Some(Known::Table(found)) => found,
            Some(Known::NotYet) => return Err(NoRate::NotYet { table: name() }),
            Some(Known::Broken) | None => return Err(NoRate::NoTable { table: name() }),
        };
        let (from, to) = (from.trim().to_ascii_uppercase(), to.trim().to_ascii_uppercase());
        for currency in [&from, &to] {
            if *currency != found.base && !found.days.values().any(|rates| rates.contains_key(currency)) {
                return Err(NoRate::NoCurrency { table: name(), currency: currency.clone() });
            }
        }
        let both =
            found.days.range(..=day).rev().find_map(|(of, rates)| {
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

    /// The tables that could be read from files, by name.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &Table)> {
        self.0.iter().filter_map(|(name, known)| match known {
            Known::Table(table) => Some((name.as_str(), &**table)),
            _ => None,
        })
    }

    /// These, and of `before` what here cannot be read.
    pub fn or_before(mut self, before: &Rates) -> Rates {
        for (name, table) in self.0.iter_mut().filter(|(_, table)| !matches!(table, Known::Table(_))) {
            if let Some(known @ Known::Table(_)) = before.0.get(name) {
                *table = known.clone();
            }
        }
        self
    }

    /// With what a feed of that name gave. What stands in the table's file stays as it is there.
    pub fn with_feed(mut self, name: &str, fed: &Arc<Table>) -> Rates {
        if let Some(table) = self.0.get_mut(name) {
            *table = Known::Table(match table {
                Known::Table(own) if own.base == fed.base => Arc::new(own.over(fed)),
                // A file against another base cannot mend it.
                _ => fed.clone(),
            });
        }
        self
    }
}

impl Table {
    /// Units of the currency for one of the base.
    fn against_base(&self, currency: &str, rates: &BTreeMap<String, Exact>) -> Option<Exact> {
        if currency == self.base { Some(Exact::from(1)) } else { rates.get(currency).copied() }
    }

    /// These rates before those.
    fn over(&self, below: &Table) -> Table {
        let mut days = below.days.clone();
        for (day, rates) in &self.days {
            days.entry(*day).or_default().extend(rates.iter().map(|(currency, rate)| (currency.clone(), *rate)));
        }
        Table { max_age: self.max_age, base: self.base.clone(), days }
    }

    /// How old a rate may be.
    pub fn max_age(&self) -> Duration {
        self.max_age
    }

    /// The last day that it has rates of.
    pub fn last_day(&self) -> Option<Date> {
        self.days.keys().next_back().copied()
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
            let table = match (&written.file, &written.url) {
                (Some(file), _) => match read(written, file, effective, sources) {
                    Ok(table) => Known::Table(Arc::new(table)),
                    Err(finding) => {
                        findings.push(*finding);
                        if written.url.is_some() { Known::NotYet } else { Known::Broken }
                    }
                },
                (None, Some(_)) => Known::NotYet,
                (None, None) => {
                    let finding = Diagnostic::error(
                        Code::F0426,
                        format!("the rates `{}` come from nowhere", name.text),
                        written.span,
                    );
                    findings.push(finding.help("write `file:` or `url:`"));
                    Known::Broken
                }
            };
            findings.extend(written.url.as_ref().and_then(feed::unfit));
            rates.0.insert(name.text.to_string(), table);
        }
        (rates, findings)
    }

    /// The tables that come from a feed.
    pub fn feeds(&self) -> Vec<Feed> {
        let written = self.file.iter().flat_map(|file| file.rates.iter());
        written.filter_map(|(name, table)| Feed::of(&name.text, table)).collect()
    }
}

fn read(
    written: &RateTable,
    named: &Spanned<Word>,
    effective: &Effective,
    sources: &Sources,
) -> Result<Table, Box<Diagnostic>> {
    let path = named.as_str();
    let (ending, help) = match written.source.value {
        RateSource::Ecb => (".csv", "a CSV file of this project, named from its root: tables/eurofxref.csv"),
        RateSource::Openexchangerates => {
            (".json", "a JSON file of this project, named from its root: tables/latest.json")
        }
    };
    let Some(file) = effective.files.get(path).filter(|_| path.ends_with(ending)) else {
        let finding = Diagnostic::error(Code::F0426, format!("there is no file `{path}`"), named.span);
        return Err(Box::new(finding.help(help)));
    };
    let max_age = written.max_age.as_ref().map_or(MAX_AGE, |age| age.value.0);
    let text = &sources.get(*file).text;
    let read = match written.source.value {
        RateSource::Ecb => parse(text, max_age),
        source => parse_feed(source, text.as_bytes(), max_age).map_err(|why| (1, why)),
    };
    read.map_err(|(line, why)| {
        let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let end = text.get(start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| start + end);
        let finding = Diagnostic::error(Code::F0427, why, crate::diagnostics::Span::new(*file, start, end));
        let finding = finding.also(named.span, "named here");
        Box::new(match written.source.value {
            RateSource::Ecb => finding.help(
                "the file is as the European Central Bank gives it: a line with `Date` and the currencies, and a line for each day",
            ),
            RateSource::Openexchangerates => finding,
        })
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
    if let Some(other) = currencies.iter().find(|name| !is_code(name)) {
        return Err((line, format!("{other:?} is no currency")));
    }
    if currencies.is_empty() {
        return Err((line, "no currency is named".into()));
    }
    let mut days = BTreeMap::new();
    for record in records {
        let (line, record) = record?;
        let mut fields = record.iter();
        let written = fields.next().unwrap_or_default();
        let day = day(written).ok_or_else(|| (line, format!("{written:?} is no day")))?;
        let mut rates = BTreeMap::new();
        for currency in &currencies {
            match fields.next() {
                None => return Err((line, format!("the line has no field for {currency}"))),
                Some("" | "N/A") => {}
                Some(rate) => {
                    let rate = positive(rate).ok_or_else(|| (line, format!("{rate:?} is no rate of {currency}")))?;
                    rates.insert(currency.clone(), rate);
                }
            }
        }
        if let Some(more) = fields.find(|field| !field.is_empty()) {
            return Err((line, format!("{more:?} stands under no currency")));
        }
        if days.insert(day, rates).is_some() {
            return Err((line, format!("{day} stands there twice")));
        }
    }
    if days.is_empty() {
        return Err((line, "the file has no day".into()));
    }
    Ok(Table { max_age, base: BASE.to_owned(), days })
}

fn is_code(name: &str) -> bool {
    name.len() == 3 && name.bytes().all(|byte| byte.is_ascii_uppercase())
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
        Rates(BTreeMap::from([("daily".to_owned(), Known::Table(Arc::new(parse(text, MAX_AGE).unwrap())))]))
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
            ("Date,USD\n2026-10-30,1\n2026-10-30,2\n", 3, "twice"),
        ] {
            let (at, why) = parse(text, MAX_AGE).unwrap_err();
            assert!(at == line && why.contains(part), "{text:?}: {at} {why}");
        }
    }
}
