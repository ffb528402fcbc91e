//! `round`: to a number of decimals, or to a currency's.

use super::{Area, Call, Example, Failure, Function, Value, give};
use crate::language::evaluate::quote;
use crate::value::{Money, Number, NumberError, Rounding};

pub static FUNCTION: Function = Function {
    name: "round",
    area: Area::Numbers,
    signatures: &[
        "(x: decimal, places: int, mode: \"half_even\" | \"half_away\" | \"up\" | \"down\" | \"floor\" | \"ceiling\") -> decimal",
        "(m: money, mode: \"half_even\" | \"half_away\" | \"up\" | \"down\" | \"floor\" | \"ceiling\") -> money",
    ],
    summary: "Rounds a number to so many decimals, or a money to its currency's.",
    doc: "There is no default mode. `up` is away from zero, `down` towards it. Takes an exact fraction: \
          `round(10 / 3, 2, \"half_even\")`. The result keeps its decimals where it is not calculated with.",
    examples: &[
        Example { source: "round(2 / 3, 2, \"half_even\")", result: "0.67" },
        Example { source: "round(0.125, 2, \"half_even\")", result: "0.12" },
        Example { source: "round(0.125, 2, \"half_away\")", result: "0.13" },
        Example { source: "round(-0.121, 2, \"up\")", result: "(-0.13)" },
        Example { source: "\"{round(1, 2, \"down\")}\"", result: "\"1.00\"" },
        Example { source: "(money(10, \"USD\") / 3).round(\"half_even\").amount", result: "3.33" },
    ],
    prepare: None,
    gives: None,
    run: |call, out| give(run(call), out),
};

#[inline]
fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    if let Some((amount, currency)) = call.amount(0) {
        let mode = mode(call, 1)?;
        let places = currency.minor_units().ok_or_else(|| NumberError::NoMinorUnit(currency.to_string()))?;
        return Ok(Value::Money(Money::new(amount.round(places, mode)?, currency)));
    }
    let number = call.fraction(0)?;
    let places = call.int(1)?;
    let Some(places) = u32::try_from(places).ok().filter(|places| *places <= 28) else {
        return Err(Failure::value(format!("expected 0 to 28 decimals, got {places}")));
    };
    let mode = mode(call, 2)?;
    Ok(Value::Number(Number::from(number.round(places, mode)?)))
}

fn mode(call: &mut Call<'_, '_>, n: usize) -> Result<Rounding, Failure> {
    let name = call.text(n)?;
    Rounding::parse(name).ok_or_else(|| Failure::value(format!("{} is no way of rounding", quote(name))))
}
