//! A failure of the grammar in the reader's words: first the slips that have a name (`slips`), then what was expected.

use super::brackets::Tokens;
use super::recover::Block;
use super::scan::{Kind, Token};
use super::{Failure, Rule, slips};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::language::SourceText;
use std::ops::Range;

/// Where the grammar failed in one statement.
pub(super) struct Context<'s> {
    pub source: &'s SourceText,
    pub tokens: &'s Tokens<'s>,
    /// The statement's tokens that were not told of already.
    pub seen: Vec<usize>,
    pub range: Range<usize>,
    pub block: Block,
    /// The tokens around the failure; `here` is `None` at the end of the statement.
    pub previous: Option<usize>,
    pub here: Option<usize>,
    pub at: usize,
    /// What the grammar could have gone on with.
    pub expected: Vec<Rule>,
}

pub(super) fn failure(context: &Context<'_>) -> Failure {
    let diagnostic = slips::find(context).unwrap_or_else(|| context.plainly());
    Failure { at: context.at, diagnostic }
}

impl<'s> Context<'s> {
    pub fn wants(&self, rule: Rule) -> bool {
        self.expected.contains(&rule)
    }

    pub fn wants_value(&self) -> bool {
        [Rule::expr, Rule::primary, Rule::body, Rule::operation].iter().any(|rule| self.wants(*rule))
    }

    pub fn wants_operator(&self) -> bool {
        self.wants(Rule::op_add)
    }

    /// A statement of the block could begin here.
    pub fn wants_entry(&self) -> bool {
        self.wants(Rule::lone_entries) || self.wants(Rule::target)
    }

