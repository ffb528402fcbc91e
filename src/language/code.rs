//! Compiled code: what the checker makes of a tree and the evaluator runs. Names are resolved to slots, functions,
//! tables; types are settled; every place that can fail carries its span.
//!
//! Compiled code is never stored: it is rebuilt from sources.

use super::functions::{Function, Prepared};
use super::path::Path;
use super::types::{Kind, Type};
use crate::diagnostics::Span;
use crate::value::{Name, Record, Text, Value, json};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::mem::{Discriminant, discriminant};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// Everything that the code of one compilation calls: shared by all its expressions.
#[derive(Default)]
pub struct Program {
    pub routines: Vec<Routine>,
    pub tables: Vec<Table>,
    pub scripts: Vec<Arc<super::script::Script>>,
    /// Who watches its evaluations, where somebody does.
    pub watch: OnceLock<Arc<super::evaluate::Watch>>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Program({} routines)", self.routines.len())
    }
}

/// A compiled `fn`, `mapping` or slot. Parameters fill the first slots of its frame.
#[derive(Clone, Debug)]
pub struct Routine {
    pub name: Text,
    pub params: Vec<(Text, Type)>,
    /// Size of the frame: parameters, lets, loop variables and lambda parameters.
    pub slots: usize,
    pub result: Type,
    pub code: Code,
    pub span: Span,
}

/// A lookup table, loaded. The key is every key column's canonical text.
#[derive(Debug)]
pub struct Table {
    pub name: Text,
    pub rows: Rows,
    /// `None`: `else fail`.
    pub otherwise: Option<Value>,
    pub span: Span,
}

/// The rows of a table by their keys.
#[derive(Debug, Default)]
pub struct Rows {
    /// Of a table with one key which is text, as nearly all are: found without a key made for it.
    texts: HashMap<Text, Row, BuildHasherDefault<ShortHasher>>,
    others: HashMap<Vec<TableKey>, Row>,
}

impl Rows {
    /// The row of one key which is text.
    pub fn of_text(&self, key: &str) -> Option<&Row> {
        self.texts.get(key)
    }

    pub fn get(&self, keys: &[TableKey]) -> Option<&Row> {
        match keys {
            [TableKey::Text(key)] => self.of_text(key),
            keys => self.others.get(keys),
        }
    }

    pub fn insert(&mut self, keys: Vec<TableKey>, row: Row) {
        match keys.as_slice() {
            [TableKey::Text(key)] => self.texts.insert(key.clone(), row),
            _ => self.others.insert(keys, row),
        };
    }

    /// In no order.
    pub fn iter(&self) -> impl Iterator<Item = &Row> {
        self.texts.values().chain(self.others.values())
    }
}

/// Hashes short texts, a word at a time. The keys of a table stand in the project's own files, so that nobody outside can
/// choose them to collide; the standard library's hasher, which guards against that, took half of a look into a table.
#[derive(Default)]
struct ShortHasher(u64);

impl Hasher for ShortHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        self.write_u64(rest.iter().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte)));
    }

    fn write_u8(&mut self, _: u8) {
        // What ends a text: its length is hashed already.
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(26) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        // The map takes the highest and the lowest bits; a product mixes upwards only.
        self.0 ^ self.0 >> 32
    }
}

/// A row of a table.
#[derive(Clone, Debug)]
pub struct Row {
    /// `None`: `fail`, as if there were no row and no other `else`.
    pub value: Option<Value>,
    /// Its key: of an inline table the one that was written out, of a CSV the line.
    pub span: Span,
}

/// A table key by value: `1.0` and `1` are one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TableKey {
    Text(Text),
    /// Shortest form.
    Number(String),
    Bool(bool),
    Date(jiff::civil::Date),
}

impl TableKey {
    /// `None`: a value of that kind is no key.
    pub fn of(value: &Value) -> Option<TableKey> {
        Some(match value {
            Value::Text(text) => TableKey::Text(text.clone()),
            Value::Number(number) => TableKey::Number(number.canonical()),
            Value::Bool(value) => TableKey::Bool(*value),
            Value::Date(date) => TableKey::Date(*date),
            _ => return None,
        })
    }
}

/// One compiled expression.
#[derive(Clone, Debug)]
pub struct Code {
    pub op: Op,
    pub span: Span,
    /// The short way, where it is a path.
    path: Option<Box<Path>>,
}

impl Code {
    pub fn new(mut op: Op, span: Span) -> Code {
        if let Op::Record(statements) = &mut op {
            share_names(statements);
        }
        let path = Path::of(&op).map(Box::new);
        Code { op, span, path }
    }

