//! The slips that everybody makes, each by its name: `=` for `==`, a bracket without its end, an `if` without `else` …

use super::Rule;
use super::explain::{Context, quoted};
use super::recover::Block;
use super::scan::Kind;
use crate::diagnostics::{Code, Diagnostic, did_you_mean};

/// Every reserved word.
pub(in crate::language) const RESERVED: &[&str] = &[
    "use", "as", "from", "table", "fn", "mapping", "let", "require", "if", "then", "else", "match", "for", "in",
    "where", "catch", "and", "or", "not", "true", "false", "null", "missing", "fail",
];

/// The first slip that fits the failure.
pub(super) fn find(c: &Context<'_>) -> Option<Diagnostic> {
    const SLIPS: &[fn(&Context<'_>) -> Option<Diagnostic>] = &[
        definition,
        lone_for,
        reserved,
        question,
        loose_dot,
        elsewhere,
        lone_dot,
        for_in_parentheses,
        equals,
        colon,
        arrow,
        result_type,
        unfinished_if,
        unfinished_table,
        bare_fail,
        hole,
        lets_alone,
        unclosed,
        stray,
        parentheses,
        quotes,
        two_values,
    ];
    SLIPS.iter().find_map(|slip| slip(c))
}

/// Something else where a definition should begin.
fn definition(c: &Context<'_>) -> Option<Diagnostic> {
    const WORDS: &[&str] = &["use", "type", "table", "fn", "mapping"];
    let here = c.here?;
    let word = c.here_str();
    let begins_line = c.tokens.get(here)?.first;
    let wants = c.wants(Rule::kw_mapping) || c.wants(Rule::file);
    let elsewhere = match word {
        "def" | "func" | "function" | "fun" | "sub" => Some("fn"),
        "import" | "include" | "require" => Some("use"),
        "enum" | "lookup" | "map" => Some("table"),
        "struct" | "record" | "interface" | "class" => Some("type"),
        _ => None,
    };
    let meant = elsewhere.or_else(|| did_you_mean(word, WORDS.iter().copied()));
    let meant = meant.filter(|_| c.is_kind(c.here, Kind::Word));
    let behind_one = c.wants(Rule::EOI) && begins_line && matches!(c.block, Block::Definition | Block::Lets);
    let is_slip = wants || behind_one && meant.is_some();
    if !is_slip {
        return None;
    }
    let span = c.span(here);
    if let Some(meant) = meant {
        return Some(
            Diagnostic::error(Code::F0119, format!("no definition begins with {}", quoted(word)), span)
                .help(format!("did you mean `{meant}`?"))
                .fix(span, meant),
        );
    }
    if !wants {
        return None;
    }
    let mut finding =
        Diagnostic::error(Code::F0119, format!("{} stands outside of every definition", quoted(word)), span).help(
            "a file holds `use`, `type`, `table`, `fn` and `mapping`; entries stand inside the braces of a `mapping`",
        );
    if let Some(previous) = c.previous.filter(|_| c.previous_str() == "}") {
        finding = finding.also(c.span(previous), "the definition above ends with this `}`");
    }
    Some(finding)
}

/// `for` as an entry.
fn lone_for(c: &Context<'_>) -> Option<Diagnostic> {
    (c.wants_entry() && c.here_str() == "for").then(|| {
        Diagnostic::error(Code::F0101, "a `for` gives a list, which a field takes", c.here_span())
            .help("write `field = for x in xs { … }`")
    })
}

/// `a . b`.
fn loose_dot(c: &Context<'_>) -> Option<Diagnostic> {
    (c.previous_str() == "." && c.is_kind(c.here, Kind::Word) && !c.touches()).then(|| {
        let gap = c.gap().to(c.here_span());
        Diagnostic::error(Code::F0101, "the field stands directly behind its dot, without a space", c.here_span())
            .fix(gap, c.here_str())
    })
}

/// Operators and paths of other languages: `a ** b`, `a ++ b`, `xs[*].a`.
fn elsewhere(c: &Context<'_>) -> Option<Diagnostic> {
    if !c.wants_value() {
        return None;
    }
    let (message, help) = match (c.previous_str(), c.here_str()) {
        ("[", "*") => ("`[*]` is no path here", "what every element has is `xs.map(x => x.field)`"),
        ("*", "*") if c.touches() => ("there are no powers", "multiply: `x * x`; every number is exact"),
        ("+", "+") if c.touches() => {
            ("there is no `++`", "texts are joined by one `+`, lists by `[a, b].flatten()`; one more is `x + 1`")
        }
        _ => return None,
    };
    let span = if c.previous_str() == "[" { c.here_span() } else { c.span(c.previous?).to(c.here_span()) };
    Some(Diagnostic::error(Code::F0101, message, span).help(help))
}

/// `.a` where a value begins.
fn lone_dot(c: &Context<'_>) -> Option<Diagnostic> {
    (c.here_str() == "." && c.wants_value()).then(|| {
        let finding = Diagnostic::error(Code::F0101, "a field stands behind the record that has it", c.here_span());
        match c.previous_str() {
            "(" => finding.help("a rule for every element names it: `xs.map(x => x.field)`"),
            _ => finding.help("write what it is a field of: `event.field`"),
        }
    })
}

/// `for (x in xs)`.
fn for_in_parentheses(c: &Context<'_>) -> Option<Diagnostic> {
    (c.previous_str() == "for" && c.here_str() == "(").then(|| {
        Diagnostic::error(Code::F0101, "a `for` has no parentheses behind it", c.here_span())
            .help("write `for x in xs => …`, or `for x in xs { … }` for records")
    })
}

/// A reserved word as a name.
fn reserved(c: &Context<'_>) -> Option<Diagnostic> {
    let word = c.here_str();
    if !c.is_kind(c.here, Kind::Word) || !RESERVED.contains(&word) {
        return None;
    }
    let next = c.tokens.str(c.here? + 1);
    let span = c.here_span();
    let text = format!("`{word}` is a reserved word and cannot be a name");
    let in_type = c.wants(Rule::lone_fields) || c.wants(Rule::shape_field);
    if in_type || c.wants_entry() && matches!(next, "=" | ".") {
        let sign = if in_type { ": …" } else { " = …" };
        return Some(
            Diagnostic::error(Code::F0109, text, span)
                .help(format!("a field of that name is quoted: `\"{word}\"{sign}`; behind a dot any word is a field"))
                .fix(span, format!("\"{word}\"")),
        );
    }
    if c.wants(Rule::name) && !c.wants_operator() {
        return Some(Diagnostic::error(Code::F0109, text, span).help(format!("take another one, such as `{word}_`")));
    }
    if !c.wants_value() {
        return None;
    }
    if matches!(word, "if" | "match" | "for") {
        return Some(
            Diagnostic::error(Code::F0111, format!("`{word}` stands in parentheses inside an expression"), span)
                .label("expected `(`")
                .help(format!("write `({word} …)`: without them nobody could tell where it ends")),
        );
    }
    if word == "not" {
        return None;
    }
    let is_name = !matches!(word, "let" | "require" | "then" | "else" | "catch" | "and" | "or" | "in" | "where");
    is_name.then(|| Diagnostic::error(Code::F0109, text, span).help("names of your own are any other word"))
}

/// `?` where it means nothing.
fn question(c: &Context<'_>) -> Option<Diagnostic> {
    if c.here_str() != "?" && c.here_str() != "??" {
        return None;
    }
    let span = c.here_span();
    if c.previous_str() == "." {
        return Some(
            Diagnostic::error(Code::F0110, "`?` stands behind the step that may find nothing, not before it", span)
                .help("write `a.b?` where `b` may be absent, `a?.b` where `a` may be"),
        );
    }
    if c.here_str() == "?" && c.wants_operator() {
        return Some(
            Diagnostic::error(Code::F0110, "`?` stands directly behind the step that may find nothing", span)
                .help("write `a.b?` without a space; a choice is written `if c then a else b`"),
        );
    }
    None
}

/// `=` for `==` and the other way.
fn equals(c: &Context<'_>) -> Option<Diagnostic> {
    let span = c.here_span();
    let in_arm = matches!(c.block, Block::Arms | Block::Rows) && c.opener().is_none();
    match c.here_str() {
        "=" if c.previous_str() == "==" => {
            Some(Diagnostic::error(Code::F0113, "equality is written `==`", span).fix(span, ""))
        }
        "=" if c.wants(Rule::open_brace) && c.block == Block::Definition && c.begins("mapping") => Some(
            Diagnostic::error(Code::F0101, "a `mapping` has its `{ … }` directly behind the result type", span)
                .label("no `=` here")
                .help("a `fn` gives a value and has `=`; a `mapping` gives a record and has not")
                .fix(span, ""),
        ),
        "=" if c.wants(Rule::colon) && !c.wants(Rule::assign) => {
            Some(Diagnostic::error(Code::F0114, "a type stands behind `:`", span).label("expected `:`").fix(span, ":"))
        }
        "=" if c.wants_operator() && !in_arm => {
            let finding =
                Diagnostic::error(Code::F0113, "`=` sets a field or names a `let`; to compare, write `==`", span);
            Some(match c.block {
                Block::Lets | Block::Whole(_) if c.previous == Some(c.range.start) => {
                    finding.help("a record stands in braces: `{ field = … }`; a name of your own begins with `let`")
                }
                _ => finding.fix(span, "=="),
            })
        }
        "==" | "=>" | ":=" if c.wants(Rule::assign) => Some(
            Diagnostic::error(Code::F0113, format!("{} is set with one `=`", what_is_set(c)), span)
                .label("expected `=`")
                .fix(span, "="),
        ),
        _ => None,
    }
}

fn what_is_set(c: &Context<'_>) -> &'static str {
    match c.block {
        _ if c.begins("let") => "a `let`",
        Block::Entries => "a field",
        _ => "this",
    }
}

/// `:` for `=`, as in JSON.
fn colon(c: &Context<'_>) -> Option<Diagnostic> {
    if c.here_str() != ":" {
        return None;
    }
    let span = c.here_span();
    // In `:=` it only has to go.
    let instead = if c.tokens.str(c.here? + 1) == "=" { "" } else { " =" };
    (c.wants(Rule::assign) && !c.begins("let")).then(|| {
        Diagnostic::error(Code::F0114, "a field of a record is set with `=`", span)
            .label("expected `=`")
            .help("`:` stands before a type")
            .fix(span, instead)
    })
}

/// `=>` missing or written otherwise, and lambdas.
fn arrow(c: &Context<'_>) -> Option<Diagnostic> {
    let here = c.here_str();
    let span = c.here_span();
    let in_arm = matches!(c.block, Block::Arms | Block::Rows) && c.opener().is_none();
    if in_arm && c.wants(Rule::arrow) {
        let what = if c.block == Block::Arms { "an arm" } else { "a row" };
        let finding = Diagnostic::error(Code::F0116, format!("expected `=>`{}", c.after()), c.mark());
        return Some(match here {
            "=" | ":" | "->" | "==" => finding.label(format!("{what} is written with `=>`")).fix(span, "=>"),
            _ => finding.label("expected `=>`").help(format!("{what} is written `value => result`")),
        });
    }
    match here {
        "->" if c.wants(Rule::arrow) || c.wants_operator() => {
            Some(Diagnostic::error(Code::F0116, "a lambda is written with `=>`", span).fix(span, "=>"))
        }
        "=>" if c.previous_str() == "else" && c.wants_value() => Some(
            Diagnostic::error(
                Code::F0115,
                "expected `else` for the `if … then` before: this one belongs to the `match`",
                c.span(c.previous?),
            )
            .help("an `if` that gives a value has both: `if c then a else b`"),
        ),
        "=>" if c.wants_operator() => Some(
            Diagnostic::error(Code::F0101, "a lambda `x => …` stands only as an argument of a function", span)
                .help("there are no function values; give the rule a name with `fn`"),
        ),
        _ => None,
    }
}

/// `fn` and `mapping` without a result type.
fn result_type(c: &Context<'_>) -> Option<Diagnostic> {
    if c.wants(Rule::open_angle) && c.here_str() == "[" {
        return Some(Diagnostic::error(Code::F0101, "a list type is written `list<T>`", c.here_span()));
    }
    if !c.wants(Rule::gives) || c.begins("table") {
        return None;
    }
    let what = if c.begins("mapping") { "mapping" } else { "fn" };
    let finding = Diagnostic::error(
        Code::F0117,
        format!("expected `-> TYPE`: a `{what}` names the type of its result"),
        c.mark(),
    );
    let span = c.here_span();
    Some(match c.here_str() {
        ":" | "=>" => finding.label("written `->`").fix(span, " ->"),
        _ => finding
            .label("expected `->` and a type")
            .help("such as `-> text`, `-> list<text>`, `-> finops.CustomersV3`"),
    })
}

/// `if` without `then` or `else`, `require` without `else`.
fn unfinished_if(c: &Context<'_>) -> Option<Diagnostic> {
    let form = "an `if` that gives a value is written `if c then a else b`";
    if c.wants(Rule::kw_then) {
        let mut finding = Diagnostic::error(Code::F0115, "expected `then` behind the condition of this `if`", c.mark())
            .label("expected `then`");
        if let Some(start) = c.keyword_before(&["if"]) {
            finding = finding.also(c.span(start), "this `if`");
        }
        return Some(finding.help(form));
    }
    if c.wants(Rule::kw_else) && !c.begins("table") && !matches!(c.block, Block::Rows) {
        let start = c.keyword_before(&["if", "require"])?;
        let is_require = c.tokens.str(start) == "require";
        let finding =
            Diagnostic::error(Code::F0115, format!("expected `else`{}", c.after()), c.mark()).label("expected `else`");
        let span = c.here_span();
        let finding =
            if c.here_str() == "=" { finding.help("to compare, write `==`").fix(span, "==") } else { finding };
        return Some(match is_require {
            true => finding
                .also(c.span(start), "this `require`")
                .help("`require` says why it fails: `require c else \"why\"`"),
            false => finding.also(c.span(start), "this `if`").help(form),
        });
    }
    let is_entry = c.block == Block::Entries && c.begins("if") && c.wants(Rule::open_brace);
    if is_entry {
        let finding = Diagnostic::error(Code::F0115, format!("expected `{{`{}", c.after()), c.mark());
        let finding = if c.wants_operator() { finding.also(c.span(c.range.start), "this `if`") } else { finding };
        return Some(finding.label("expected `{`").help("around entries an `if` is written `if c { … } else { … }`"));
    }
    None
}

/// A table that does not say what it gives where no row fits.
fn unfinished_table(c: &Context<'_>) -> Option<Diagnostic> {
    if !c.begins("table") || !c.wants(Rule::kw_else) || !(c.here.is_none() || c.here_str() == "}") {
        return None;
    }
    let (text, help) = match c.here {
        Some(_) => (
            "expected `else => …` before the end of this table",
            "`else => fail` where an unknown key is an error, `else => missing` or a value otherwise",
        ),
        None => (
            "expected `else` behind the file of this table",
            "`else fail` where an unknown key is an error, `else missing` or a value otherwise",
        ),
    };
    Some(Diagnostic::error(Code::F0118, text, c.mark()).label("expected `else`").help(help))
}

fn bare_fail(c: &Context<'_>) -> Option<Diagnostic> {
    (c.previous_str() == "fail" && c.wants(Rule::open_paren)).then(|| {
        Diagnostic::error(Code::F0101, "`fail` takes its reason: `fail(\"…\")`", c.span(c.previous.unwrap_or(0)))
            .help("without one it stands only behind the `else` of a table")
    })
}

/// A hole with nothing in it, or a brace that was not meant as one.
fn hole(c: &Context<'_>) -> Option<Diagnostic> {
    let is_hole = |n: Option<usize>| c.is_kind(n, Kind::Head) || c.is_kind(n, Kind::Middle);
    let closes = c.is_kind(c.here, Kind::Tail) || c.is_kind(c.here, Kind::Middle);
    let help = "a brace in a text begins a hole; one that is meant as such is written `\\{`";
    if is_hole(c.previous) && closes && c.wants_value() {
        return Some(Diagnostic::error(Code::F0120, "expected a value in this hole", c.gap()).help(help));
    }
    let opener = c.opener().filter(|opener| is_hole(Some(*opener)))?;
    if !c.wants(Rule::close_brace) || c.here.is_some_and(|here| c.tokens.begins_value(here)) {
        return None;
    }
    let brace = c.tokens.get(opener)?.end;
    Some(
        Diagnostic::error(Code::F0108, "expected `}` to close the hole opened here", c.mark())
            .label("expected `}`")
            .also(c.source.span(brace.saturating_sub(1), brace), "opened here")
            .help(help),
    )
}

/// `let`s and nothing behind them.
fn lets_alone(c: &Context<'_>) -> Option<Diagnostic> {
    (c.at_line_end() && c.wants_operator() && c.wants_value() && c.wants(Rule::kw_let)).then(|| {
        Diagnostic::error(Code::F0120, "expected a value behind the last `let`", c.gap())
            .label("expected a value")
            .help("a body ends with the value it gives")
    })
}

/// A bracket that was never closed.
fn unclosed(c: &Context<'_>) -> Option<Diagnostic> {
    let opener = c.opener()?;
    let (open, close, rule) = match c.tokens.str(opener) {
        "(" => ("(", ")", Rule::close_paren),
        "[" => ("[", "]", Rule::close_bracket),
        _ => ("{", "}", Rule::close_brace),
    };
    let closed = c.tokens.partner(opener).is_some_and(|end| end > opener);
    let wrong = c.here.is_some_and(|here| c.tokens.closes(here));
    if closed || !c.wants(rule) || !(c.at_line_end() || wrong) {
        return None;
    }
    let mark = if wrong { c.mark() } else { c.gap() };
    Some(
        Diagnostic::error(Code::F0108, format!("expected `{close}` to close the `{open}` opened here"), mark)
            .label(format!("expected `{close}`"))
            .also(c.span(opener), "opened here"),
    )
}

/// A closing bracket that nothing opened.
fn stray(c: &Context<'_>) -> Option<Diagnostic> {
    let here = c.here?;
    if !c.tokens.closes(here) || c.tokens.partner(here).is_some() {
        return None;
    }
    if c.wants_value() && c.previous.is_some_and(|n| !c.tokens.ends_value(n)) {
        return None;
    }
    let span = c.span(here);
    Some(Diagnostic::error(Code::F0108, format!("this {} closes nothing", quoted(c.here_str())), span).fix(span, ""))
}

/// `(a, b)`.
fn parentheses(c: &Context<'_>) -> Option<Diagnostic> {
    let opener = c.opener()?;
    let is_call = c.tokens.before(opener).is_some_and(|b| c.is_kind(Some(b), Kind::Word) && c.tokens.touch(b, opener));
    (c.here_str() == "," && c.wants(Rule::close_paren) && !c.wants(Rule::comma) && !is_call).then(|| {
        Diagnostic::error(Code::F0101, "parentheses hold one value", c.here_span())
            .help("a list stands in brackets: `[a, b]`")
    })
}

/// A word where a quoted text belongs.
fn quotes(c: &Context<'_>) -> Option<Diagnostic> {
    if !c.is_kind(c.here, Kind::Word) {
        return None;
    }
    let text = match () {
        _ if c.wants(Rule::plain) && matches!(c.previous_str(), "use" | "from") => "expected a path in quotes",
        _ if c.wants(Rule::constant) || c.wants(Rule::lone_rows) => {
            "the keys of a table are constants: text stands in quotes"
        }
        _ => return None,
    };
    let span = c.here_span();
    Some(Diagnostic::error(Code::F0101, text, span).fix(span, format!("\"{}\"", c.here_str())))
}

/// Two values side by side: an operator, a comma or a new entry's `=` is missing.
fn two_values(c: &Context<'_>) -> Option<Diagnostic> {
    let tokens = c.tokens;
    // `a = 1 b`: the grammar took `b` for the next entry and missed its `=`.
    if c.wants(Rule::assign) && c.block == Block::Entries && c.previous? > c.range.start {
        let previous = c.previous?;
        let before = tokens.before(previous)?;
        let same_line = !tokens.get(previous)?.first;
        let is_name = matches!(tokens.kind(previous), Some(Kind::Word | Kind::Text));
        if same_line && is_name && tokens.ends_value(before) {
            return Some(
                Diagnostic::error(
                    Code::F0101,
                    format!("{} cannot follow {}", quoted(tokens.str(previous)), quoted(tokens.str(before))),
                    c.span(previous),
                )
                .label("expected an operator before it, or `=` behind it")
                .help(
                    "inside `{ … }` every line sets a field: `field = value`; a value that `let`s serve has no braces",
                ),
            );
        }
    }
    let here = c.here?;
    if c.wants_operator() && !c.touches() && matches!(c.here_str(), "(" | "[") && c.is_kind(c.previous, Kind::Word) {
        let span = c.here_span();
        let text = format!("`{}` stands directly behind {}, without a space", c.here_str(), quoted(c.previous_str()));
        return Some(Diagnostic::error(Code::F0101, text, span).fix(c.gap().to(span), c.here_str()));
    }
    if c.here_str() == ">" && c.previous_str() == "<" {
        let span = c.span(c.previous?).to(c.span(here));
        return Some(Diagnostic::error(Code::F0113, "not equal is written `!=`", span).fix(span, "!="));
    }
    if !tokens.begins_value(here) {
        return None;
    }
    if !c.wants_operator() || c.at_line_end() {
        return None;
    }
    let found = quoted(tokens.str(here));
    let separator = match c.opener().map(|opener| tokens.str(opener)) {
        Some("(") if c.wants(Rule::comma) => "`,` or `)`",
        Some("[") => "`,` or `]`",
        Some("(") => "`)`",
        _ if c.wants(Rule::arrow) || c.wants(Rule::open_brace) => return None,
        _ => "an operator",
    };
    let finding = Diagnostic::error(Code::F0101, format!("expected {separator} before {found}"), c.mark())
        .label(format!("expected {separator}"));
    Some(match c.previous_str() {
        _ if c.here_str() == "is" => {
            finding.help("`x == null` asks for null, `x? == missing` whether x is there, `given(x)` for both")
        }
        _ if c.here_str() == "for" => finding.help("a list is made by `for x in xs => …`, or `xs.map(x => …)`"),
        _ if c.here_str() == "if" => finding.help("a choice is written `if c then a else b`"),
        _ if c.here_str() == "default" => finding.help("`a ?? b` is b where a is missing or null"),
        _ if c.here_str() == "not" => finding.help("`not` stands in front: `not x in xs`, `not a == b`"),
        _ if c.here_str() == "between" => finding.help("compare twice: `a <= x and x <= b`"),
        _ if matches!(c.here_str(), "like" | "contains" | "matches") => {
            finding.help("a text is asked by functions: `t.contains(\"part\")`, `t.matches('^[0-9]+$')`")
        }
        "return" => finding.help("there is no `return`: a body ends with the value it gives"),
        "var" | "const" | "set" => finding.help("a name for a value is written `let name = …`"),
        _ => finding,
    })
}
