//! Texts that are programs, nearly programs, and nothing like programs.

use super::choices::Choices;

/// Real files, to be damaged.
pub const FILES: &[&str] = &[
    include_str!("../../benches/mapping/order.map"),
    include_str!("../../flows/stripe-dynamics-365/charge.map"),
    include_str!("../../src/language/std/address.map"),
    include_str!("../../src/language/std/contact.map"),
    include_str!("../../src/language/std/finops.map"),
    include_str!("../../src/language/std/stripe.map"),
];

/// The language's own words, and what looks like them.
const WORDS: &[&str] = &[
    "a",
    "b",
    "x",
    "event",
    "order",
    "_",
    "ä",
    "1",
    "0",
    "007",
    "1_000",
    "2.50",
    "1.",
    ".5",
    "1e3",
    "-",
    "- ",
    "\"\"",
    "\"s\"",
    "\"{a}\"",
    "\"{\"",
    "\"\\",
    "\"\\u{110000}\"",
    "\"a\nb\"",
    "'",
    "'r'",
    "'''",
    "''''",
    "\"",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "<",
    ">",
    "=",
    "==",
    "=>",
    "->",
    "!=",
    "<=",
    ">=",
    "!",
    "&&",
    "||",
    "+",
    "*",
    "/",
    "%",
    "?",
    "??",
    "?.",
    ".",
    "..",
    "...",
    ",",
    ":",
    ";",
    "#",
    "@",
    "$",
    "~",
    "`",
    "\\",
    "|",
    "&",
    "^",
    "//",
    "/// (a: int) -> bool",
    "\n",
    "\r\n",
    "\r",
    "\t",
    " ",
    "\u{feff}",
    "\0",
    "\u{2028}",
    "🦀",
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
    "false",
    "null",
    "missing",
    "fail",
    "type",
    "settings",
    "error",
    "text",
    "int",
    "decimal",
    "any",
    "list<",
    "map<",
    "stripe.charge",
    ".id",
    ".amount",
    "[0]",
    ".first()",
    ".map(x => ",
    "round(",
    "\"half_even\"",
    "fn f(a: int) -> int = ",
    "mapping m(a: any) -> any {",
    "table t: text -> int {",
    "else => fail",
    "use \"std:address\"",
    "a = ",
    "let y = ",
    "for x, n in ",
    "match {",
    "if a then ",
    "} else {",
    "...event",
    "fail(\"why\")",
];

/// A text of one of four kinds.
pub fn any_text(choices: &mut Choices) -> String {
    match choices.below(4) {
        0 => soup(choices),
        1 => damaged(choices),
        2 => nested(choices),
        _ => String::from_utf8_lossy(choices.rest()).into_owned(),
    }
}

/// Words of the language in any order.
pub fn soup(choices: &mut Choices) -> String {
    let mut text = String::new();
    while !choices.is_over() {
        text.push_str(choices.one_of(WORDS));
        if choices.chance(60) {
            text.push(' ');
        }
    }
    text
}

/// A real file with tokens taken out, doubled, exchanged or replaced, or cut off.
pub fn damaged(choices: &mut Choices) -> String {
    let file = choices.one_of(FILES);
    damage(file, choices)
}

/// The same for any text.
pub fn damage(text: &str, choices: &mut Choices) -> String {
    let mut tokens = tokens(text);
    for _ in 0..=choices.below(6) {
        if tokens.is_empty() {
            break;
        }
        let at = choices.below(tokens.len());
        match choices.below(7) {
            0 => drop(tokens.remove(at)),
            1 => tokens.insert(at, tokens[at]),
            2 => {
                let other = choices.below(tokens.len());
                tokens.swap(at, other);
            }
            3 => tokens[at] = choices.one_of(WORDS),
            4 => tokens.insert(at, choices.one_of(WORDS)),
            5 => {
                let end = (at + choices.below(40)).min(tokens.len());
                drop(tokens.drain(at..end));
            }
            _ => tokens.truncate(at),
        }
    }
    tokens.concat()
}

/// Brackets in brackets, closed or not.
fn nested(choices: &mut Choices) -> String {
    const OPEN: &[&str] = &[
        "(",
        "[",
        "{",
        "if a then ",
        "match { a => ",
        "f(",
        "\"{",
        "not ",
        "-",
        "a ?? ",
        "[1].map(x => ",
        "list<",
        "{ b = ",
    ];
    const CLOSE: &[&str] = &[")", "]", "}", " else 1", ")", "}\"", ">", " else => 1 }"];
    let open = choices.one_of(OPEN);
    let close = choices.one_of(CLOSE);
    let (up, down) = (choices.below(3000), choices.below(300));
    let head = choices.one_of(&["fn f(a: int) -> any = ", "mapping m(a: any) -> any { b = ", "table t: text -> ", ""]);
    format!("{head}{}a{}", open.repeat(up), close.repeat(down))
}

/// Words, runs of white space, and single signs.
fn tokens(text: &str) -> Vec<&str> {
    let class = |c: char| match c {
        _ if c.is_alphanumeric() || c == '_' => 1,
        _ if c.is_whitespace() => 2,
        _ => 3,
    };
    let mut tokens = vec![];
    let mut start = 0;
    let mut before = 0;
    for (at, c) in text.char_indices() {
        let now = class(c);
        if at > start && (now != before || now == 3) {
            tokens.push(&text[start..at]);
            start = at;
        }
        before = now;
    }
    tokens.push(&text[start..]);
    tokens
}
