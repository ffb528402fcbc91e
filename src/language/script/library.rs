//! What scripts can call on texts, arrays and maps. rhai's own packages are left out: they count from the end where a
//! position is below 0, take whatever is no `bool` for `false`, give `()` where nothing is there, and sleep.
//!
//! A name here does what rhai's book says of it, or is an error where the book does something silent.

use super::operators::{Outcome, equal, exact, fail, kind, order, text};
use rhai::{Array, Dynamic, Engine, FLOAT, FnPtr, INT, ImmutableString, Map, NativeCallContext};
use rust_decimal::Decimal;
use std::cmp::Ordering;
use std::ops::{Range, RangeInclusive};

pub(super) fn register(engine: &mut Engine) {
    engine.register_iterator::<Array>();
    engine.register_iterator::<Range<INT>>();
    engine.register_iterator::<RangeInclusive<INT>>();
    texts(engine);
    arrays(engine);
    closures(engine);
    maps(engine);
}

fn texts(engine: &mut Engine) {
    // Also what `${…}` writes: numbers as mappings write them.
    engine.register_fn("to_string", |value: ImmutableString| value);
    engine.register_fn("to_string", |value: char| value.to_string());
    engine.register_fn("to_string", |value: bool| value.to_string());
    engine.register_fn("to_string", |value: INT| value.to_string());
    engine.register_fn("to_string", |value: Decimal| number_text(Dynamic::from_decimal(value)));
    // `${…}` cannot fail: nothing is at least seen.
    engine.register_fn("to_string", |(): ()| "()");
    engine.register_fn("to_string", |value: FLOAT| number_text(Dynamic::from_float(value)));
    engine.register_fn("len", |text: &mut ImmutableString| text.chars().count() as INT);
    engine.register_get("len", |text: &mut ImmutableString| text.chars().count() as INT);
    engine.register_fn("is_empty", |text: &mut ImmutableString| text.is_empty());
    engine.register_fn("contains", |text: &mut ImmutableString, part: Dynamic| {
        Ok::<_, Error>(text.contains(&*wanted_text(&part)?))
    });
    engine.register_fn("starts_with", |text: &mut ImmutableString, part: Dynamic| {
        Ok::<_, Error>(text.starts_with(&*wanted_text(&part)?))
    });
    engine.register_fn("ends_with", |text: &mut ImmutableString, part: Dynamic| {
        Ok::<_, Error>(text.ends_with(&*wanted_text(&part)?))
    });
    engine.register_fn("index_of", |text: &mut ImmutableString, part: Dynamic| -> Outcome<Dynamic> {
        let at = text.find(&*wanted_text(&part)?);
        Ok(at.map_or(Dynamic::UNIT, |at| Dynamic::from_int(text[..at].chars().count() as INT)))
    });
    engine.register_fn("to_upper", |text: &mut ImmutableString| text.to_uppercase());
    engine.register_fn("to_lower", |text: &mut ImmutableString| text.to_lowercase());
    engine.register_fn("trim", |text: &mut ImmutableString| *text = text.trim().into());
    engine.register_fn("replace", |text: &mut ImmutableString, part: Dynamic, by: Dynamic| -> Outcome<()> {
        *text = text.replace(&*wanted_text(&part)?, &wanted_text(&by)?).into();
        Ok(())
    });
    engine.register_fn("split", |text: &mut ImmutableString, between: Dynamic| -> Outcome<Array> {
        let between = wanted_text(&between)?;
        if between.is_empty() {
            return Err(fail("`split` needs a text that stands between the parts"));
        }
        Ok(text.split(&*between).map(|part| Dynamic::from(ImmutableString::from(part))).collect())
    });
    engine.register_fn("sub_string", |text: &mut ImmutableString, from: Dynamic| -> Outcome<ImmutableString> {
        let (from, count) = (position(&from)?, text.chars().count());
        cut(text, from, count.saturating_sub(from))
    });
    engine.register_fn(
        "sub_string",
        |text: &mut ImmutableString, from: Dynamic, length: Dynamic| -> Outcome<ImmutableString> {
            cut(text, position(&from)?, position(&length)?)
        },
    );
}

