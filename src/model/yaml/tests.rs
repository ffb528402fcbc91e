use super::*;
use crate::diagnostics::{FileId, Sources};
use proptest::prelude::*;
use serde::Deserialize;

/// `code line:column message` of each finding.
fn findings(text: &str) -> Vec<String> {
    let mut sources = Sources::default();
    let file = sources.add("t.yaml", text);
    let found = parse(file, text).err().unwrap_or_default();
    found
        .iter()
        .map(|finding| {
            let place = sources.position(finding.primary.as_ref().map(|label| label.span).unwrap_or_default());
            format!("{} {}:{} {}", finding.code, place.line, place.column, finding.message)
        })
        .collect()
}

fn tree(text: &str) -> Node {
    parse(FileId(0), text).unwrap_or_else(|found| panic!("{found:?}\n{text}"))
}

/// `line:column` of the first place where `part` stands in the text of the scalar under `a`.
fn place(text: &str, part: &str) -> String {
    let mut sources = Sources::default();
    let file = sources.add("t.yaml", text);
    let node = parse(file, text).expect("good");
    let text = node.get("a").and_then(Node::scalar).expect("a scalar").source_text();
    let at = text.text.find(part).expect("the part");
    let place = sources.position(text.span(at, at + part.len()));
    format!("{}:{}", place.line, place.column)
}

#[test]
fn scalars_are_what_the_core_schema_says() {
    let table = [
        ("on", Core::Text),
        ("NO", Core::Text),
        ("yes", Core::Text),
        ("0123", Core::Text),
        ("-0123", Core::Text),
        ("1_000", Core::Text),
        ("12:30:45", Core::Text),
        ("2024-01-01", Core::Text),
        ("2026-03-02T09:00:00Z", Core::Text),
        ("usmf|00629|1", Core::Text),
        ("1.2.3", Core::Text),
        ("1e", Core::Text),
        ("e3", Core::Text),
        (".", Core::Text),
        ("0x", Core::Text),
        ("inf", Core::Text),
        ("nan", Core::Text),
        ("tRUE", Core::Text),
        ("'12'", Core::Text),
        ("\"true\"", Core::Text),
        ("''", Core::Text),
        ("0", Core::Number),
        ("12", Core::Number),
        ("-12", Core::Number),
        ("+1", Core::Number),
        ("1.10", Core::Number),
        ("-0.0", Core::Number),
        (".5", Core::Number),
        ("5.", Core::Number),
        ("1e3", Core::Number),
        ("1.5E-3", Core::Number),
        ("0x1F", Core::Number),
        ("0o17", Core::Number),
        ("9007199254740993", Core::Number),
        ("18446744073709551616", Core::Number),
        ("123456789012345678901234567890123456789012345", Core::Number),
        (".inf", Core::NotFinite),
        ("-.INF", Core::NotFinite),
        (".nan", Core::NotFinite),
        ("true", Core::Bool(true)),
        ("FALSE", Core::Bool(false)),
        ("null", Core::Null),
        ("~", Core::Null),
        ("", Core::Null),
    ];
    for (written, core) in table {
        let node = tree(&format!("a: {written}\n"));
        let scalar = node.get("a").and_then(Node::scalar).expect("a scalar");
        assert_eq!(scalar.core(), core, "{written}");
        if scalar.style == Style::Plain {
            assert_eq!(&*scalar.text, written, "the text is kept");
        }
    }
}

