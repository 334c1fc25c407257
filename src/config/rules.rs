//! The compiled parts of a dialect.

use std::collections::BTreeMap;

use super::dialect::{Cardinality, ContextId, Event, RuleId};
use super::pattern::{Part, Tree};
use super::spec::{LiteralSpec, Negative, Normaliser};
use crate::model::Disruption;

/// A compiled rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) id: Box<str>,
    pub(crate) slot: Box<str>,
    pub(crate) cardinality: Cardinality,
    /// Positive variants first, then negation forms without their negator.
    pub(crate) variants: Vec<Vec<Part>>,
    pub(crate) positive: usize,
    pub(crate) opens: Option<ContextId>,
    pub(crate) no: Vec<NoForm>,
    pub(crate) negative: Negative,
    pub(crate) defaults: Vec<Vec<Part>>,
    pub(crate) number: Option<Box<str>>,
    pub(crate) implicit: Option<(u64, u64)>,
    pub(crate) canonical: Option<Vec<Part>>,
    pub(crate) normalise: BTreeMap<Box<str>, Normaliser>,
    pub(crate) literal: Option<LiteralSpec>,
    pub(crate) ignore: Option<Box<str>>,
    pub(crate) cascades: Vec<Cascade>,
    pub(crate) defines: Option<Naming>,
    pub(crate) uses: Vec<Naming>,
    pub(crate) risk: Disruption,
    pub(crate) lockout: Option<Box<str>>,
    pub(crate) weight: i32,
    pub(crate) remove_first: bool,
    pub(crate) hidden: bool,
}

impl Rule {
    /// The device keeps the block even when nothing is left in it.
    pub(crate) fn stays(&self) -> bool {
        self.opens.is_some() && matches!(self.no.first(), Some(NoForm::Children))
    }
}

/// How a rule's line is taken back.
#[derive(Clone, Debug)]
pub(crate) enum NoForm {
    /// Negator, then words and captures.
    Line(Box<str>, Vec<Part>),
    Children,
    Impossible,
}

/// What a rule wipes.
#[derive(Clone, Debug)]
pub(crate) struct Cascade {
    pub(crate) on: Vec<Event>,
    pub(crate) rules: Vec<RuleId>,
    pub(crate) key: Option<Box<str>>,
    pub(crate) nested: bool,
}

/// Which capture names something of which kind.
#[derive(Clone, Debug)]
pub(crate) struct Naming {
    pub(crate) kind: Box<str>,
    pub(crate) capture: Box<str>,
    pub(crate) fail_open: bool,
}

/// A compiled context.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    pub(crate) name: Box<str>,
    pub(crate) ordered: bool,
    pub(crate) exit: Box<str>,
    pub(crate) positive: Tree,
    pub(crate) negative: Tree,
}

/// How a complete running configuration begins and ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Complete {
    pub(crate) first: Vec<Vec<Part>>,
    pub(crate) within: usize,
    pub(crate) last: Box<str>,
}
