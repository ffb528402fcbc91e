//! Who an event is about, as a hash: found by whoever knows the person, listed by nobody.

use super::Hash;

/// The hash of what names a person, however it is written: capitals and white space around it do not count. `None`:
/// nothing is named.
pub fn subject(text: &str) -> Option<Hash> {
    let text = text.trim().to_lowercase();
    (!text.is_empty()).then(|| Hash::of(format!("subject {text}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::subject;

    #[test]
    fn a_person_is_one_however_it_is_written() {
        assert_eq!(subject(" Ana@Example.com"), subject("ana@example.com\n"));
        assert_ne!(subject("ana@example.com"), subject("anna@example.com"));
        assert_eq!(subject(" "), None);
    }
}
