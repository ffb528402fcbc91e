//! What is not shown of payloads: names, addresses to reach a person, card numbers, secrets. The one list of it.
//!
//! Masking is for showing; what is kept is untouched. It goes by the names of fields, and by what a text looks like
//! where it gives itself away. Numbers other than card numbers keep their text.

use crate::value::paths::Paths;
use crate::value::{Record, Text, Value};
use std::sync::Arc;

tokio::task_local! {
    /// What the project wants masked beside what always is, for the request at hand.
    static PROJECT: Arc<Paths>;
}

/// Does something while what the project names is masked, too.
pub async fn with<T>(paths: Arc<Paths>, work: impl Future<Output = T>) -> T {
    PROJECT.scope(paths, work).await
}

/// What stands in place of a masked value.
pub const MASKED: &str = "•••";

/// A field is masked when a word of its name is one of these, numbers behind it left aside: `customer_email`,
/// `PhoneNumber`, `emailaddress1`.
const WORDS: [&str; 30] = [
    "email",
    "mail",
    "phone",
    "telephone",
    "mobile",
    "mobilephone",
    "emailaddress",
    "fax",
    "surname",
    "firstname",
    "lastname",
    "fullname",
    "birthdate",
    "governmentid",
    "iban",
    "cvc",
    "cvv",
    "secret",
    "secrets",
    "password",
    "passwd",
    "pwd",
    "credential",
    "credentials",
    "cookie",
    "authvalue",
    "token",
    "authorization",
    "signature",
    "apikey",
];
/// A field is masked when its name ends in these words: `given_name`, `OrganizationName`, `api_key`.
/// Addresses that open somebody's invoice or receipt are secrets, too.
const ENDINGS: [&[&str]; 8] = [
    &["name"],
    &["api", "key"],
    &["access", "key"],
    &["private", "key"],
    &["receipt", "url"],
    &["invoice", "url"],
    &["invoice", "pdf"],
    &["app", "id"],
];
/// A word that begins so is a secret, whatever its field is called and wherever in a text it stands.
const SECRETS: [&str; 11] = [
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "rk_test_",
    "ek_live_",
    "ek_test_",
    "whsec_",
    "-----BEGIN ",
    "eyJhbGciOi",
    "A21AA",
    "_secret_",
];
/// So begins what is written in an `Authorization`.
const SCHEMES: [&str; 2] = ["Bearer ", "Basic "];
/// What follows this word is a secret anywhere; a plan can be basic.
const BEARER: &str = "Bearer";

/// The value as it may be shown. The project's paths begin at it.
pub fn value(value: &Value) -> Value {
    match PROJECT.try_with(|paths| (!paths.is_empty()).then(|| paths.change(value, &hidden))) {
        Ok(Some(hidden)) => usual(&hidden),
        _ => usual(value),
    }
}

/// The same for something that holds payloads: the project's paths begin at each of them, too. Each is named by the
/// fields that lead to it; in a list each element is one.
pub fn payloads(value: &Value, at: &[&[&str]]) -> Value {
    let project =
        |value: &Value| PROJECT.try_with(|paths| paths.change(value, &hidden)).unwrap_or_else(|_| value.clone());
    let shown = at.iter().fold(value.clone(), |value, path| within(&value, path, &project));
    self::value(&shown)
}

fn within(value: &Value, path: &[&str], change: &impl Fn(&Value) -> Value) -> Value {
    match (value, path) {
        (Value::List(items), _) => items.iter().map(|item| within(item, path, change)).collect(),
        (_, []) => change(value),
        (Value::Record(fields), [first, rest @ ..]) => {
            let field = |(name, inner): (&Text, &Value)| {
                let fits = name.as_str() == *first || *first == "*";
                (name.clone(), if fits { within(inner, rest, change) } else { inner.clone() })
            };
            Value::Record(fields.iter().map(field).collect())
        }
        _ => value.clone(),
    }
}

fn usual(value: &Value) -> Value {
    match value {
        Value::Record(fields) => match pair(fields) {
            Some((name, inner)) => named_value(fields, name, inner),
            None => Value::Record(fields.iter().map(|(name, inner)| field(name, inner)).collect()),
        },
        Value::List(items) => items.iter().map(usual).collect(),
        Value::Text(text) => Value::Text(self::text(text).into()),
        Value::Number(number) if card(&number.written()).is_some() => MASKED.into(),
        other => other.clone(),
    }
}

/// `{"key": "emailaddress1", "value": …}`, as Dataverse tells the columns of a row.
fn pair(fields: &Record) -> Option<(&Text, &Value)> {
    match (fields.len(), fields.get("key"), fields.get("value")) {
        (2, Some(Value::Text(name)), Some(inner)) => Some((name, inner)),
        _ => None,
    }
}

