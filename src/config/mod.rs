//! A device's configuration as data: parse, compare, replay, seal. Pure: no I/O, no clock.

mod build;
pub mod compare;
pub mod compile;
mod demands;
pub mod dialect;
pub mod document;
mod hash;
mod ignored;
mod index;
mod lexer;
mod lexicon;
pub mod lint;
mod literal;
mod matching;
mod normalise;
mod pattern;
mod reading;
pub mod redact;
mod redact_xml;
mod render;
mod resolve;
mod rules;
mod scope;
mod secrets;
mod sequence;
pub mod simulate;
pub mod spec;
pub mod verify;
pub(crate) mod xml;

pub use compare::{Diff, Ignored, Op, OpKind, Scope, compare, compare_with};
pub use compile::DialectError;
pub use dialect::{
    Cardinality, ContextId, Dialect, Event, Meaning, Negation, Reference, RuleId, Slot,
};
pub use document::{Document, Form, Node, NodeId, NodeKind, Standing};
pub use redact::{Sealer, Vault};
pub use render::Entry;
pub use spec::DialectSpec;

#[cfg(test)]
mod tests;