    /// The short way, where it is a path.
    #[inline]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

#[derive(Clone, Debug)]
pub enum Op {
    Const(Value),
    /// A variable of the frame: parameter, let, loop variable, or an input of a slot (`event`, `steps`, …).
    Local(usize),
    /// `settings`, given by whoever evaluates.
    Settings,
    Template(Vec<Part>),
    List(Vec<Code>),
    /// A record written out, and a mapping's body.
    Record(Vec<Statement>),
    /// `base.name`. What is read is checked and converted as `ty` says, see [`Step`].
    Field {
        base: Box<Code>,
        name: Text,
        step: Step,
    },
    /// `base[index]` of a list, a map, or `any`.
    Index {
        base: Box<Code>,
        index: Box<Code>,
        step: Step,
    },
    /// The reach of the `?`s inside: where one of them finds nothing, the whole chain is missing.
    Chain(Box<Code>),
    /// `x?` on something that is no field: ends the enclosing [`Op::Chain`] where it is missing or null.
    Maybe(Box<Code>),
    /// `a ?? b`.
    Coalesce(Box<Code>, Box<Code>),
    /// `a catch b`; `slot` takes `error` = `{ code, message }`.
    Catch {
        value: Box<Code>,
        otherwise: Box<Code>,
        slot: usize,
    },
    And(Box<Code>, Box<Code>),
    Or(Box<Code>, Box<Code>),
    Not(Box<Code>),
    Compare {
        op: CompareOp,
        left: Box<Code>,
        right: Box<Code>,
    },
    In {
        value: Box<Code>,
        list: Box<Code>,
    },
    /// `+ - * / %` on numbers, texts (`+`) and monies: by the kinds met. Nested ones form one arithmetic tree, inside
    /// which fractions stay exact; comparisons and the first argument of `round floor ceil` take the fraction itself.
    Arithmetic {
        op: ArithmeticOp,
        left: Box<Code>,
        right: Box<Code>,
    },
    Negate(Box<Code>),
    /// Parentheses inside an arithmetic tree are not kept: only this boundary ends one (a let, argument, arm, …).
    If {
        condition: Box<Code>,
        then: Box<Code>,
        otherwise: Box<Code>,
    },
    /// Arms with constants or expressions compared by `==`. The subject is evaluated once, into `slot`.
    Match {
        subject: Option<(Box<Code>, usize)>,
        arms: Vec<MatchArm>,
        otherwise: Option<Box<Code>>,
    },
    For(Box<For>),
    /// `lets` in front of a value.
    Let {
        slot: usize,
        value: Box<Code>,
        body: Box<Code>,
    },
    /// A `fn` or `mapping` of the program.
    Call {
        routine: usize,
        args: Vec<Code>,
    },
    Builtin {
        function: &'static Function,
        /// Which of its signatures was chosen. With an `any` among the arguments it is the first that may fit.
        overload: usize,
        args: Vec<Argument>,
        prepared: Option<Prepared>,
    },
    Script {
        script: usize,
        function: Text,
        args: Vec<Code>,
        result: Type,
    },
    Table {
        table: usize,
        keys: Vec<Code>,
    },
    Fail(Box<Code>),
    /// Sees a value as its type: checks its kind, takes null as absent where the type does not know it. With `project`
    /// it reads what a payload's type says, dates as texts, and keeps only the type's fields, all the way down; without,
    /// the value has no type of its own, and text in it stays text.
    View {
        value: Box<Code>,
        ty: Type,
        project: bool,
    },
}

impl Op {
    /// Whether it gives true or false and nothing else.
    pub fn decides(&self) -> bool {
        matches!(self, Op::And(..) | Op::Or(..) | Op::Not(_) | Op::Compare { .. } | Op::In { .. })
    }
}

/// How a step into a value reads.
#[derive(Clone, Debug)]
pub struct Step {
    /// `true` for `.b?`, the left side's last step of `??`: where it finds nothing, the enclosing chain is missing.
    pub tolerant: bool,
    /// The declared type of what is read: another kind is a `data` error; null where the type does not know it is absent.
    pub ty: Type,
    /// The kind of value that needs no further look, where one is all that the type asks; else missing, which always does.
    plain: Discriminant<Value>,
    /// Only whole numbers.
    whole: bool,
    guess: Guess,
}

impl Step {
    pub fn new(tolerant: bool, ty: Type) -> Step {
        let plain = match &ty.kind {
            Kind::Text => Value::Text(Text::from("")),
            Kind::Bool => Value::Bool(false),
            Kind::Decimal | Kind::Int => Value::from(0),
            Kind::Map(_) | Kind::Record(_) => Value::Record(Record::default()),
            _ => Value::Missing,
        };
        let whole = ty.kind == Kind::Int;
        Step { tolerant, ty, plain: discriminant(&plain), whole, guess: Guess::default() }
    }