fn arrays(engine: &mut Engine) {
    engine.register_fn("len", |items: &mut Array| items.len() as INT);
    engine.register_get("len", |items: &mut Array| items.len() as INT);
    engine.register_fn("is_empty", |items: &mut Array| items.is_empty());
    engine.register_fn("push", |items: &mut Array, item: Dynamic| items.push(item));
    engine.register_fn("clear", |items: &mut Array| items.clear());
    engine.register_fn("reverse", |items: &mut Array| items.reverse());
    engine
        .register_fn("pop", |items: &mut Array| items.pop().ok_or_else(|| fail("`pop` of an array without elements")));
    engine.register_fn("shift", |items: &mut Array| -> Outcome<Dynamic> {
        if items.is_empty() { Err(fail("`shift` of an array without elements")) } else { Ok(items.remove(0)) }
    });
    engine.register_fn("insert", |items: &mut Array, at: Dynamic, item: Dynamic| -> Outcome<()> {
        let at = position(&at)?;
        if at > items.len() {
            return Err(outside(at, items.len()));
        }
        items.insert(at, item);
        Ok(())
    });
    engine.register_fn("remove", |items: &mut Array, at: Dynamic| -> Outcome<Dynamic> {
        let at = position(&at)?;
        if at >= items.len() { Err(outside(at, items.len())) } else { Ok(items.remove(at)) }
    });
    engine.register_fn("contains", |items: &mut Array, item: Dynamic| -> Outcome<bool> {
        Ok(index_of(items, &item)?.is_some())
    });
    engine.register_fn("index_of", |items: &mut Array, item: Dynamic| -> Outcome<Dynamic> {
        Ok(index_of(items, &item)?.map_or(Dynamic::UNIT, |at| Dynamic::from_int(at as INT)))
    });
    engine.register_fn("sort", |items: &mut Array| -> Outcome<()> {
        *items = sorted(std::mem::take(items), &mut |a, b| order(a, b))?;
        Ok(())
    });
}

/// Those that take a function.
fn closures(engine: &mut Engine) {
    engine.register_fn("sort", |context: NativeCallContext, items: &mut Array, by: FnPtr| -> Outcome<()> {
        let mut compare = |a: &Dynamic, b: &Dynamic| {
            let given: Dynamic = by.call_within_context(&context, (a.clone(), b.clone()))?;
            order(&given, &Dynamic::from_int(0))
        };
        *items = sorted(std::mem::take(items), &mut compare)?;
        Ok(())
    });
    engine.register_fn("map", |context: NativeCallContext, items: &mut Array, of: FnPtr| -> Outcome<Array> {
        items.iter().map(|item| of.call_within_context(&context, (item.clone(),))).collect()
    });
    engine.register_fn("filter", |context: NativeCallContext, items: &mut Array, keep: FnPtr| -> Outcome<Array> {
        let mut kept = Array::new();
        for item in items.iter() {
            if holds(&context, &keep, item)? {
                kept.push(item.clone());
            }
        }
        Ok(kept)
    });
    engine.register_fn("all", |context: NativeCallContext, items: &mut Array, test: FnPtr| -> Outcome<bool> {
        items.iter().try_fold(true, |all, item| Ok(all && holds(&context, &test, item)?))
    });
    engine.register_fn("some", |context: NativeCallContext, items: &mut Array, test: FnPtr| -> Outcome<bool> {
        items.iter().try_fold(false, |some, item| Ok(some || holds(&context, &test, item)?))
    });
    engine.register_fn("find", |context: NativeCallContext, items: &mut Array, test: FnPtr| -> Outcome<Dynamic> {
        for item in items.iter() {
            if holds(&context, &test, item)? {
                return Ok(item.clone());
            }
        }
        Ok(Dynamic::UNIT)
    });
    engine.register_fn(
        "reduce",
        |context: NativeCallContext, items: &mut Array, step: FnPtr, start: Dynamic| -> Outcome<Dynamic> {
            items.iter().try_fold(start, |sum, item| step.call_within_context(&context, (sum, item.clone())))
        },
    );
}

