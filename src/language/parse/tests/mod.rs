//! What is valid gives the right tree with the right places; what is not gives the right words at the right column.

mod broken;
mod long;
mod show;
mod valid;

use super::super::SourceText;
use super::*;
use crate::diagnostics::{FileId, Sources};
use proptest::prelude::*;

fn source(text: &str) -> SourceText {
    SourceText::file(FileId(0), text.into())
}

/// `code line:column message` of every finding.
fn findings(text: &str, found: Vec<Diagnostic>) -> Vec<String> {
    let mut sources = Sources::default();
    sources.add("x.map", text);
    found
        .into_iter()
        .map(|finding| {
            let place = finding.primary.as_ref().map(|label| sources.position(label.span));
            let (line, column) = place.map_or((0, 0), |place| (place.line, place.column));
            format!("{} {line}:{column} {}", finding.code, finding.message)
        })
        .collect()
}

fn file_findings(text: &str) -> Vec<String> {
    findings(text, file(&source(text)).1)
}

fn slot_findings(text: &str) -> Vec<String> {
    findings(text, slot(&source(text)).err().unwrap_or_default())
}

/// Every place of a finding lies in the text, on character boundaries.
fn assert_inside(text: &str, found: &[Diagnostic]) {
    for finding in found {
        let places = finding.primary.iter().chain(&finding.secondary).map(|label| label.span);
        for span in places.chain(finding.fix.iter().map(|fix| fix.span)) {
            assert!(text.get(span.start as usize..span.end as usize).is_some(), "{finding:?} in {text:?}");
        }
        assert!(!finding.message.is_empty());
    }
}

/// Reads a text in every way that there is.
fn read_all(text: &str) {
    let source = source(text);
    let (tree, found) = file(&source);
    assert_inside(text, &found);
    assert!(tree.unread.is_empty() || !found.is_empty());
    show::assert_places(text, &tree);
    for result in [slot(&source).map(|_| ()), text_slot(&source).map(|_| ()), type_slot(&source).map(|_| ())] {
        if let Err(found) = result {
            assert!(!found.is_empty(), "an error without a finding: {text:?}");
            assert_inside(text, &found);
        }
    }
}

/// On a thread as small as a runtime's.
fn on_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work);
    assert!(thread.is_ok_and(|thread| thread.join().is_ok()));
}

#[test]
fn nesting_is_a_finding_and_never_a_crash() {
    on_small_stack(|| {
        let deep = 50_000;
        for text in [
            "(".repeat(1_000_000),
            "[".repeat(deep),
            "f(".repeat(deep),
            "{ a = ".repeat(deep),
            "not ".repeat(deep),
            "- ".repeat(deep),
            "if a then ".repeat(deep),
            "if a then b else ".repeat(deep),
            "for a in b => ".repeat(deep),
            "match { a => ".repeat(deep),
            "\"{".repeat(deep),
            "a catch if b then c else ".repeat(10_000),
        ] {
            let found = slot_findings(&text);
            assert_eq!(found.len(), 1, "{:?}", &text[..20]);
            assert!(found.iter().all(|f| f.starts_with("F0102") || f.starts_with("F0103")), "{found:?}");
        }
        assert!(type_slot(&source(&"list<".repeat(deep))).is_err());
        assert!(type_slot(&source(&"{ a: ".repeat(deep))).is_err());
        assert!(text_slot(&source(&"{(".repeat(deep))).is_err());
        let many_ifs = format!("mapping m() -> any {{ {} {{ }} }}", "if a { } else ".repeat(10_000));
        assert!(file_findings(&many_ifs).iter().all(|f| f.starts_with("F0102")));
    });
}

#[test]
fn sixty_four_levels_are_read() {
    on_small_stack(|| {
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("f(", ")"),
            ("{ a = ", " }"),
            ("\"{", "}\""),
            ("match { a => ", " else => 1 }"),
            ("xs.map(x => ", ")"),
        ] {
            let text = |n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
            assert_eq!(slot_findings(&text(64)), [""; 0], "{open}");
            assert_eq!(slot_findings(&text(65)).len(), 1, "{open}");
        }
        assert_eq!(slot_findings(&format!("{}1", "if a then 1 else ".repeat(64))), [""; 0]);
        let chain = vec!["if a { x = 1 }"; 60].join(" else ");
        assert_eq!(file_findings(&format!("mapping m(a: bool) -> any {{\n{chain}\n}}")), [""; 0]);
        // Side by side is not deep.
        let arms: String = (0..500).map(|n| format!("  \"{n}\" => if a then 1 else not b\n")).collect();
        assert_eq!(slot_findings(&format!("match x {{\n{arms}  else => -1\n}}")), [""; 0]);
        let rows: String = (0..5_000).map(|n| format!("\"{n}\" => -{n}, ")).collect();
        assert_eq!(file_findings(&format!("table t: text -> int {{ {rows} else => fail }}")), [""; 0]);
    });
}

