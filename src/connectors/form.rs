//! Nested bodies as Stripe's forms: `address[city]=…`, `items[0][price]=…`, the brackets not encoded, as the
//! official client sends them. And PayPal's JSON that travels as a part of a form.

use crate::value::json::WriteError;
use crate::value::{Value, time};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What JavaScript's `encodeURIComponent` leaves alone, less `!'()*` which the client encodes as well.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The form text. Null and `""` are an empty value (Stripe: unset it); missing fields are not sent.
pub fn encode(body: &Value) -> Result<String, WriteError> {
    let mut pairs = Vec::new();
    collect(body, String::new(), &mut pairs)?;
    Ok(pairs.join("&"))
}

/// The content type of [`part`].
pub const MULTIPART: &str = "multipart/form-data; boundary=flowctl-part";

/// A JSON text as the one part `input`. JSON has its line breaks escaped, so that none of it can end the part.
pub fn part(json: &str) -> String {
    format!(
        "--flowctl-part\r\nContent-Disposition: form-data; name=\"input\"; filename=\"input.json\"\r\n\
         Content-Type: application/json\r\n\r\n{json}\r\n--flowctl-part--\r\n"
    )
}

fn collect(value: &Value, name: String, pairs: &mut Vec<String>) -> Result<(), WriteError> {
    match value {
        Value::Record(record) => {
            for (key, value) in record.iter() {
                let key = utf8_percent_encode(key, VALUE).to_string();
                collect(value, if name.is_empty() { key } else { format!("{name}[{key}]") }, pairs)?;
            }
        }
        Value::List(items) => {
            for (n, item) in items.iter().enumerate() {
                collect(item, format!("{name}[{n}]"), pairs)?;
            }
        }
        Value::Money(money) => {
            pairs.push(format!("{name}[amount]={}", money.written_amount()?));
            pairs.push(format!("{name}[currency]={}", money.currency.code()));
        }
        Value::Missing => {}
        value => pairs.push(format!("{name}={}", utf8_percent_encode(&plain(value)?, VALUE))),
    }
    Ok(())
}

fn plain(value: &Value) -> Result<String, WriteError> {
    Ok(match value {
        Value::Null => String::new(),
        Value::Text(text) => text.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.plain()?.into_owned(),
        Value::Date(date) => time::write_date(*date)?,
        Value::Time(at) => time::write_time(*at)?,
        Value::Local(_) => return Err(WriteError::Local),
        Value::Missing | Value::Money(_) | Value::List(_) | Value::Record(_) => return Err(WriteError::Missing),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    #[test]
    fn nested_bodies_are_encoded_as_the_official_client_does() {
        let body = r#"{"email":"a+b@example.com","name":"Zoë O’Neil & Co","address":{"line1":"1 Main St","country":"US"},"metadata":{"account":"US-001","gone":""},"preferred_locales":["de","en"],"phone":null,"active":true,"amount":1999}"#;
        let expected = "email=a%2Bb%40example.com&name=Zo%C3%AB%20O%E2%80%99Neil%20%26%20Co&address[line1]=1%20Main%20St\
                        &address[country]=US&metadata[account]=US-001&metadata[gone]=&preferred_locales[0]=de\
                        &preferred_locales[1]=en&phone=&active=true&amount=1999";
        assert_eq!(encode(&json::parse(body.as_bytes()).unwrap()).unwrap(), expected);
    }
}
