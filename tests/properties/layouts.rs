//! Programs that can be read, and layouts that change nothing but how they look.

use super::choices::Choices;

/// Parts of texts that are mostly wrong.
pub const WORDS: &[&str] = &[
    "fn f() -> int =",
    "mapping m(a: any) -> any ",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    " a",
    " b = ",
    ".c",
    "?",
    " ?? ",
    "\n",
    "\n\n",
    "// c\n",
    "/// d\n",
    " if ",
    " then ",
    " else ",
    "match ",
    " => ",
    " for x in ",
    " where ",
    ",",
    "1",
    "-",
    " let y = ",
    "\"t\"",
    "\"{a}\"",
    "'r'",
    " = ",
    "...",
    " require ",
    "table t: text -> int ",
    "use \"std:address\"",
    "type t = ",
    "text",
    ": ",
    "\t",
    "\r\n",
    "é",
];

/// A word, and whether it stands directly behind the one before.
type Word = (String, bool);

pub struct Program(Vec<Word>);

impl Program {
    /// The text in a random layout, with the numbers of its comments.
    pub fn laid_out(&self, choices: &mut Choices) -> (String, Vec<String>) {
        // How wild it is: from one line to a break and a comment everywhere.
        let (breaks, comments) = (choices.below(40) as u8, choices.below(12) as u8);
        let mut text = String::new();
        let mut written = vec![];
        for (word, tight) in &self.0 {
            let mut gap = String::new();
            if !tight {
                gap.push_str(["", "", " ", "   ", "\t"][choices.below(5)]);
                while choices.chance(breaks) {
                    gap.push_str(["\n", "\n  ", "\r\n", "\n\n", "\n        "][choices.below(5)]);
                }
                while choices.chance(comments) {
                    if gap.is_empty() {
                        gap.push(' ');
                    }
                    let slashes = if choices.below(3) == 0 { "///" } else { "//" };
                    gap.push_str(&format!("{slashes} #{}", written.len()));
                    gap.push_str(["\n", "   \n", "\n\n\n", "\r\n    "][choices.below(4)]);
                    written.push((written.len()).to_string());
                }
                if gap.is_empty() && !may_touch(&text, word) {
                    gap.push(' ');
                }
            }
            text.push_str(&gap);
            text.push_str(word);
        }
        (text, written)
    }
}

/// Whether two words stay two without a space.
fn may_touch(before: &str, word: &str) -> bool {
    let closed = before.ends_with([',', '(', '[', '{', '}', ')', ']', ':']);
    let opens = word.starts_with(['(', '[', '?', '.']);
    closed && !opens || word.starts_with([',', ')', ']', '}', ':', '{'])
}

struct Writer<'c, 'b> {
    choices: &'c mut Choices<'b>,
    words: Vec<Word>,
}

pub fn program(choices: &mut Choices) -> Program {
    let mut writer = Writer { choices, words: vec![] };
    for _ in 0..writer.choices.below(6) {
        writer.definition();
    }
    Program(writer.words)
}

impl Writer<'_, '_> {
    /// Never where there are no choices left, so that loops end.
    fn one_in(&mut self, count: usize) -> bool {
        self.choices.below(count) + 1 == count
    }

    fn put(&mut self, words: &str) {
        self.words.extend(words.split(' ').map(|word| (word.to_string(), false)));
    }

    fn put_one(&mut self, words: &[&str]) {
        let word = words[self.choices.below(words.len())];
        self.put(word);
    }

    /// Directly behind the word before.
    fn glue(&mut self, word: &str) {
        self.words.push((word.to_string(), true));
    }

    /// One of `count`, 0 more often the deeper it is.
    fn choose(&mut self, count: usize, depth: usize) -> usize {
        if self.choices.below(5) < depth { 0 } else { self.choices.below(count) }
    }

    fn some(&mut self) -> usize {
        self.choices.below(4)
    }

    fn maybe(&mut self) -> bool {
        self.choices.chance(50)
    }

    fn name(&mut self) -> String {
        ["a", "b2", "_c", "order", "amount_of_it", "type", "iffy"][self.choices.below(7)].to_string()
    }

    fn put_name(&mut self) {
        let name = self.name();
        self.put(&name);
    }

    // ---- definitions

