//! Text → tree, by `grammar/mapping.pest`, with several syntax errors per file in the reader's words.
//!
//! - `scan` reads the tokens once, with what is wrong with a token by itself; `brackets` pairs them
//! - `quick` makes the tree of nearly every valid text
//! - the grammar decides what is valid, wherever `quick` does not know; `build` makes the tree
//! - only where the grammar says no: `recover` cuts the text into its smallest entries and parses each alone, and
//!   `explain` puts each failure into words
//!
//! Not here: names, types, anything that needs more than the text. Invariants: no input panics or overflows the stack;
//! a tree is at most [`MAX_DEPTH`] deep; a definition with an error is never in the tree.

mod brackets;
mod build;
mod explain;
mod quick;
mod recover;
mod scan;
mod slips;

use super::SourceText;
use super::ast;
use crate::diagnostics::{Code, Diagnostic};
use brackets::{Excess, MAX_NESTING, Tokens};
use build::Builder;
use pest::Parser;
use pest::iterators::{Pair, Pairs};
use recover::{Block, Recovery};
use scan::{Mode, Token, scan};
pub(super) use slips::RESERVED;

#[derive(pest_derive::Parser)]
#[grammar = "../grammar/mapping.pest"]
struct Grammar;

/// So many findings per text: who has more mends these first.
const MAX_FINDINGS: usize = 50;

/// Largest text that is read, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// A finding with the byte of the text where it was noticed: findings are told in that order.
#[derive(Clone, Debug, PartialEq)]
struct Failure {
    at: usize,
    diagnostic: Diagnostic,
}

/// A whole `.map` file. What could be read is in the tree, everything else in the findings.
pub fn file(text: &SourceText) -> (ast::File, Vec<Diagnostic>) {
    let mut tree = ast::File::default();
    let offset = start(text);
    let (tokens, broken) = match scanned(text, offset, Mode::Source) {
        Ok(read) => read,
        Err(finding) => return (tree, vec![*finding]),
    };
    if broken.is_empty()
        && let Some(tree) = quick::file(text, &tokens)
    {
        return (tree, vec![]);
    }
    let tokens = match paired(text, tokens) {
        Ok(tokens) => tokens,
        Err(finding) => return (tree, vec![*finding]),
    };
    if broken.is_empty()
        && let Some((tree, _)) = whole(text, offset)
    {
        return (tree, vec![]);
    }
    let mut recovery = Recovery::new(text, &tokens, &broken);
    for range in tokens.definitions() {
        match recover::definition(text, &tokens, &range) {
            Some(part) => {
                tree.imports.extend(part.imports);
                tree.definitions.extend(part.definitions);
            }
            None => {
                recovery.check(range.clone(), Block::Definition);
                // A word at the margin and another behind it: a definition, or what was meant as one.
                let named = range.filter(|n| tokens.at_margin(*n) && tokens.kind(n + 1) == Some(scan::Kind::Word));
                tree.unread.extend(named.filter_map(|n| recover::name(text, &tokens, n + 1)));
            }
        }
    }
    let found = recovery.found;
    (tree, told(text, broken, found))
}

/// A `.map` file without syntax errors, token by token: the formatter's view. Everything but white space and comments is
/// in the pairs, whose places count behind a byte order mark.
pub(super) fn pairs(text: &SourceText) -> Option<(ast::File, Pairs<'_, Rule>)> {
    let offset = start(text);
    let (tokens, broken) = scanned(text, offset, Mode::Source).ok()?;
    paired(text, tokens).ok()?;
    if broken.is_empty() { whole(text, offset) } else { None }
}

/// A file that the grammar knows, its tokens having been looked at.
fn whole(text: &SourceText, offset: usize) -> Option<(ast::File, Pairs<'_, Rule>)> {
    let pairs = Grammar::parse(Rule::file, text.text.get(offset..)?).ok()?;
    let mut builder = Builder::new(text, offset);
    let mut tree = ast::File::default();
    inside(pairs.clone()).for_each(|pair| builder.definition(pair, &mut tree));
    builder.findings.is_empty().then_some((tree, pairs))
}

/// An expression slot of a flow: `let`s and an expression.
pub fn slot(text: &SourceText) -> Result<ast::Body, Vec<Diagnostic>> {
    let build = |builder: &mut Builder<'_>, whole: Pairs<'_, Rule>| inside(whole).next().map(|pair| builder.body(pair));
    one(text, Rule::slot, Block::Body, quick::slot, build)
}

/// A text slot (`title`, `message`, …): the inside of a `"…"`, holes and escapes included.
pub fn text_slot(text: &SourceText) -> Result<ast::Expr, Vec<Diagnostic>> {
    let span = text.span(start(text), text.text.len());
    let build = |builder: &mut Builder<'_>, mut whole: Pairs<'_, Rule>| whole.next().map(|pair| builder.text(pair));
    let kind = one(text, Rule::text_slot, Block::Whole(Rule::text_slot), quick::text_slot, build)?;
    Ok(ast::Expr { kind, span })
}

/// A type in YAML (parameters of a flow trigger, settings) or in a script's signature.
pub fn type_slot(text: &SourceText) -> Result<ast::TypeExpr, Vec<Diagnostic>> {
    let build =
        |builder: &mut Builder<'_>, whole: Pairs<'_, Rule>| inside(whole).next().map(|pair| builder.type_(pair));
    one(text, Rule::type_slot, Block::Whole(Rule::type_slot), quick::type_slot, build)
}

