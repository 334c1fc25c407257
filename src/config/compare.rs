//! Compare: one typed diff from which everything else is made.

use super::dialect::Dialect;
use super::document::{Document, NodeId};
use crate::model::DriftCounts;

/// What the intent owns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Everything (then `sections` does not matter).
    pub full: bool,
    /// Globs over top-level header lines that are owned wholly.
    pub sections: Vec<String>,
}

/// What kind of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpKind {
    /// The intent has it, the device has not (whole subtree).
    Add,
    /// The device has it, the intent has not (whole subtree).
    Remove,
    /// Same slot, other value.
    Replace,
    /// Same line, other place in an ordered section.
    Move,
}

/// One difference.
#[derive(Clone, Debug)]
pub struct Op {
    /// What kind.
    pub kind: OpKind,
    /// Header lines of the enclosing blocks, outermost first.
    pub path: Vec<String>,
    /// The node in running.
    pub running: Option<NodeId>,
    /// The node in intended.
    pub intended: Option<NodeId>,
}

/// A difference that does not count, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Reason id of the dialect (`timestamp`, `default`, `secret-unverifiable`, …).
    pub reason: String,
    /// The line, sealed.
    pub line: String,
}

/// All differences between two documents.
#[derive(Clone, Debug, Default)]
pub struct Diff {
    /// In order of the documents.
    pub ops: Vec<Op>,
    /// What does not count.
    pub ignored: Vec<Ignored>,
    /// Dropped by the intent outside what it owns.
    pub orphaned: Vec<String>,
    /// Why this comparison must not be acted on (a scope that cuts an ordered section).
    pub problems: Vec<String>,
}

impl Diff {
    /// True when nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }
    /// Lines by kind of difference.
    #[must_use]
    pub fn counts(&self, _running: &Document, _intended: &Document) -> DriftCounts {
        unimplemented!()
    }
    /// Text with full hierarchy; `-` is on the device, `+` is what would be written.
    #[must_use]
    pub fn render(&self, _running: &Document, _intended: &Document) -> String {
        unimplemented!()
    }
}

/// Compares running with intended. `last_applied` makes partial management three-way.
#[must_use]
pub fn compare(
    _running: &Document,
    _intended: &Document,
    _last_applied: Option<&Document>,
    _dialect: &Dialect,
    _scope: &Scope,
) -> Diff {
    unimplemented!()
}
