//! What formatting promises, over generated programs in any layout and over every mapping text of the project. How
//! things look: `tests/fmt/`.

mod generate;

use super::*;
use crate::diagnostics::Sources;
use proptest::prelude::*;

/// Formats; `None` for a text with syntax errors.
fn format(text: &str) -> Option<String> {
    let mut sources = Sources::default();
    let id = sources.add("a.map", text);
    match file(&SourceText::file(id, text.into())) {
        Ok(formatted) => Some(formatted),
        Err(findings) => {
            let refused = findings.iter().any(|finding| finding.code == Code::F0130);
            assert!(!refused, "meant something else when formatted:\n{text}");
            None
        }
    }
}

/// Everything that holds for any text that can be read: what it looks like then.
fn keeps_its_promises(text: &str) -> Option<String> {
    let once = format(text)?;
    let again = format(&once).expect("what was formatted can be read");
    assert_eq!(again, once, "formatted twice:\n{text}");
    assert!(once.is_empty() || once.ends_with('\n') && !once.ends_with("\n\n") && !once.starts_with('\n'));
    assert!(once.lines().all(|line| line.trim_end() == line), "blanks at a line's end:\n{once}");
    assert!(!once.contains("\n\n\n") && !once.contains('\r'), "{once}");
    Some(once)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_program_in_any_layout(seed: u64) {
        let program = generate::program(seed);
        let (text, comments) = program.laid_out(seed);
        let formatted = keeps_its_promises(&text);
        prop_assert!(formatted.is_some(), "the generator wrote what cannot be read:\n{}", text);
        let formatted = formatted.unwrap_or_default();
        let kept: Vec<&str> = formatted.lines().filter_map(|line| line.split_once("// #").map(|(_, n)| n)).collect();
        prop_assert_eq!(kept, comments.iter().map(String::as_str).collect::<Vec<_>>(), "comments of\n{}", text);
    }

    /// Whatever it is, it is left alone or formatted; nothing panics.
    #[test]
    fn any_words(words in prop::collection::vec(prop::sample::select(generate::WORDS), 0..40)) {
        keeps_its_promises(&words.join(""));
    }
}

/// The mappings of the project, and every block of the specification that can be read, as a file or as a value.
#[test]
fn every_text_of_the_project() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut read = 0;
    for entry in walkdir::WalkDir::new(root).into_iter().filter_entry(|entry| entry.file_name() != "target") {
        let path = entry.expect("readable").into_path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        let Some(text) =
            matches!(extension, Some("map" | "md")).then(|| std::fs::read_to_string(&path).expect("UTF-8"))
        else {
            continue;
        };
        if extension == Some("map") {
            keeps_its_promises(&text);
            continue;
        }
        for block in text.split("\n```map").skip(1).filter_map(|rest| rest.split_once('\n')?.1.split("\n```").next()) {
            let values = block.split("\n\n").skip(1).map(|value| format!("fn f() -> any =\n{value}"));
            for part in std::iter::once(block.to_string()).chain(values) {
                read += usize::from(keeps_its_promises(&part).is_some());
            }
        }
    }
    assert!(read > 100, "{read} blocks");
}

/// Indentation is not the author's: without any, and with too much, the same comes out.
#[test]
fn indentation_is_nothing() {
    let stripe = include_str!("../../std/stripe.map");
    let charge = include_str!("../../../../flows/stripe-dynamics-365/charge.map");
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
