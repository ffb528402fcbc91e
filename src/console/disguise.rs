//! Made-up persons in the place of real ones, for payloads that leave the runtime: as long, as upper and lower, with the
//! same signs in between, so that what was well formed stays so.
//!
//! Equal texts get equal disguises, whatever their case, within one export; between two exports nothing can be compared.
//! What is private is [`mask`](super::mask)'s to say; a private text is disguised wherever it stands on its own.

use super::mask;
use crate::store::Hash;
use crate::value::{Number, Record, Text, Value};
use std::collections::HashSet;

/// A private text shorter than this is only disguised where it stands: `NO` is somebody's initials and a country.
const TELLING: usize = 4;

/// The disguises of one export.
pub(super) struct Disguise {
    salt: String,
    private: HashSet<String>,
}

impl Disguise {
    /// `salt`: unknown to whoever reads the export.
    pub fn new(salt: String) -> Disguise {
        Disguise { salt, private: HashSet::new() }
    }

    /// Learns what is private in a payload. Everything is to be learnt before anything is disguised.
    pub fn learn(&mut self, value: &Value) {
        match value {
            Value::Record(fields) => fields.iter().for_each(|(name, inner)| match mask::is_private(name) {
                true => self.note(inner),
                false => self.learn(inner),
            }),
            Value::List(items) => items.iter().for_each(|item| self.learn(item)),
            _ => {}
        }
    }

    fn note(&mut self, value: &Value) {
        match value {
            Value::Record(fields) => fields.values().for_each(|inner| self.note(inner)),
            Value::List(items) => items.iter().for_each(|item| self.note(item)),
            Value::Text(text) if text.chars().count() >= TELLING => {
                self.private.insert(text.to_lowercase());
            }
            _ => {}
        }
    }

    /// The value without persons.
    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::Record(fields) => Value::Record(
                fields
                    .iter()
                    .map(|(name, inner)| {
                        let shown = if mask::is_private(name) { self.hidden(inner) } else { self.value(inner) };
                        (name.clone(), shown)
                    })
                    .collect::<Record>(),
            ),
            Value::List(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Text(text) => Value::Text(Text::from(self.text(text))),
            other => other.clone(),
        }
    }

    /// A text outside a payload: a path, a key.
    pub fn text(&self, text: &str) -> String {
        if self.private.contains(&text.to_lowercase()) { self.made_up(text) } else { mask::text(text) }
    }

    fn hidden(&self, value: &Value) -> Value {
        match value {
            Value::Record(fields) => {
                Value::Record(fields.iter().map(|(name, inner)| (name.clone(), self.hidden(inner))).collect::<Record>())
            }
            Value::List(items) => items.iter().map(|item| self.hidden(item)).collect(),
            Value::Text(text) => Value::Text(Text::from(self.made_up(text))),
            Value::Number(number) => Value::Number(Number::from_json(Text::from(self.made_up(&number.written())))),
            other => other.clone(),
        }
    }

    /// Letters for letters, digits for digits. Signs stay: an `@` is what makes an address of it.
    fn made_up(&self, text: &str) -> String {
        let lower = text.to_lowercase();
        let seed = Hash::of(format!("{}\n{lower}", self.salt).as_bytes()).0;
        let drawn = |n: usize| {
            let byte = seed.get(n % seed.len()).copied().unwrap_or(0);
            byte.wrapping_add((n / seed.len()) as u8)
        };
        let mut made_up = String::with_capacity(text.len());
        for (n, c) in text.chars().enumerate() {
            let drawn = drawn(n);
            match c {
                _ if c.is_ascii_digit() => made_up.push(char::from(b'1' + drawn % 9)),
                _ if c.is_uppercase() => made_up.push(char::from(b'A' + drawn % 26)),
                _ if c.is_alphabetic() => made_up.push(char::from(b'a' + drawn % 26)),
                sign => made_up.push(sign),
            }
        }
        made_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    #[test]
    fn persons_are_made_up_and_stay_well_formed() {
        let body = r#"{"email":"Jenny@Example.com","alias":"jenny@example.com","name":{"given":"Åse"},"phone":4711,"country":"NO","amount":10.50,"card":"4242424242424242"}"#;
        let body = json::parse(body.as_bytes()).unwrap();
        let mut disguise = Disguise::new("salt".to_owned());
        disguise.learn(&body);
        let shown = disguise.value(&body);
        let text = |name: &str| shown.get(name).as_text().unwrap().to_string();
        assert_eq!(text("email").to_lowercase(), text("alias"), "equal but for case");
        assert_ne!(text("alias"), "jenny@example.com");
        assert_eq!((text("email").find('@'), text("email").len()), (Some(5), 17));
        assert_eq!((text("country").as_str(), text("card").as_str()), ("NO", "•••4242"));
        let written = json::write(&shown).unwrap();
        assert!(
            written.contains("\"amount\":10.50") && !written.contains("Åse") && !written.contains("4711"),
            "{written}"
        );
        let mut other = Disguise::new("pepper".to_owned());
        other.learn(&body);
        assert_ne!(other.value(&body).get("alias"), shown.get("alias"));
    }
}
