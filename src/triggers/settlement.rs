//! PayPal's settlement report (STL) → one row for each movement, after the report's own counts and totals are found to be
//! right.
//!
//! Columns are read by the names in the report's own header, because PayPal adds columns. Amounts are unsigned in the
//! report, in hundredths of every currency, with a column that says debit or credit: here debits are below zero. Which
//! place of a footer holds which total is not told by the report, so it is asked whether all of them are in it.

use crate::diagnostics::Code;
use crate::value::{Exact, Record, Text, Value};
use std::collections::BTreeMap;

/// Columns without which there is no row, and those that a row may have, by their names in the report.
const NEEDED: [&str; 7] = [
    "Transaction ID",
    "Transaction Event Code",
    "Transaction Initiation Date",
    "Transaction Completion Date",
    "Transaction Debit or Credit",
    "Gross Transaction Amount",
    "Gross Transaction Currency",
];
const OTHERS: [(&str, &str); 8] = [
    ("Invoice ID", "invoice_id"),
    ("PayPal Reference ID", "reference_id"),
    ("PayPal Reference ID Type", "reference_type"),
    ("Custom Field", "custom"),
    ("Consumer ID", "consumer_id"),
    ("Payment Tracking ID", "tracking_id"),
    ("Store ID", "store_id"),
    ("Bank Reference ID", "bank_reference_id"),
];

/// The rows of a report, or what is wrong with it: the code of the page that explains it, and where it is.
pub fn read(bytes: &[u8]) -> Result<Value, String> {
    let text = decoded(bytes)?;
    let mut report = Report::default();
    let mut lines = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    for (number, line) in (1..).zip(lines.records()) {
        let line = line.map_err(|error| wrong(Code::F0610, 0, &error.to_string()))?;
        let fields: Vec<&str> = line.iter().map(str::trim).collect();
        let (kind, fields) = fields.split_first().map_or(("", [].as_slice()), |(kind, fields)| (*kind, fields));
        report.line(number, kind, fields)?;
    }
    report.end()
}

/// As text: UTF-8, or UTF-16 with its mark, as older reports are.
fn decoded(bytes: &[u8]) -> Result<String, String> {
    let unreadable = |_| wrong(Code::F0610, 0, "it is neither UTF-8 nor UTF-16");
    let units = |bytes: &[u8], unit: fn([u8; 2]) -> u16| -> Vec<u16> {
        bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect()
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => String::from_utf16(&units(rest, u16::from_le_bytes)).map_err(|_| unreadable(())),
        [0xFE, 0xFF, rest @ ..] => String::from_utf16(&units(rest, u16::from_be_bytes)).map_err(|_| unreadable(())),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).map_err(|_| unreadable(())),
        bytes => String::from_utf8(bytes.to_vec()).map_err(|_| unreadable(())),
    }
}

fn wrong(code: Code, line: u64, why: &str) -> String {
    let place = if line > 0 { format!("line {line}: ") } else { String::new() };
    format!("{place}{why} (flowctl explain {code})")
}

/// Sums of one currency, in hundredths.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sums {
    credits: i128,
    debits: i128,
    fee_credits: i128,
    fee_debits: i128,
}

impl Sums {
    /// What all of it adds to the balance.
    fn net(&self) -> i128 {
        self.credits - self.debits + self.fee_credits - self.fee_debits
    }

    /// Whether a footer's amounts are these sums, with two balances that they lead from one to the other.
    fn are_in(&self, amounts: &[i128]) -> bool {
        let mut left = amounts.to_vec();
        for sum in [self.credits, self.debits, self.fee_credits, self.fee_debits] {
            match left.iter().position(|amount| *amount == sum) {
                Some(place) => drop(left.remove(place)),
                None => return false,
            }
        }
        // Balances may be debts, which are unsigned as well.
        let signed = |amount: &i128| [*amount, -*amount];
        left.len() < 2
            || left.iter().enumerate().any(|(n, begin)| {
                let others = left.iter().enumerate().filter(|(m, _)| *m != n);
                others
                    .flat_map(|(_, end)| signed(end))
                    .any(|end| signed(begin).iter().any(|begin| begin + self.net() == end))
            })
    }

    fn add(&mut self, other: &Sums) {
        self.credits += other.credits;
        self.debits += other.debits;
        self.fee_credits += other.fee_credits;
        self.fee_debits += other.fee_debits;
    }
}

#[derive(Default)]
struct Report {
    generated_at: Option<String>,
    /// The section's account, start and end.
    section: Option<(String, String, String)>,
    columns: BTreeMap<String, usize>,
    in_section: usize,
    in_report: usize,
    section_sums: BTreeMap<String, Sums>,
    report_sums: BTreeMap<String, Sums>,
    ended: bool,
    rows: Vec<Value>,
}

