//! Names, numbers and texts as values: quotes, `_` and escapes resolved.

use super::Builder;
use crate::diagnostics::{Code, Diagnostic};
use crate::language::ast::*;
use crate::language::parse::Rule;
use crate::value::{Number, Text};
use pest::iterators::Pair;

impl Builder<'_> {
    /// A name, or a quoted one without its quotes.
    pub(super) fn name(&mut self, pair: &Pair<'_, Rule>) -> Name {
        let span = self.span(pair);
        let text = match pair.as_rule() {
            Rule::raw => self.raw(pair),
            Rule::plain => match self.text(pair.clone()) {
                ExprKind::Text(text) => text,
                _ => Text::from(""),
            },
            _ => self.word(pair),
        };
        Name { text, span }
    }

    pub(super) fn number(&self, pair: &Pair<'_, Rule>) -> Number {
        match pair.as_str().contains('_') {
            true => Number::from_json(Text::from(pair.as_str().replace('_', ""))),
            false => Number::from_json(self.word(pair)),
        }
    }

    pub(super) fn raw(&self, pair: &Pair<'_, Rule>) -> Text {
        let span = pair.as_span();
        match pair.as_str().get(1..pair.as_str().len().saturating_sub(1)) {
            Some(inner) if inner.contains('\'') => Text::from(inner.replace("''", "'")),
            Some(_) => self.slice(span.start() + 1, span.end() - 1),
            None => Text::from(""),
        }
    }

    /// The inside of a `"…"` or of a text slot.
    pub fn text(&mut self, pair: Pair<'_, Rule>) -> ExprKind {
        let mut pieces = vec![];
        let mut plain = vec![];
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::chars | Rule::slot_chars => plain.push(self.word(&part)),
                Rule::escape => plain.push(self.escape(&part)),
                Rule::hole => {
                    pieces.extend(joined(&mut plain).map(Piece::Plain));
                    let hole = self.inside(part);
                    pieces.push(Piece::Hole(hole));
                }
                _ => {}
            }
        }
        let last = joined(&mut plain);
        if pieces.is_empty() {
            return ExprKind::Text(last.unwrap_or_else(|| Text::from("")));
        }
        pieces.extend(last.map(Piece::Plain));
        ExprKind::Template(pieces)
    }

    pub(super) fn escape(&mut self, pair: &Pair<'_, Rule>) -> Text {
        let written = pair.as_str().get(1..).unwrap_or("");
        match written {
            "n" => Text::from("\n"),
            "t" => Text::from("\t"),
            "r" => Text::from("\r"),
            _ => match written.strip_prefix("u{").and_then(|hex| hex.strip_suffix('}')) {
                None => Text::from(written),
                Some(hex) => match u32::from_str_radix(hex, 16).ok().and_then(char::from_u32) {
                    Some(c) => Text::from(c.to_string()),
                    None => {
                        let text = format!("there is no character U+{}", hex.to_uppercase());
                        let finding = Diagnostic::error(Code::F0104, text, self.span(pair))
                            .help("characters go up to U+10FFFF, without the surrogates D800 to DFFF");
                        self.finding(pair, finding);
                        Text::from("")
                    }
                },
            },
        }
    }
}

/// The parts of a text up to a hole as one; `None` where there is nothing.
fn joined(plain: &mut Vec<Text>) -> Option<Text> {
    match plain.len() {
        0 | 1 => plain.pop(),
        _ => Some(Text::from(plain.drain(..).map(|text| text.to_string()).collect::<String>())),
    }
}
