//! Slips and what is said about them: code, line, column and words.

use super::*;

#[test]
fn slips_in_slots() {
    let table: &[(&str, &str)] = &[
        ("", "F0120 1:1 expected a value, but nothing is written here"),
        ("money(a, b", "F0108 1:11 expected `)` to close the `(` opened here"),
        ("money(a,", "F0108 1:9 expected `)` to close the `(` opened here"),
        ("f(a, b]", "F0108 1:7 expected `)` to close the `(` opened here"),
        ("[1, 2", "F0108 1:6 expected `]` to close the `[` opened here"),
        ("x[0", "F0108 1:4 expected `]` to close the `[` opened here"),
        ("{ a = 1", "F0108 1:8 expected `}` to close the `{` opened here"),
        ("match x { 1 => 2", "F0108 1:17 expected `}` to close the `{` opened here"),
        ("a)", "F0108 1:2 this `)` closes nothing"),
        ("a +", "F0120 1:4 expected a value after `+`"),
        ("f(a +)", "F0120 1:6 expected a value after `+`"),
        ("if a then b else", "F0120 1:17 expected a value after `else`"),
        ("a == ", "F0120 1:5 expected a value after `==`"),
        ("a b", "F0101 1:3 expected an operator before `b`"),
        ("return a", "F0101 1:8 expected an operator before `a`"),
        ("f(a b)", "F0101 1:5 expected `,` or `)` before `b`"),
        ("[a b]", "F0101 1:4 expected `,` or `]` before `b`"),
        ("(a b)", "F0101 1:4 expected `)` before `b`"),
        ("(a, b)", "F0101 1:3 parentheses hold one value"),
        ("f (x)", "F0101 1:3 `(` stands directly behind `f`, without a space"),
        ("a.", "F0101 1:3 expected the name of a field after `.`"),
        ("if a b else c", "F0115 1:6 expected `then` behind the condition of this `if`"),
        ("if a { 1 } else { 2 }", "F0115 1:6 expected `then` behind the condition of this `if`"),
        ("if a then b", "F0115 1:12 expected `else` after `b`"),
        ("f(if a then b, c)", "F0115 1:14 expected `else` after `b`"),
        (
            "match x { 1 => if a then b  else => 2 }",
            "F0115 1:29 expected `else` for the `if … then` before: this one belongs to the `match`",
        ),
        ("match x { 1 = 2  else => 3 }", "F0116 1:13 expected `=>` after `1`"),
        ("match x { 1: 2  else => 3 }", "F0116 1:12 expected `=>` after `1`"),
        ("match x { 1 2  else => 3 }", "F0116 1:13 expected `=>` after `1`"),
        ("xs.map(x -> x)", "F0116 1:10 a lambda is written with `=>`"),
        ("let f = x => x\nf", "F0101 1:11 a lambda `x => …` stands only as an argument of a function"),
        ("if a = b then c else d", "F0113 1:6 `=` sets a field or names a `let`; to compare, write `==`"),
        ("a = 5", "F0113 1:3 `=` sets a field or names a `let`; to compare, write `==`"),
        ("a === b", "F0113 1:5 equality is written `==`"),
        ("a <> b", "F0113 1:3 not equal is written `!=`"),
        ("{ a == 5 }", "F0113 1:5 a field is set with one `=`"),
        ("{ \"a\": 5 }", "F0114 1:6 a field of a record is set with `=`"),
        ("a && b", "F0107 1:3 `&&` is written `and`"),
        ("a || b", "F0107 1:3 `||` is written `or`"),
        ("!a", "F0107 1:1 `!` is written `not`"),
        ("a;", "F0106 1:2 `;` means nothing here"),
        ("a # b", "F0106 1:3 a comment begins with `//`, not `#`"),
        ("f(..a)", "F0106 1:3 a spread is written `...`"),
        ("größe", "F0106 1:3 `ö` cannot stand in a name"),
        ("a –\u{a0}b", "F0106 1:3 `–` is no minus: write `-`"),
        ("\"a", "F0103 1:3 this text is not closed: expected `\"` before the end of the line"),
        ("\"a {b} {c", "F0103 1:10 this text is not closed: expected `\"` before the end of the line"),
        ("'it's'", "F0103 1:7 this text is not closed: expected `'` before the end of the line"),
        ("\"a\\d\"", "F0104 1:3 unknown escape `\\d`"),
        ("\"\\u{110000}\"", "F0104 1:2 there is no character U+110000"),
        ("\"\\u41\"", "F0104 1:2 a character by its number is written `\\u{…}` with one to six hexadecimal digits"),
        ("1e3", "F0105 1:1 numbers are written without an exponent"),
        ("1.5E-3", "F0105 1:1 numbers are written without an exponent"),
        (".5", "F0105 1:1 a number begins with a digit: write `0.5`"),
        ("007", "F0105 1:1 a number does not begin with `0`"),
        ("2026-03-01", "F0105 1:1 `2026-03-01` is no number; a day is written as text: `date(\"2026-03-01\")`"),
        ("a < 2026-11-05", "F0105 1:5 `2026-11-05` is no number; a day is written as text: `date(\"2026-11-05\")`"),
        (
            "2026-03-01T09:00:00Z",
            "F0105 1:1 `2026-03-01` is no number; a day is written as text: `date(\"2026-03-01\")`",
        ),
        ("1__0", "F0105 1:1 `_` stands between two digits before the decimal point"),
        ("12abc", "F0105 1:1 `12abc` is neither a number nor a name"),
        ("1.2.3", "F0105 1:1 a number has one decimal point"),
        ("\"a {} b\"", "F0120 1:5 expected a value in this hole"),
        ("\"a {b c}\"", "F0101 1:7 expected an operator before `c`"),
        ("a.?b", "F0110 1:3 `?` stands behind the step that may find nothing, not before it"),
        ("a ? b : c", "F0110 1:3 `?` stands directly behind the step that may find nothing"),
        ("null?", "F0110 1:5 `?` stands behind a step that may find nothing, not a literal"),
        ("1 + if a then b else c", "F0111 1:5 `if` stands in parentheses inside an expression"),
        ("a == not b", "F0111 1:6 `not` cannot follow `==`"),
        ("1 < a < 3", "F0112 1:7 comparisons do not chain"),
        ("a == b in c", "F0112 1:8 comparisons do not chain"),
        ("let from = 1\nfrom", "F0109 1:5 `from` is a reserved word and cannot be a name"),
        ("table.x", "F0109 1:1 `table` is a reserved word and cannot be a name"),
        ("{ from = 1 }", "F0109 1:3 `from` is a reserved word and cannot be a name"),
        ("let a 1\na", "F0101 1:7 expected `=` or `:` after `a`"),
        ("for x xs => x", "F0101 1:7 expected `in` or `,` after `x`"),
        ("match x { 1 => fail }", "F0101 1:16 `fail` takes its reason: `fail(\"…\")`"),
        ("{ a = 1 b }", "F0101 1:9 `b` cannot follow `1`"),
        ("let a = 1", "F0120 1:10 expected a value behind the last `let`"),
    ];
    let mut wrong = vec![];
    for (text, expected) in table {
        let found = slot_findings(text);
        let alone = found.len() == 1 || found.iter().all(|finding| finding.starts_with("F0106"));
        if found.first().map(String::as_str) != Some(expected) || !alone {
            wrong.push((text, expected, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn slips_in_definitions() {
    let table: &[(&str, &str)] = &[
        ("table t: text -> int { \"a\" => 1 }", "F0118 1:33 expected `else => …` before the end of this table"),
        ("table t: text -> int from \"t.csv\"", "F0118 1:34 expected `else` behind the file of this table"),
        ("table t: text -> int { \"a\" = 1 else => 2 }", "F0116 1:28 expected `=>` after `\"a\"`"),
        (
            "table t: text -> int { A => 1 else => 2 }",
            "F0101 1:24 the keys of a table are constants: text stands in quotes",
        ),
        ("table t text -> int { else => 2 }", "F0101 1:9 expected `:` after `t`"),
        ("fn f(a: text) = a", "F0117 1:15 expected `-> TYPE`: a `fn` names the type of its result"),
        ("fn f(a: text): int = a", "F0117 1:14 expected `-> TYPE`: a `fn` names the type of its result"),
        ("mapping f(a: text) { b = 1 }", "F0117 1:20 expected `-> TYPE`: a `mapping` names the type of its result"),
        (
            "mapping f(a: text) -> any = { b = 1 }",
            "F0101 1:27 a `mapping` has its `{ … }` directly behind the result type",
        ),
        ("fn f(a text) -> int = a", "F0101 1:8 expected `:` after `a`"),
        ("fn f(a: text) -> int a", "F0101 1:22 expected `=` after `int`"),
        ("fn f(a: text) -> int =\n  let b = a", "F0120 2:12 expected a value behind the last `let`"),
        ("fn f(a: text) -> int =", "F0120 1:23 expected a value after `=`"),
        ("fn f(a: text[]) -> int = 1", "F0101 1:13 a list type is written `list<T>`"),
        ("fn (a: text) -> int = 1", "F0101 1:4 expected a name after `fn`"),
        ("fn match(a: text) -> int = 1", "F0109 1:4 `match` is a reserved word and cannot be a name"),
        ("fn f(in: text) -> int = 1", "F0109 1:6 `in` is a reserved word and cannot be a name"),
        ("maping f(a: text) -> any { }", "F0119 1:1 no definition begins with `maping`"),
        ("x = 1", "F0119 1:1 `x` stands outside of every definition"),
        ("use shop", "F0101 1:5 expected a path in quotes"),
        ("use \"a.rhai\" as", "F0101 1:16 expected a name after `as`"),
        ("type a { b: text }", "F0101 1:8 expected `=` after `a`"),
        ("type a = { b = text }", "F0114 1:14 a type stands behind `:`"),
        ("type a = list<text", "F0101 1:19 expected `>` after `text`"),
        ("mapping m() -> any {\n  a = 1\n", "F0108 2:8 expected `}` to close the `{` opened here"),
        (
            "mapping m() -> any {\n  if a {\n    b = 1\n  c = 2\n}\n",
            "F0108 4:8 expected `}` to close the `{` opened here",
        ),
        ("mapping m() -> any {\n  a = 1\n  }\n  b = 2\n}\n", "F0119 4:3 `b` stands outside of every definition"),
        ("mapping m() -> any {\n  if a then { b = 1 }\n}\n", "F0115 2:8 expected `{` after `a`"),
        ("mapping m() -> any {\n  if a { b = 1 } else c\n}\n", "F0115 2:23 expected `{` after `else`"),
        ("mapping m() -> any {\n  require a\n  b = 2\n}\n", "F0115 2:12 expected `else` after `a`"),
        (
            "mapping m() -> any {\n  require a = b else \"c\"\n}\n",
            "F0113 2:13 `=` sets a field or names a `let`; to compare, write `==`",
        ),
        ("mapping m() -> any {\n  a.b. = 2\n}\n", "F0101 2:8 expected the name of a field after `.`"),
        (
            "mapping m() -> any {\n  a = b? : c\n}\n",
            "F0101 2:10 expected an operator or a new entry `field = …` after `?`",
        ),
    ];
    let wrong: Vec<_> = table
        .iter()
        .map(|(text, expected)| (text, expected, file_findings(text)))
        .filter(|(_, expected, found)| found.len() != 1 || found.first().map(String::as_str) != Some(expected))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn slips_in_text_and_type_slots() {
    for (text, expected) in [
        ("Hello {name, you", "F0108 1:12 expected `}` to close the hole opened here"),
        ("Hello {name", "F0108 1:12 expected `}` to close the hole opened here"),
        ("{\"a\": 1}", "F0108 1:5 expected `}` to close the hole opened here"),
        ("a {b c}", "F0101 1:6 expected an operator before `c`"),
        ("C:\\dir", "F0104 1:3 unknown escape `\\d`"),
    ] {
        assert_eq!(findings(text, text_slot(&source(text)).err().unwrap_or_default()), [expected], "{text:?}");
    }
    for (text, expected) in [
        ("", "F0120 1:1 expected a type, but nothing is written here"),
        ("list<text", "F0101 1:10 expected `>` after `text`"),
        ("text[]", "F0101 1:5 a list type is written `list<T>`"),
        ("{ a = text }", "F0114 1:5 a type stands behind `:`"),
        ("{ a: text", "F0108 1:10 expected `}` to close the `{` opened here"),
        ("text number", "F0101 1:6 expected the end after `text`"),
    ] {
        assert_eq!(findings(text, type_slot(&source(text)).err().unwrap_or_default()), [expected], "{text:?}");
    }
}

#[test]
fn three_slips_are_three_findings() {
    let text = "\
use \"std:shop\"

mapping to_order(order: shop.order) -> erp.Orders {
  let gross = money(order.total, order.currency
  Customer  = order.payer
  Reference =
  Lines = for line in order.lines where line.count > 0 {
    Number == line.number
    Price  = decimal(line.price)
  }
  Total = gross
}

fn fine(a: int) -> int = a
";
    let expected = [
        "F0108 4:48 expected `)` to close the `(` opened here",
        "F0120 6:14 expected a value after `=`",
        "F0113 8:12 a field is set with one `=`",
    ];
    assert_eq!(file_findings(text), expected);
}

#[test]
fn a_slip_never_hides_the_next_definition() {
    let text = "\
fn a(x: text) -> text =
  let b = c d
  let e = f(x
  g
table t: text -> int {
  \"a\" = 1
  \"b\" => 2
  \"c\": 3
  else => fail
}
type u = {
  a text
  b: int
  c = int
}
mapping m(x: text) -> any {
  if x = \"a\" {
    y = )
  } else {
    z = match x {
      1 => 
      2 => 3
      4 > 5
    }
  }
  w = \"open
  v = 1 ! 2
}
mapping n(x text) -> any {
  a = [1, 2
}
";
    let expected = [
        "F0101 2:13 expected an operator before `d`",
        "F0108 3:14 expected `)` to close the `(` opened here",
        "F0116 6:7 expected `=>` after `\"a\"`",
        "F0116 8:6 expected `=>` after `\"c\"`",
        "F0101 12:5 expected `:` after `a`",
        "F0114 14:5 a type stands behind `:`",
        "F0113 17:8 `=` sets a field or names a `let`; to compare, write `==`",
        "F0120 18:9 expected a value after `=`",
        "F0120 21:11 expected a value after `=>`",
        "F0116 23:12 expected `=>` after `5`",
        "F0103 26:12 this text is not closed: expected `\"` before the end of the line",
        "F0107 27:9 `!` is written `not`",
        "F0101 29:13 expected `:` after `x`",
        "F0108 30:12 expected `]` to close the `[` opened here",
    ];
    let found = file_findings(text);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
}

#[test]
fn fixes_mend() {
    for text in [
        "a && !b",
        "if a = b then c else d",
        "{ a: 1 }",
        "{ a := 1 }",
        "xs.map(x -> x)",
        "match x { 1 = 2 else => 3 }",
        "a; ",
        "f (x)",
        "a <> b",
        "{ from = 1 }",
        "null?",
        "“a”",
        "a – b",
    ] {
        let mut mended = text.to_string();
        for _ in 0..5 {
            let Err(found) = slot(&source(&mended)) else { break };
            let Some(fix) = found.into_iter().find_map(|finding| finding.fix) else { break };
            mended.replace_range(fix.span.start as usize..fix.span.end as usize, &fix.replacement);
        }
        assert!(slot(&source(&mended)).is_ok(), "{text:?} became {mended:?}");
    }
}
