//! Trees of `+ - * / %` and unary `-`: worked out in fractions, finished where the tree ends.

use super::machine::{Machine, Run, place};
use super::peek::Peek;
use super::see::{self, describe};
use super::{ErrorCode, Failure, Witness};
use crate::language::code::{ArithmeticOp, Code, Op};
use crate::value::{Currency, Fraction, Money, NumberError, Text, Value};
use std::cmp::Ordering;

/// What a tree of arithmetic comes to before it is finished: a fraction, or a value that was not calculated with.
#[derive(Clone, Debug)]
pub enum Quantity {
    Number(Fraction),
    Money(Fraction, Currency),
    Other(Value),
}

/// A quantity as something to calculate with.
enum Operand {
    Number(Fraction),
    Money(Fraction, Currency),
    Text(Text),
}

impl<'e, W: Witness> Machine<'e, '_, W> {
    /// The value of an expression; arithmetic is not finished yet.
    pub(super) fn operands(&mut self, code: &'e Code) -> Run<Quantity> {
        match &code.op {
            Op::Arithmetic { .. } | Op::Negate(_) => {
                self.deeper(code)?;
                let result = self.tree(code);
                self.left(code, &result);
                result
            }
            _ => self.value(code).map(Quantity::Other),
        }
    }

    /// The arithmetic of an operation that was entered.
    pub(super) fn tree(&mut self, code: &'e Code) -> Run<Quantity> {
        match &code.op {
            Op::Arithmetic { op, left, right } => self.combine(*op, left, right, code),
            Op::Negate(inner) => {
                let inner = self.operands(inner)?;
                negate(&inner).map_err(|failure| place(failure, code.span))
            }
            _ => self.operands(code),
        }
    }

    fn left(&mut self, code: &'e Code, result: &Run<Quantity>) {
        self.depth -= 1;
        if W::HEARS {
            let value = result.as_ref().ok().and_then(|quantity| quantity.clone().finish().ok());
            self.witness.leave(code, value.as_ref());
        }
    }

    fn combine(&mut self, op: ArithmeticOp, left: &'e Code, right: &'e Code, code: &'e Code) -> Run<Quantity> {
        if let (Some(a), Some(b)) = (self.small(left), self.small(right)) {
            return match numbers(op, Fraction::from(a), Fraction::from(b)) {
                Ok(fraction) => Ok(Quantity::Number(fraction)),
                Err(error) => Err(place(error.into(), code.span)),
            };
        }
        let left = self.operands(left)?;
        let right = self.operands(right)?;
        let result = left.calculate(op, &right).map_err(|failure| place(failure, code.span))?;
        if let Quantity::Other(Value::Text(text)) = &result {
            self.check_length(text.len(), code.span)?;
        }
        Ok(result)
    }
}

impl<'e, W: Witness> Machine<'e, '_, W> {
    /// What an expression points at, where that is a whole number of ordinary size.
    fn small(&self, code: &'e Code) -> Option<i64> {
        match self.peek(code) {
            Peek::At(Value::Number(number)) => number.small(),
            _ => None,
        }
    }
}

impl Quantity {
    /// The value that leaves the tree: a terminating decimal, or an error that says what to write.
    pub fn finish(self) -> Result<Value, Failure> {
        match self {
            Quantity::Number(fraction) => Ok(Value::from(fraction.finish()?)),
            Quantity::Money(fraction, currency) => match fraction.finish() {
                Ok(amount) => Ok(Value::Money(Money { amount, currency })),
                Err(NumberError::NotExact) => Err(Failure::new(
                    ErrorCode::Number,
                    "the amount has no end as a decimal: say how to round it, as in `m.round(\"half_even\")`",
                )),
                Err(other) => Err(other.into()),
            },
            Quantity::Other(value) => Ok(value),
        }
    }

    /// `self op right`. A text is as long as its parts: whoever keeps it checks its length.
    pub fn calculate(&self, op: ArithmeticOp, right: &Quantity) -> Result<Quantity, Failure> {
        calculate(op, self, right)
    }

    fn operand(&self) -> Result<Option<Operand>, Failure> {
        Ok(Some(match self {
            Quantity::Number(fraction) => Operand::Number(*fraction),
            Quantity::Money(fraction, currency) => Operand::Money(*fraction, *currency),
            Quantity::Other(Value::Number(number)) => Operand::Number(Fraction::from(number.exact()?)),
            Quantity::Other(Value::Money(money)) => Operand::Money(Fraction::from(money.amount), money.currency),
            Quantity::Other(Value::Text(text)) => Operand::Text(text.clone()),
            Quantity::Other(_) => return Ok(None),
        }))
    }

    /// The fraction, where this is a number.
    pub fn fraction(&self) -> Result<Option<Fraction>, Failure> {
        Ok(match self {
            Quantity::Number(fraction) => Some(*fraction),
            Quantity::Other(Value::Number(number)) => Some(Fraction::from(number.exact()?)),
            _ => None,
        })
    }

    /// The amount as a fraction and its currency, where this is money.
    pub fn money(&self) -> Option<(Fraction, Currency)> {
        match self {
            Quantity::Money(fraction, currency) => Some((*fraction, *currency)),
            Quantity::Other(Value::Money(money)) => Some((Fraction::from(money.amount), money.currency)),
            _ => None,
        }
    }

    /// A whole number of ordinary size, as most that are calculated with.
    fn small(&self) -> Option<i64> {
        match self {
            Quantity::Number(fraction) => fraction.small(),
            Quantity::Other(Value::Number(number)) => number.small(),
            _ => None,
        }
    }

