//! A platform's configuration language: what one line means in its context.
//!
//! A [`Dialect`] is compiled from the `config` section of a platform pack. It answers, for
//! a line in a context: which slot it fills, how it is negated, what it opens, what it
//! wipes, what it refers to and what it may disturb. Lines no rule knows get the generic
//! meaning: the whole line is its own slot, negated by `no <line>`.

use crate::model::Disruption;

/// A context: the inside of the blocks a rule opens. [`ContextId::TOP`] is the outermost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContextId(pub u16);

impl ContextId {
    /// Outside all blocks.
    pub const TOP: Self = Self(0);
    /// Inside a block no rule knows.
    pub const UNKNOWN: Self = Self(1);
}

/// A rule of the dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub u16);

impl RuleId {
    /// No rule knows the line.
    pub const GENERIC: Self = Self(u16::MAX);
}

/// How many lines may stand in a slot, and whether their order counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cardinality {
    /// One value, replaced in place by typing the new one.
    One,
    /// Many values, order free; the whole line is the key.
    #[default]
    Set,
    /// Order matters and nothing shows it but the place.
    Seq,
    /// Order follows a number in the line (which may be left out in an intent).
    Keyed,
    /// A block replaced as a whole.
    Atomic,
    /// An opaque text (banner, certificate).
    Literal,
}

/// What a line fills: two lines of one context with equal slots are alternatives
/// (`One`), entries of one ordered list (`Seq`, `Keyed`) or the same thing (`Set`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// Slot name: the rule's id unless several rules share one; empty for generic lines.
    pub name: Box<str>,
    /// The key words (`10.0.0.1` of `neighbor 10.0.0.1 remote-as 65001`); the whole
    /// positive line for generic lines and sets.
    pub key: Box<str>,
}

/// How a line is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Negation {
    /// Type this line in the same context.
    Line(String),
    /// The block itself stays: its children have to be taken back one by one.
    Children,
    /// The platform cannot take it back.
    Impossible,
}

/// A name one line defines and another uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// `acl`, `prefix-list`, `route-map`, `vrf`, …
    pub kind: Box<str>,
    /// The name.
    pub name: Box<str>,
    /// While the name is undefined, the using line lets everything through.
    pub fail_open: bool,
}

/// What happened to a line, for cascades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// It was not there and is now.
    Add,
    /// Its value changed.
    Change,
    /// It is gone.
    Remove,
}

/// What one line means in its context.
#[derive(Clone, Debug)]
pub struct Meaning {
    /// The rule that knows it.
    pub rule: RuleId,
    /// The context it stands in.
    pub context: ContextId,
    /// The line in canonical words, with its `no` if it has one.
    pub canonical: String,
    /// `no …`
    pub negated: bool,
    /// What it fills. A negated line has the slot of what it negates.
    pub slot: Slot,
    /// How many may fill it.
    pub cardinality: Cardinality,
    /// The sequence number, if the line carries one.
    pub number: Option<u64>,
    /// The context it opens.
    pub opens: Option<ContextId>,
    /// The line equals absence (platform default); the reason id.
    pub absent: Option<&'static str>,
}

/// A compiled dialect.
#[derive(Clone, Debug, Default)]
pub struct Dialect {}

impl Dialect {
    /// The context inside a path of header lines, outermost first; [`ContextId::UNKNOWN`]
    /// as soon as one of them opens no known block.
    #[must_use]
    pub fn context(&self, _path: &[&str]) -> ContextId {
        unimplemented!()
    }
    /// What a line means in a context. Leading and trailing blanks do not matter.
    #[must_use]
    pub fn meaning(&self, _context: ContextId, _line: &str) -> Meaning {
        unimplemented!()
    }
    /// True when a rule of exactly this context knows the line (or its negation).
    #[must_use]
    pub fn knows(&self, _context: ContextId, _line: &str) -> bool {
        unimplemented!()
    }
    /// The rule's name, for reports; `generic` for lines no rule knows.
    #[must_use]
    pub fn rule_name(&self, _rule: RuleId) -> &str {
        unimplemented!()
    }
    /// How to take a line back, best first; never empty. For a negated line: the positive
    /// line.
    #[must_use]
    pub fn negations(&self, _meaning: &Meaning) -> Vec<Negation> {
        unimplemented!()
    }
    /// True when the order of a context's children counts as such.
    #[must_use]
    pub fn ordered(&self, _context: ContextId) -> bool {
        unimplemented!()
    }
    /// The line that leaves a context by one level (`exit`, `exit-address-family`).
    #[must_use]
    pub fn exit_line(&self, _context: ContextId) -> &str {
        unimplemented!()
    }
    /// True when a typed line that the current context does not know is tried in the
    /// enclosing ones (FRR), so that nesting comes from keywords, not from indentation.
    #[must_use]
    pub fn climbs(&self) -> bool {
        unimplemented!()
    }
    /// Lines that only leave contexts: `Some(n)` levels, `Some(usize::MAX)` for all.
    #[must_use]
    pub fn leaves(&self, _line: &str) -> Option<usize> {
        unimplemented!()
    }
    /// Numbers a list gives to entries typed without one: (first, step).
    #[must_use]
    pub fn numbering(&self, _rule: RuleId) -> Option<(u64, u64)> {
        unimplemented!()
    }
    /// True when `event` on `trigger` makes the device drop `victim`, a line of the same
    /// context or (if `nested`) of a block inside that context.
    #[must_use]
    pub fn wipes(
        &self,
        _trigger: &Meaning,
        _event: Event,
        _victim: &Meaning,
        _nested: bool,
    ) -> bool {
        unimplemented!()
    }
    /// True when `event` on this line can wipe anything at all.
    #[must_use]
    pub fn cascades(&self, _trigger: &Meaning, _event: Event) -> bool {
        unimplemented!()
    }
    /// The name this line defines.
    #[must_use]
    pub fn defines(&self, _meaning: &Meaning) -> Option<Reference> {
        unimplemented!()
    }
    /// The names this line uses.
    #[must_use]
    pub fn uses(&self, _meaning: &Meaning) -> Vec<Reference> {
        unimplemented!()
    }
    /// What changing this line may disturb.
    #[must_use]
    pub fn disruption(&self, _meaning: &Meaning) -> Disruption {
        unimplemented!()
    }
    /// The part of the management path this line belongs to (`vty`, `aaa`, `ssh`,
    /// `user`, `interface`, `route`, `acl`), if any.
    #[must_use]
    pub fn lockout(&self, _meaning: &Meaning) -> Option<&str> {
        unimplemented!()
    }
    /// Soft order: smaller goes first among commands that do not depend on each other.
    #[must_use]
    pub fn weight(&self, _meaning: &Meaning) -> i32 {
        unimplemented!()
    }
    /// True when the value cannot be typed over: the old line has to be taken back before
    /// the new one is typed.
    #[must_use]
    pub fn remove_first(&self, _meaning: &Meaning) -> bool {
        unimplemented!()
    }
    /// True when the device never prints the line, so that its absence proves nothing.
    #[must_use]
    pub fn hidden(&self, _meaning: &Meaning) -> bool {
        unimplemented!()
    }
    /// The words captured by the line's pattern, by name (`peer`, `map`, …).
    #[must_use]
    pub fn captures(&self, _meaning: &Meaning) -> Vec<(&str, String)> {
        unimplemented!()
    }
}