#[test]
fn long_chains_are_limited() {
    on_small_stack(|| {
        let long = 2_000;
        for text in [
            vec!["a"; long].join(" + "),
            vec!["a"; long].join(" and not "),
            vec!["a"; long].join(" ?? "),
            vec!["a"; long].join(" catch "),
            vec!["a"; long].join("."),
            format!("a{}", "[0]".repeat(long)),
            format!("a{}", ".f()".repeat(long)),
        ] {
            let found = slot_findings(&text);
            assert_eq!(found.len(), 1);
            assert!(found.iter().all(|f| f.starts_with("F0102 1:1 this expression is too long")), "{found:?}");
        }
        assert!(slot(&source(&vec!["a"; 200].join(" + "))).is_ok());
        assert!(slot(&source(&format!("[{}]", vec!["a"; long].join(", ")))).is_ok());
        assert!(slot(&source(&format!("\"{}\"", "{a} ".repeat(long)))).is_ok());
    });
}

#[test]
fn a_hopeless_text_gives_a_bounded_answer() {
    let text = "mapping m() -> any {\n".to_string() + &"  a = ) (\n  \"x = 1e3\n".repeat(2_000) + "}\n";
    assert!(file_findings(&text).len() <= 50);
}

#[test]
fn every_page_shows_what_it_is_about() {
    for number in 1..=20 {
        let code = format!("F01{number:02}");
        let page = crate::diagnostics::explain(&code).unwrap_or("");
        assert!(page.starts_with(&format!("# {code}: ")), "{code}");
        let example = page.split("```map\n").nth(1).and_then(|rest| rest.split("\n```").next()).unwrap_or("");
        let is_file = ["table", "fn", "mapping", "maping"].iter().any(|word| example.starts_with(word));
        let found = if is_file { file_findings(example) } else { slot_findings(example) };
        assert!(found.iter().any(|finding| finding.starts_with(&code)), "{code}: {example:?} gives {found:?}");
        assert_eq!(found.len(), 1, "{code}: {found:?}");
    }
}

fn soup() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "use",
        "as",
        "from",
        "table",
        "fn",
        "mapping",
        "let",
        "require",
        "if",
        "then",
        "else",
        "match",
        "for",
        "in",
        "where",
        "catch",
        "and",
        "or",
        "not",
        "true",
        "null",
        "missing",
        "fail",
        "type",
        "a",
        "b",
        "text",
        "list",
        "1",
        "1.5",
        "1e3",
        ".5",
        "\"t\"",
        "'r'",
        "\"a {b} c\"",
        "\"{",
        "}\"",
        "\"",
        "'",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "=",
        "==",
        "=>",
        "->",
        "!=",
        "??",
        "?",
        ".",
        "...",
        ",",
        ":",
        ";",
        "+",
        "-",
        "*",
        "/",
        "%",
        "&&",
        "!",
        "ö",
        "\u{feff}",
        "\\n",
        "\\",
        "// c\n",
        "/// d\n",
        "\n",
        "\n",
        "\n  ",
        "\r\n",
        " ",
        "mapping m() -> any {\n",
        "fn f(a: text) -> text =\n",
        "a = 1\n",
        "else => 1",
    ]);
    prop::collection::vec((words, prop::bool::ANY), 0..40).prop_map(|words| {
        words.into_iter().map(|(word, space)| if space { format!("{word} ") } else { word.to_string() }).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn soup_is_never_a_panic(text in soup()) {
        read_all(&text);
    }

    #[test]
    fn any_text_is_never_a_panic(text in "\\PC{0,40}|[\\s\\S]{0,40}") {
        read_all(&text);
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// A valid file with one piece cut out.
    #[test]
    fn a_wounded_file_is_never_a_panic(from in 0usize..4000, len in 1usize..40) {
        let whole = valid::ORDERS;
        let cut: String = whole.chars().take(from).chain(whole.chars().skip(from + len)).collect();
        let text = source(&cut);
        let (tree, found) = file(&text);
        assert_inside(&cut, &found);
        prop_assert!(tree.unread.is_empty() || !found.is_empty());
        prop_assert!(found.len() <= 8, "{:?}", found);
    }
}