    pub fn here_str(&self) -> &'s str {
        self.here.map_or("", |n| self.tokens.str(n))
    }

    pub fn previous_str(&self) -> &'s str {
        self.previous.map_or("", |n| self.tokens.str(n))
    }

    pub fn is_kind(&self, n: Option<usize>, kind: Kind) -> bool {
        n.is_some_and(|n| self.tokens.kind(n) == Some(kind))
    }

    pub fn begins(&self, word: &str) -> bool {
        self.tokens.is_keyword(self.range.start, word)
    }

    pub fn span(&self, n: usize) -> Span {
        let (start, end) = self.tokens.get(n).map_or((self.at, self.at), |token| (token.start, token.end));
        self.source.span(start, end)
    }

    pub fn here_span(&self) -> Span {
        self.here.map_or_else(|| self.gap(), |n| self.span(n))
    }

    /// The empty place behind the token before: where something is missing.
    pub fn gap(&self) -> Span {
        let end = self.previous.and_then(|n| self.tokens.get(n)).map_or(self.at, |token| token.end);
        self.source.span(end, end)
    }

    /// Where to point: at what stands there, or at the end of the line where nothing more does.
    pub fn mark(&self) -> Span {
        match self.here {
            Some(here) if self.previous.is_none() || !self.tokens.get(here).is_some_and(|token| token.first) => {
                self.span(here)
            }
            _ => self.gap(),
        }
    }

    /// Whether nothing more stands on the line.
    pub fn at_line_end(&self) -> bool {
        self.here.is_none_or(|here| self.tokens.get(here).is_some_and(|token| token.first))
    }

    /// Whether `here` follows the token before without a gap.
    pub fn touches(&self) -> bool {
        let token = |n: Option<usize>| -> Option<&Token> { self.tokens.get(n?) };
        matches!((token(self.previous), token(self.here)), (Some(a), Some(b)) if a.end == b.start)
    }

    /// The innermost bracket that is open at the failure.
    pub fn opener(&self) -> Option<usize> {
        let last = self.previous?;
        let mut inner = vec![];
        for n in self.seen.iter().rev().copied().filter(|n| *n <= last) {
            if self.tokens.closes(n) && !self.is_kind(Some(n), Kind::Middle) {
                inner.extend(self.tokens.partner(n).filter(|p| *p < n));
            }
            if self.tokens.opens(n) || self.is_kind(Some(n), Kind::Middle) {
                match self.tokens.partner(n) {
                    Some(end) if end > n && end <= last => {}
                    _ => return Some(n),
                }
            }
        }
        None
    }

    /// The nearest of these keywords before the failure, at the same depth of brackets.
    pub fn keyword_before(&self, words: &[&str]) -> Option<usize> {
        let level = self.previous.map(|n| {
            self.opener()
                .map_or(self.tokens.level(self.range.start), |o| self.tokens.level(o) + 1)
                .min(self.tokens.level(n) + 1)
        })?;
        let last = self.previous?;
        self.seen
            .iter()
            .rev()
            .copied()
            .filter(|n| *n <= last && self.tokens.level(*n) == level)
            .find(|n| words.iter().any(|word| self.tokens.is_keyword(*n, word)))
    }

    /// "found `x`", or nothing at the end of a line.
    fn found(&self) -> String {
        match self.here {
            Some(here) if !self.at_line_end() || self.previous.is_none() => {
                format!("found {}", quoted(self.tokens.str(here)))
            }
            _ => "here".into(),
        }
    }

    /// "after `x`".
    pub fn after(&self) -> String {
        match self.previous {
            Some(previous) => format!(" after {}", quoted(self.tokens.str(previous))),
            None => String::new(),
        }
    }

    /// What was expected, without knowing why.
    fn plainly(&self) -> Diagnostic {
        let words = self.expectations();
        let code = if self.wants_value() { Code::F0120 } else { Code::F0101 };
        let message = match words.as_slice() {
            [] => format!("{} cannot stand here", quoted(self.here_str())),
            [words @ .., last] if !words.is_empty() => {
                format!("expected {} or {last}{}", words.join(", "), self.after())
            }
            [one, ..] => format!("expected {one}{}", self.after()),
        };
        let finding = Diagnostic::error(code, message, self.mark()).label(self.found());
        match self.wants(Rule::colon) && !self.wants(Rule::assign) && self.block == Block::Definition {
            true if !self.begins("table") => finding.help("a parameter is written `name: type`"),
            _ => finding,
        }
    }

    /// What could have gone on, most telling first.
    fn expectations(&self) -> Vec<String> {
        let mut words: Vec<String> = vec![];
        let mut add = |word: &str| {
            if !words.iter().any(|known| known == word) {
                words.push(word.to_string());
            }
        };
        for rule in &self.expected {
            match rule {
                Rule::expr | Rule::primary | Rule::operation | Rule::body | Rule::slot => add("a value"),
                Rule::type_ | Rule::type_slot => add("a type"),
                Rule::name => add("a name"),
                Rule::word => add("the name of a field"),
                Rule::constant => add("a constant"),
                Rule::plain | Rule::raw if !self.wants(Rule::name) && !self.wants(Rule::word) => {
                    add("a path in quotes")
                }
                Rule::params => add("`(`"),
                Rule::param => add("a parameter"),
                Rule::keys => add("the type of the key"),
                Rule::lone_entries | Rule::target => add("`field = …`"),
                Rule::lone_arms | Rule::arm => add("`value => …`"),
                Rule::lone_rows | Rule::row => add("`\"key\" => …`"),
                Rule::lone_fields | Rule::shape_field => add("`field: type`"),
                Rule::lone_lets | Rule::let_ => add("`let`"),
                Rule::file => add("a definition"),
                _ => {}
            }
        }
        for (rule, word) in [
            (Rule::assign, "`=`"),
            (Rule::arrow, "`=>`"),
            (Rule::gives, "`->`"),
            (Rule::colon, "`:`"),
            (Rule::kw_then, "`then`"),
            (Rule::kw_else, "`else`"),
            (Rule::kw_from, "`from`"),
            (Rule::op_in, "`in`"),
            (Rule::open_paren, "`(`"),
            (Rule::open_brace, "`{`"),
            (Rule::comma, "`,`"),
            (Rule::close_paren, "`)`"),
            (Rule::close_bracket, "`]`"),
            (Rule::close_brace, "`}`"),
            (Rule::close_angle, "`>`"),
        ] {
            // Behind a value, `in` is one of many operators, `=>` makes a lambda of a name, and `,` separates entries.
            let aside = self.wants_operator()
                && (rule == Rule::op_in
                    || rule == Rule::arrow && self.wants(Rule::close_paren)
                    || rule == Rule::comma && self.wants(Rule::EOI));
            if self.wants(rule) && !aside && !(rule == Rule::kw_else && self.wants(Rule::constant)) {
                add(word);
            }
        }
        if words.is_empty() && self.wants_operator() {
            words.push("an operator".into());
        }
        if self.wants_operator() && self.wants_entry() {
            words = vec!["an operator".into(), "a new entry `field = …`".into()];
        } else if self.wants(Rule::EOI) && words.len() <= 1 {
            words.push("the end".into());
        }
        words
    }
}

/// A token between backticks, long ones cut.
pub(super) fn quoted(token: &str) -> String {
    match token.char_indices().nth(24) {
        Some((cut, _)) => format!("`{}…`", token.get(..cut).unwrap_or(token)),
        None => format!("`{token}`"),
    }
}
