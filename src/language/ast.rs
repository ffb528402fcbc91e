//! The tree of a mapping file or slot, as written. Built by the parser, read by the checker and the formatter.
//!
//! Every node carries its span in the real file. No node is deeper than the nesting limit, so that recursion over
//! the tree is safe everywhere.

use crate::diagnostics::Span;
use crate::value::{Number, Text};

/// A word with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub text: Text,
    pub span: Span,
}

/// A `.map` file.
#[derive(Clone, Debug, Default)]
pub struct File {
    pub imports: Vec<Import>,
    pub definitions: Vec<Definition>,
    /// Names of definitions that could not be read: what uses them has no error of its own.
    pub unread: Vec<Name>,
}

/// `use "path"`, `use "path.rhai" as name`, with the `///` comment directly above (a script's signatures).
#[derive(Clone, Debug)]
pub struct Import {
    pub path: Name,
    pub alias: Option<Name>,
    pub doc: Doc,
    pub span: Span,
}

/// The `///` lines above a definition, each with its place, without the slashes.
#[derive(Clone, Debug, Default)]
pub struct Doc(pub Vec<Name>);

#[derive(Clone, Debug)]
pub enum Definition {
    Type(TypeDef),
    Table(TableDef),
    Function(FunctionDef),
}

#[derive(Clone, Debug)]
pub struct TypeDef {
    pub name: Name,
    pub doc: Doc,
    pub ty: TypeExpr,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct TableDef {
    pub name: Name,
    pub doc: Doc,
    /// One, or several for a CSV.
    pub keys: Vec<TypeExpr>,
    pub value: TypeExpr,
    pub rows: Rows,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Rows {
    Inline { rows: Vec<Row>, otherwise: Outcome },
    Csv { path: Name, otherwise: Outcome },
}

/// `"A", "B" => value`. Keys are constants.
#[derive(Clone, Debug)]
pub struct Row {
    pub keys: Vec<Expr>,
    pub value: Outcome,
}

/// What a row gives, and a table where no row fits.
#[derive(Clone, Debug)]
pub enum Outcome {
    Fail(Span),
    Value(Expr),
}

/// `fn` and `mapping`. A mapping's body is one [`ExprKind::Record`].
#[derive(Clone, Debug)]
pub struct FunctionDef {
    pub name: Name,
    pub doc: Doc,
    pub params: Vec<Param>,
    pub result: TypeExpr,
    pub body: Body,
    pub is_mapping: bool,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Param {
    pub name: Name,
    pub ty: TypeExpr,
}

/// `let`s and the expression they serve: a function's body, or a slot.
#[derive(Clone, Debug)]
pub struct Body {
    pub lets: Vec<Let>,
    pub value: Expr,
}

#[derive(Clone, Debug)]
pub struct Let {
    pub name: Name,
    pub ty: Option<TypeExpr>,
    pub value: Expr,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct TypeExpr {
    pub kind: TypeExprKind,
    /// `T?`: may be missing.
    pub optional: bool,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum TypeExprKind {
    /// `text`, `line`, `stripe.charge`.
    Named(Text),
    /// `list<T>`, `map<T>`; another word is the checker's finding.
    Generic(Name, Box<TypeExpr>),
    Shape(Vec<(Name, TypeExpr)>),
}

#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum ExprKind {
    Number(Number),
    /// A text without holes, quoted either way.
    Text(Text),
    /// `"…{expr}…"`.
    Template(Vec<Piece>),
    Bool(bool),
    Null,
    Missing,
    Name(Text),
    List(Vec<Expr>),
    Record(Vec<Entry>),
    /// Kept, because parentheses bound one arithmetic tree's text for messages and `fmt`.
    Paren(Box<Expr>),
    /// `f(x)`. `x.f(y)` is [`ExprKind::MethodCall`].
    Call {
        name: Name,
        args: Vec<Arg>,
    },
    /// `x.f(y)`, also `script.function(y)` where x is an `as` name.
    MethodCall {
        base: Box<Expr>,
        name: Name,
        args: Vec<Arg>,
        maybe: bool,
    },
    /// `x.b`, `x.b?`.
    Field {
        base: Box<Expr>,
        name: Name,
        maybe: bool,
    },
    /// `x[i]`, `table["a", "b"]`, `x[i]?`.
    Index {
        base: Box<Expr>,
        index: Vec<Expr>,
        maybe: bool,
    },
    /// `x?` directly behind a primary: a name or call that may give nothing.
    Maybe(Box<Expr>),
    Negate(Box<Expr>),
    Not(Box<Expr>),
    Binary {
        op: BinaryOp,
        op_span: Span,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    If {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
    Match {
        subject: Option<Box<Expr>>,
        arms: Vec<Arm>,
        otherwise: Option<Box<Expr>>,
    },
    For {
        item: Name,
        index: Option<Name>,
        list: Box<Expr>,
        condition: Option<Box<Expr>>,
        body: Box<Expr>,
    },
    /// `fail("…")`.
    Fail(Box<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    Catch,
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Coalesce,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Debug)]
pub enum Piece {
    Plain(Text),
    Hole(Expr),
}

#[derive(Clone, Debug)]
pub enum Arg {
    Value(Expr),
    Lambda(Lambda),
}

#[derive(Clone, Debug)]
pub struct Lambda {
    pub params: Vec<Name>,
    pub body: Box<Expr>,
    pub span: Span,
}

/// `a, b => value`: `values` are compared with the subject, or are conditions where there is none.
#[derive(Clone, Debug)]
pub struct Arm {
    pub values: Vec<Expr>,
    pub result: Expr,
}

/// One line of a `{ … }`.
#[derive(Clone, Debug)]
pub enum Entry {
    Let(Let),
    Assign { target: Vec<Name>, value: Expr, span: Span },
    Spread { value: Expr, span: Span },
    If { condition: Expr, then: Vec<Entry>, otherwise: Vec<Entry>, span: Span },
    Require { condition: Expr, message: Expr, span: Span },
}
