//! The operators and number functions of scripts, over rhai's own: exact, and never between two kinds.
//!
//! A whole number from 0 that fits is rhai's integer (it indexes and counts), any other a decimal: rhai takes a position
//! below 0 from the end. Which one it is makes no difference to any operator. rhai's floats exist only as literals, so that their shortest text is what was written.

use super::scan::FLOAT_DIGITS;
use crate::value::{Exact, Fraction, NumberError, Rounding};
use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString, Map, Position};
use rust_decimal::Decimal;
use std::cmp::Ordering;
use std::str::FromStr;

pub(super) type Outcome<T> = Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine) {
    for op in ["+", "-", "*", "/", "%"] {
        engine.register_fn(op, move |a: Dynamic, b: Dynamic| arithmetic(op, a, b));
        engine.register_fn(format!("{op}="), move |a: &mut Dynamic, b: Dynamic| -> Outcome<()> {
            *a = arithmetic(op, a.clone(), b)?;
            Ok(())
        });
    }
    // Powers are floats, shifts lose digits, and bits are no logic.
    for op in ["**", "<<", ">>", "&", "|", "^"] {
        let refuse = move |_: Dynamic, _: Dynamic| -> Outcome<Dynamic> {
            Err(fail(format!("there is no `{op}` in scripts; logic is `&&` and `||`")))
        };
        engine.register_fn(op, refuse);
        engine.register_fn(format!("{op}="), refuse);
    }
    // rhai has these for texts, arrays and maps by itself, with conversions that we do not want: ours go before them.
    engine.register_fn("+", |a: ImmutableString, b: Dynamic| arithmetic("+", a.into(), b));
    engine.register_fn("+", |a: Dynamic, b: ImmutableString| arithmetic("+", a, b.into()));
    engine.register_fn("+", |a: ImmutableString, ()| arithmetic("+", a.into(), Dynamic::UNIT));
    engine.register_fn("+", |(), b: ImmutableString| arithmetic("+", Dynamic::UNIT, b.into()));
    engine.register_fn("+=", |a: &mut ImmutableString, b: Dynamic| append(a, b));
    engine.register_fn("+=", |a: &mut ImmutableString, ()| append(a, Dynamic::UNIT));
    engine.register_fn("==", |a: Array, b: Array| equal(&a.into(), &b.into()));
    engine.register_fn("!=", |a: Array, b: Array| equal(&a.into(), &b.into()).map(|equal| !equal));
    engine.register_fn("==", |a: Map, b: Map| equal(&a.into(), &b.into()));
    engine.register_fn("!=", |a: Map, b: Map| equal(&a.into(), &b.into()).map(|equal| !equal));
    engine.register_fn("==", |a: Dynamic, b: Dynamic| equal(&a, &b));
    engine.register_fn("!=", |a: Dynamic, b: Dynamic| equal(&a, &b).map(|equal| !equal));
    engine.register_fn("<", |a: Dynamic, b: Dynamic| order(&a, &b).map(|order| order == Ordering::Less));
    engine.register_fn("<=", |a: Dynamic, b: Dynamic| order(&a, &b).map(|order| order != Ordering::Greater));
    engine.register_fn(">", |a: Dynamic, b: Dynamic| order(&a, &b).map(|order| order == Ordering::Greater));
    engine.register_fn(">=", |a: Dynamic, b: Dynamic| order(&a, &b).map(|order| order != Ordering::Less));
    engine.register_fn("-", |a: Dynamic| arithmetic("-", Dynamic::from_int(0), a));
    engine.register_fn("abs", |a: Dynamic| {
        let negative = order(&a, &Dynamic::from_int(0))? == Ordering::Less;
        if negative { arithmetic("-", Dynamic::from_int(0), a) } else { Ok(a) }
    });
    engine.register_fn("min", |a: Dynamic, b: Dynamic| {
        Ok::<_, Box<EvalAltResult>>(if order(&b, &a)?.is_lt() { b } else { a })
    });
    engine.register_fn("max", |a: Dynamic, b: Dynamic| {
        Ok::<_, Box<EvalAltResult>>(if order(&b, &a)?.is_gt() { b } else { a })
    });
    engine.register_fn("floor", |a: Dynamic| round(&a, 0, Rounding::Floor));
    engine.register_fn("ceil", |a: Dynamic| round(&a, 0, Rounding::Ceiling));
    engine.register_fn("decimal", |text: ImmutableString| {
        Exact::parse(&text).map_err(|error| fail(error.to_string())).and_then(dynamic)
    });
    engine.register_fn("round", |a: Dynamic, places: i64, mode: ImmutableString| {
        let mode = Rounding::parse(&mode).ok_or_else(|| fail(format!("`{mode}` is no way of rounding")))?;
        match u32::try_from(places) {
            Ok(places) if places <= 28 => round(&a, places, mode),
            _ => Err(fail(format!("expected 0 to 28 decimals, got {places}"))),
        }
    });
}

/// A number of any of rhai's kinds; `None` where it is none.
pub(super) fn exact(value: &Dynamic) -> Option<Result<Exact, String>> {
    if let Ok(int) = value.as_int() {
        return Some(Ok(Exact::from(int)));
    }
    if let Ok(decimal) = value.as_decimal() {
        return Some(Exact::parse(&decimal.to_string()).map_err(|error| error.to_string()));
    }
    let float = value.as_float().ok()?;
    let text = float.to_string();
    if text.bytes().filter(u8::is_ascii_digit).count() > FLOAT_DIGITS {
        return Some(Err(format!("{text} has more than {FLOAT_DIGITS} digits; write it as `decimal(\"…\")`")));
    }
    Some(Exact::parse(&text).map_err(|error| error.to_string()))
}

