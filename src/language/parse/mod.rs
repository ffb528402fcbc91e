//! Text → tree, by `grammar/mapping.pest`, with several syntax errors per file in the reader's words.
//!
//! - `scan` reads the tokens once: bracket pairs, nesting, and what is wrong with a token by itself
//! - the grammar decides what is valid; `build` makes the tree
//! - only where the grammar says no: `recover` cuts the text into its smallest entries and parses each alone, and
//!   `explain` puts each failure into words
//!
//! Not here: names, types, anything that needs more than the text. Invariants: no input panics or overflows the stack;
//! a tree is at most [`MAX_DEPTH`] deep; a definition with an error is never in the tree.

mod build;

use super::SourceText;
use super::ast;
use crate::diagnostics::{Code, Diagnostic};
use build::Builder;
use pest::Parser;
use pest::iterators::Pairs;

#[derive(pest_derive::Parser)]
#[grammar = "../grammar/mapping.pest"]
struct Grammar;

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
    match Grammar::parse(Rule::file, &text.text[offset..]) {
        Ok(pairs) => {
            let mut builder = Builder::new(text, offset);
            for pair in inside(pairs) {
                builder.definition(pair, &mut tree);
            }
            (tree, builder.findings.into_iter().map(|f| f.diagnostic).collect())
        }
        Err(error) => (tree, vec![plain(text, error)]),
    }
}

/// An expression slot of a flow: `let`s and an expression.
pub fn slot(text: &SourceText) -> Result<ast::Body, Vec<Diagnostic>> {
    one(text, Rule::slot, |builder, pair| builder.body(pair))
}

/// A text slot (`title`, `message`, …): the inside of a `"…"`, holes and escapes included.
pub fn text_slot(text: &SourceText) -> Result<ast::Expr, Vec<Diagnostic>> {
    let offset = start(text);
    let mut builder = Builder::new(text, offset);
    let pairs = Grammar::parse(Rule::text_slot, &text.text[offset..]).map_err(|e| vec![plain(text, e)])?;
    let span = text.span(offset, text.text.len());
    let kind = match pairs.into_iter().next() {
        Some(pair) => builder.text(pair),
        None => ast::ExprKind::Missing,
    };
    match builder.findings.is_empty() {
        true => Ok(ast::Expr { kind, span }),
        false => Err(builder.findings.into_iter().map(|f| f.diagnostic).collect()),
    }
}

/// A type in YAML (parameters of a flow trigger, settings) or in a function's signature.
pub fn type_slot(text: &SourceText) -> Result<ast::TypeExpr, Vec<Diagnostic>> {
    one(text, Rule::type_slot, |builder, pair| builder.type_(pair))
}

fn one<T>(
    text: &SourceText,
    rule: Rule,
    build: impl FnOnce(&mut Builder<'_>, pest::iterators::Pair<'_, Rule>) -> T,
) -> Result<T, Vec<Diagnostic>> {
    let offset = start(text);
    let pairs = Grammar::parse(rule, &text.text[offset..]).map_err(|e| vec![plain(text, e)])?;
    let mut builder = Builder::new(text, offset);
    let Some(pair) = inside(pairs).next() else { return Err(vec![]) };
    let built = build(&mut builder, pair);
    match builder.findings.is_empty() {
        true => Ok(built),
        false => Err(builder.findings.into_iter().map(|f| f.diagnostic).collect()),
    }
}

fn plain(text: &SourceText, error: pest::error::Error<Rule>) -> Diagnostic {
    let offset = start(text);
    let at = match error.location {
        pest::error::InputLocation::Pos(at) => at,
        pest::error::InputLocation::Span((at, _)) => at,
    };
    Diagnostic::error(Code::F0101, format!("{error}"), text.span(offset + at, offset + at))
}

/// Where the text begins: behind a byte order mark.
fn start(text: &SourceText) -> usize {
    if text.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// The pairs inside the one pair of a whole.
fn inside(pairs: Pairs<'_, Rule>) -> impl Iterator<Item = pest::iterators::Pair<'_, Rule>> {
    pairs.flat_map(|whole| whole.into_inner()).filter(|pair| pair.as_rule() != Rule::EOI)
}

/// The `///` lines directly above byte `at`, each with its place, without slashes and outer blanks.
fn docs(source: &SourceText, at: usize) -> ast::Doc {
    let text = &*source.text;
    let mut lines = vec![];
    let Some(mut end) = text.get(..at).and_then(|before| before.rfind('\n')) else { return ast::Doc::default() };
    loop {
        let start = text[..end].rfind('\n').map_or(0, |newline| newline + 1);
        let Some(comment) = text[start..end].trim_start_matches('\u{feff}').trim_start().strip_prefix("///") else {
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