/// Reads a text that is one thing.
fn one<T>(
    text: &SourceText,
    rule: Rule,
    block: Block,
    quick: impl FnOnce(&SourceText, &[Token]) -> Option<T>,
    build: impl FnOnce(&mut Builder<'_>, Pairs<'_, Rule>) -> Option<T>,
) -> Result<T, Vec<Diagnostic>> {
    let offset = start(text);
    let mode = if rule == Rule::text_slot { Mode::InsideText } else { Mode::Source };
    let (tokens, broken) = scanned(text, offset, mode).map_err(|finding| vec![*finding])?;
    if broken.is_empty()
        && let Some(read) = quick(text, &tokens)
    {
        return Ok(read);
    }
    let tokens = paired(text, tokens).map_err(|finding| vec![*finding])?;
    if broken.is_empty()
        && let Ok(pairs) = Grammar::parse(rule, text.text.get(offset..).unwrap_or(""))
    {
        let mut builder = Builder::new(text, offset);
        let built = build(&mut builder, pairs);
        match built {
            Some(built) if builder.findings.is_empty() => return Ok(built),
            _ => {}
        }
    }
    if tokens.len() == 0 {
        let what = if rule == Rule::slot { "a value" } else { "a type" };
        return Err(vec![Diagnostic::error(
            Code::F0120,
            format!("expected {what}, but nothing is written here"),
            text.span(0, 0),
        )]);
    }
    let mut recovery = Recovery::new(text, &tokens, &broken);
    recovery.check(0..tokens.len(), block);
    let found = recovery.found;
    Err(told(text, broken, found))
}

/// The tokens and what is wrong with each by itself; `Err` where the text is too much to be read at all.
fn scanned(text: &SourceText, offset: usize, mode: Mode) -> Result<(Vec<Token>, Vec<Failure>), Box<Diagnostic>> {
    if text.text.len() > MAX_SIZE {
        let message = format!("this text has {} bytes; more than {MAX_SIZE} are not read", text.text.len());
        let help =
            "divide it into files, or read a large table from a CSV: `table t: text -> int from \"t.csv\" else fail`";
        return Err(Box::new(Diagnostic::error(Code::F0102, message, text.span(0, 0)).help(help)));
    }
    Ok(scan(text, offset, mode))
}

/// The tokens with their brackets; `Err` where they are too much for the grammar.
fn paired(text: &SourceText, tokens: Vec<Token>) -> Result<Tokens<'_>, Box<Diagnostic>> {
    match Tokens::new(&text.text, tokens) {
        Ok(tokens) => Ok(tokens),
        Err(Excess::Nesting(at)) => {
            let message = format!("this nests more than {MAX_NESTING} deep");
            let finding = Diagnostic::error(Code::F0102, message, text.span(at, at + 1));
            Err(Box::new(finding.help("give the inner parts a name with `let`, or a `fn` of their own")))
        }
        Err(Excess::Length(range)) => Err(Box::new(build::too_long(text.span(range.start, range.end)))),
    }
}

/// All findings in the order of the text, each once.
fn told(text: &SourceText, broken: Vec<Failure>, mut found: Vec<Failure>) -> Vec<Diagnostic> {
    found.splice(0..0, broken);
    found.sort_by_key(|failure| failure.at);
    let mut told: Vec<Diagnostic> = vec![];
    for failure in found {
        if told.len() == MAX_FINDINGS {
            break;
        }
        if !told.contains(&failure.diagnostic) {
            told.push(failure.diagnostic);
        }
    }
    if told.is_empty() {
        // The whole is refused and every part alone is not: never a silent no.
        told.push(Diagnostic::error(Code::F0101, "this text cannot be read", text.span(0, 0)));
    }
    told
}

/// Where the text begins: behind a byte order mark.
fn start(text: &SourceText) -> usize {
    if text.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// The pairs inside the one pair of a whole.
fn inside(pairs: Pairs<'_, Rule>) -> impl Iterator<Item = Pair<'_, Rule>> {
    pairs.flat_map(|whole| whole.into_inner()).filter(|pair| pair.as_rule() != Rule::EOI)
}

/// The `///` lines directly above byte `at`, each with its place, without slashes and outer blanks. What is not the first
/// on its line has none.
fn docs(source: &SourceText, at: usize) -> ast::Doc {
    let text = &*source.text;
    let mut lines = vec![];
    let Some(mut end) = text.get(..at).and_then(|before| before.rfind('\n')) else { return ast::Doc::default() };
    if !text.get(end..at).unwrap_or("").trim().is_empty() {
        return ast::Doc::default();
    }
    loop {
        let line = |start: usize| text.get(start..end).unwrap_or("");
        let start = line(0).rfind('\n').map_or(0, |newline| newline + 1);
        let Some(comment) = line(start).trim_start_matches('\u{feff}').trim_start().strip_prefix("///") else {
            break;
        };
        let line = comment.trim();
        let from = end - comment.len() + (comment.len() - comment.trim_start().len());
        let name = crate::value::Text::slice(&source.text, from, from + line.len());
        lines.push(ast::Name { text: name, span: source.span(from, from + line.len()) });
        if start == 0 {
            break;
        }
        end = start - 1;
    }
    lines.reverse();
    ast::Doc(lines)
}
#[cfg(test)]
mod tests;
