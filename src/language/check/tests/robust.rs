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

/// Much of everything is told, on two mebibytes of stack and in bounded time. (A million brackets: the parser's tests.)
#[test]
fn nothing_is_too_deep_or_too_long_to_be_told() {
    let repeated = |part: &str, bytes: usize| part.repeat(bytes / part.len());
    let within = |part: &str| format!("fn f(a: any) -> any = {}a", repeated(part, 50_000));
    let chain = |part: &str| format!("fn f(a: any) -> any = a{}", part.repeat(500));
    let deep =
        ["(", "[", "{", "{ b = ", "{ if a { ", "if true then ", "not ", "- ", "a[", "match a { 1 => ", "\"{", "f("];
    let more = ["[1].map(x => ", "for x in a => ", "a ?? (", "if a then a else "];
    let long = [".b", ".b?", "[0]", ".f()", " + 1", " ?? a", " catch a", " and a", " == a"];
    let types = ["list<", "{ a: ", "map<"].map(|part| format!("type t = {}", repeated(part, 50_000)));
    let sources: Vec<String> = deep.into_iter().chain(more).map(within).chain(long.map(chain)).chain(types).collect();
    let work = move || {
        for source in sources {
            let (_, findings, _) = compile(&[("a.map", &source)]);
            assert_eq!(findings.len(), 1, "{}: {findings:#?}", &source[..40]);
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
}

#[test]
fn many_definitions_are_read() {
    let mut source = String::new();
    for n in 0..1_000 {
        source += &format!("fn f{n}(a: int) -> int = a + {n}\n");
    }
    let (_, findings, _) = compile(&[("a.map", &source)]);
    assert!(findings.is_empty());
    let link = |n: usize| format!("use \"m{0}.map\"\nfn f{n}(a: int) -> int = f{0}(a)\n", n + 1);
    let links = (0..300).map(|n| (format!("m{n}.map"), link(n)));
    let end = ("m300.map".to_string(), "fn f300(a: int) -> int = a\n".to_string());
    let texts: Vec<(String, String)> = links.chain([end]).collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let (_, findings, _) = compile(&files);
    assert!(findings.is_empty(), "{findings:?}");
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
