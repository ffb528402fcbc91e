//! One reading of the tokens before the grammar: what is wrong with a token by itself (a text without its end, an
//! unknown escape, `1e3`, `&&`), and the stream that `brackets`, `recover` and `explain` look at.
//!
//! It knows nothing of the language's structure: that is the grammar's.

use super::{Failure, MAX_FINDINGS};
use crate::diagnostics::{Code, Diagnostic};
use crate::language::SourceText;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Number,
    /// A whole text without holes, quoted either way; also what stands for a broken token.
    Text,
    /// `"…{`: a text up to its first hole.
    Head,
    /// `}…{`
    Middle,
    /// `}…"`
    Tail,
    Punct,
}

/// A token: bytes `start..end` of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
    /// First on its line.
    pub first: bool,
}

/// What the text begins as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Source,
    /// The inside of a `"…"`.
    InsideText,
}

/// Length of `2026-03-01`.
const DAY: usize = 10;

const THREE: &[&str] = &["..."];
const TWO: &[&str] = &["=>", "->", "==", "!=", "<=", ">=", "??", "&&", "||", ".."];

/// Reads the whole text. Findings are in order.
pub(super) fn scan(source: &SourceText, from: usize, mode: Mode) -> (Vec<Token>, Vec<Failure>) {
    let mut scanner = Scanner { source, text: &source.text, at: from, tokens: vec![], found: vec![], open: vec![] };
    if mode == Mode::InsideText {
        scanner.piece(from, from, true, None);
    }
    scanner.run();
    scanner.found.sort_by_key(|failure| failure.at);
    (scanner.tokens, scanner.found)
}

/// A brace that waits for its end.
enum Open {
    Brace,
    /// A hole: where its text begins, and which token that is. `slot`: in a text slot, which may have many lines.
    Hole {
        text: usize,
        token: usize,
        slot: bool,
    },
}

struct Scanner<'s> {
    source: &'s SourceText,
    text: &'s str,
    at: usize,
    tokens: Vec<Token>,
    found: Vec<Failure>,
    open: Vec<Open>,
}

impl<'s> Scanner<'s> {
    fn run(&mut self) {
        while let Some(c) = self.peek(0) {
            match c {
                '\n' => {
                    self.line_end();
                    self.at += 1;
                }
                ' ' | '\t' | '\r' => self.at += 1,
                '/' if self.peek(1) == Some('/') => self.at = self.end_of_line(),
                '/' if self.peek(1) == Some('*') => self.block_comment(),
                '"' => self.piece(self.at, self.at + 1, false, None),
                '\'' => self.raw(),
                '{' => {
                    self.open.push(Open::Brace);
                    self.punct(1);
                }
                '}' => self.close_brace(),
                '0'..='9' => self.number(),
                '.' if self.peek(1).is_some_and(|c| c.is_ascii_digit()) && !self.continues_value() => self.number(),
                _ if is_word(c) && !c.is_ascii_digit() => self.word(),
                '“' | '”' | '„' | '«' | '»' | '‘' | '’' => self.typographic(c),
                _ => self.other(c),
            }
        }
        self.line_end();
    }