    /// What it is, for a message.
    pub fn describe(&self) -> String {
        match self {
            Quantity::Number(_) => "a number".into(),
            Quantity::Money(_, currency) => format!("money in {}", currency.code()),
            Quantity::Other(value) => describe(value),
        }
    }

    /// How much there is to compare; counts no further than `most`.
    pub(super) fn weight(&self, most: u64) -> u64 {
        match self {
            Quantity::Other(value @ (Value::List(_) | Value::Record(_))) => see::count(value, most),
            _ => 0,
        }
    }
}

fn negate(quantity: &Quantity) -> Result<Quantity, Failure> {
    match quantity.operand()? {
        Some(Operand::Number(fraction)) => Ok(Quantity::Number(fraction.neg())),
        Some(Operand::Money(fraction, currency)) => Ok(Quantity::Money(fraction.neg(), currency)),
        _ => Err(Failure::kind(format!("cannot negate {}", quantity.describe()))),
    }
}

fn calculate(op: ArithmeticOp, left: &Quantity, right: &Quantity) -> Result<Quantity, Failure> {
    if let (Some(a), Some(b)) = (left.small(), right.small()) {
        return Ok(Quantity::Number(numbers(op, Fraction::from(a), Fraction::from(b))?));
    }
    calculate_any(op, left, right)
}

fn calculate_any(op: ArithmeticOp, left: &Quantity, right: &Quantity) -> Result<Quantity, Failure> {
    use ArithmeticOp::*;
    use Operand::*;
    let unfit = || {
        let (left, right) = (left.describe(), right.describe());
        Failure::kind(match op {
            Add => format!("cannot add {left} and {right}"),
            Subtract => format!("cannot take {right} from {left}"),
            Multiply => format!("cannot multiply {left} by {right}"),
            Divide | Remainder => format!("cannot divide {left} by {right}"),
        })
    };
    let (Some(a), Some(b)) = (left.operand()?, right.operand()?) else { return Err(unfit()) };
    Ok(match (op, a, b) {
        (Add, Text(a), Text(b)) => Quantity::Other(Value::Text(format!("{a}{b}").into())),
        (_, Number(a), Number(b)) => Quantity::Number(numbers(op, a, b)?),
        (Add | Subtract, Money(a, x), Money(b, y)) => {
            same_currency(x, y)?;
            Quantity::Money(numbers(op, a, b)?, x)
        }
        (Divide, Money(a, x), Money(b, y)) => {
            same_currency(x, y)?;
            Quantity::Number(numbers(op, a, b)?)
        }
        (Multiply | Divide, Money(a, x), Number(b)) => Quantity::Money(numbers(op, a, b)?, x),
        (Multiply, Number(a), Money(b, y)) => Quantity::Money(numbers(op, a, b)?, y),
        _ => return Err(unfit()),
    })
}

fn numbers(op: ArithmeticOp, a: Fraction, b: Fraction) -> Result<Fraction, NumberError> {
    match op {
        ArithmeticOp::Add => a.add(b),
        ArithmeticOp::Subtract => a.sub(b),
        ArithmeticOp::Multiply => a.mul(b),
        ArithmeticOp::Divide => a.div(b),
        ArithmeticOp::Remainder => a.rem(b),
    }
}

fn same_currency(a: Currency, b: Currency) -> Result<(), Failure> {
    if a == b {
        return Ok(());
    }
    Err(NumberError::TwoCurrencies(a.to_string(), b.to_string()).into())
}

/// `==`: missing, null and values all differ; values of two kinds cannot be compared.
pub(super) fn equal(left: &Quantity, right: &Quantity) -> Result<bool, Failure> {
    if let (Quantity::Other(a), Quantity::Other(b)) = (left, right) {
        return same(a, b);
    }
    match (left.operand()?, right.operand()?) {
        (Some(Operand::Number(a)), Some(Operand::Number(b))) => Ok(a == b),
        (Some(Operand::Money(a, x)), Some(Operand::Money(b, y))) => Ok(x == y && a == b),
        _ if matches!(left, Quantity::Other(Value::Missing | Value::Null)) => Ok(false),
        _ if matches!(right, Quantity::Other(Value::Missing | Value::Null)) => Ok(false),
        _ => Err(Failure::kind(format!("cannot compare {} with {}", left.describe(), right.describe()))),
    }
}

/// `==` of two values.
pub(super) fn same(a: &Value, b: &Value) -> Result<bool, Failure> {
    a.equal(b).map_err(|_| Failure::kind(format!("cannot compare {} with {}", describe(a), describe(b))))
}

/// `<` of two values.
pub(super) fn rank(a: &Value, b: &Value) -> Result<Ordering, Failure> {
    if let (Value::Money(a), Value::Money(b)) = (a, b) {
        return Ok(a.compare(b)?);
    }
    a.order(b).map_err(|_| Failure::kind(format!("cannot order {} and {}", describe(a), describe(b))))
}

/// `<` and its kin: two numbers, dates, times, monies of one currency, or texts.
pub(super) fn order(left: &Quantity, right: &Quantity) -> Result<Ordering, Failure> {
    if let (Quantity::Other(a), Quantity::Other(b)) = (left, right) {
        return rank(a, b);
    }
    match (left.operand()?, right.operand()?) {
        (Some(Operand::Number(a)), Some(Operand::Number(b))) => Ok(a.cmp(&b)),
        (Some(Operand::Money(a, x)), Some(Operand::Money(b, y))) => {
            same_currency(x, y)?;
            Ok(a.cmp(&b))
        }
        _ => Err(Failure::kind(format!("cannot order {} and {}", left.describe(), right.describe()))),
    }
}
