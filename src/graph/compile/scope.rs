//! What a slot of a flow can name: `event`, `trigger`, `steps`, `run`, what loops bind, `error`.

use crate::language::check::Fact;
use crate::language::types::{Facts, Field, RecordType, Type};
use crate::value::Text;
use std::sync::{Arc, LazyLock};

/// The names in reach at a place of the flow. Cloned where a list of steps opens.
#[derive(Clone, Default)]
pub(super) struct Scope {
    pub event: Option<Type>,
    /// Results of the steps above, in their order.
    pub steps: Vec<(Text, Type)>,
    /// What enclosing `for_each` steps bind, and `error` inside `on_error` and `on_failure`.
    pub bound: Vec<(Text, Type)>,
    /// Of the enclosing `for_each`: what names an item there, and what its key reads.
    pub items: Vec<(Text, Vec<Vec<Text>>)>,
    /// What conditions above have established.
    pub facts: Vec<Fact>,
    /// A writing step stands above on this path.
    pub wrote: bool,
    /// At the door there are no steps and no run yet.
    pub at_door: bool,
    /// Where something is asked for before there is any event: only settings can be read.
    pub alone: bool,
    /// The events come from no connection.
    pub unconnected: bool,
}

impl Scope {
    /// The variables in the order in which every slot of this place takes them.
    pub fn variables(&self) -> Vec<(Text, Type)> {
        if self.alone {
            return vec![];
        }
        let known = &*ALWAYS;
        let trigger = if self.unconnected { &known.unconnected } else { &known.trigger };
        let mut variables = vec![
            (known.event.clone(), self.event.clone().unwrap_or_else(Type::any)),
            (known.trigger_name.clone(), trigger.clone()),
        ];
        if self.at_door {
            return variables;
        }
        let steps = self.steps.iter().map(|(id, ty)| (id.clone(), Field::plain(ty.clone()))).collect();
        let steps = Type::record(RecordType { name: Some(known.steps.clone()), fields: steps });
        variables.extend([(known.steps.clone(), steps), known.run.clone()]);
        variables.extend(self.bound.iter().cloned());
        variables
    }

    /// Makes results readable here that stand in a list which may not have been reached: each may be missing.
    pub fn take_maybe(&mut self, steps: Vec<(Text, Type)>) {
        self.steps.extend(steps.into_iter().map(|(id, ty)| (id, ty.or_missing())));
    }

    /// The results that `self` has beyond `before`.
    pub fn beyond(&self, before: &Scope) -> Vec<(Text, Type)> {
        self.steps[before.steps.len().min(self.steps.len())..].to_vec()
    }
}

/// What is the same for every slot of every flow.
struct Always {
    event: Text,
    trigger_name: Text,
    trigger: Type,
    unconnected: Type,
    steps: Text,
    run: (Text, Type),
}

static ALWAYS: LazyLock<Always> = LazyLock::new(|| Always {
    event: "event".into(),
    trigger_name: "trigger".into(),
    trigger: trigger_type(true),
    unconnected: trigger_type(false),
    steps: "steps".into(),
    run: ("run".into(), run_type()),
});

fn trigger_type(connected: bool) -> Type {
    let connection = if connected { Type::text() } else { Type::text().or_missing() };
    named(
        "trigger",
        [
            ("id", Type::text()),
            ("type", Type::text()),
            ("received_at", Type::time()),
            ("headers", Type::map(Type::text())),
            ("connection", connection),
            ("own", Type::bool()),
        ],
    )
}

fn run_type() -> Type {
    named(
        "run",
        [
            ("id", Type::text()),
            ("flow", Type::text()),
            ("revision", Type::text()),
            ("started_at", Type::time()),
            ("now", Type::time()),
        ],
    )
}

/// A record that messages call by its name.
fn named<const N: usize>(name: &str, fields: [(&str, Type); N]) -> Type {
    Type::record(RecordType { name: Some(name.into()), ..RecordType::shape(fields) })
}

/// `error` in `on_error` and `on_failure`.
pub(super) fn error_type() -> Type {
    let mut class = Type::text();
    let classes = ["data", "config", "auth", "throttled", "unavailable", "timeout", "conflict"];
    let options = classes.iter().map(|class| (Text::from(*class), None)).collect();
    class.facts = Some(Arc::new(Facts { options, closed: true, ..Facts::default() }));
    named(
        "error",
        [
            ("class", class),
            ("code", Type::text()),
            ("message", Type::text()),
            ("status", Type::int().or_missing()),
            ("body", Type::any().or_missing()),
            ("step", Type::text()),
            ("attempts", Type::int()),
        ],
    )
}
