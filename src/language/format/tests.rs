//! What formatting refuses, ignores and costs. What it promises for any text: `tests/properties/format.rs`; how things look:
//! `tests/fmt/`.

use super::*;

fn format(text: &str) -> Option<String> {
    file(&SourceText::file(Default::default(), text.into())).ok()
}

/// Indentation is not the author's: without any, and with too much, the same comes out.
#[test]
fn indentation_is_nothing() {
    let stripe = include_str!("../std/stripe.map");
    let charge = include_str!("../../../flows/stripe-dynamics-365/charge.map");
    for text in [stripe, charge] {
        let flat: String = text.lines().map(|line| line.trim_start().to_string() + "\n").collect();
        assert_eq!(format(&flat).as_deref(), Some(text));
        let deep: String = text.lines().map(|line| format!("       {line}\r\n")).collect();
        assert_eq!(format(&deep).as_deref(), Some(text));
    }
}

#[test]
fn what_would_mean_something_else_is_refused() {
    let text = SourceText::file(Default::default(), "// a\nmapping a() -> any { \"b\" = 1 - 2, }".into());
    let plain = unplaced(&text.text);
    let (meaning, _) = read(&plain).expect("it can be read");
    for same in ["// a\nmapping a() -> any { b = 1 - 2 }", "// a\nmapping a() -> any {\n b =\n1-2\n}"] {
        assert_eq!(unless_changed(&text, &meaning, same.into()), Ok(same.to_string()));
    }
    for other in ["// b\nmapping a() -> any { b = 1 - 2 }", "// a\nmapping a() -> any { b = 1 + 2 }", "// a\nmapping {"]
    {
        let findings = unless_changed(&text, &meaning, other.into()).expect_err("refused");
        assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::F0130]);
    }
}

/// Reading the text is the parser's time, not this module's.
#[test]
fn a_long_file_takes_no_time() {
    let body: String = (0..2_000).map(|n| format!("  field_{n}=a.b?.c ?? \"x{{a.d}}\"   // {n}\n")).collect();
    let text = unplaced(&format!("mapping m(a: any) -> any {{\n{body}}}\n"));
    let (_, pairs) = parse::pairs(&text).expect("it can be read");
    let begun = std::time::Instant::now();
    let formatted = write::text(&Source::read(&text.text, pairs));
    assert_eq!(formatted.lines().count(), 2_002);
    assert!(begun.elapsed() < std::time::Duration::from_secs(3), "{:?}", begun.elapsed());
}
