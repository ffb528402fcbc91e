//! What runs keep beside themselves: links and totals. Outlives the runs.

use crate::value::Exact;

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// A key leads to a value from now on; `None`: to nothing.
    Link { name: String, key: String, value: Option<String> },
    /// A node's share of a sum. Its next one takes the place of this, so that nothing counts twice.
    Total { name: String, key: String, amount: Exact },
}

/// What a node keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The node's path.
    pub node: String,
    pub keep: Keep,
}