/// A number as scripts hold it.
pub(super) fn from_exact(number: Exact) -> Result<Dynamic, String> {
    if let Some(int) = number.to_i64().filter(|int| *int >= 0) {
        return Ok(Dynamic::from_int(int));
    }
    let text = number.shortest().to_string();
    match Decimal::from_str(&text) {
        Ok(decimal) if decimal.normalize().to_string() == text => Ok(Dynamic::from_decimal(decimal)),
        _ => Err(format!("{text} has more digits than a script can hold")),
    }
}

fn dynamic(number: Exact) -> Outcome<Dynamic> {
    from_exact(number).map_err(fail)
}

fn round(value: &Dynamic, places: u32, mode: Rounding) -> Outcome<Dynamic> {
    match exact(value) {
        Some(number) => {
            let rounded = Fraction::from(number.map_err(fail)?).round(places, mode);
            dynamic(rounded.map_err(|error| fail(error.to_string()))?)
        }
        None => Err(fail(format!("cannot round a {}", kind(value)))),
    }
}

fn arithmetic(op: &str, a: Dynamic, b: Dynamic) -> Outcome<Dynamic> {
    if let (Some(x), Some(y)) = (exact(&a), exact(&b)) {
        let (x, y) = (Fraction::from(x.map_err(fail)?), Fraction::from(y.map_err(fail)?));
        let result = calculate(op, x, y).and_then(|fraction| fraction.finish());
        return dynamic(result.map_err(|error| fail(error.to_string()))?);
    }
    if op == "+" {
        if let (Some(x), Some(y)) = (text(&a), text(&b)) {
            return Ok(Dynamic::from(format!("{x}{y}")));
        }
        if a.is_array() && b.is_array() {
            let mut items = a.into_array().map_err(fail)?;
            items.extend(b.into_array().map_err(fail)?);
            return Ok(Dynamic::from_array(items));
        }
    }
    Err(fail(format!("cannot calculate {} {op} {}", kind(&a), kind(&b))))
}

fn append(a: &mut ImmutableString, b: Dynamic) -> Outcome<()> {
    *a = arithmetic("+", a.clone().into(), b)?.into_immutable_string().map_err(fail)?;
    Ok(())
}

fn calculate(op: &str, a: Fraction, b: Fraction) -> Result<Fraction, NumberError> {
    match op {
        "+" => a.add(b),
        "-" => a.sub(b),
        "*" => a.mul(b),
        "/" => a.div(b),
        _ => a.rem(b),
    }
}

/// `()` may be asked of everything; two other kinds cannot be compared.
pub(super) fn equal(a: &Dynamic, b: &Dynamic) -> Outcome<bool> {
    if a.is_unit() || b.is_unit() {
        return Ok(a.is_unit() && b.is_unit());
    }
    if kind(a) != kind(b) {
        return Err(fail(format!("cannot compare {} and {}", kind(a), kind(b))));
    }
    same(a, b)
}

/// By value; inside arrays and maps, two kinds are just unequal.
fn same(a: &Dynamic, b: &Dynamic) -> Outcome<bool> {
    if let (Some(x), Some(y)) = (exact(a), exact(b)) {
        return Ok(x.map_err(fail)? == y.map_err(fail)?);
    }
    if let (Some(x), Some(y)) = (text(a), text(b)) {
        return Ok(x == y);
    }
    if let (Ok(x), Ok(y)) = (a.as_bool(), b.as_bool()) {
        return Ok(x == y);
    }
    if let (Ok(x), Ok(y)) = (a.as_array_ref(), b.as_array_ref()) {
        return Ok(x.len() == y.len() && all(x.iter().zip(y.iter()).map(|(x, y)| same(x, y)))?);
    }
    if let (Ok(x), Ok(y)) = (a.as_map_ref(), b.as_map_ref()) {
        let fields = x.iter().map(|(name, x)| y.get(name).map_or(Ok(false), |y| same(x, y)));
        return Ok(x.len() == y.len() && all(fields)?);
    }
    Ok(a.is_unit() && b.is_unit())
}

fn all(mut results: impl Iterator<Item = Outcome<bool>>) -> Outcome<bool> {
    results.try_fold(true, |all, same| Ok(all && same?))
}

pub(super) fn order(a: &Dynamic, b: &Dynamic) -> Outcome<Ordering> {
    if let (Some(x), Some(y)) = (exact(a), exact(b)) {
        return Ok(x.map_err(fail)?.cmp(&y.map_err(fail)?));
    }
    if let (Some(x), Some(y)) = (text(a), text(b)) {
        return Ok(x.cmp(&y));
    }
    Err(fail(format!("cannot order {} and {}", kind(a), kind(b))))
}

pub(super) fn text(value: &Dynamic) -> Option<String> {
    match value.as_char() {
        Ok(letter) => Some(letter.to_string()),
        Err(_) => value.as_immutable_string_ref().ok().map(|text| text.to_string()),
    }
}

pub(super) fn kind(value: &Dynamic) -> &'static str {
    if exact(value).is_some() {
        "number"
    } else if text(value).is_some() {
        "text"
    } else if value.is_bool() {
        "bool"
    } else if value.is_array() {
        "array"
    } else if value.is_map() {
        "map"
    } else if value.is_unit() {
        "()"
    } else {
        "something else"
    }
}

pub(super) fn fail(message: impl std::fmt::Display) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorArithmetic(message.to_string(), Position::NONE))
}