    fn definition(&mut self) {
        match self.choices.below(6) {
            0 => {
                self.put("use \"std:address\"");
                if self.maybe() {
                    self.put("as risk");
                }
            }
            1 => {
                self.put("type");
                self.put_name();
                self.put("=");
                self.type_(0);
            }
            2 => {
                self.put("table codes : ( text , int ) -> int? from \"a.csv\" else");
                if self.maybe() { self.put("fail") } else { self.operation(3) }
            }
            3 => self.table(),
            4 => {
                self.header("fn");
                self.put("=");
                for _ in 0..self.some() {
                    self.let_(1);
                }
                self.expr(0);
            }
            _ => {
                self.header("mapping");
                self.record(0);
            }
        }
    }

    fn header(&mut self, keyword: &str) {
        self.put(keyword);
        self.put_name();
        self.put("(");
        for n in 0..self.some() {
            if n > 0 {
                self.put(",");
            }
            self.put_name();
            self.put(":");
            self.type_(1);
        }
        self.put(") ->");
        self.type_(1);
    }

    fn table(&mut self) {
        self.put("table t : text -> any {");
        for _ in 0..self.choices.below(9) {
            let keys = 1 + self.choices.below(2);
            for n in 0..keys {
                if n > 0 {
                    self.put(",");
                }
                self.put_one(&["\"A\"", "'b'", "\"longer\"", "12", "true"]);
            }
            self.put("=>");
            let simple = ["1", "\"value\"", "missing"][self.choices.below(3)];
            if self.maybe() {
                self.put(simple)
            } else {
                self.expr(2)
            }
            if self.maybe() {
                self.put(",");
            }
        }
        // A sign needs the comma before it.
        if self.maybe() {
            self.put("\"Z\" => 0 , - 5 => 1");
        }
        self.put("else =>");
        if self.maybe() {
            self.put("fail")
        } else {
            self.expr(3)
        }
        self.put("}");
    }

    fn type_(&mut self, depth: usize) {
        match self.choose(4, depth * 2) {
            0 => self.put_one(&["text", "stripe.charge", "a.b.c"]),
            1 => {
                self.put("list <");
                self.type_(depth + 1);
                self.put(">");
            }
            _ => {
                self.put("{");
                for _ in 0..self.some() {
                    self.put_one(&["\"x\"", "'y'", "\"from\"", "\"a-b\"", "name", "at"]);
                    self.put(":");
                    self.type_(depth + 1);
                    if self.maybe() {
                        self.put(",");
                    }
                }
                self.put("}");
            }
        }
        if self.one_in(4) {
            self.put("?");
        }
    }

    // ---- bodies

    fn let_(&mut self, depth: usize) {
        self.put("let");
        self.put_name();
        if self.one_in(4) {
            self.put(":");
            self.type_(1);
        }
        self.put("=");
        self.expr(depth + 1);
    }

    fn record(&mut self, depth: usize) {
        self.put("{");
        for _ in 0..self.choices.below(6usize.saturating_sub(depth)) {
            self.entry(depth);
            if self.one_in(4) {
                self.put(",");
            }
        }
        self.put("}");
    }

    fn entry(&mut self, depth: usize) {
        match self.choices.below(9) {
            0 => self.let_(depth),
            1 => {
                self.put("require");
                self.operation(depth + 1);
                self.put("else");
                self.expr(depth + 2);
            }
            2 => {
                self.put("...");
                self.expr(depth + 1);
            }
            3 if depth < 3 => {
                self.put("if");
                self.operation(depth + 1);
                self.record(depth + 1);
                if self.maybe() {
                    self.put("else if");
                    self.operation(depth + 2);
                    self.record(depth + 2);
                }
                if self.maybe() {
                    self.put("else");
                    self.record(depth + 1);
                }
            }
            _ => {
                let target = ["a", "\"b\"", "'c d'", "long_name_of_it", "\"if\"", "a . \"match\"", "a . b . 'c'"];
                let target = target[self.choices.below(7)];
                match target {
                    "'c d'" => self.words.push((target.into(), false)),
                    _ => self.put(target),
                }
                self.put("=");
                self.expr(depth + 1);
            }
        }
    }

    // ---- expressions