impl Report {
    fn line(&mut self, number: u64, kind: &str, fields: &[&str]) -> Result<(), String> {
        let field = |n: usize| fields.get(n).copied().unwrap_or_default();
        let refuse = |why: &str| Err(wrong(Code::F0610, number, why));
        match kind {
            "RH" => {
                self.generated_at = Some(
                    time(field(0)).ok_or_else(|| wrong(Code::F0610, number, "its time of generation is no time"))?,
                )
            }
            "FH" => {}
            "SH" => {
                let (Some(start), Some(end)) = (time(field(0)), time(field(1))) else {
                    return refuse("the section's start or end is no time");
                };
                self.section = Some((field(2).to_owned(), start, end));
                (self.in_section, self.section_sums) = (0, BTreeMap::new());
            }
            "CH" => {
                // One report spells a name with two blanks.
                let names = fields.iter().map(|name| name.split_whitespace().collect::<Vec<_>>().join(" "));
                self.columns = names.enumerate().map(|(n, name)| (name, n)).collect();
                if let Some(missing) = NEEDED.iter().find(|name| !self.columns.contains_key(**name)) {
                    return refuse(&format!("there is no column `{missing}`"));
                }
            }
            "SB" => self.body(number, fields)?,
            "SF" => check(number, "section", field(0), self.section_sums.get(field(0)), fields)?,
            "RF" => check(number, "report", field(0), self.report_sums.get(field(0)), fields)?,
            "SC" => count(number, "section", self.in_section, field(0))?,
            "RC" => count(number, "report", self.in_report, field(0))?,
            "FF" => self.ended = true,
            "" if fields.iter().all(|field| field.is_empty()) => {}
            other => return refuse(&format!("`{other}` begins no line of a settlement report")),
        }
        Ok(())
    }

    fn body(&mut self, number: u64, fields: &[&str]) -> Result<(), String> {
        let Some((account, start, end)) = &self.section else {
            return Err(wrong(Code::F0610, number, "a movement stands outside of a section"));
        };
        if self.columns.is_empty() {
            return Err(wrong(Code::F0610, number, "a movement stands before the names of the columns"));
        }
        let value = |name: &str| self.columns.get(name).and_then(|n| fields.get(*n)).copied().unwrap_or_default();
        let unfit = |name: &str| wrong(Code::F0610, number, &format!("`{name}` is `{}`", value(name)));
        let amount = |name: &str| whole(value(name)).ok_or_else(|| unfit(name));
        let currency = value("Gross Transaction Currency");
        if currency.is_empty() {
            return Err(unfit("Gross Transaction Currency"));
        }
        let gross = amount("Gross Transaction Amount")?;
        let mut sums = Sums::default();
        let gross = match value("Transaction Debit or Credit") {
            "CR" => {
                sums.credits = gross;
                gross
            }
            "DR" => {
                sums.debits = gross;
                -gross
            }
            _ => return Err(unfit("Transaction Debit or Credit")),
        };
        let fee = match (value("Fee Debit or Credit"), value("Fee Amount")) {
            ("", "") => None,
            ("CR", _) => Some(amount("Fee Amount")?),
            ("DR", _) => Some(-amount("Fee Amount")?),
            ("", _) if amount("Fee Amount")? == 0 => None,
            _ => return Err(unfit("Fee Debit or Credit")),
        };
        let mut row = Record::new();
        let mut set = |name: &str, text: &str| row.set(Text::from(name), Value::from(text));
        set("account", account);
        set("section_start", start);
        set("section_end", end);
        if let Some(at) = &self.generated_at {
            set("generated_at", at);
        }
        set("transaction_id", value("Transaction ID"));
        set("code", value("Transaction Event Code"));
        for (name, field) in
            [("Transaction Initiation Date", "initiated_at"), ("Transaction Completion Date", "completed_at")]
        {
            match value(name) {
                "" => {}
                written => set(field, &time(written).ok_or_else(|| unfit(name))?),
            }
        }
        for (name, field) in OTHERS {
            if !value(name).is_empty() {
                set(field, value(name));
            }
        }
        let fee_currency = Some(value("Fee Currency")).filter(|currency| !currency.is_empty()).unwrap_or(currency);
        row.set("gross".into(), money(gross, currency).ok_or_else(|| unfit("Gross Transaction Amount"))?);
        if let Some(fee) = fee {
            row.set("fee".into(), money(fee, fee_currency).ok_or_else(|| unfit("Fee Amount"))?);
        }
        let mut fees = Sums::default();
        match fee.unwrap_or_default() {
            fee if fee < 0 => fees.fee_debits = -fee,
            fee => fees.fee_credits = fee,
        }
        for totals in [&mut self.section_sums, &mut self.report_sums] {
            totals.entry(currency.to_owned()).or_default().add(&sums);
            totals.entry(fee_currency.to_owned()).or_default().add(&fees);
        }
        self.in_section += 1;
        self.in_report += 1;
        self.rows.push(Value::Record(row));
        Ok(())
    }

