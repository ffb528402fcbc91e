//! `application/x-www-form-urlencoded` with brackets, read as Stripe reads it: held to what the call takes, refused where
//! a name is unknown or a value does not fit.

use super::{Refusal, invalid};
use crate::language::types::{Kind, Type};
use crate::value::{Number, Record, Text, Value};

/// Deepest nesting of brackets.
const DEEPEST: usize = 8;

/// A form as a tree: `address[city]=…`, `items[0][price]=…`, `tags[]=…`.
#[derive(Debug, Default)]
pub struct Form {
    text: Option<String>,
    fields: Vec<(String, Form)>,
}

impl Form {
    /// Reads a body.
    pub fn read(body: &[u8]) -> Result<Form, Refusal> {
        let mut form = Form::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            let mut path = name.split('[');
            let mut at = &mut form;
            let first = path.next().unwrap_or_default();
            let rest: Option<Vec<&str>> = path.map(|part| part.strip_suffix(']')).collect();
            let rest = rest.filter(|rest| rest.len() <= DEEPEST && !first.is_empty());
            let Some(rest) = rest else {
                return Err(invalid("", &format!("Invalid request: {name} is no parameter.")));
            };
            for part in [first].into_iter().chain(rest) {
                let part = if part.is_empty() { at.fields.len().to_string() } else { part.to_string() };
                let place = at.fields.iter().position(|(known, _)| *known == part);
                let place = place.unwrap_or_else(|| {
                    at.fields.push((part, Form::default()));
                    at.fields.len() - 1
                });
                at = &mut at.fields[place].1;
            }
            at.text = Some(value.into_owned());
        }
        Ok(form)
    }

    /// The paths of `expand[]`, taken out.
    pub fn take_expand(&mut self) -> Vec<String> {
        let place = self.fields.iter().position(|(name, _)| name == "expand");
        let taken = place.map(|place| self.fields.remove(place).1);
        taken.into_iter().flat_map(|list| list.fields).filter_map(|(_, item)| item.text).collect()
    }

    /// The record that it is, where every field is one of `ty`. An empty text is null: it clears.
    pub fn record(&self, ty: &Type, under: &str) -> Result<Record, Refusal> {
        let Some(known) = ty.fields() else { return Err(invalid(under, &format!("Invalid object: {under}"))) };
        let mut record = Record::new();
        for (name, given) in &self.fields {
            let full = if under.is_empty() { name.clone() } else { format!("{under}[{name}]") };
            let Some(field) = known.fields.get(name.as_str()) else {
                let refusal = invalid(&full, &format!("Received unknown parameter: {full}"));
                return Err(Refusal { code: "parameter_unknown", ..refusal });
            };
            record.set(Text::from(name.as_str()), given.value(&field.ty, &full)?);
        }
        Ok(record)
    }

    fn value(&self, ty: &Type, name: &str) -> Result<Value, Refusal> {
        let text = match (&ty.kind, &self.text) {
            (Kind::Record(_), None) => return Ok(Value::Record(self.record(ty, name)?)),
            (Kind::Map(of), None) => {
                let each = self.fields.iter().map(|(key, given)| {
                    if key.is_empty() || key.len() > 40 {
                        return Err(invalid(name, "Metadata keys are at most 40 characters."));
                    }
                    Ok((Text::from(key.as_str()), given.value(of, &format!("{name}[{key}]"))?))
                });
                return Ok(Value::Record(each.collect::<Result<Record, Refusal>>()?));
            }
            (Kind::List(of), None) => {
                let each = self.fields.iter().map(|(n, given)| given.value(of, &format!("{name}[{n}]")));
                return each.collect();
            }
            (_, None) => return Err(invalid(name, &format!("Invalid string: {name}"))),
            (_, Some(text)) => text,
        };
        if text.is_empty() {
            return Ok(Value::Null);
        }
        let facts = ty.facts.as_deref();
        match &ty.kind {
            Kind::Int => match text.parse::<i64>() {
                Ok(number) => Ok(Value::Number(Number::from(number))),
                Err(_) => {
                    let refusal = invalid(name, &format!("Invalid integer: {text}"));
                    Err(Refusal { code: "parameter_invalid_integer", ..refusal })
                }
            },
            Kind::Bool => match text.as_str() {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err(invalid(name, &format!("Invalid boolean: {text}"))),
            },
            // Written as a text on the wire.
            Kind::Decimal if Number::from_json(Text::from(text.as_str())).exact().is_ok() => {
                Ok(Value::Text(Text::from(text.as_str())))
            }
            Kind::Decimal => Err(invalid(name, &format!("Invalid decimal: {text}"))),
            Kind::Text => {
                if facts
                    .and_then(|facts| facts.max_length)
                    .is_some_and(|most| text.encode_utf16().count() > most as usize)
                {
                    return Err(invalid(name, &format!("Invalid string: {name} is too long")));
                }
                if let Some(facts) = facts.filter(|facts| facts.closed)
                    && !facts.options.iter().any(|(option, _)| option.as_str() == text)
                {
                    let options: Vec<&str> = facts.options.iter().map(|(option, _)| option.as_str()).collect();
                    return Err(invalid(name, &format!("Invalid {name}: must be one of {}", options.join(", "))));
                }
                Ok(Value::Text(Text::from(text.as_str())))
            }
            Kind::Any => Ok(Value::Text(Text::from(text.as_str()))),
            _ => Err(invalid(name, &format!("Invalid object: {name}"))),
        }
    }
}
