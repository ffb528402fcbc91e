//! A span of time in the parts that a system takes: cut by the longest one, halved where there is too much in it.

use crate::catalog::Windows;
use crate::engine::connector::{Parameter, Request, StepError};
use crate::value::Value;
use jiff::Timestamp;

/// Most parts of one list.
const MOST: usize = 200;

/// A part of a span: its first and its last second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    from: i64,
    to: i64,
}

/// The parts of a request's span, the last one first.
pub fn cut(rules: &Windows, request: &Request) -> Result<Vec<Window>, StepError> {
    let (from, to) = (second(request, &rules.from)?, second(request, &rules.to)?);
    if from > to {
        let message = format!("`{}` lies behind `{}`", rules.from, rules.to);
        return Err(StepError::data("bad_span", message));
    }
    let longest = i64::try_from(rules.at_most.as_secs()).unwrap_or(i64::MAX).max(1);
    if usize::try_from((to - from) / longest).is_ok_and(|parts| parts >= MOST) {
        let message = format!("from `{}` to `{}` it is longer than anybody keeps", rules.from, rules.to);
        return Err(StepError::data("bad_span", message));
    }
    let mut parts = vec![];
    let mut at = from;
    while at <= to {
        let last = at.saturating_add(longest - 1).min(to);
        parts.push(Window { from: at, to: last });
        at = last + 1;
    }
    parts.reverse();
    Ok(parts)
}

fn second(request: &Request, name: &str) -> Result<i64, StepError> {
    let given = request.params.iter().find(|(known, _)| known.as_str() == name);
    match given {
        Some((_, Parameter::Value(Value::Time(at)))) => Ok(at.as_second()),
        _ => Err(StepError::data("bad_span", format!("`{name}` is no time"))),
    }
}

impl Window {
    /// The request for this part alone.
    pub fn of(self, rules: &Windows, request: &Request) -> Request {
        let mut request = request.clone();
        for (name, param) in &mut request.params {
            let at = match name.as_str() {
                name if name == rules.from => self.from,
                name if name == rules.to => self.to,
                _ => continue,
            };
            *param = Parameter::Value(Value::Time(Timestamp::from_second(at).unwrap_or_default()));
        }
        request
    }

    /// Its halves. `None`: one second cannot be halved.
    pub fn halved(self) -> Option<(Window, Window)> {
        let middle = self.from + (self.to - self.from) / 2;
        (self.from < self.to).then_some((Window { to: middle, ..self }, Window { from: middle + 1, ..self }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Text;
    use std::time::Duration;

    fn rules() -> Windows {
        Windows { from: "a".into(), to: "b".into(), at_most: Duration::from_secs(10), too_long: None }
    }

    fn request(from: i64, to: i64) -> Request {
        let at = |second| Parameter::Value(Value::Time(Timestamp::from_second(second).unwrap()));
        Request {
            operation: "x.list".into(),
            connection: "x".into(),
            entity: None,
            params: vec![(Text::from("a"), at(from)), (Text::from("b"), at(to))],
            body: None,
            key: None,
            find_by: vec![],
            now: Timestamp::UNIX_EPOCH,
        }
    }

    fn parts(from: i64, to: i64) -> Vec<(i64, i64)> {
        cut(&rules(), &request(from, to)).unwrap().into_iter().rev().map(|part| (part.from, part.to)).collect()
    }

    #[test]
    fn parts_share_no_second_and_leave_none_out() {
        assert_eq!(parts(100, 100), [(100, 100)]);
        assert_eq!(parts(100, 109), [(100, 109)]);
        assert_eq!(parts(100, 110), [(100, 109), (110, 110)]);
        assert_eq!(parts(-5, 24), [(-5, 4), (5, 14), (15, 24)]);
    }

    #[test]
    fn halves_are_the_whole() {
        let whole = Window { from: 100, to: 103 };
        assert_eq!(whole.halved(), Some((Window { from: 100, to: 101 }, Window { from: 102, to: 103 })));
        assert_eq!(Window { from: 7, to: 8 }.halved(), Some((Window { from: 7, to: 7 }, Window { from: 8, to: 8 })));
        assert_eq!(Window { from: 7, to: 7 }.halved(), None);
    }

    #[test]
    fn a_span_that_makes_no_sense_asks_for_nothing() {
        assert_eq!(cut(&rules(), &request(2, 1)).unwrap_err().code.as_str(), "bad_span");
        assert_eq!(cut(&rules(), &request(0, 10_000_000_000)).unwrap_err().code.as_str(), "bad_span");
    }
}
