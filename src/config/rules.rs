//! The compiled parts of a dialect.

use std::collections::BTreeMap;

use super::dialect::{Cardinality, ContextId, Event, RuleId};
use super::pattern::{Part, Tree};
use super::spec::{BodySpec, Expand, LiteralSpec, Negative, Normaliser};
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
    pub(crate) body: BodySpec,
    /// The capture with a list, and of what.
    pub(crate) expand: Option<(Box<str>, Expand)>,
    /// The rule whose line this one goes on with.
    pub(crate) joins: Option<RuleId>,
    pub(crate) ignore: Option<Box<str>>,
    pub(crate) cascades: Vec<Cascade>,
    pub(crate) defines: Option<Naming>,
    pub(crate) uses: Vec<Naming>,
    pub(crate) risk: Disruption,
    pub(crate) lockout: Option<Box<str>>,
    pub(crate) weight: i32,
    pub(crate) remove_first: bool,
    /// An entry typed under a number that is in use takes the other's place.
    pub(crate) overwrites: bool,
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
    /// One statement may hold several of its lines.
    pub(crate) oneline: bool,
    pub(crate) exit: Box<str>,
    pub(crate) positive: Tree,
    /// One for each negator.
    pub(crate) negative: Vec<Tree>,
}

/// How statements are written where brackets, quotes and words tell the structure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Braces {
    /// Statements are paths in one tree of words.
    pub(crate) paths: bool,
    /// Ends a statement; where there is none, the line does.
    pub(crate) end: Option<u8>,
    /// `[ a b ]` stands for several statements.
    pub(crate) lists: bool,
    /// `!` begins a comment line.
    pub(crate) bang: bool,
    /// What quotes.
    pub(crate) quotes: Vec<u8>,
    /// What a word that needs quotes is typed in.
    pub(crate) quote: char,
    /// Begins a path line that is typed (`set`, `set /`, `/configure`).
    pub(crate) set: Box<str>,
    /// Begins the path of what has to go.
    pub(crate) delete: Box<str>,
    /// Begins a line that moves an entry of a list.
    pub(crate) insert: Option<Box<str>>,
    /// Begins a line that switches something off, or on.
    pub(crate) deactivate: Option<Box<str>>,
    pub(crate) activate: Option<Box<str>>,
    /// The outermost word, which no path has.
    pub(crate) wrapper: Option<Box<str>>,
}

/// How a complete running configuration begins and ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Complete {
    pub(crate) first: Vec<Vec<Part>>,
    pub(crate) within: usize,
    pub(crate) last: Box<str>,
}
