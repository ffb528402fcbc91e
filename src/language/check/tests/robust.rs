//! Nothing that is written makes the checker panic, overflow its stack or take for ever.

use super::compile;
use proptest::prelude::*;

/// As deep as the parser lets it be, on a test thread's small stack.
#[test]
fn deep_nesting_is_no_danger() {
    let deep = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(50), close.repeat(50));
    for body in [
        deep("(", "a", ")"),
        deep("[", "a", "].first()"),
        deep("if true then ", "a", " else 1"),
        deep("match { true => ", "a", " else => 1 }"),
        deep("[1].map(x => ", "a", ")"),
        deep("{ b = ", "a", " }"),
        deep("{ if true { ", "b = a", " } }").replace(" } }", " }"),
        deep("not ", "true", ""),
        deep("for x in [1] => ", "a", ""),
        deep("a ?? (", "a", ")"),
    ] {
        compile(&[("a.map", &format!("fn f(a: int) -> any = {body}"))]);
    }
}

#[test]
fn long_chains_of_calls_are_no_danger() {
    let mut source = String::from("fn f0(a: int) -> int = a\n");
    for n in 1..300 {
        source += &format!("fn f{n}(a: int) -> int = f{}(a) + f{}(a)\n", n - 1, n - 1);
    }
    let (_, findings, _) = compile(&[("a.map", &source)]);
    assert!(findings.is_empty());
}

const WORDS: &[&str] = &[
    "a",
    "b",
    "c",
    "x",
    "t",
    "n",
    ".",
    ".id",
    ".amount",
    ".address?",
    ".city",
    "?",
    "??",
    "+",
    "-",
    "/",
    "==",
    "!=",
    "<",
    "in",
    "and",
    "or",
    "not ",
    "(",
    ")",
    "[",
    "]",
    "[0]",
    "{",
    "}",
    "1",
    "2.50",
    "\"s\"",
    "\"{a}\"",
    "missing",
    "null",
    "true",
    "if ",
    " then ",
    " else ",
    "match ",
    "=>",
    "for ",
    " where ",
    "fail(\"x\")",
    "catch",
    ".upper()",
    ".map(x => x)",
    ".sum()",
    "present(",
    "given(",
    "settings.zone",
    "r[\"k\"]",
    "let y = ",
    "y",
    ",",
    " = ",
    "...c",
    "require ",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn no_source_makes_it_panic(words in prop::collection::vec(prop::sample::select(WORDS), 1..14), kind in 0..3) {
        let body = words.join(" ").replace(" .", ".").replace(" ?", "?").replace(" [0]", "[0]");
        let source = match kind {
            0 => format!("table r: text -> int {{ \"k\" => 1  else => missing }}\nfn f(a: int, c: stripe.charge, t: text?) -> any = {body}"),
            1 => format!("mapping f(a: int?, c: stripe.charge, t: text) -> finops.Orders {{ Email = {body} }}"),
            _ => format!("mapping f(a: any, c: stripe.charge, t: text) -> any {{ {body} }}"),
        };
        let (library, findings, sources) = compile(&[("a.map", &source)]);
        for finding in &findings {
            let label = finding.primary.as_ref().expect("a place");
            prop_assert!(label.span.end as usize <= sources.get(label.span.file).text.len());
        }
        prop_assert_eq!(library.scopes["a.map"].broken, findings.iter().any(|finding| finding.severity == crate::diagnostics::Severity::Error));
    }
}
