//! A look at a script's text for what rhai would take silently: text outside of functions (it is never run), a number
//! that a float cannot hold as it is written, and a position counted from the end.
//!
//! It reads tokens only; what is no rhai at all is left to rhai.

/// Digits that a float surely holds as they were written.
pub(super) const FLOAT_DIGITS: usize = 15;

/// Line and column from 1, and why not.
pub(super) type Refusal = (usize, usize, String);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Word,
    Number,
    Text,
    Sign,
}

struct Token<'s> {
    kind: Kind,
    text: &'s str,
    line: usize,
    column: usize,
}

/// The first thing that is refused.
pub(super) fn check(source: &str) -> Result<(), Refusal> {
    let tokens = Scanner { source, at: 0, line: 1, column: 1, templates: vec![], depth: 0 }.tokens();
    only_functions(&tokens)?;
    for (n, token) in tokens.iter().enumerate() {
        let before = n.checked_sub(1).and_then(|n| tokens.get(n));
        let next = tokens.get(n + 1);
        if token.kind == Kind::Number && !is_held(token.text) {
            let text = token.text;
            let why = format!("{text} has more than {FLOAT_DIGITS} digits; write it as `decimal(\"{text}\")`");
            return Err((token.line, token.column, why));
        }
        let indexes = token.text == "[" && before.is_some_and(ends_a_value);
        if let (true, Some(minus)) = (indexes, next.filter(|next| next.text == "-")) {
            let why = "positions count from 0; the last one is `x[x.len() - 1]`".to_string();
            return Err((minus.line, minus.column, why));
        }
    }
    Ok(())
}

fn ends_a_value(token: &Token<'_>) -> bool {
    const WORDS: [&str; 8] = ["return", "throw", "in", "else", "if", "while", "until", "switch"];
    match token.kind {
        Kind::Word => !WORDS.contains(&token.text),
        Kind::Text => true,
        Kind::Number => false,
        Kind::Sign => matches!(token.text, ")" | "]"),
    }
}

/// Functions, one behind the other, and nothing else.
fn only_functions(tokens: &[Token<'_>]) -> Result<(), Refusal> {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text {
            ";" | "private" => at += 1,
            "fn" => {
                let mut depth = 0;
                while let Some(token) = tokens.get(at) {
                    at += 1;
                    match token.text {
                        "{" => depth += 1,
                        "}" if depth > 1 => depth -= 1,
                        "}" => break,
                        _ => {}
                    }
                }
            }
            _ => {
                let why = "only functions stand in a script: nothing else of it is ever run";
                return Err((token.line, token.column, why.into()));
            }
        }
    }
    Ok(())
}

/// Whether rhai reads the number as it is written.
fn is_held(text: &str) -> bool {
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    if plain.starts_with("0x") || plain.starts_with("0o") || plain.starts_with("0b") || plain.parse::<i64>().is_ok() {
        return true;
    }
    let digits = plain.split(['e', 'E']).next().unwrap_or("");
    digits.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count() <= FLOAT_DIGITS
}

struct Scanner<'s> {
    source: &'s str,
    at: usize,
    line: usize,
    column: usize,
    /// Depth of braces at each `${` that is open.
    templates: Vec<usize>,
    depth: usize,
}

impl<'s> Scanner<'s> {
    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or("")
    }

    fn step(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        (self.line, self.column) = if c == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
        Some(c)
    }

    fn steps(&mut self, wanted: impl Fn(char) -> bool) {
        while self.rest().chars().next().is_some_and(&wanted) {
            self.step();
        }
    }

    fn tokens(mut self) -> Vec<Token<'s>> {
        let mut tokens = vec![];
        while let Some(c) = self.rest().chars().next() {
            if c.is_whitespace() {
                self.step();
                continue;
            }
            if self.comment() {
                continue;
            }
            let (start, line, column) = (self.at, self.line, self.column);
            let kind = self.token(c);
            tokens.push(Token { kind, text: &self.source[start..self.at], line, column });
        }
        tokens
    }

    fn token(&mut self, c: char) -> Kind {
        self.step();
        match c {
            _ if c.is_ascii_alphabetic() || c == '_' => {
                self.steps(|c| c.is_ascii_alphanumeric() || c == '_');
                Kind::Word
            }
            '0'..='9' => {
                self.number();
                Kind::Number
            }
            '"' | '\'' => {
                self.quoted(c);
                Kind::Text
            }
            '`' => {
                self.template();
                Kind::Text
            }
            '{' => {
                self.depth += 1;
                Kind::Sign
            }
            '}' if self.templates.last() == Some(&self.depth) => {
                self.templates.pop();
                self.template();
                Kind::Text
            }
            '}' => {
                self.depth = self.depth.saturating_sub(1);
                Kind::Sign
            }
            _ => Kind::Sign,
        }
    }

    /// The rest of a number: digits, a point with digits behind it, an exponent. `1..5` and `1.abs()` are no decimals.
    fn number(&mut self) {
        self.steps(|c| c.is_ascii_alphanumeric() || c == '_');
        let mut behind = self.rest().chars();
        if behind.next() == Some('.') && behind.next().is_some_and(|c| c.is_ascii_digit()) {
            self.step();
            self.steps(|c| c.is_ascii_alphanumeric() || c == '_');
        }
        let exponent = self.source[..self.at].ends_with(['e', 'E']);
        if exponent && self.rest().starts_with(['+', '-']) {
            self.step();
            self.steps(|c| c.is_ascii_digit());
        }
    }

    fn quoted(&mut self, quote: char) {
        while let Some(c) = self.step() {
            match c {
                '\\' => drop(self.step()),
                _ if c == quote => return,
                _ => {}
            }
        }
    }

    /// Up to the end of a text in backticks, or to its next `${`.
    fn template(&mut self) {
        while let Some(c) = self.step() {
            if c == '`' {
                return;
            }
            if c == '$' && self.rest().starts_with('{') {
                self.step();
                self.templates.push(self.depth);
                return;
            }
        }
    }

    fn comment(&mut self) -> bool {
        if self.rest().starts_with("//") {
            self.steps(|c| c != '\n');
            return true;
        }
        if !self.rest().starts_with("/*") {
            return false;
        }
        let mut open = 0;
        while !self.rest().is_empty() {
            if self.rest().starts_with("/*") {
                open += 1;
                self.step();
            } else if self.rest().starts_with("*/") {
                open -= 1;
                self.step();
            }
            self.step();
            if open == 0 {
                break;
            }
        }
        true
    }
}