    fn end(self) -> Result<Value, String> {
        match self.ended {
            true => Ok(Value::from(self.rows)),
            false => Err(wrong(Code::F0610, 0, "it ends without its last line (FF): it is not whole")),
        }
    }
}

fn count(line: u64, what: &str, found: usize, told: &str) -> Result<(), String> {
    match told.parse::<usize>() {
        Ok(told) if told == found => Ok(()),
        Ok(told) => Err(wrong(Code::F0611, line, &format!("the {what} has {found} movements, and says {told}"))),
        Err(_) => Err(wrong(Code::F0610, line, &format!("`{told}` is no number of movements"))),
    }
}

/// A footer: its currency, then amounts.
fn check(line: u64, what: &str, currency: &str, sums: Option<&Sums>, fields: &[&str]) -> Result<(), String> {
    let sums = sums.cloned().unwrap_or_default();
    let amounts: Option<Vec<i128>> =
        fields.iter().skip(1).filter(|field| !field.is_empty()).map(|field| whole(field)).collect();
    let Some(amounts) = amounts else {
        return Err(wrong(Code::F0610, line, "a total is no whole number"));
    };
    if sums.are_in(&amounts) {
        return Ok(());
    }
    let text = |sum: i128| cents(sum).map_or_else(String::new, |sum| sum.to_string());
    let why = format!(
        "the totals of the {what} in {currency} are not those of its movements: credits {}, debits {}, fees given back {}, fees {}",
        text(sums.credits),
        text(sums.debits),
        text(sums.fee_credits),
        text(sums.fee_debits)
    );
    Err(wrong(Code::F0612, line, &why))
}

/// An unsigned whole number.
fn whole(text: &str) -> Option<i128> {
    let short = !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    short.then(|| text.parse().ok()).flatten()
}

fn cents(amount: i128) -> Option<Exact> {
    Exact::from_parts(amount, 2).ok()
}

fn money(amount: i128, currency: &str) -> Option<Value> {
    let mut money = Record::new();
    money.set("currency_code".into(), Value::from(currency));
    money.set("value".into(), Value::from(cents(amount)?.to_string()));
    Some(Value::Record(money))
}

