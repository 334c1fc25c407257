//! Lines of the intent that demand absence (`no …`).

use std::collections::BTreeMap;

use super::compare::{Diff, Op, OpKind};
use super::dialect::{Dialect, RuleId};
use super::document::{Document, NodeId, Standing};
use super::scope::{Owner, Ownership};
use super::spec::Family;

/// Removes what the intent negates; where it is removed anyway, notes the demand.
pub(crate) fn collect(
    running: &Document,
    intended: &Document,
    dialect: &Dialect,
    scope: &Owner,
    diff: &mut Diff,
) {
    let negated = |id: &NodeId| {
        let standing = intended.raw(*id).standing;
        matches!(standing, Standing::Live | Standing::Absent)
            && intended.info(*id).is_some_and(|info| info.negated())
    };
    let mut blocks = Blocks::default();
    for id in intended.ids().filter(negated) {
        let parent = intended.parent(id);
        let Some(parent) = blocks.counterpart(running, intended, parent) else {
            continue;
        };
        for target in targets(running, intended, dialect, parent, id) {
            demand(running, intended, scope, diff, target, id);
        }
    }
}

/// Finds blocks of running by their slots; each level is indexed once, when first asked
/// for, so that many small negations in a long configuration stay cheap.
#[derive(Default)]
struct Blocks {
    levels: BTreeMap<Option<NodeId>, BTreeMap<u128, NodeId>>,
}

impl Blocks {
    /// The block of running that is the given block of the intent; `Some(None)` is top level.
    fn counterpart(
        &mut self,
        running: &Document,
        intended: &Document,
        block: Option<NodeId>,
    ) -> Option<Option<NodeId>> {
        let mut slots = Vec::new();
        let mut at = block;
        while let Some(id) = at {
            slots.push(intended.raw(id).slot);
            at = intended.parent(id);
        }
        let mut found = None;
        for slot in slots.into_iter().rev() {
            let level = self
                .levels
                .entry(found)
                .or_insert_with(|| index(running, found));
            found = Some(*level.get(&slot)?);
        }
        Some(found)
    }
}

/// The first command in each slot below a block.
fn index(running: &Document, block: Option<NodeId>) -> BTreeMap<u128, NodeId> {
    let mut level = BTreeMap::new();
    for id in running.commands(block) {
        level.entry(running.raw(*id).slot).or_insert(*id);
    }
    level
}

/// What a negated line takes back: the line in its slot; for a list entry the one with
/// this number or content; for a shortened form all lines that begin with its words.
fn targets(
    running: &Document,
    intended: &Document,
    dialect: &Dialect,
    parent: Option<NodeId>,
    id: NodeId,
) -> Vec<NodeId> {
    let node = intended.node(id);
    let slot = intended.raw(id).slot;
    let candidates = running.commands(parent).iter().copied();
    let candidates = candidates.filter(|r| !running.node(*r).negated);
    let xml = dialect.family == Family::Xml;
    if intended.listed(id) && (xml || node.rule != RuleId::GENERIC) {
        let meaning = dialect.meaning(node.context, node.command);
        let same = |r: &NodeId| {
            let by_content = running.content(*r) == intended_content(intended, id);
            running.raw(*r).slot == slot
                && match meaning.number {
                    Some(number) => running.info(*r).is_some_and(|i| i.number == Some(number)),
                    None => by_content,
                }
        };
        return candidates.filter(same).collect();
    }
    let exact: Vec<NodeId> = candidates
        .clone()
        .filter(|r| running.raw(*r).slot == slot)
        .collect();
    let words = positive(node.command);
    let short = words.contains(' ') || xml;
    if !exact.is_empty() || node.rule != RuleId::GENERIC && !xml || !short {
        return exact;
    }
    let begins = |r: &NodeId| {
        let rest = running.command(*r).strip_prefix(words);
        rest.is_some_and(|rest| rest.starts_with(' '))
    };
    candidates.filter(begins).collect()
}

/// What a demand says of a list entry: its words without the negator and the number.
fn intended_content(intended: &Document, id: NodeId) -> &str {
    match intended.info(id) {
        Some(info) => match &info.content {
            Some(content) => content,
            None => info.positive(),
        },
        None => "",
    }
}

fn positive(command: &str) -> &str {
    command.split_once(' ').map_or("", |(_, rest)| rest)
}

fn demand(
    running: &Document,
    intended: &Document,
    scope: &Owner,
    diff: &mut Diff,
    target: NodeId,
    by: NodeId,
) {
    if let Some(op) = diff.ops.iter_mut().find(|op| op.running == Some(target)) {
        if op.kind == OpKind::Remove && intended.raw(by).standing == Standing::Absent {
            op.intended = Some(by);
        }
        return;
    }
    let top = running.path(target).first().copied();
    let top = top.unwrap_or(running.command(target));
    if scope.owns(top) == Ownership::Whole {
        return;
    }
    diff.ops.push(Op {
        kind: OpKind::Remove,
        path: running
            .path(target)
            .iter()
            .map(|s| (*s).to_owned())
            .collect(),
        running: Some(target),
        intended: Some(by),
        places: None,
    });
}