fn maps(engine: &mut Engine) {
    engine.register_fn("len", |map: &mut Map| map.len() as INT);
    engine.register_fn("is_empty", |map: &mut Map| map.is_empty());
    engine.register_fn("contains", |map: &mut Map, name: Dynamic| -> Outcome<bool> {
        Ok(map.contains_key(&*wanted_text(&name)?))
    });
    engine.register_fn("get", |map: &mut Map, name: Dynamic| -> Outcome<Dynamic> {
        Ok(map.get(&*wanted_text(&name)?).cloned().unwrap_or(Dynamic::UNIT))
    });
    engine.register_fn("remove", |map: &mut Map, name: Dynamic| -> Outcome<Dynamic> {
        let name = wanted_text(&name)?;
        map.remove(&*name).ok_or_else(|| fail(format!("there is no `{name}` to remove")))
    });
    engine.register_fn("keys", |map: &mut Map| {
        map.keys().map(|name| Dynamic::from(ImmutableString::from(name.as_str()))).collect::<Array>()
    });
    engine.register_fn("values", |map: &mut Map| map.values().cloned().collect::<Array>());
}

type Error = Box<rhai::EvalAltResult>;

fn number_text(value: Dynamic) -> Outcome<ImmutableString> {
    match exact(&value) {
        Some(number) => Ok(number.map_err(fail)?.shortest().to_string().into()),
        None => Err(fail(format!("expected a number, got {}", kind(&value)))),
    }
}

fn wanted_text(value: &Dynamic) -> Outcome<String> {
    text(value).ok_or_else(|| fail(format!("expected text, got {}", kind(value))))
}

/// A place in a text or an array, or a length: whole and not below 0.
fn position(value: &Dynamic) -> Outcome<usize> {
    match exact(value) {
        Some(number) => {
            let number = number.map_err(fail)?;
            let place = number.to_i64().and_then(|place| usize::try_from(place).ok());
            place.ok_or_else(|| fail(format!("{number} is no position: they count from 0")))
        }
        None => Err(fail(format!("expected a position, got {}", kind(value)))),
    }
}

fn outside(at: usize, count: usize) -> Error {
    fail(format!("position {at} is outside: there are {count} elements"))
}

fn cut(text: &str, from: usize, length: usize) -> Outcome<ImmutableString> {
    let count = text.chars().count();
    match from.checked_add(length).is_some_and(|end| end <= count) {
        true => Ok(text.chars().skip(from).take(length).collect::<String>().into()),
        false => Err(fail(format!("{length} characters from {from} are more than the text's {count}"))),
    }
}

fn index_of(items: &Array, wanted: &Dynamic) -> Outcome<Option<usize>> {
    for (at, item) in items.iter().enumerate() {
        if equal(item, wanted)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn holds(context: &NativeCallContext, test: &FnPtr, item: &Dynamic) -> Outcome<bool> {
    let given: Dynamic = test.call_within_context(context, (item.clone(),))?;
    given.as_bool().map_err(|_| fail(format!("expected true or false from the function, got {}", kind(&given))))
}

/// Stable, and safe whatever the comparison says.
fn sorted(items: Array, compare: &mut dyn FnMut(&Dynamic, &Dynamic) -> Outcome<Ordering>) -> Outcome<Array> {
    if items.len() < 2 {
        return Ok(items);
    }
    let mut left = items;
    let right = left.split_off(left.len() / 2);
    let (left, right) = (sorted(left, compare)?, sorted(right, compare)?);
    let mut merged = Array::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if compare(a, b)?.is_le() { left.next() } else { right.next() };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    Ok(merged)
}