    fn expr(&mut self, depth: usize) {
        match self.choose(8, depth) {
            1 => {
                self.put("if");
                self.operation(depth + 1);
                self.put("then");
                self.expr(depth + 1);
                self.put("else");
                self.expr(depth + 1);
            }
            2 => self.match_(depth),
            3 => {
                self.put("for x");
                if self.maybe() {
                    self.put(", n");
                }
                self.put("in");
                self.operation(depth + 1);
                if self.maybe() {
                    self.put("where");
                    self.operation(depth + 2);
                }
                if self.maybe() {
                    self.record(depth + 1);
                } else {
                    self.put("=>");
                    self.expr(depth + 1);
                }
            }
            _ => self.operation(depth),
        }
        if self.one_in(12) {
            self.put("catch");
            self.operation(depth + 2);
        }
    }

    fn match_(&mut self, depth: usize) {
        self.put("match");
        if self.maybe() {
            self.put_name();
        }
        self.put("{");
        for _ in 0..self.some() {
            self.operation(depth + 2);
            if self.one_in(4) {
                self.put(",");
                self.operation(depth + 2);
            }
            self.put("=>");
            self.expr(depth + 1);
            // What follows may begin with a sign.
            self.put(",");
        }
        if self.maybe() {
            self.put("else =>");
            self.expr(depth + 1);
        }
        self.put("}");
    }

    fn operation(&mut self, depth: usize) {
        if self.one_in(10) {
            self.put("not");
        }
        self.sum(depth);
        if self.one_in(5) {
            self.put_one(&["==", "!=", "<", "<=", ">", ">=", "in"]);
            self.sum(depth + 1);
        }
        if self.one_in(6) {
            self.put_one(&["and", "or"]);
            self.sum(depth + 1);
        }
    }

    fn sum(&mut self, depth: usize) {
        self.chain(depth);
        while self.one_in(4) {
            self.put_one(&["+", "-", "*", "/", "%", "??"]);
            self.chain(depth + 1);
        }
    }

    fn chain(&mut self, depth: usize) {
        if self.one_in(12) {
            // Never first in an arm or row: see there.
            self.put("( - 1 )");
        } else {
            self.primary(depth);
        }
        while self.one_in(4) {
            self.put(".");
            let word = ["name", "match", "from", "x1"][self.choices.below(4)];
            self.glue(word);
            self.tail(depth);
        }
    }

    fn tail(&mut self, depth: usize) {
        match self.choices.below(8) {
            0 => self.args(depth),
            1 => {
                self.glue("[");
                self.expr(depth + 2);
                self.put("]");
            }
            2 => self.glue("?"),
            _ => {}
        }
    }

    fn args(&mut self, depth: usize) {
        self.glue("(");
        let count = self.choices.below(3);
        for n in 0..count {
            if n > 0 {
                self.put(",");
            }
            match self.choices.below(6) {
                0 => self.put("x =>"),
                1 => self.put("( x , y ) =>"),
                _ => {}
            }
            self.expr(depth + 1);
        }
        if count > 0 && self.one_in(5) {
            self.put(",");
        }
        self.put(")");
    }

    fn primary(&mut self, depth: usize) {
        match self.choose(12, depth) {
            0 | 1 => {
                self.put_name();
                self.tail(depth);
            }
            2 => self.put_one(&["12", "1_000", "0.50"]),
            3 => self.words.push(("\"a {b.c ?? \"q\"} // no comment {[1, 2]}\"".into(), false)),
            4 => self.words.push(("'it''s {raw} // no comment'".into(), false)),
            5 => self.put_one(&["true", "null", "missing", "\"t\\\"\""]),
            6 | 7 => {
                self.put("[");
                let count = self.some();
                for n in 0..count {
                    if n > 0 {
                        self.put(",");
                    }
                    self.expr(depth + 1);
                }
                if count > 0 && self.one_in(5) {
                    self.put(",");
                }
                self.put("]");
            }
            8 => self.record(depth + 1),
            9 => {
                self.put("fail");
                self.glue("(");
                self.put("\"no\" )");
            }
            10 => {
                self.put("(");
                self.expr(depth + 1);
                self.put(")");
            }
            _ => {
                self.put_name();
                self.args(depth);
            }
        }
    }
}
