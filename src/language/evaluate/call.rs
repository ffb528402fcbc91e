//! What a built-in sees of its call: arguments, lambdas, what was prepared. Its methods give the failures that every
//! function shares, in the reader's words.

use super::machine::{Run, Stop};
use super::see::{self, describe, quote};
use super::{ErrorCode, EvalError, Failure, Limits, Quantity};
use crate::diagnostics::Span;
use crate::language::code::Code;
use crate::language::functions::Prepared;
use crate::language::types::Type;
use crate::value::{Currency, Exact, Fraction, Money, Record, Text, Value};

/// A built-in's view of its call.
pub struct Call<'c, 'e> {
    pub prepared: Option<&'c Prepared>,
    host: &'c mut dyn Host<'e>,
    args: &'c [Argument<'e>],
    overload: usize,
    span: Span,
}

/// The machine, whoever its witness is.
pub(super) trait Host<'e> {
    fn lambda(&mut self, params: &'e [(usize, Type)], body: &'e Code, values: &[Value]) -> Run<Value>;
    fn charge(&mut self, steps: u64, span: Span) -> Run<()>;
    fn limits(&self) -> &Limits;
}

/// An argument as it was evaluated; arithmetic is finished when it is taken.
pub(super) enum Argument<'e> {
    Value(Value),
    Quantity(Quantity, Span),
    /// Written out: part of the code.
    Constant(&'e Value),
    Lambda(&'e [(usize, Type)], &'e Code),
}

impl Argument<'_> {
    pub(super) const NONE: Self = Argument::Value(Value::Missing);
}

