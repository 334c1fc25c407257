//! Trees of words: where no rule knows whether a statement takes one value or many, the whole
//! statement goes before a new value comes. Right for both, and nobody sees it in between.

use std::collections::{BTreeMap, BTreeSet};

use super::cascade::{compact, find};
use super::change::{Action, Change, Changes, Line, Pair};
use crate::config::dialect::{Negation, RuleId, Typing};

/// Replaces the removal of all values of such a statement by that of the statement.
pub(super) fn settle(pair: Pair<'_>, changes: &mut Changes) {
    if !matches!(pair.dialect.typing(), Typing::Paths(_)) {
        return;
    }
    let mut removed: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    let mut added: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    for (index, change) in changes.list.iter().enumerate() {
        let generic = change.subject().meaning.rule == RuleId::GENERIC;
        if change.path.is_empty() || !generic {
            continue;
        }
        match change.action {
            Action::Remove(_) => removed.entry(change.path.clone()).or_default().push(index),
            Action::Add(_) => added.entry(change.path.clone()).or_default().push(index),
            Action::Replace(..) | Action::Restore(..) | Action::Switch(..) | Action::Place(..) => {}
        }
    }
    let mut dropped = BTreeSet::new();
    for (path, indices) in removed {
        let Some(coming) = added.get(&path) else {
            continue;
        };
        let Some(whole) = statement(pair, &path, indices.len()) else {
            continue;
        };
        dropped.extend(indices);
        let index = changes.list.len();
        changes.list.push(whole);
        for later in coming {
            changes.list[*later].after.push(index);
        }
    }
    compact(changes, &dropped);
}

/// The removal of a statement with this many values, if that is all it has.
fn statement(pair: Pair<'_>, path: &[String], values: usize) -> Option<Change> {
    let id = find(pair.from, path)??;
    let all = pair.from.commands(Some(id));
    let leaves = all
        .iter()
        .all(|value| pair.from.commands(Some(*value)).is_empty());
    let meaning = pair.from.meaning(id, pair.dialect);
    if all.len() != values || !leaves || meaning.rule != RuleId::GENERIC {
        return None;
    }
    let options = pair.dialect.negations(&meaning);
    let Some(Negation::Line(text)) = options.into_iter().next() else {
        return None;
    };
    let (_, outer) = path.split_last()?;
    let mut change = Change::new(outer, Action::Remove(Line { id, meaning }));
    change.negation = Some(text);
    Some(change)
}
