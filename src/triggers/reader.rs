//! A file's bytes → rows. Strict: a line with another number of values, a name of a column twice, what is no UTF-8 or no
//! JSON is an error that names the place, never a guess.

use crate::graph::Format;
use crate::value::{Record, Text, Value, json};

/// The rows of a file, or what is wrong with it.
pub fn read(format: Format, bytes: &[u8]) -> Result<Value, String> {
    match format {
        Format::Csv => csv_rows(bytes),
        Format::Json => json_rows(bytes),
        Format::Settlement => super::settlement::read(bytes),
    }
}

/// The first line names the columns; every value is text.
fn csv_rows(bytes: &[u8]) -> Result<Value, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(bytes);
    let names: Vec<Text> = reader.headers().map_err(|error| error.to_string())?.iter().map(Text::from).collect();
    for (n, name) in names.iter().enumerate() {
        if name.trim().is_empty() {
            return Err(format!("column {} has no name", n + 1));
        }
        if names[..n].contains(name) {
            return Err(format!("two columns are called `{name}`"));
        }
    }
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| error.to_string())?;
        let fields = names.iter().zip(&row).map(|(name, value)| (name.clone(), Value::from(value)));
        rows.push(Value::Record(fields.collect::<Record>()));
    }
    Ok(Value::from(rows))
}

/// A list is its rows, anything else is the one row.
fn json_rows(bytes: &[u8]) -> Result<Value, String> {
    match json::parse(bytes) {
        Ok(rows @ Value::List(_)) => Ok(rows),
        Ok(row) => Ok(Value::from(vec![row])),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str) -> Result<String, String> {
        read(Format::Csv, text.as_bytes()).map(|rows| json::write(&rows).unwrap())
    }

    #[test]
    fn every_value_of_csv_is_text() {
        let text = "\u{feff}id,amount,note\r\n007,1.10,\"a \"\"b\"\", c\"\r\n8,,\r\n";
        assert_eq!(
            csv(text).unwrap(),
            r#"[{"id":"007","amount":"1.10","note":"a \"b\", c"},{"id":"8","amount":"","note":""}]"#
        );
        assert_eq!(csv("id,amount\n").unwrap(), "[]");
        assert_eq!(csv("").unwrap(), "[]");
    }

    #[test]
    fn what_is_not_clear_is_refused() {
        for (text, why) in [
            ("id,amount\n1,2,3\n", "line: 2"),
            ("id,amount\n1\n", "line: 2"),
            ("id,id\n1,2\n", "two columns are called `id`"),
            ("id, \n1,2\n", "column 2 has no name"),
        ] {
            let said = csv(text).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        assert!(read(Format::Csv, b"id\n\xff\n").is_err());
        assert!(read(Format::Json, b"[1, 2").is_err());
        assert!(read(Format::Json, "[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn json_keeps_its_numbers() {
        let rows = |text: &str| json::write(&read(Format::Json, text.as_bytes()).unwrap()).unwrap();
        assert_eq!(rows("[{\"a\": 1.10}, 2]"), r#"[{"a":1.10},2]"#);
        assert_eq!(rows("{\"a\": 12345678901234567890.5}"), r#"[{"a":12345678901234567890.5}]"#);
    }
}
