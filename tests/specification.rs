//! The specification of the mapping language, `tests/specification/*.md`, held against this implementation.
//!
//! The chapters' code blocks are examples with what they give; `README.md` beside them tells the notation. Nothing here
//! knows the language: it reads blocks, compiles, evaluates and compares.

#[path = "specification/harness.rs"]
mod harness;

use flowctl::diagnostics::ALL;
use harness::check;
use std::path::Path;

fn chapter(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specification").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let failures = check(&format!("tests/specification/{name}"), &text);
    assert!(failures.is_empty(), "{} failing:\n{}", failures.len(), failures.join("\n"));
}

/// One test for each chapter, so that they run beside each other.
macro_rules! chapters {
    ($($name:ident: $file:literal)*) => {
        $(#[test]
        fn $name() {
            chapter($file);
        })*

        #[test]
        fn no_chapter_is_left_out() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specification");
            let mut found: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .filter(|name| name.ends_with(".md"))
                .collect();
            found.sort();
            let mut known = vec![$($file),*];
            known.sort();
            assert_eq!(found, known);
        }
    };
}

chapters! {
    notation: "README.md"
    text: "text.md"
    definitions: "definitions.md"
    types: "types.md"
    bodies: "bodies.md"
    absence: "absence.md"
    operators: "operators.md"
    numbers: "numbers.md"
    money_time_lists: "money-time-lists.md"
    tables: "tables.md"
    scripts: "scripts.md"
    slots: "slots.md"
    functions_text: "functions-text.md"
    functions_time: "functions-time.md"
    functions_lists: "functions-lists.md"
    functions_encodings: "functions-encodings.md"
    limits_and_errors: "limits-and-errors.md"
    errors: "errors.md"
}

/// A code of the language that no chapter shows could be said at the wrong place, or be said by nobody any more.
#[test]
fn every_code_of_the_language_has_an_example() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specification");
    let chapters = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let chapters = chapters.filter(|path| path.extension().is_some_and(|ext| ext == "md"));
    let text: String = chapters.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let shown = |code: &str| ["error", "warning"].iter().any(|word| text.contains(&format!("// {word} {code} ")));
    // F013x are the formatter's.
    let codes = ALL.iter().map(|(code, _)| code.0).filter(|code| !code.starts_with("F013"));
    let codes = codes.filter(|code| code.starts_with("F01") || code.starts_with("F02"));
    let without: Vec<&str> = codes.filter(|code| !shown(code)).collect();
    assert!(without.is_empty(), "no example of {}", without.join(", "));
}

/// The guide's examples are held to the same.
#[test]
fn guide() {
    chapter("../../docs/mappings.md");
}

/// Holds a small chapter against the lines at which it has to fail.
#[track_caller]
fn fails_at(text: &str, lines: &[usize]) {
    let failures = check("a.md", text);
    let got: Vec<&str> = failures.iter().map(|failure| failure.split(": ").next().unwrap_or_default()).collect();
    let wanted: Vec<String> = lines.iter().map(|line| format!("a.md:{line}")).collect();
    assert_eq!(got, wanted, "{failures:#?}");
}

#[test]
fn wrong_expectations_are_noticed() {
    let right = "```map\n1 + 1  // => 2\n```\n";
    fails_at(right, &[]);
    for wrong in [
        "1 + 1  // => 3",
        "1 + 1  // => \"2\"",
        "1 + 1  // => missing",
        "1 + 1  // => 1 +",
        "1.10  // json 1.1",
        "1 + 1  // type text",
        "1 + 1  // error value",
        "1 + 1  // error F0201 1:1 \"no such name\"",
        "1 / 0  // => 0",
        "1 / 0  // error value",
        "1 / 0  // error number \"words that it does not say\"",
        "1 / 0  // error number F1001",
        "x  // => 1",
        "x  // error F0201 1:2 \"\"",
        "x  // error F0202 1:1 \"\"",
        "x  // error F0201 1:1 \"words that it does not say\"",
        "x  // error value",
        "1 + 1  // error",
        "1 + 1  // error nonsense",
        "1 + 1  // type int  // => 3",
    ] {
        fails_at(&format!("```map\n{wrong}\n```\n"), &[2]);
    }
}

#[test]
fn wrong_expectations_of_a_file_are_noticed() {
    fails_at("```map\nfn f() -> int = x\n// error F0201 1:17 \"`x`\"\n```\n", &[]);
    fails_at("```map\nfn f() -> int = x\n```\n", &[1]);
    fails_at("```map\nfn f() -> int = x\n// ok\n```\n", &[1]);
    fails_at("```map\nfn f() -> int = x\n// error F0201 1:18 \"`x`\"\n```\n", &[1]);
    fails_at("```map\nfn f() -> int = x\n// error F0201 1:17 \"`y`\"\n```\n", &[1]);
    fails_at("```map\nfn f() -> int = 1\n// error F0201 1:17 \"`x`\"\n```\n", &[1]);
    fails_at("```map\nfn f(a: int) -> int = 1\n// ok\n```\n", &[1]);
    fails_at("```map\nfn f() -> int = x + y\n// error F0201 1:17 \"`x`\"\n```\n", &[1]);
}

#[test]
fn what_cannot_be_read_is_noticed() {
    fails_at("# A chapter\n", &[1]);
    fails_at("```text\n1 // => 1\n```\n", &[1]);
    fails_at("```map\n1  // => 1\n", &[1]);
    fails_at("```map\n\n```\n", &[1]);
    fails_at("```map\nfn f() -> int = 1\n```\n", &[1]);
    fails_at("```mop\n1  // => 1\n```\n```map\n1  // => 1\n```\n", &[1]);
    fails_at("```json event\n{]\n```\n```map\nevent.a  // => 1\n```\n", &[1, 5]);
    fails_at("```map\n// => 1\n1  // => 1\n```\n", &[2]);
    fails_at("```map paces=3\n1  // => 1\n```\n", &[1]);
}

#[test]
fn inputs_and_files_end_with_their_section() {
    let input = "```json event\n{ \"a\": 1 }\n```\n";
    let example = "```map\nevent.a  // => 1\n```\n";
    fails_at(&format!("{input}{example}"), &[]);
    fails_at(&format!("{input}## Next\n{example}"), &[6]);
}
