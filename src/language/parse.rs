//! Text → tree, by `grammar/mapping.pest`, with several syntax errors per file in the reader's words.

use super::SourceText;
use super::ast;
use crate::diagnostics::Diagnostic;

/// A whole `.map` file. What could be read is in the tree, everything else in the findings.
pub fn file(_text: &SourceText) -> (ast::File, Vec<Diagnostic>) {
    unimplemented!()
}

/// An expression slot of a flow: `let`s and an expression.
pub fn slot(_text: &SourceText) -> Result<ast::Body, Vec<Diagnostic>> {
    unimplemented!()
}

/// A text slot (`title`, `message`, …): the inside of a `"…"`, holes and escapes included.
pub fn text_slot(_text: &SourceText) -> Result<ast::Expr, Vec<Diagnostic>> {
    unimplemented!()
}

/// A type in YAML (parameters of a flow trigger, settings) or in a function's signature.
pub fn type_slot(_text: &SourceText) -> Result<ast::TypeExpr, Vec<Diagnostic>> {
    unimplemented!()
}