    /// `/* … */`, which is no comment here: told once, and left out.
    fn block_comment(&mut self) {
        let start = self.at;
        let rest = self.part(start, self.text.len());
        let end = rest.find("*/").map_or(self.text.len(), |n| start + n + 2);
        let text = "a comment begins with `//` and ends with its line";
        self.find(start, Diagnostic::error(Code::F0106, text, self.source.span(start, start + 2)));
        self.push(Kind::Text, start, end);
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at..)?.chars().nth(ahead)
    }

    fn part(&self, start: usize, end: usize) -> &'s str {
        self.text.get(start..end).unwrap_or("")
    }

    fn end_of_line(&self) -> usize {
        self.text.get(self.at..).and_then(|rest| rest.find('\n')).map_or(self.text.len(), |n| self.at + n)
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        let before = self.tokens.last().map_or(0, |token| token.end);
        let first = self.tokens.is_empty() || self.text.get(before..start).is_some_and(|gap| gap.contains('\n'));
        self.tokens.push(Token { kind, start, end, first });
        self.at = end;
    }

    fn punct(&mut self, len: usize) {
        self.push(Kind::Punct, self.at, self.at + len);
    }

    fn find(&mut self, at: usize, diagnostic: Diagnostic) {
        if self.found.len() < MAX_FINDINGS {
            self.found.push(Failure { at, diagnostic });
        }
    }

    /// Whether the token before ends directly here, so that `.5` is no number but a step.
    fn continues_value(&self) -> bool {
        self.tokens.last().filter(|token| token.end == self.at).is_some_and(|token| match token.kind {
            Kind::Punct => matches!(self.text.get(token.start..token.end), Some(")" | "]" | "?")),
            kind => !matches!(kind, Kind::Head | Kind::Middle),
        })
    }

    fn word(&mut self) {
        let rest = self.part(self.at, self.text.len());
        let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        self.push(Kind::Word, self.at, self.at + len);
    }

    fn number(&mut self) {
        let start = self.at;
        if let Some(end) = self.day(start) {
            let day = self.part(start, start + DAY);
            let text = format!("`{day}` is no number; a day is written as text: `date(\"{day}\")`");
            let finding = Diagnostic::error(Code::F0105, text, self.source.span(start, end));
            self.find(start, finding);
            return self.push(Kind::Number, start, end);
        }
        let bytes = self.text.as_bytes();
        let mut end = start;
        while let Some(byte) = bytes.get(end) {
            let next_is_digit = bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
            let exponent_sign = matches!(byte, b'+' | b'-')
                && next_is_digit
                && end > start
                && matches!(bytes.get(end - 1), Some(b'e' | b'E'))
                && self.part(start, end - 1).bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'_'));
            let more = byte.is_ascii_alphanumeric() || *byte == b'_' || exponent_sign || *byte == b'.' && next_is_digit;
            if !more {
                break;
            }
            end += 1;
        }
        if let Some((text, help)) = bad_number(self.part(start, end)) {
            let span = self.source.span(start, end);
            let mut finding = Diagnostic::error(Code::F0105, text, span);
            if let Some(help) = help {
                finding = finding.help(help);
            }
            self.find(start, finding);
        }
        self.push(Kind::Number, start, end);
    }

    /// Where a day that begins at `start` ends, its time of day included: digits that cannot be a subtraction, because a number
    /// does not begin with `0`.
    fn day(&self, start: usize) -> Option<usize> {
        let day = self.text.as_bytes().get(start..start + DAY)?;
        let shape = day.iter().zip(b"yyyy-MM-dd").all(|(byte, form)| match form {
            b'-' => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        let more = self.part(start + DAY, self.text.len());
        let rest = more.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, ':' | '.')).unwrap_or(more.len());
        (shape && (day[5] == b'0' || day[8] == b'0')).then_some(start + DAY + rest)
    }

    fn raw(&mut self) {
        let start = self.at;
        let line = self.end_of_line();
        let mut end = start + 1;
        loop {
            match self.part(end, line).find('\'') {
                None => return self.unclosed(start, line, "a `'` inside `'…'` is written twice: `''`"),
                Some(n) if self.part(end + n + 1, line).starts_with('\'') => end += n + 2,
                Some(n) => return self.push(Kind::Text, start, end + n + 1),
            }
        }
    }

    /// Reads a piece of a text, from `from` to its next hole or its end. `resumed`: the piece follows a hole of the text
    /// that begins there, with that token. A text slot (`slot`) may have many lines and ends with the input.
    fn piece(&mut self, start: usize, from: usize, slot: bool, resumed: Option<(usize, usize)>) {
        let (text_start, first_token) = resumed.unwrap_or((start, self.tokens.len()));
        let mut at = from;
        loop {
            let Some(c) = self.text.get(at..).and_then(|rest| rest.chars().next()) else {
                if slot {
                    return self.push(if resumed.is_some() { Kind::Tail } else { Kind::Text }, start, at);
                }
                return self.unclosed_text(text_start, first_token);
            };
            match c {
                '\n' | '\r' if !slot => return self.unclosed_text(text_start, first_token),
                '"' if !slot => {
                    let kind = if resumed.is_some() { Kind::Tail } else { Kind::Text };
                    return self.push(kind, start, at + 1);
                }
                '{' => {
                    let kind = if resumed.is_some() { Kind::Middle } else { Kind::Head };
                    self.push(kind, start, at + 1);
                    self.open.push(Open::Hole { text: text_start, token: first_token, slot });
                    return;
                }
                '\\' => at = self.escape(at),
                _ => at += c.len_utf8(),
            }
        }
    }

    /// The end of the escape at `at`; an unknown one is a finding.
    fn escape(&mut self, at: usize) -> usize {
        let rest = self.part(at + 1, self.text.len());
        let Some(c) = rest.chars().next() else { return at + 1 };
        if matches!(c, 'n' | 't' | 'r' | '"' | '\\' | '{' | '}') {
            return at + 2;
        }
        if c == '\n' || c == '\r' {
            return at + 1;
        }
        let mut end = at + 1 + c.len_utf8();
        let (text, help) = if c == 'u' {
            let digits =
                rest.strip_prefix("u{").map(|hex| hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len()));
            if let Some(count) = digits {
                if (1..=6).contains(&count) && rest.get(2 + count..).is_some_and(|rest| rest.starts_with('}')) {
                    return at + 1 + 2 + count + 1;
                }
                end = at + 1 + 2 + count;
            }
            ("a character by its number is written `\\u{…}` with one to six hexadecimal digits".to_string(), None)
        } else {
            let help = "known are \\\" \\\\ \\n \\t \\r \\{ \\} \\u{…}; write a backslash as `\\\\`, or a pattern as raw text in `'…'`";
            (format!("unknown escape `\\{c}`"), Some(help))
        };
        let mut finding = Diagnostic::error(Code::F0104, text, self.source.span(at, end));
        if let Some(help) = help {
            finding = finding.help(help);
        }
        self.find(at, finding);
        end
    }

    fn close_brace(&mut self) {
        match self.open.pop() {
            Some(Open::Hole { text, token, slot }) => {
                let start = self.at;
                self.piece(start, start + 1, slot, Some((text, token)));
            }
            _ => self.punct(1),
        }
    }

    /// At the end of a line no text may be open: one with a hole that goes on is not closed.
    fn line_end(&mut self) {
        let outermost = self.open.iter().position(|open| matches!(open, Open::Hole { slot: false, .. }));
        if let Some(Open::Hole { text, token, .. }) = outermost.and_then(|n| self.open.get(n)) {
            let (text, token) = (*text, *token);
            self.open.truncate(outermost.unwrap_or(0));
            self.unclosed_text(text, token);
        }
    }

    /// The text that began at `start` with token number `token` ends with its line.
    fn unclosed_text(&mut self, start: usize, token: usize) {
        let outermost = self.open.iter().position(|open| matches!(open, Open::Hole { slot: false, .. }));
        let (start, token) = match outermost.and_then(|n| self.open.get(n)) {
            Some(Open::Hole { text, token, .. }) => (*text, *token),
            _ => (start, token),
        };
        if let Some(n) = outermost {
            self.open.truncate(n);
        }
        self.tokens.truncate(token);
        self.at = start;
        let line = self.end_of_line();
        self.found.retain(|failure| failure.at < start || failure.at >= line);
        let help = match outermost {
            Some(_) => {
                "a `{` begins a hole, which ends with `}` before the text does; a brace that is meant as such is `\\{`"
            }
            None => "a text stays on one line; a new line inside it is `\\n`",
        };
        self.unclosed(start, line, help);
    }

    fn unclosed(&mut self, start: usize, line: usize, help: &str) {
        let end = start + self.part(start, line).trim_end().len();
        let quote = self.part(start, start + 1);
        let mark = self.source.span(end, end);
        let finding = Diagnostic::error(
            Code::F0103,
            format!("this text is not closed: expected `{quote}` before the end of the line"),
            mark,
        )
        .label(format!("expected `{quote}`"))
        .also(self.source.span(start, start + 1), "the text begins here")
        .help(help);
        self.find(end, finding);
        self.push(Kind::Text, start, end);
    }

    /// A text in the quotes of a word processor.
    fn typographic(&mut self, c: char) {
        let start = self.at;
        let from = start + c.len_utf8();
        let line = self.part(from, self.end_of_line());
        let (known, closing): (_, &[char]) = if matches!(c, '‘' | '’') {
            ("'", &['’', '‘', '\''])
        } else {
            ("\"", &['”', '“', '»', '«', '"'])
        };
        let close = line.char_indices().find(|(_, c)| closing.contains(c));
        let (inner, end) = close.map_or(("", from), |(n, c)| (line.get(..n).unwrap_or(""), from + n + c.len_utf8()));
        let span = self.source.span(start, end);
        let fix = if close.is_some() { format!("{known}{inner}{known}") } else { known.to_string() };
        let text = format!("`{c}` is no quote here: a text stands in `{known}…{known}`");
        self.find(start, Diagnostic::error(Code::F0106, text, span).fix(span, fix));
        self.push(Kind::Text, start, end);
    }

    /// Operators, punctuation and what is neither.
    fn other(&mut self, c: char) {
        let rest = self.part(self.at, self.text.len());
        let known = THREE.iter().chain(TWO).find(|known| rest.starts_with(**known));
        let len = known.map_or(c.len_utf8(), |known| known.len());
        let (start, end) = (self.at, self.at + len);
        let written = rest.get(..len).unwrap_or(rest);
        let span = self.source.span(start, end);
        let finding = match written {
            "&&" => Some(Diagnostic::error(Code::F0107, "`&&` is written `and`", span).fix(span, "and")),
            "||" => Some(Diagnostic::error(Code::F0107, "`||` is written `or`", span).fix(span, "or")),
            "!" => Some(
                Diagnostic::error(Code::F0107, "`!` is written `not`", span)
                    .help("`not` binds looser than comparison: `not a == b` is `not (a == b)`")
                    .fix(span, "not "),
            ),
            "&" => Some(
                Diagnostic::error(Code::F0107, "`&` is no operator: logic is written `and`", span)
                    .help("texts are joined by `+`, or by holes: `\"{a}{b}\"`"),
            ),
            "|" => Some(
                Diagnostic::error(Code::F0107, "`|` is no operator: logic is written `or`", span).help(
                    "a value goes through functions by dots: `x.trim().upper()`; several values of one arm stand behind commas",
                ),
            ),
            ";" => Some(
                Diagnostic::error(Code::F0106, "`;` means nothing here", span)
                    .help("an entry ends where the next one begins; entries on one line may be separated by `,`")
                    .fix(span, ""),
            ),
            "#" => Some(Diagnostic::error(Code::F0106, "a comment begins with `//`, not `#`", span).fix(span, "//")),
            ".." if self.continues_value() => {
                let text = "a field is reached by one dot, and a spread `...` begins an entry";
                Some(Diagnostic::error(Code::F0106, text, span).fix(span, "."))
            }
            ".." => Some(
                Diagnostic::error(Code::F0106, "a spread is written `...`", span)
                    .help("texts are joined by `+`, or by holes: `\"{a}{b}\"`")
                    .fix(span, "..."),
            ),
            "=" | "<" | ">" | "+" | "-" | "*" | "/" | "%" | "?" | "." | "," | ":" | "(" | ")" | "[" | "]" => None,
            _ if known.is_some() => None,
            _ => Some(unknown(c, span)),
        };
        if let Some(finding) = finding {
            // A run of strange characters (a word in another script) is told once.
            let again = self.tokens.last().is_some_and(|t| t.end == start)
                && self.found.last().is_some_and(|f| {
                    f.diagnostic.code == Code::F0106
                        && f.diagnostic.primary.as_ref().is_some_and(|p| p.span.end == span.start)
                });
            match again && finding.code == Code::F0106 {
                true => {
                    if let Some(primary) = self.found.last_mut().and_then(|f| f.diagnostic.primary.as_mut()) {
                        primary.span = primary.span.to(span);
                    }
                }
                false => self.find(start, finding),
            }
        }
        self.push(Kind::Punct, start, end);
    }
}

