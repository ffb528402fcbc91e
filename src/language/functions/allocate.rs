//! `allocate`: money in parts that add up to it.

use super::{Call, Example, Failure, Function, Value, list};
use crate::language::evaluate::describe;
use crate::value::{Exact, Fraction, Money, Rounding};

pub static FUNCTION: Function = Function {
    name: "allocate",
    signatures: &["(m: money, weights: list<decimal>) -> list<money>"],
    summary: "Splits a money by weights into parts of whole minor units that add up to it.",
    doc: "Each part is cut toward zero; what remains goes out one minor unit each by largest remainder, earlier first. No weight \
          is negative and their sum is above 0. The money has no more decimals than its currency.",
    examples: &[
        Example { source: "money(10, \"USD\").allocate([1, 1, 1]).map(m => m.amount)", result: "[3.34, 3.33, 3.33]" },
        Example { source: "money(-0.05, \"USD\").allocate([1, 1]).map(m => m.to_minor())", result: "[(-3), (-2)]" },
        Example { source: "money(1, \"USD\").allocate([0])", result: "error value" },
    ],
    prepare: None,
    run,
};

fn run(call: &mut Call<'_, '_>) -> Result<Value, Failure> {
    let money = call.money(0)?;
    let total = Fraction::from(money.to_minor()?);
    let mut weights = vec![];
    let mut sum = Fraction::from(Exact::ZERO);
    for item in call.list(1)?.iter() {
        let Value::Number(number) = item else {
            return Err(Failure::kind(format!("expected weights that are numbers, got {}", describe(item))));
        };
        let weight = number.exact()?;
        if weight.is_negative() {
            return Err(Failure::value(format!("expected weights from 0, got {weight}")));
        }
        sum = sum.add(Fraction::from(weight))?;
        weights.push(Fraction::from(weight));
    }
    call.charge(weights.len())?;
    if sum.is_zero() {
        return Err(Failure::value("expected weights whose sum is above 0"));
    }
    // Cut toward zero, then hand out what remains by largest remainder.
    let mut parts = vec![];
    let mut rest = total;
    for weight in &weights {
        let share = total.multiply(*weight)?.divide(sum)?;
        let cut = Fraction::from(share.round(0, Rounding::Down)?);
        rest = rest.subtract(cut)?;
        parts.push((cut, share.subtract(cut)?.abs()));
    }
    let unit = Fraction::from(if rest.is_negative() { Exact::from(-1) } else { Exact::from(1) });
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|a, b| parts[*b].1.compare(parts[*a].1));
    for n in order {
        if rest.is_zero() {
            break;
        }
        parts[n].0 = parts[n].0.add(unit)?;
        rest = rest.subtract(unit)?;
    }
    let monies = parts.into_iter().map(|(minor, _)| Ok(Value::Money(Money::from_minor(minor.to_exact()?, money.currency)?)));
    Ok(list(monies.collect::<Result<_, Failure>>()?))
}
