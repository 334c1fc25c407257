//! What the lines of one or more documents mean: each different line is looked up once.

use std::sync::Arc;

use super::dialect::{Cardinality, ContextId, Dialect, RuleId};
use super::hash::{self, Mix};
use super::index::Index;
use super::reading::Reading;
use super::rules::Rule;

/// A line's number in its lexicon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineId(pub(crate) u32);

impl LineId {
    /// Of nodes that are no commands.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// What one line means in one context.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    /// In canonical words, with its negator.
    pub(crate) command: Box<str>,
    /// Length of the negator and the blank behind it; 0 for a positive line.
    pub(crate) negator: u8,
    pub(crate) context: ContextId,
    pub(crate) rule: RuleId,
    pub(crate) opens: Option<ContextId>,
    pub(crate) cardinality: Cardinality,
    /// Hash of slot name and key: siblings with equal slots are alternatives.
    pub(crate) slot: u128,
    /// Hash of what the line says, without its number.
    pub(crate) value: u128,
    /// The number in the line.
    pub(crate) number: Option<u64>,
    /// The command without its number, where it has one.
    pub(crate) content: Option<Box<str>>,
    /// The line equals absence of any line in its slot.
    pub(crate) absent: bool,
    /// The rule says the device never prints it.
    pub(crate) hidden: bool,
    /// The device keeps the block even when nothing is left in it.
    pub(crate) stays: bool,
    /// The rule says it is not compared.
    pub(crate) ignored: bool,
}

impl Info {
    pub(crate) fn new(reading: &Reading<'_, '_>, dialect: &Dialect) -> Self {
        let positive = reading.canonical(dialect);
        let cardinality = reading.cardinality(dialect);
        let key = reading.key(dialect, &positive);
        let slot = hash::of(10, &[reading.slot_name(dialect), &key]);
        let mut number = None;
        let mut content = None;
        if cardinality == Cardinality::Keyed {
            number = reading.number(dialect);
            content = number.map(|_| reading.content(dialect, &positive));
        }
        let negated = reading.negator.is_some();
        let said = content.as_deref().unwrap_or(&positive);
        let value = hash::of(11, &[said, reading.negator.unwrap_or_default()]);
        let command = match reading.negator {
            Some(negator) => format!("{negator} {positive}"),
            None => positive,
        };
        let rule = reading.rule;
        Self {
            command: command.into(),
            negator: reading.negator.map_or(0, |n| {
                u8::try_from(n.len() + 1).expect("a negator is a short word")
            }),
            context: reading.context,
            rule: reading.id(),
            opens: reading.opens(dialect),
            cardinality,
            slot,
            value,
            number,
            content: content.map(Into::into),
            absent: reading.absent(dialect),
            hidden: rule.is_some_and(|r| r.hidden),
            stays: !negated && (rule.is_some_and(Rule::stays) || reading.hollow(dialect)),
            ignored: rule.is_some_and(|r| r.ignore.is_some()),
        }
    }

    pub(crate) fn negated(&self) -> bool {
        self.negator > 0
    }

    /// The command without its negator.
    pub(crate) fn positive(&self) -> &str {
        self.command.get(self.negator.into()..).unwrap_or_default()
    }

    /// What the line says, without its number.
    pub(crate) fn content(&self) -> &str {
        self.content.as_deref().unwrap_or(&self.command)
    }

    /// One of an ordered list.
    pub(crate) fn listed(&self) -> bool {
        matches!(self.cardinality, Cardinality::Seq | Cardinality::Keyed)
    }
}

/// Lines by context and text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lexicon {
    infos: Vec<Arc<Info>>,
    index: Index,
}

impl Lexicon {
    pub(crate) fn with_room(lines: usize) -> Self {
        Self {
            infos: Vec::with_capacity(lines),
            index: Index::with_room(lines),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.infos.is_empty()
    }

    pub(crate) fn info(&self, line: LineId) -> &Arc<Info> {
        &self.infos[line.0 as usize]
    }

    /// The line's hash in a context, by which it is found again.
    pub(crate) fn key(context: ContextId, line: &str) -> u128 {
        let mut mix = Mix::new(30 + u64::from(context.0));
        mix.text(line);
        mix.finish()
    }

    /// A line that was looked up before.
    pub(crate) fn known(&self, key: u128) -> Option<LineId> {
        self.index.get(key).map(LineId)
    }

    /// Enters what was looked up.
    pub(crate) fn enter(&mut self, key: u128, info: Info) -> LineId {
        let id = u32::try_from(self.infos.len()).expect("a text is below 4 GiB");
        self.infos.push(Arc::new(info));
        LineId(self.index.enter(key, id))
    }
}
