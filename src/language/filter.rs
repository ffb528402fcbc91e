//! A `where` condition taken apart: what a system's own filter has to say, with the values still to be evaluated.

use super::Expression;
use super::code::CompareOp;
use super::types::Type;
use crate::diagnostics::Span;
use crate::value::Text;

/// A condition over the columns of a row. Values are expressions without `row`, over the slot's other inputs.
#[derive(Clone, Debug)]
pub enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    /// `row.column op value`, turned around where it was written the other way.
    Compare {
        column: Column,
        op: CompareOp,
        value: Operand,
        span: Span,
    },
    /// `row.column in list`.
    In {
        column: Column,
        list: Operand,
        span: Span,
    },
    /// `row.column.contains("x")`, `starts_with`, `ends_with`.
    Function {
        name: Text,
        column: Column,
        args: Vec<Operand>,
        span: Span,
    },
}

/// A column, or a path below it, and its type.
#[derive(Clone, Debug)]
pub struct Column {
    pub path: Vec<Text>,
    pub ty: Type,
    pub span: Span,
}

/// A value to compare with. A *computed* missing, null or blank is a `data` error; one written in the source is meant.
#[derive(Clone, Debug)]
pub struct Operand {
    pub expression: Expression,
    /// Written in the source: `""`, `null`, `"USD"`.
    pub constant: bool,
    pub span: Span,
}