/// Its value as a field of that name would be shown, by the project's paths, too.
fn named_value(fields: &Record, name: &Text, inner: &Value) -> Value {
    let alone = Value::Record(Record::from_iter([(name.clone(), inner.clone())]));
    let alone = PROJECT.try_with(|paths| paths.change(&alone, &hidden)).unwrap_or(alone);
    let (_, shown) = field(name, alone.get(name));
    let mut fields = fields.clone();
    fields.set("value".into(), shown);
    Value::Record(fields)
}

fn field(name: &Text, inner: &Value) -> (Text, Value) {
    (name.clone(), if is_private(name) { hidden(inner) } else { usual(inner) })
}

/// Every text and number in it; that something is missing, null or empty stays visible.
fn hidden(value: &Value) -> Value {
    match value {
        Value::Record(fields) => {
            Value::Record(fields.iter().map(|(name, inner)| (name.clone(), hidden(inner))).collect::<Record>())
        }
        Value::List(items) => items.iter().map(hidden).collect(),
        Value::Missing | Value::Null | Value::Bool(_) => value.clone(),
        Value::Text(text) if text.is_empty() => value.clone(),
        _ => MASKED.into(),
    }
}

/// A text as it may be shown: without secrets, and card numbers with their last four digits only.
pub fn text(text: &str) -> String {
    let without = without_secrets(text);
    let text = without.as_deref().unwrap_or(text);
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        shown.push_str(before);
        let end = match card_at(from) {
            Some((end, last)) => {
                shown.push_str(MASKED);
                shown.push_str(&last);
                end
            }
            None => {
                let end = group_end(from);
                shown.push_str(&from[..end]);
                end
            }
        };
        rest = &from[end..];
    }
    shown.push_str(rest);
    shown
}

/// The text with its secrets masked, where it has any. One that is a secret from its beginning is masked as a whole.
fn without_secrets(text: &str) -> Option<String> {
    if SECRETS.iter().chain(&SCHEMES).any(|start| text.starts_with(start)) {
        return Some(MASKED.to_owned());
    }
    if !SECRETS.iter().any(|start| text.contains(start)) && !text.contains(BEARER) {
        return None;
    }
    let mut shown = String::with_capacity(text.len());
    let mut hides_next = false;
    for piece in text.split_inclusive(|c: char| c.is_whitespace() || "\"'`,;()[]{}<>&=".contains(c)) {
        let word = piece.trim_end_matches(|c: char| c.is_whitespace() || "\"'`,;()[]{}<>&=".contains(c));
        let is_secret = SECRETS.iter().any(|start| match *start {
            "_secret_" => word.contains(start),
            start => word.starts_with(start.trim_end()),
        });
        match !word.is_empty() && (is_secret || hides_next) {
            true => {
                shown.push_str(MASKED);
                shown.push_str(&piece[word.len()..]);
            }
            false => shown.push_str(piece),
        }
        hides_next = word == BEARER || (hides_next && word.is_empty());
    }
    Some(shown)
}

/// Where the digits that a text begins with end.
fn group_end(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())
}

/// The card number that a text begins with, in groups apart by one space or hyphen: its end and its last four digits.
fn card_at(text: &str) -> Option<(usize, String)> {
    let mut end = group_end(text);
    loop {
        if let Some(last) = card(&text[..end]) {
            return Some((end, last));
        }
        let next = text[end..].strip_prefix([' ', '-'])?;
        match group_end(next) {
            0 => return None,
            _ if end > 40 => return None,
            digits => end += 1 + digits,
        }
    }
}

/// The last four digits, if these are the digits of a card: 13 to 19, of a card's first digits, that Luhn accepts.
fn card(text: &str) -> Option<String> {
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b' ' || b == b'-') {
        return None;
    }
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    if !(13..=19).contains(&digits.len()) || !matches!(digits.first(), Some(2..=6)) {
        return None;
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    let last = &digits[digits.len().saturating_sub(4)..];
    sum.is_multiple_of(10).then(|| last.iter().map(u32::to_string).collect())
}

/// Whether what stands in a field of that name is nobody's business.
pub(super) fn is_private(name: &str) -> bool {
    let words = words(name);
    let bare = |word: &String| WORDS.contains(&word.trim_end_matches(|c: char| c.is_ascii_digit()));
    words.iter().any(bare)
        || ENDINGS.iter().any(|ending| {
            words.len() >= ending.len() && words.iter().rev().zip(ending.iter().rev()).all(|(word, end)| word == end)
        })
}

