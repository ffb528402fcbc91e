//! Several errors per text. A broken text is cut into statements: definitions, and the entries, arms and rows inside their
//! braces. Each is parsed alone, the inner ones first; a bad one is told once and blanked, so that what stands around
//! it is judged without it.

use super::brackets::Tokens;
use super::build::Builder;
use super::explain::{self, Context};
use super::scan::Kind;
use super::{Failure, Grammar, MAX_FINDINGS, Rule, inside};
use crate::diagnostics::Code;
use crate::language::SourceText;
use crate::language::ast;
use pest::Parser;
use pest::error::{Error, ErrorVariant, InputLocation};
use std::ops::Range;

/// What a statement is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    Definition,
    /// A slot.
    Body,
    /// The statements of a slot or of a `fn`: `let`s and a value.
    Lets,
    Entries,
    Arms,
    Rows,
    /// Of a type.
    Fields,
    /// One of the short ones: never cut.
    Whole(Rule),
}

pub(super) struct Recovery<'s> {
    source: &'s SourceText,
    tokens: &'s Tokens<'s>,
    /// The text, with spaces where something was told already.
    working: String,
    blanked: Vec<Range<usize>>,
    /// What the scan has found.
    broken: &'s [Failure],
    pub found: Vec<Failure>,
}

impl<'s> Recovery<'s> {
    pub fn new(source: &'s SourceText, tokens: &'s Tokens<'s>, broken: &'s [Failure]) -> Recovery<'s> {
        let working = source.text.replace('\u{feff}', "   ");
        Recovery { source, tokens, working, blanked: vec![], broken, found: vec![] }
    }

    /// Finds what is wrong in a statement, inner ones first.
    pub fn check(&mut self, range: Range<usize>, block: Block) {
        if self.blanked.len() > MAX_FINDINGS {
            return;
        }
        let (told, definition) = (self.found.len(), range.start);
        let blocks = self.blocks(&range, block);
        for (level, inner, kind) in &blocks {
            for statement in self.statements(inner.clone(), *kind, *level) {
                self.check(statement, *kind);
            }
        }
        let failed = self.check_alone(range, block);
        // A brace that should not be there: what stands in it and behind is no record, and its findings say nothing.
        let is_brace = |start: usize| {
            let brace = start.checked_sub(1).and_then(|brace| self.tokens.get(brace));
            // A `type` that lacks its `=` still has its fields there, a `mapping` its entries.
            let may_hold = block != Block::Definition || self.tokens.is_keyword(definition, "fn");
            may_hold && brace.is_some_and(|brace| Some(brace.start) == failed)
        };
        if blocks.iter().any(|(_, inner, _)| is_brace(inner.start)) {
            let (kept, inner) = self.found.split_at(told.min(self.found.len()));
            let inner = inner.iter().filter(|failure| Some(failure.at) <= failed);
            self.found = kept.iter().chain(inner).cloned().collect();
        }
    }

    /// Gives the place of a new failure.
    fn check_alone(&mut self, range: Range<usize>, block: Block) -> Option<usize> {
        let (start, end) = self.bytes(&range)?;
        let broken = self.broken.iter().any(|f| (start..=end).contains(&f.at) && !self.is_blank(f.at));
        if broken {
            self.blank(start..end);
            return None;
        }
        let rule = match block {
            Block::Definition => Rule::file,
            Block::Lets if self.tokens.is_keyword(range.start, "let") && !self.is_blank(start) => Rule::lone_lets,
            Block::Lets | Block::Body => Rule::slot,
            Block::Entries => Rule::lone_entries,
            Block::Arms => Rule::lone_arms,
            Block::Rows => Rule::lone_rows,
            Block::Fields => Rule::lone_fields,
            Block::Whole(rule) => rule,
        };
        let text = self.working.get(start..end)?;
        match Grammar::parse(rule, text) {
            Ok(pairs) => {
                let mut builder = Builder::new(self.source, start);
                if block == Block::Whole(Rule::text_slot) {
                    pairs.for_each(|pair| {
                        builder.text(pair);
                    });
                } else {
                    inside(pairs).for_each(|pair| builder.part(pair));
                }
                self.found.append(&mut builder.findings);
                None
            }
            Err(error) => {
                let at = start + position(&error);
                let (failure, unclosed) = self.explain(&range, block, at, expected(&error));
                let is_new = unclosed || !self.beside_blank(start, end, at);
                if is_new {
                    self.found.push(failure);
                }
                self.blank(start..end);
                is_new.then_some(at)
            }
        }
    }

    fn explain(&self, range: &Range<usize>, block: Block, at: usize, expected: Vec<Rule>) -> (Failure, bool) {
        let tokens = self.tokens;
        let is_seen = |n: &usize| tokens.get(*n).is_some_and(|token| !self.is_blank(token.start));
        let seen: Vec<usize> = range.clone().filter(is_seen).collect();
        let context = Context {
            source: self.source,
            tokens,
            previous: seen.iter().rev().copied().find(|n| tokens.get(*n).is_some_and(|token| token.end <= at)),
            here: seen.iter().copied().find(|n| tokens.get(*n).is_some_and(|token| token.end > at)),
            seen,
            range: range.clone(),
            block,
            at,
            expected,
        };
        let failure = explain::failure(&context);
        let is_new = failure.diagnostic.code == Code::F0108 && context.here.is_none();
        (failure, is_new)
    }

    // ---- cutting

    /// The blocks directly inside a statement, with the level of what stands in them.
    fn blocks(&self, range: &Range<usize>, block: Block) -> Vec<(u32, Range<usize>, Block)> {
        let mut blocks = vec![];
        let base = self.tokens.level(range.start);
        if block == Block::Body {
            return vec![(base, range.clone(), Block::Lets)];
        }
        let mut n = range.start;
        while n < range.end {
            let is_fn = block == Block::Definition && self.tokens.is_keyword(range.start, "fn");
            if is_fn && self.tokens.str(n) == "=" && self.tokens.level(n) == base {
                blocks.push((base, n + 1..range.end, Block::Lets));
                break;
            }
            if self.tokens.kind(n) == Some(Kind::Punct) && self.tokens.str(n) == "{" {
                let end = self.tokens.partner(n).filter(|end| *end > n).unwrap_or(range.end).min(range.end);
                blocks.push((self.tokens.level(n) + 1, n + 1..end, self.kind_of_block(n, range, block)));
                n = end;
            }
            n += 1;
        }
        blocks
    }

    /// What stands in the braces that open at `n`.
    fn kind_of_block(&self, n: usize, range: &Range<usize>, block: Block) -> Block {
        let tokens = self.tokens;
        if matches!(block, Block::Whole(Rule::type_slot)) {
            return Block::Fields;
        }
        let Some(before) = tokens.before(n).filter(|b| *b >= range.start) else { return Block::Entries };
        let begins = |word| tokens.is_keyword(range.start, word);
        let top = tokens.level(n) == tokens.level(range.start);
        match tokens.str(before) {
            "->" | "<" => return Block::Fields,
            ":" if block != Block::Entries || !top || begins("let") => return Block::Fields,
            _ if block == Block::Definition && top && begins("type") => return Block::Fields,
            _ if block == Block::Definition && top && begins("table") => return Block::Rows,
            _ => {}
        }
        let mut k = before;
        while k >= range.start {
            if tokens.is_keyword(k, "match") {
                return Block::Arms;
            }
            let stops = ["if", "for", "else", "then"].iter().any(|word| tokens.is_keyword(k, word));
            if stops || tokens.opens(k) || matches!(tokens.str(k), "=" | "=>" | ",") {
                break;
            }
            // Another value ended here: it is not what a `match` looks at.
            if tokens.str(k) == "}" && tokens.str(k + 1) == "{" {
                break;
            }
            if tokens.closes(k) {
                k = tokens.partner(k).filter(|p| *p < k).unwrap_or(k);
            }
            match k.checked_sub(1) {
                Some(next) => k = next,
                None => break,
            }
        }
        Block::Entries
    }

    /// The statements of a block. One begins where its kind certainly does, or where a value has ended and another begins.
    fn statements(&self, range: Range<usize>, block: Block, level: u32) -> Vec<Range<usize>> {
        let tokens = self.tokens;
        let mut starts = vec![range.start];
        for n in range.clone().skip(1) {
            let first = tokens.get(n).is_some_and(|token| token.first);
            if !first || tokens.level(n) != level {
                continue;
            }
            let before = n - 1;
            let apart = (tokens.ends_value(before) || tokens.str(before) == ",") && tokens.begins_value(n);
            let begins = match block {
                Block::Entries => apart || tokens.surely_begins_entry(n),
                Block::Arms | Block::Rows => {
                    let unfinished = tokens.str(before) == "=>" && matches!(tokens.str(n + 1), "=>" | ",");
                    apart || unfinished || tokens.is_keyword(n, "else") && tokens.str(n + 1) == "=>"
                }
                Block::Fields => apart,
                Block::Lets => {
                    let in_let = starts.last().is_some_and(|start| tokens.is_keyword(*start, "let"));
                    tokens.is_keyword(n, "let") && tokens.kind(n + 1) == Some(Kind::Word)
                        || in_let && (apart || tokens.ends_value(before) && matches!(tokens.str(n), "{" | "[" | "("))
                }
                Block::Definition | Block::Body | Block::Whole(_) => false,
            };
            if begins {
                starts.push(n);
            }
        }
        let end = range.end;
        let ends = starts.clone().into_iter().skip(1).chain([end]);
        starts.into_iter().zip(ends).map(|(start, end)| start..end).filter(|range| !range.is_empty()).collect()
    }

    fn bytes(&self, range: &Range<usize>) -> Option<(usize, usize)> {
        match self.tokens.get(range.start) {
            Some(first) if !range.is_empty() => Some((first.start, self.tokens.get(range.end - 1)?.end)),
            _ => None,
        }
    }

    // ---- what was told

    fn blank(&mut self, range: Range<usize>) {
        let spaces = " ".repeat(range.len());
        if self.working.get(range.clone()).is_some() {
            self.working.replace_range(range.clone(), &spaces);
        }
        self.blanked.push(range);
    }

    fn is_blank(&self, at: usize) -> bool {
        self.blanked.iter().any(|range| range.contains(&at))
    }

    /// Whether only white space stands between `at` and something blanked in `start..end`: what is missing there was told.
    fn beside_blank(&self, start: usize, end: usize, at: usize) -> bool {
        let empty = |from: usize, to: usize| self.working.get(from..to).is_some_and(|gap| gap.trim().is_empty());
        self.blanked.iter().filter(|range| start <= range.start && range.end <= end).any(|range| {
            range.contains(&at)
                || range.end <= at && empty(range.end, at)
                || at <= range.start && empty(at, range.start)
        })
    }
}

/// A definition that parses alone, as a tree; with the findings where it cannot stay.
pub(super) fn definition(source: &SourceText, tokens: &Tokens<'_>, range: &Range<usize>) -> Option<ast::File> {
    let (start, end) = (tokens.get(range.start)?.start, tokens.get(range.end.checked_sub(1)?)?.end);
    let pairs = Grammar::parse(Rule::file, source.text.get(start..end)?).ok()?;
    let mut builder = Builder::new(source, start);
    let mut tree = ast::File::default();
    inside(pairs).for_each(|pair| builder.definition(pair, &mut tree));
    builder.findings.is_empty().then_some(tree)
}

/// Token `n` as a name.
pub(super) fn name(source: &SourceText, tokens: &Tokens<'_>, n: usize) -> Option<ast::Name> {
    let token = tokens.get(n)?;
    Some(ast::Name { text: tokens.str(n).into(), span: source.span(token.start, token.end) })
}

fn position(error: &Error<Rule>) -> usize {
    match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    }
}

fn expected(error: &Error<Rule>) -> Vec<Rule> {
    match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives.clone(),
        ErrorVariant::CustomError { .. } => vec![],
    }
}
