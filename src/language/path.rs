//! Paths as they are walked: `invoice.customer_address?.line1?` is a variable and two steps, one behind the other.
//!
//! A path stands beside the operations that it is made of and says nothing that they do not say: whoever cannot go it to
//! its end runs them.

use super::code::{Op, Step};
use crate::value::{Name, Value};

/// Fields and elements, one after the other, from a variable on.
#[derive(Clone, Debug)]
pub struct Path {
    pub root: Root,
    pub steps: Vec<PathStep>,
    /// The whole chain: a `?` that finds nothing makes it missing.
    pub whole: bool,
    /// How many operations deep it is.
    pub depth: usize,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug)]
pub enum Root {
    Local(usize),
    Settings,
}

#[derive(Clone, Debug)]
pub enum PathStep {
    Field(Name, Step),
    /// `None`: no list has such an element.
    Element(Option<usize>, Step),
    /// `?` on what is there already.
    Maybe,
}

impl Path {
    /// The path that an operation is, if it is one.
    pub(super) fn of(op: &Op) -> Option<Path> {
        match op {
            Op::Field { base, name, step } => {
                Path::to(&base.op, base.path())?.and(PathStep::Field(Name::from(name), step.clone()))
            }
            Op::Index { base, index, step } => {
                let Op::Const(index) = &index.op else { return None };
                let last = match index {
                    Value::Number(number) => {
                        let place = number.exact().ok().and_then(|exact| exact.to_i64());
                        PathStep::Element(place.and_then(|place| usize::try_from(place).ok()), step.clone())
                    }
                    Value::Text(name) => PathStep::Field(Name::from(name), step.clone()),
                    _ => return None,
                };
                Path::to(&base.op, base.path())?.and(last)
            }
            Op::Maybe(inner) => Path::to(&inner.op, inner.path())?.and(PathStep::Maybe),
            Op::Chain(inner) => {
                let path = inner.path()?.clone();
                Some(Path { whole: true, depth: path.depth + 1, ..path })
            }
            _ => None,
        }
    }

    /// The path to what a step starts from.
    fn to(base: &Op, path: Option<&Path>) -> Option<Path> {
        let begin = |root| Some(Path { root, steps: vec![], whole: false, depth: 0 });
        match base {
            Op::Local(slot) => begin(Root::Local(*slot)),
            Op::Settings => begin(Root::Settings),
            _ => path.cloned(),
        }
    }

    /// Goes on with a step. Behind a whole chain, one would have to know what was missing in it.
    fn and(mut self, step: PathStep) -> Option<Path> {
        self.steps.push(step);
        self.depth += 1;
        (!self.whole).then_some(self)
    }
}
