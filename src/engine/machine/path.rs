//! Names of nodes: `lines/<iteration key>/line_created`, in tests, API, journal and logs; never a position.

use crate::value::{Text, Value};

/// The name of a step in a run; empty for the run itself. Two steps of a run never share one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodePath(Text);

impl NodePath {
    /// The run itself, and the frame of its outermost steps.
    pub fn root() -> NodePath {
        NodePath(Text::from(""))
    }

    /// A path as it stands in a journal or was typed by an operator.
    pub fn new(text: impl Into<Text>) -> NodePath {
        NodePath(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// One level deeper. `segment` has no `/` of its own: a step's id, an iteration's [`segment`].
    pub fn join(&self, segment: &str) -> NodePath {
        if self.is_root() { NodePath(segment.into()) } else { NodePath(format!("{}/{segment}", self.0).into()) }
    }

    /// Where a step stands: the outermost steps, or an iteration.
    pub fn frame(&self) -> NodePath {
        NodePath(self.0.rsplit_once('/').map_or(Text::from(""), |(frame, _)| frame.into()))
    }

    /// The step's id.
    pub fn id(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.as_str(), |(_, id)| id)
    }

    /// Whether this is below `other`.
    pub fn is_under(&self, other: &NodePath) -> bool {
        self.0.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl std::fmt::Debug for NodePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.0, f)
    }
}

impl std::fmt::Display for NodePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value as a key: text as it is, numbers in their shortest form. `None` where it cannot be one: missing, null, blank
/// text, a list or record.
pub fn key_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::Text(text) => text.to_string(),
        Value::Number(number) => number.canonical(),
        Value::Bool(bool) => bool.to_string(),
        Value::Date(date) => date.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Money(_) | Value::Missing | Value::Null | Value::Local(_) | Value::List(_) | Value::Record(_) => {
            return None;
        }
    };
    (!value.is_blank()).then_some(text)
}

/// An iteration's key as a segment of a path.
pub fn segment(key: &str) -> String {
    key.replace('%', "%25").replace('/', "%2F")
}