/// `2024/08/20 00:01:17 -0700` as an instant in UTC.
fn time(written: &str) -> Option<String> {
    let parsed = jiff::fmt::strtime::parse("%Y/%m/%d %H:%M:%S %z", written).ok()?;
    Some(parsed.to_timestamp().ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    const COLUMNS: &str = r#""CH","Transaction ID","Invoice ID","PayPal Reference ID","PayPal Reference ID Type","Transaction Event Code","Transaction Initiation Date","Transaction Completion Date","Transaction  Debit or Credit","Gross Transaction Amount","Gross Transaction Currency","Fee Debit or Credit","Fee Amount","Fee Currency","Custom Field","Consumer ID""#;

    fn report() -> String {
        [
            r#""RH",2024/08/21 02:44:19 -0700,"A","QYR5Z8XDVJNXQ",009,"#,
            r#""FH",01"#,
            r#""SH",2024/08/20 00:00:00 -0700,2024/08/20 23:59:59 -0700,"QYR5Z8XDVJNXQ","""#,
            COLUMNS,
            r#""SB","3C679366HH908993F","INV-1","5O1","ODR","T0006",2024/08/20 00:01:17 -0700,2024/08/20 00:01:17 -0700,"CR",10050,"USD","DR",400,"USD","a ""b"", c","C1""#,
            r#""SB","4D7","","3C679366HH908993F","TXN","T1107",2024/08/20 01:00:00 -0700,2024/08/20 01:00:00 -0700,"DR",3000,"USD","",,"","","""#,
            r#""SB","5E8","","","","T0006",2024/08/20 02:00:00 -0700,2024/08/20 02:00:00 -0700,"CR",50000,"JPY","DR",4000,"JPY","","""#,
            r#""SF","USD",10050,3000,0,400,100000,106650"#,
            r#""SF","JPY",50000,0,0,4000,0,46000"#,
            r#""SC",3"#,
            r#""RF","USD",10050,3000,0,400,100000,106650"#,
            r#""RF","JPY",50000,0,0,4000,0,46000"#,
            r#""RC",3"#,
            r#""FF",3"#,
        ]
        .join("\r\n")
    }

    fn rows(text: &str) -> Vec<Value> {
        read(text.as_bytes()).unwrap().as_list().unwrap().to_vec()
    }

    fn refused(from: &str, to: &str) -> String {
        let text = report();
        assert!(text.contains(from), "{from}");
        read(text.replacen(from, to, 1).as_bytes()).unwrap_err()
    }

    #[test]
    fn movements_are_read_with_their_signs_and_instants() {
        let rows = rows(&report());
        assert_eq!(
            json::write(&rows[0]).unwrap(),
            r#"{"account":"QYR5Z8XDVJNXQ","section_start":"2024-08-20T07:00:00Z","section_end":"2024-08-21T06:59:59Z","generated_at":"2024-08-21T09:44:19Z","transaction_id":"3C679366HH908993F","code":"T0006","initiated_at":"2024-08-20T07:01:17Z","completed_at":"2024-08-20T07:01:17Z","invoice_id":"INV-1","reference_id":"5O1","reference_type":"ODR","custom":"a \"b\", c","consumer_id":"C1","gross":{"currency_code":"USD","value":"100.50"},"fee":{"currency_code":"USD","value":"-4.00"}}"#
        );
        assert_eq!(rows[1].get("gross").get("value").as_text().unwrap().as_str(), "-30.00");
        assert!(matches!(rows[1].get("fee"), Value::Missing) && matches!(rows[1].get("invoice_id"), Value::Missing));
        assert_eq!(rows[2].get("gross").get("value").as_text().unwrap().as_str(), "500.00", "also in yen");
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn marks_older_encodings_and_other_orders_of_columns_are_read() {
        let text = report();
        assert_eq!(rows(&format!("\u{feff}{text}")).len(), 3);
        let utf16: Vec<u8> = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&utf16).unwrap().as_list().unwrap().len(), 3);
        let swapped = text.replace(r#""Custom Field","Consumer ID""#, r#""Consumer ID","Custom Field""#);
        assert_eq!(rows(&swapped)[0].get("custom").as_text().unwrap().as_str(), "C1");
        assert!(read(b"\xff\xfe\x00\xd8").is_err() && read(b"\xc3\x28").is_err());
    }

    #[test]
    fn a_report_that_is_none_or_not_whole_is_refused() {
        for (from, to, why) in [
            (r#""SB","4D7""#, r#""XX","4D7""#, "line 6: `XX` begins no line"),
            (r#""Transaction ID""#, r#""Transaction Id""#, "no column `Transaction ID`"),
            (r#""DR",3000"#, r#""DB",3000"#, "`Transaction Debit or Credit` is `DB`"),
            ("3000", "-3000", "`Gross Transaction Amount` is `-3000`"),
            ("3000", "30.00", "`Gross Transaction Amount` is `30.00`"),
            ("2024/08/20 01:00:00 -0700", "20.08.2024", "`Transaction Initiation Date`"),
            (r#""FF",3"#, "", "not whole"),
        ] {
            let said = refused(from, to);
            assert!(said.contains(why) && said.contains("F0610"), "{said}");
        }
        assert!(read(b"id,amount\n1,2\n").unwrap_err().contains("F0610"));
        assert!(read(b"").unwrap_err().contains("F0610"));
    }

    #[test]
    fn counts_have_to_be_those_of_the_movements() {
        assert!(
            refused(r#""SC",3"#, r#""SC",4"#)
                .contains("the section has 3 movements, and says 4 (flowctl explain F0611)")
        );
        assert!(refused(r#""RC",3"#, r#""RC",2"#).contains("F0611"));
    }

    #[test]
    fn totals_have_to_be_those_of_the_movements() {
        for (from, to) in [
            ("\"SF\",\"USD\",10050", "\"SF\",\"USD\",10051"),
            ("\"SF\",\"JPY\",50000,0,0,4000", "\"SF\",\"JPY\",50000,0,0,0"),
            ("\"RF\",\"USD\",10050,3000,0,400,100000,106650", "\"RF\",\"USD\",10050,3000,0,400,100000,106651"),
        ] {
            assert!(refused(from, to).contains("F0612"), "{to}");
        }
        // Whatever their order, and also without balances.
        let other = report().replace("10050,3000,0,400,100000,106650", "100000,106650,10050,400,3000,0");
        assert_eq!(rows(&other).len(), 3);
        assert_eq!(rows(&report().replace(",100000,106650", "")).len(), 3);
    }
}