impl<'c, 'e> Call<'c, 'e> {
    pub(super) fn new(
        host: &'c mut dyn Host<'e>,
        prepared: Option<&'c Prepared>,
        args: &'c [Argument<'e>],
        overload: usize,
        span: Span,
    ) -> Call<'c, 'e> {
        Call { prepared, host, args, overload, span }
    }

    /// How many arguments there are.
    pub fn len(&self) -> usize {
        self.args.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.args.is_empty()
    }

    /// Which of the function's signatures it is. With an `any` among the arguments it is the first that may fit.
    pub fn overload(&self) -> usize {
        self.overload
    }

    /// The argument; missing where it was not given.
    pub fn value(&self, n: usize) -> Result<Value, Failure> {
        match self.args.get(n) {
            Some(Argument::Constant(value)) => Ok((*value).clone()),
            Some(Argument::Value(value)) => Ok(value.clone()),
            Some(Argument::Quantity(quantity, span)) => quantity.clone().finish().map_err(|failure| at(failure, *span)),
            Some(Argument::Lambda(..)) => Err(Failure::kind("expected a value, got a lambda")),
            None => Ok(Value::Missing),
        }
    }

    /// The argument where it is, unless it was calculated: copying one counts owners.
    pub fn peek(&self, n: usize) -> Option<&'c Value> {
        match self.args.get(n) {
            Some(Argument::Constant(value)) => Some(value),
            Some(Argument::Value(value) | Argument::Quantity(Quantity::Other(value), _)) => Some(value),
            _ => None,
        }
    }

    /// An argument of another kind than the one that is expected.
    #[cold]
    fn unfit<T>(&self, n: usize, expected: &str) -> Result<T, Failure> {
        self.value(n).and_then(|other| Err(unfit(expected, &describe(&other))))
    }

    /// The amount as it was calculated and its currency, where the argument is money.
    pub fn amount(&self, n: usize) -> Option<(Fraction, Currency)> {
        match self.args.get(n) {
            Some(Argument::Quantity(quantity, _)) => quantity.money(),
            Some(Argument::Value(Value::Money(money))) => Some((Fraction::from(money.amount), money.currency)),
            _ => None,
        }
    }

    /// A number as it was calculated, before it has to be a decimal that ends.
    pub fn fraction(&self, n: usize) -> Result<Fraction, Failure> {
        if let Some(Argument::Quantity(quantity, _)) = self.args.get(n) {
            return quantity.fraction()?.ok_or_else(|| unfit("a number", &quantity.describe()));
        }
        match self.peek(n) {
            Some(Value::Number(number)) => Ok(match number.small() {
                Some(small) => Fraction::from(small),
                None => Fraction::from(number.exact()?),
            }),
            _ => self.unfit(n, "a number"),
        }
    }

    /// A number that ends.
    pub fn number(&self, n: usize) -> Result<Exact, Failure> {
        if let Some(Value::Number(number)) = self.peek(n) {
            return Ok(number.exact()?);
        }
        match self.value(n)? {
            Value::Number(number) => Ok(number.exact()?),
            other => Err(unfit("a number", &describe(&other))),
        }
    }

    /// A whole number.
    pub fn int(&self, n: usize) -> Result<i64, Failure> {
        let number = self.number(n)?;
        match number.to_i64() {
            Some(int) => Ok(int),
            None => Err(Failure::value(format!("expected int, got {number}"))),
        }
    }

    /// A whole number that counts something.
    pub fn size(&self, n: usize) -> Result<usize, Failure> {
        let int = self.int(n)?;
        usize::try_from(int).map_err(|_| Failure::value(format!("expected a number from 0, got {int}")))
    }

    pub fn text(&self, n: usize) -> Result<&'c Text, Failure> {
        match self.peek(n) {
            Some(Value::Text(text)) => Ok(text),
            _ => self.unfit(n, "text"),
        }
    }

    pub fn list(&self, n: usize) -> Result<&'c [Value], Failure> {
        match self.peek(n) {
            Some(Value::List(items)) => Ok(items),
            _ => self.unfit(n, "a list"),
        }
    }

    pub fn record(&self, n: usize) -> Result<&'c Record, Failure> {
        match self.peek(n) {
            Some(Value::Record(record)) => Ok(record),
            _ => self.unfit(n, "a record"),
        }
    }

    pub fn money(&self, n: usize) -> Result<Money, Failure> {
        match self.value(n)? {
            Value::Money(money) => Ok(money),
            other => Err(unfit("money", &describe(&other))),
        }
    }

    /// A currency code in any case.
    pub fn currency(&self, n: usize) -> Result<Currency, Failure> {
        let code = self.text(n)?;
        Currency::parse(code).ok_or_else(|| Failure::value(format!("{} is no currency of ISO 4217", quote(code))))
    }

    /// Whether the argument is a lambda.
    pub fn is_lambda(&self, n: usize) -> bool {
        matches!(self.args.get(n), Some(Argument::Lambda(..)))
    }

    /// What the lambda gives for these values.
    pub fn lambda(&mut self, n: usize, values: &[Value]) -> Result<Value, Failure> {
        let Some(Argument::Lambda(params, body)) = self.args.get(n) else {
            return Err(Failure::kind("expected a lambda, got a value"));
        };
        let (params, body) = (*params, *body);
        self.host.lambda(params, body, values).map_err(failure)
    }

    /// Whether the condition holds.
    pub fn holds(&mut self, n: usize, value: &Value) -> Result<bool, Failure> {
        match self.lambda(n, std::slice::from_ref(value))? {
            Value::Bool(holds) => Ok(holds),
            other => Err(unfit("bool from the lambda", &describe(&other))),
        }
    }

    /// Counts work that grows with the data: elements copied or looked at beyond those a lambda counts.
    pub fn charge(&mut self, steps: usize) -> Result<(), Failure> {
        self.host.charge(steps as u64, self.span).map_err(failure)
    }

    /// A text result, no longer than the limit: asked before it is built where it can grow.
    pub fn room(&self, bytes: usize) -> Result<(), Failure> {
        let limit = self.host.limits().text;
        if bytes > limit {
            return Err(Failure::new(ErrorCode::Limit, format!("a text of more than {limit} bytes")));
        }
        Ok(())
    }

    /// Whether a value may be written out: it is no larger than a result may be.
    pub fn measure(&self, value: &Value) -> Result<(), Failure> {
        see::measure(value, self.host.limits()).map_err(|why| Failure::new(ErrorCode::Limit, why))
    }

    /// What `Function::prepare` made.
    pub fn prepared<T: 'static>(&self) -> Option<&'c T> {
        self.prepared.and_then(|prepared| prepared.downcast_ref())
    }
}

/// "expected text, got number 12".
pub(crate) fn unfit(expected: &str, got: &str) -> Failure {
    Failure::kind(format!("expected {expected}, got {got}"))
}

fn at(failure: Failure, span: Span) -> Failure {
    EvalError::new(failure.code, failure.message.as_str(), span).into()
}

fn failure(stop: Stop) -> Failure {
    match stop {
        Stop::Error(error) => (*error).into(),
        Stop::Nothing => Failure::new(ErrorCode::Absent, "nothing was found"),
    }
}