/// `customerEmail`, `customer_email`, `Customer-Email` → customer, email.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before_lower) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before_lower = c.is_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    fn masked(body: &str) -> String {
        json::write(&value(&json::parse(body.as_bytes()).unwrap())).unwrap()
    }

    #[test]
    fn columns_that_are_told_as_pairs_are_fields() {
        let body = r#"{"Attributes":[{"key":"emailaddress1","value":"a@b.example"},{"key":"statuscode","value":{"Value":2}},{"key":"fullname","value":"Ana"}]}"#;
        let expected = r#"{"Attributes":[{"key":"emailaddress1","value":"•••"},{"key":"statuscode","value":{"Value":2}},{"key":"fullname","value":"•••"}]}"#;
        assert_eq!(masked(body), expected);
    }

    /// What a project names is masked while it is asked, from its root and from where payloads begin.
    #[tokio::test]
    async fn what_the_project_names_is_masked_too() {
        use crate::value::paths::Path;
        let paths = ["$..sku", "$.city"].map(|text| Path::parse(text).unwrap());
        let paths = Arc::new(Paths::new(paths.to_vec()));
        let read = |body: &str| json::parse(body.as_bytes()).unwrap();
        let shown = |value: Value| json::write(&value).unwrap();
        let body = r#"{"city":"Oslo","items":[{"sku":"A","n":1.50},{"sku":null}],"deep":{"city":"Rome"}}"#;
        let within = async { shown(value(&read(body))) };
        let expected = r#"{"city":"•••","items":[{"sku":"•••","n":1.50},{"sku":null}],"deep":{"city":"Rome"}}"#;
        assert_eq!(with(paths.clone(), within).await, expected);
        assert_eq!(shown(value(&read(body))), body, "nothing of it outside");
        let entry = r#"{"value":{"city":"Oslo"},"request":{"params":{"key":{"city":"Oslo"}},"city":"Oslo"},"list":{"city":"x"}}"#;
        let at: &[&[&str]] = &[&["value"], &["request", "params", "*"]];
        let within = async { shown(payloads(&read(entry), at)) };
        let expected =
            r#"{"value":{"city":"•••"},"request":{"params":{"key":{"city":"•••"}},"city":"Oslo"},"list":{"city":"x"}}"#;
        assert_eq!(with(paths, within).await, expected);
    }

    #[test]
    fn persons_and_secrets_are_masked_by_the_names_of_fields() {
        for name in [
            "email",
            "receipt_email",
            "customerEmail",
            "PrimaryContactEmail",
            "phone",
            "PhoneNumber",
            "name",
            "given_name",
            "OrganizationName",
            "client_secret",
            "access_token",
            "api_key",
            "Authorization",
            "Stripe-Signature",
            "X-Api-Key",
            "hosted_invoice_url",
            "receipt_url",
            "Set-Cookie",
        ] {
            assert_eq!(masked(&format!(r#"{{"{name}":"x"}}"#)), r#"{"NAME":"•••"}"#.replace("NAME", name));
        }
        for name in ["amount", "named", "NameOf", "currency", "names", "monkey", "keys", "mailbox_id", "id"] {
            assert_eq!(masked(&format!(r#"{{"{name}":"x"}}"#)), format!(r#"{{"{name}":"x"}}"#));
        }
    }

    #[test]
    fn all_below_a_masked_field_is_masked_and_what_is_not_there_stays_so() {
        assert_eq!(
            masked(r#"{"name":{"given":"Ada","parts":["x",1],"title":null,"suffix":"","known":true}}"#),
            r#"{"name":{"given":"•••","parts":["•••","•••"],"title":null,"suffix":"","known":true}}"#
        );
    }

    #[test]
    fn amounts_are_verbatim() {
        let body =
            r#"{"amount":10.50,"total":1e3,"long":12345678901234567890123456789012345678.10,"at":1760000000000}"#;
        assert_eq!(masked(body), body);
    }

    #[test]
    fn card_numbers_are_found_in_texts() {
        assert_eq!(text("paid with 4242 4242 4242 4242, thanks"), "paid with •••4242, thanks");
        assert_eq!(text("5555-5555-5555-4444"), "•••4444");
        assert_eq!(text("2026-03-01 4242424242424242-7"), "2026-03-01 •••4242-7");
        assert_eq!(text("4242424242424242é"), "•••4242é");
        assert_eq!(text("4242424242424241"), "4242424242424241", "Luhn");
        assert_eq!(text("order 2026-03-01 12 - 7 é 8 "), "order 2026-03-01 12 - 7 é 8 ");
        assert_eq!(masked(r#"{"n":4242424242424242}"#), r#"{"n":"•••"}"#);
    }

    #[test]
    fn secrets_give_themselves_away() {
        assert_eq!(text("rk_live_abc"), MASKED);
        assert_eq!(text("Bearer abc"), MASKED);
        assert_eq!(text("ch_123"), "ch_123");
        assert_eq!(
            text("refused: Invalid API Key: sk_live_abc (see docs)"),
            "refused: Invalid API Key: ••• (see docs)"
        );
        assert_eq!(text("{\"Authorization\": \"Bearer abc\"}"), "{\"Authorization\": \"Bearer •••\"}");
        assert_eq!(text("pi_1_secret_2 is the client's"), "••• is the client's");
        assert_eq!(text("https://x.example/?token=eyJhbGciOi.x.y&a=1"), "https://x.example/?token=•••&a=1");
        assert_eq!(text("a Basic plan"), "a Basic plan");
        assert_eq!(text("basics"), "basics");
    }
}
