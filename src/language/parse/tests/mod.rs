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

/// What is read without the grammar is what the grammar reads. Gives in how many of the four ways it is.
fn assert_as_the_grammar(text: &str) -> usize {
    let source = source(text);
    let offset = start(&source);
    let mut read = 0;
    let mut same = |quick: Option<String>, grammar: Option<String>| {
        read += usize::from(quick.is_some());
        assert!(quick.is_none() || quick == grammar, "{text:?}\n{quick:?}\n{grammar:?}");
    };
    let tokens = |mode| scanned(&source, offset, mode).ok().filter(|(_, broken)| broken.is_empty());
    fn built<T>(
        source: &SourceText,
        rule: Rule,
        build: impl FnOnce(&mut Builder<'_>, Pairs<'_, Rule>) -> Option<T>,
    ) -> Option<T> {
        let offset = start(source);
        let pairs = Grammar::parse(rule, source.text.get(offset..)?).ok()?;
        let mut builder = Builder::new(source, offset);
        build(&mut builder, pairs).filter(|_| builder.findings.is_empty())
    }
    if let Some((tokens, _)) = tokens(Mode::Source) {
        let shown = quick::file(&source, &tokens).map(|tree| format!("{tree:?}"));
        if shown.is_some() {
            same(shown, whole(&source, offset).map(|(tree, _)| format!("{tree:?}")));
        }
        if let Some(body) = quick::slot(&source, &tokens) {
            let known =
                built(&source, Rule::slot, |builder, whole| inside(whole).next().map(|pair| builder.body(pair)));
            same(Some(format!("{body:?}")), known.map(|body| format!("{body:?}")));
        }
        if let Some(ty) = quick::type_slot(&source, &tokens) {
            let known =
                built(&source, Rule::type_slot, |builder, whole| inside(whole).next().map(|pair| builder.type_(pair)));
            same(Some(format!("{ty:?}")), known.map(|ty| format!("{ty:?}")));
        }
    }
    if let Some((tokens, _)) = tokens(Mode::InsideText)
        && let Some(kind) = quick::text_slot(&source, &tokens)
    {
        let known = built(&source, Rule::text_slot, |builder, mut whole| whole.next().map(|pair| builder.text(pair)));
        same(Some(format!("{kind:?}")), known.map(|kind| format!("{kind:?}")));
    }
    read
}

/// Reads a text in every way that there is.
fn read_all(text: &str) {
    assert_as_the_grammar(text);
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

/// The texts of the library in the binary, of the bundled flows and of the tests here.
fn corpus() -> Vec<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["src/language/std", "flows"].into_iter().flat_map(|folder| walkdir::WalkDir::new(root.join(folder)));
    let maps = files.flatten().filter(|entry| entry.path().extension().is_some_and(|extension| extension == "map"));
    let mut texts: Vec<String> = maps.filter_map(|entry| std::fs::read_to_string(entry.path()).ok()).collect();
    texts.push(valid::ORDERS.to_string());
    texts
}

#[test]
fn what_people_write_is_read_without_the_grammar() {
    let texts = corpus();
    assert!(texts.len() > 10);
    for text in texts {
        assert_eq!(assert_as_the_grammar(&text), 1, "{text}");
    }
    for slot in [
        "1 + 2 * -x.y ?? 3 - f(a, (b, c) => b in c, d => not d) % 4",
        "if a == 1 and not b? != null then \"x{c}y\" else match c { 1, 2 => a  else => 'it''s', }",
        "match { a => (b)[1, 2]?.d?  e => {}, else => null }",
        "for x, n in steps.lines where n > 0.5 { a.\"b c\" = x, ...y  if a { b = 1 } else if c { d = 2 } else { let e: list<text?> = [] } }",
        "for x in y => x.f()[0]? catch fail(\"no {x} \\u{e9}\\n\") catch missing",
        "let a: { b: text, 'c d': map<paypal.order.item>? } = f() let b = true\n{ require a else \"x\" c = a?.b? }",
    ] {
        let read = scanned(&source(slot), 0, Mode::Source);
        assert!(read.is_ok_and(|(tokens, _)| quick::slot(&source(slot), &tokens).is_some()), "{slot}");
        assert_as_the_grammar(slot);
    }
    for text in ["", "plain \"quoted\" }", "{a}", "a {b}\n{ {c = 1}.c } d", "\\{ \\u{1F600} {x}"] {
        let inside = scanned(&source(text), 0, Mode::InsideText);
        assert!(inside.is_ok_and(|(tokens, _)| quick::text_slot(&source(text), &tokens).is_some()), "{text}");
        assert_as_the_grammar(text);
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
        assert_as_the_grammar(&cut);
        let text = source(&cut);
        let (tree, found) = file(&text);
        assert_inside(&cut, &found);
        prop_assert!(tree.unread.is_empty() || !found.is_empty());
        prop_assert!(found.len() <= 8, "{:?}", found);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Definitions of the corpus with some of their tokens left out, doubled, exchanged, or put elsewhere.
    #[test]
    fn what_is_read_without_the_grammar_is_what_it_reads(
        seed in any::<usize>(),
        changes in prop::collection::vec((any::<usize>(), any::<usize>(), 0..5usize), 1..4),
        tight in any::<bool>(),
    ) {
        let texts = CORPUS.with(Clone::clone);
        let text = &texts[seed % texts.len()];
        let source = source(text);
        let Ok((tokens, _)) = scanned(&source, start(&source), Mode::Source) else { return Ok(()) };
        let Ok(tokens) = paired(&source, tokens) else { return Ok(()) };
        let definitions = tokens.definitions();
        let range = definitions[seed / texts.len() % definitions.len()].clone();
        let mut words: Vec<&str> = range.clone().map(|n| tokens.str(n)).collect();
        let mut gaps: Vec<&str> = range
            .clone()
            .map(|n| text.get(tokens.get(n).map_or(0, |token| token.end)..tokens.get(n + 1).map_or(text.len(), |next| next.start)))
            .map(|gap| gap.unwrap_or(" "))
            .collect();
        for (a, b, change) in changes {
            let (a, b) = (a % words.len(), b % words.len());
            match change {
                0 if words.len() > 1 => { words.remove(a); gaps.remove(a); }
                1 => { words.insert(b, words[a]); gaps.insert(b, if tight { "" } else { gaps[a] }); }
                2 => words.swap(a, b),
                3 => gaps[a] = if tight { "" } else { " " },
                _ => words[a] = words[b],
            }
        }
        let changed: String = words.iter().zip(&gaps).flat_map(|(word, gap)| [*word, *gap]).collect();
        assert_as_the_grammar(&changed);
    }
}

thread_local! {
    static CORPUS: std::rc::Rc<Vec<String>> = std::rc::Rc::new(corpus());
}