fn unknown(c: char, span: crate::diagnostics::Span) -> Diagnostic {
    let code = Code::F0106;
    match c {
        '–' | '—' | '−' => Diagnostic::error(code, format!("`{c}` is no minus: write `-`"), span).fix(span, "-"),
        '…' => Diagnostic::error(code, "a spread is written `...`", span).fix(span, "..."),
        c if c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}') => {
            Diagnostic::error(code, format!("there is an invisible character here, U+{:04X}", c as u32), span)
                .help("only space, tab and new lines separate words; take this one out")
                .fix(span, " ")
        }
        c if c.is_alphabetic() => Diagnostic::error(code, format!("`{c}` cannot stand in a name"), span)
            .help("names are made of a–z, A–Z, `_` and digits; a field of another name is quoted: `\"größe\" = …`, `row[\"größe\"]`"),
        '`' => Diagnostic::error(code, "a backtick is no quote here: a text stands in `\"…\"`", span).fix(span, "\""),
        '$' => Diagnostic::error(code, "`$` means nothing here", span)
            .help("a name stands by itself: `x`; a path begins with one: `event.a.b`; JSONPath is a text: `event.query('$.a')`"),
        c => Diagnostic::error(code, format!("`{c}` means nothing here"), span),
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// What is wrong with a number as it is written.
fn bad_number(written: &str) -> Option<(String, Option<String>)> {
    if let Some(digits) = written.strip_prefix('.') {
        return Some((format!("a number begins with a digit: write `0.{digits}`"), None));
    }
    let lower = written.to_ascii_lowercase();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let has_exponent = lower.split_once('e').is_some_and(|(mantissa, exponent)| {
        mantissa.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'_'))
            && digits(exponent.trim_start_matches(['+', '-']))
    });
    if has_exponent {
        return Some((
            "numbers are written without an exponent".into(),
            Some("write all digits, with `_` between them where that helps: `1_000`".into()),
        ));
    }
    let mut parts = written.split('.');
    let whole = parts.next().unwrap_or("");
    let fraction = parts.next();
    if parts.next().is_some() {
        return Some((
            "a number has one decimal point".into(),
            Some("a date or a version is text: put it in quotes".into()),
        ));
    }
    let all = written.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'_'));
    if !all {
        return Some((
            format!("`{written}` is neither a number nor a name"),
            Some("a name begins with a letter; text stands in quotes".into()),
        ));
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return Some((
            "a number does not begin with `0`".into(),
            Some("where the digits are a code, put them in quotes".into()),
        ));
    }
    if whole.split('_').any(|group| !digits(group)) || fraction.is_some_and(|fraction| !digits(fraction)) {
        return Some(("`_` stands between two digits before the decimal point".into(), None));
    }
    None
}