    /// Whether a value is at once seen to be of the type; most are.
    #[inline]
    pub fn is_plain(&self, value: &Value) -> bool {
        self.plain == discriminant(value)
            && match value {
                Value::Number(number) => !self.whole || number.small().is_some(),
                Value::Missing => false,
                _ => true,
            }
    }

    /// The field of a record, looked for first where the step found it last.
    #[inline]
    pub fn find<'v>(&self, record: &'v Record, name: &Name) -> Option<&'v Value> {
        let guess = self.guess.0.load(Relaxed) as usize;
        record.at(guess, name).or_else(|| self.search(record, name.text()))
    }

    #[inline(never)]
    fn search<'v>(&self, record: &'v Record, name: &Text) -> Option<&'v Value> {
        let (place, value) = record.find(name)?;
        self.guess.0.store(place as u32, Relaxed);
        Some(value)
    }
}

/// Makes the names that a record assigns parts of one text, so that the record has one owner to count. They stand there as
/// JSON has them, where they need no escapes, so that they are written as they are.
fn share_names(statements: &mut [Statement]) {
    let (mut all, mut begins) = (String::new(), vec![]);
    each_name(statements, &mut |name| {
        let quote = if json::is_plain(name) { "\"" } else { "\n" };
        begins.push(all.len() + quote.len());
        all.extend([quote, name, quote, ":"]);
    });
    let all: Arc<str> = all.into();
    let mut begins = begins.into_iter();
    each_name(statements, &mut |name| {
        if let Some(begin) = begins.next() {
            *name = Text::slice(&all, begin, begin + name.len());
        }
    });
}

fn each_name(statements: &mut [Statement], visit: &mut dyn FnMut(&mut Text)) {
    for statement in statements {
        match statement {
            Statement::Assign { path, .. } => path.iter_mut().for_each(&mut *visit),
            Statement::If { then, otherwise, .. } => {
                each_name(then, visit);
                each_name(otherwise, visit);
            }
            Statement::Let { .. } | Statement::Spread { .. } | Statement::Require { .. } => {}
        }
    }
}

/// Where a step found its field last. Bodies of one sender have their fields in one order, so it is there again nearly
/// always; whoever evaluates at the same time may change it, and a wrong one only costs the search.
#[derive(Debug, Default)]
struct Guess(AtomicU32);

impl Clone for Guess {
    fn clone(&self) -> Guess {
        Guess::default()
    }
}

#[derive(Clone, Debug)]
pub enum Part {
    Plain(Text),
    Hole(Code),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl CompareOp {
    /// Each of them.
    pub const ALL: [CompareOp; 6] = [
        CompareOp::Equal,
        CompareOp::NotEqual,
        CompareOp::Less,
        CompareOp::LessEqual,
        CompareOp::Greater,
        CompareOp::GreaterEqual,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            CompareOp::Equal => "==",
            CompareOp::NotEqual => "!=",
            CompareOp::Less => "<",
            CompareOp::LessEqual => "<=",
            CompareOp::Greater => ">",
            CompareOp::GreaterEqual => ">=",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArithmeticOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Debug)]
pub struct MatchArm {
    pub values: Vec<Code>,
    pub result: Code,
}

#[derive(Clone, Debug)]
pub struct For {
    pub list: Code,
    pub item: usize,
    /// The declared element type: elements are checked as they are read.
    pub element: Type,
    /// Counts kept elements from 0.
    pub index: Option<usize>,
    pub condition: Option<Code>,
    pub body: Code,
}

#[derive(Clone, Debug)]
pub enum Argument {
    Value(Code),
    Lambda { params: Vec<(usize, Type)>, body: Code },
}

/// One line of a record.
#[derive(Clone, Debug)]
pub enum Statement {
    Let {
        slot: usize,
        value: Code,
    },
    /// `a.b = value`; missing leaves it out (after a spread: takes it out).
    Assign {
        path: Vec<Text>,
        value: Code,
        span: Span,
    },
    /// The value is already seen as its type.
    Spread {
        value: Code,
    },
    If {
        condition: Code,
        then: Vec<Statement>,
        otherwise: Vec<Statement>,
    },
    Require {
        condition: Code,
        message: Code,
        span: Span,
    },
}
