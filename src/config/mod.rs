//! A device's configuration as data: parse, compare, replay, seal. Pure: no I/O, no clock.

pub mod compare;
pub mod dialect;
pub mod document;
pub mod redact;
pub mod simulate;

pub use compare::{Diff, Ignored, Op, OpKind, Scope, compare};
pub use dialect::{
    Cardinality, ContextId, Dialect, Event, Meaning, Negation, Reference, RuleId, Slot,
};
pub use document::{Document, Node, NodeId, NodeKind, Standing};
pub use redact::{Sealer, Vault};
