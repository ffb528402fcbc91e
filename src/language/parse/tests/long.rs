//! Texts that are long rather than deep: the time grows with the length, whatever stands in them.

use super::*;

/// In a debug build on a busy machine.
const TIME: std::time::Duration = std::time::Duration::from_secs(30);

fn in_time(what: &str, read: impl FnOnce() -> Vec<String>) -> Vec<String> {
    let begun = std::time::Instant::now();
    let found = read();
    println!("{what}: {:?}", begun.elapsed());
    assert!(begun.elapsed() < TIME, "{what}: {:?}", begun.elapsed());
    found
}

#[test]
fn chains_of_any_length_are_refused_in_time() {
    let long = 100_000;
    on_small_stack(move || {
        for (text, code) in [
            (vec!["1"; long].join("+"), "F0102"),
            (format!("a{}", ".b".repeat(long)), "F0102"),
            (format!("a{}", "[0]".repeat(long)), "F0102"),
            (format!("a{}", ".f()".repeat(long)), "F0102"),
            (format!("a{}", "?".repeat(long)), "F01"),
            (vec!["x"; long].join(" ?? "), "F0102"),
            (vec!["x"; long].join(" or "), "F0102"),
            (vec!["x"; long].join(" and not "), "F0102"),
            (vec!["x"; long].join(" catch "), "F0102"),
            (vec!["x"; long].join("\n"), "F01"),
            (vec!["x"; long].join(" = "), "F01"),
            (vec!["x"; long].join(" == "), "F01"),
            ("not ".repeat(long), "F0102"),
            (")".repeat(long), "F01"),
            ("(".repeat(long), "F01"),
            (",".repeat(long), "F01"),
            ("x = ".repeat(long), "F01"),
            ("x = \n".repeat(long), "F01"),
            ("let x = ".repeat(long), "F01"),
            ("let x = 1\n".repeat(long / 20), "F01"),
            ("let x = 1\n".repeat(2 * long), "F0102"),
            ("else\n".repeat(long), "F01"),
            ("} {\n".repeat(long / 10), "F01"),
            ("(\nx = ".repeat(long), "F01"),
            ("\"".repeat(long), "F01"),
            (format!("{}'", "'".repeat(long)), "F01"),
            ("ä".repeat(long), "F01"),
            ("x => ".repeat(long), "F01"),
        ] {
            let head: String = text.chars().take(12).collect();
            let found = in_time(&format!("slot {head:?}"), || slot_findings(&text));
            assert!(!found.is_empty() && found.len() <= MAX_FINDINGS, "{head}: {} findings", found.len());
            assert!(found.iter().any(|found| found.starts_with(code)), "{head}: {found:?}");
            let found = in_time(&format!("file {head:?}"), || file_findings(&format!("fn f() -> any = {text}")));
            assert!(!found.is_empty() && found.len() <= MAX_FINDINGS, "{head}: {} findings", found.len());
            in_time(&format!("mapping {head:?}"), || file_findings(&format!("mapping f() -> any {{ a = {text} }}")));
        }
    });
}

#[test]
fn long_files_take_their_time_and_no_more() {
    let long = 2_000;
    on_small_stack(move || {
        let many: String = (0..long).map(|n| format!("fn f{n}() -> int = {n}\n")).collect();
        assert_eq!(in_time("definitions", || file_findings(&many)), [""; 0]);
        let broken = many.clone() + "fn f(";
        assert_eq!(in_time("and a broken one", || file_findings(&broken)).len(), 1);
        let broken: String = (0..long).map(|n| format!("fn f{n}() -> int = \n")).collect();
        assert_eq!(in_time("broken ones", || file_findings(&broken)).len(), MAX_FINDINGS);
        let entries: String = (0..long).map(|n| format!("a{n} = {n}\n")).collect();
        assert_eq!(in_time("entries", || file_findings(&format!("mapping m() -> any {{ {entries} }}"))), [""; 0]);
        assert_eq!(
            in_time("broken entry", || file_findings(&format!("mapping m() -> any {{ {entries} b = }}"))).len(),
            1
        );
        let rows: String = (0..long).map(|n| format!("\"{n}\" => {n}\n")).collect();
        assert_eq!(
            in_time("broken row", || file_findings(&format!("table t: text -> int {{ {rows} \"b\" => }}"))).len(),
            1
        );
    });
}

/// Operators and steps are counted apart, as in the tree.
#[test]
fn what_is_long_but_not_chained_is_read() {
    let sum = vec!["a.b.c.d"; 200].join(" + ");
    assert_eq!(slot_findings(&sum), [""; 0]);
    assert_eq!(slot_findings(&format!("{sum} catch {sum} catch {sum}")), [""; 0]);
    let arms: String = (0..2_000).map(|n| format!("  \"{n}\" => a.b + {n} * c\n")).collect();
    assert_eq!(slot_findings(&format!("match x {{\n{arms}  else => -1\n}}")), [""; 0]);
    let lets: String = (0..1_000).map(|n| format!("let x{n} = a.b? + c[0] - d\n")).collect();
    assert_eq!(slot_findings(&format!("{lets} x0")), [""; 0]);
    let entries: String = (0..1_000).map(|n| format!("x{n} = if a == b then c.d else not e\n...f.g\n")).collect();
    assert_eq!(file_findings(&format!("mapping m() -> any {{\n{entries}}}")), [""; 0]);
    let fields: String = (0..1_000).map(|n| format!("x{n}: list<text?>?\n")).collect();
    assert_eq!(file_findings(&format!("type t = {{\n{fields}}}")), [""; 0]);
}