/// What `serde_yaml` reads, as far as our tree can say it.
#[derive(Debug, PartialEq)]
enum Plain {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Plain>),
    Map(Vec<(String, Plain)>),
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Plain, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Plain;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("anything")
            }
            fn visit_unit<E>(self) -> Result<Plain, E> {
                Ok(Plain::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Plain, E> {
                Ok(Plain::Bool(value))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Plain, E> {
                Ok(Plain::Number)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Plain, E> {
                Ok(Plain::Number)
            }
            fn visit_i128<E>(self, _: i128) -> Result<Plain, E> {
                Ok(Plain::Number)
            }
            fn visit_u128<E>(self, _: u128) -> Result<Plain, E> {
                Ok(Plain::Number)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Plain, E> {
                Ok(Plain::Number)
            }
            fn visit_str<E>(self, text: &str) -> Result<Plain, E> {
                Ok(Plain::Text(text.into()))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Plain, A::Error> {
                let mut list = vec![];
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Plain::List(list))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut entries: A) -> Result<Plain, A::Error> {
                let mut map = vec![];
                while let Some(entry) = entries.next_entry()? {
                    map.push(entry);
                }
                Ok(Plain::Map(map))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

fn plain(node: &Node) -> Plain {
    match &node.kind {
        NodeKind::Sequence(items) => Plain::List(items.iter().map(plain).collect()),
        NodeKind::Mapping(entries) => {
            Plain::Map(entries.iter().map(|(key, value)| (key.text.to_string(), plain(value))).collect())
        }
        NodeKind::Scalar(scalar) => match scalar.core() {
            Core::Null => Plain::Null,
            Core::Bool(value) => Plain::Bool(value),
            Core::Number | Core::NotFinite => Plain::Number,
            Core::Text => Plain::Text(scalar.text.to_string()),
        },
    }
}

/// A line of YAML, often good, in block or flow style, with every kind of scalar.
fn line() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        "[a-z0-9.+_-]{0,6}",
        "'[ a-zé#:{]{0,6}'",
        "\"[ a-zé#:{]{0,6}(\\\\n|\\\\u00e9|\\\\x41)?\"",
        "(on|NO|0[0-9]{1,3}|1e3|\\.5|0x1F|true|null|~|1_000)",
        "\\[[a-z0-9, ]{0,8}\\]",
        "\\{[a-d]: [0-9]\\}",
        "\\|\n      [a-zé ]{1,5}x\n\n      y",
        ">-\n      [a-z]{1,5}\n      [a-z]{1,3}",
    ];
    ("( {0,4}|\t)", "(- )?", "[a-e]{1,2}", ": ?", scalar, "( # c)?", "\r?\n").prop_map(
        |(indent, dash, key, colon, value, comment, end)| format!("{indent}{dash}{key}{colon}{value}{comment}{end}"),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_parsers_read_the_same(lines in prop::collection::vec(line(), 1..5)) {
        let text = lines.concat();
        if let Ok(node) = parse(FileId(0), &text) {
            let theirs: Plain = serde_yaml::from_str(&text).expect("accepted by both");
            prop_assert_eq!(plain(&node), theirs, "{}", text);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[ a-c:\\-\\[\\]{}'\"|>#&*!\n\té]{0,40}") {
        let _ = parse(FileId(0), &text);
    }

    #[test]
    fn places_hold_the_text(lines in prop::collection::vec(line(), 1..5)) {
        let text = lines.concat();
        if let Ok(node) = parse(FileId(0), &text) {
            check_places(&node, &text);
        }
    }
}

/// Every character of a traceable scalar stands where its place says, escapes apart.
fn check_places(node: &Node, text: &str) {
    match &node.kind {
        NodeKind::Sequence(items) => items.iter().for_each(|item| check_places(item, text)),
        NodeKind::Mapping(entries) => entries.iter().for_each(|(key, value)| {
            let written = &text[key.span.start as usize..key.span.end as usize];
            assert!(written.contains(&*key.text), "{written} {key:?}");
            check_places(value, text);
        }),
        NodeKind::Scalar(scalar) if scalar.traceable => {
            let source = scalar.source_text();
            for (at, c) in scalar.text.char_indices() {
                let span = source.span(at, at + c.len_utf8());
                let written = text[span.start as usize..].chars().next();
                let escaped = scalar.style == Style::DoubleQuoted && written == Some('\\');
                let line_end = c == '\n' && matches!(written, None | Some('\n' | '\r'));
                assert!(escaped || line_end || written == Some(c), "{c:?} at {span:?} of {text:?}");
            }
        }
        NodeKind::Scalar(_) => {}
    }
}

#[test]
fn a_place_in_each_kind_of_scalar() {
    let table = [
        ("a: x + y\n", "y", "1:8"),
        ("é: 1\na: é + y\n", "y", "2:8"),
        ("a: 'it''s é y'\n", "y", "1:13"),
        ("a: \"\\u00e9\\n \\\"y\"\n", "y", "1:16"),
        ("a: \"\\U0001D11E y\"\n", "y", "1:16"),
        ("a: |\n  one\n   two é y\n", "y", "3:10"),
        ("a: |\n\n\n  one y\n", "y", "4:7"),
        ("a: |\n  one\n\n  y\n", "y", "4:3"),
        ("a: |2\n    one\n   y\n", "y", "3:4"),
        ("a: |-  # why\n  one\n  y", "y", "3:3"),
        ("b: 1\r\na: |\r\n  één\r\n  two y\r\nc: 1\r\n", "y", "4:7"),
        ("a: 'x y'\r\n", "y", "1:7"),
        ("\u{feff}a: x y\n", "y", "1:7"),
    ];
    for (text, part, expected) in table {
        assert_eq!(place(text, part), expected, "{text:?}");
    }
}

#[test]
fn values_have_their_places() {
    let text = "list:\n  - x: 1\n    y:\n  - [1, {b: 2}]\nblock: |\n  text\n\nlast: &a\n  m: n\n";
    let node = tree(text);
    let slice = |node: &Node| &text[node.span.start as usize..node.span.end as usize];
    let NodeKind::Sequence(items) = &node.get("list").expect("list").kind else { panic!() };
    assert_eq!(slice(&items[0]), "x: 1\n    y");
    assert_eq!(slice(&items[1]), "[1, {b: 2}]");
    assert_eq!(slice(node.get("block").expect("block")), "text");
    assert_eq!(slice(node.get("last").expect("last")), "m: n");
    assert_eq!(slice(&node), text.trim_end());
    let nothing = items[0].get("y").expect("y");
    assert_eq!((nothing.span.start as usize, nothing.span.end as usize), (20, 20), "directly behind the key");
}

#[test]
fn a_comment_that_may_have_cut_an_expression_is_known() {
    let text = "a: x # y\nb: x#y\nc: 'x' # y\nd: {k: x # y\n}\n";
    let node = tree(text);
    let comment = |key: &str| {
        let span = node.get(key).and_then(Node::scalar).expect("a scalar").comment;
        span.map(|span| &text[span.start as usize..span.end as usize])
    };
    assert_eq!((comment("a"), comment("b"), comment("c")), (Some("# y"), None, None));
}

#[test]
fn what_we_refuse_is_refused_at_its_place() {
    let table = [
        ("a: 1\nb: 2\na: 3\n", "F0301 3:1 the key `a` stands here twice"),
        ("f: { x: 1, x: 2 }\n", "F0301 1:12 the key `x` stands here twice"),
        ("b: &x { k: 1 }\na:\n  <<: *x\n", "F0302 3:3 merge keys (`<<`) are not used here"),
        ("a: !t x\n", "F0303 1:7 `!t`: YAML tags are not used here"),
        ("a: 1\n---\nb: 1\n", "F0304 2:1 a second document begins here"),
        ("a: &x [*x]\n", "F0305 1:8 this alias stands inside of what it repeats"),
        ("a:\n\tb: 1\n", "F0306 2:1 a tab cannot indent a line"),
        ("a:\n  - b: 1\n \t  c: 2\n", "F0306 3:2 a tab cannot indent a line"),
        ("{ [x]: 1 }\n", "F0307 1:3 a key must be a text"),
        ("title: {{a}: 1}\n", "F0307 1:9 a key must be a text"),
        ("a: [1, 2\n", "F0300 1:4 this `[` is never closed"),
        ("é: [1, 2\nb:\n  c: 1\n", "F0300 1:4 this `[` is never closed"),
        ("a: {b: 1\nc: 2\n", "F0300 2:2 expected `,` or `}`"),
        ("a: 1\nb 2\nc: 3\n", "F0300 2:1 expected `key: value` here"),
        ("a: Several: x\n", "F0300 1:11 `: ` cannot stand inside a value"),
        ("a: 'x\n", "F0300 2:1 a quote is never closed"),
        ("a:\n  b: 1\n c: 2\n", "F0300 3:2 this line is indented like nothing above it"),
        ("é: {x} and\n", "F0300 1:8 the value ended with the bracket before this"),
        ("when: \"a\" == b\n", "F0300 1:11 the value ended with the quote before this"),
        ("a: @x\n", "F0300 1:4 a value cannot begin with `@`"),
        ("a: \"\\q\"\n", "F0300 1:4 this text has an escape that YAML does not know"),
        ("a: *x\n", "F0300 1:4 this alias names nothing"),
    ];
    for (text, expected) in table {
        assert_eq!(findings(text), [expected], "{text:?}");
    }
}

#[test]
fn a_duplicate_key_points_at_both() {
    let found = parse(FileId(0), "a: 1\na: 2\n").expect_err("refused");
    assert_eq!(found[0].secondary[0].span.start, 0);
}

#[test]
fn aliases_are_taken_within_bounds() {
    let node = tree("a: &x { k: [1, 2] }\nb: *x\n");
    assert_eq!(plain(node.get("a").expect("a")), plain(node.get("b").expect("b")));

    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..9 {
        let uses = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb += &format!("a{n}: &a{n} [{uses}]\n");
    }
    assert!(findings(&bomb)[0].starts_with("F0305 6:"), "{:?}", findings(&bomb));

    let mut chain = String::from("a0: &a0 [x]\n");
    for n in 1..200 {
        chain += &format!("a{n}: &a{n} [*a{}]\n", n - 1);
    }
    assert!(findings(&chain)[0].starts_with("F0305 100:"), "{:?}", findings(&chain));

    for text in ["[".repeat(5000), "- ".repeat(5000), "{a: ".repeat(5000)] {
        assert!(findings(&text)[0].starts_with("F0305 1:"), "{:?}", findings(&text));
    }
}

#[test]
fn nothing_is_a_null() {
    for text in ["", "# only a comment\n", "---\n"] {
        assert!(tree(text).is_null(), "{text:?}");
    }
}
