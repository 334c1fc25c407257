//! XML: what no key and no model tells apart. A leaf of which nobody knows whether it may
//! repeat gets its new value in one step where it has one before and after; an element that
//! only its place tells from others comes again with all that stands around it.

use std::collections::{BTreeMap, BTreeSet};

use super::cascade::{compact, find};
use super::change::{Action, Change, Changes, Line, Pair};
use crate::config::dialect::Typing;
use crate::config::{Document, NodeId, xml};

/// Plans such changes anew.
pub(super) fn settle(pair: Pair<'_>, changes: &mut Changes) {
    if matches!(pair.dialect.typing(), Typing::Xml) {
        leaves(pair, changes);
        places(pair, changes);
    }
}

/// The leaf whose value a change takes or brings, if it may have one or many.
fn leaf(pair: Pair<'_>, line: &Line) -> Option<String> {
    let meaning = &line.meaning;
    let parts = xml::Line::of(meaning.positive());
    let value = matches!(parts.form, xml::Form::Value(_));
    let unknown = pair
        .dialect
        .models
        .repeats(parts.name, meaning.context)
        .is_none();
    (value && unknown).then(|| parts.name.to_owned())
}

fn leaves(pair: Pair<'_>, changes: &mut Changes) {
    type Leaf = (Vec<String>, String);
    let mut touched: BTreeMap<Leaf, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (index, change) in changes.list.iter().enumerate() {
        let Some(name) = leaf(pair, change.subject()) else {
            continue;
        };
        let entry = touched.entry((change.path.clone(), name)).or_default();
        match change.action {
            Action::Remove(_) => entry.0.push(index),
            Action::Add(_) => entry.1.push(index),
            Action::Replace(..) | Action::Restore(..) | Action::Switch(..) | Action::Place(..) => {}
        }
    }
    let mut dropped = BTreeSet::new();
    for ((path, name), (gone, new)) in touched {
        let ([gone], [new]) = (gone.as_slice(), new.as_slice()) else {
            continue;
        };
        if count(pair.from, &path, &name) != 1 || count(pair.to, &path, &name) != 1 {
            continue;
        }
        let old = changes.list[*gone].subject().clone();
        let line = changes.list[*new].subject().clone();
        changes.list[*new].action = Action::Replace(old, line);
        changes.list[*new].after.retain(|before| before != gone);
        dropped.insert(*gone);
    }
    compact(changes, &dropped);
}

/// How many elements of a name stand in a block.
fn count(doc: &Document, path: &[String], name: &str) -> usize {
    let block = find(doc, path);
    let all = block.map_or(&[][..], |block| doc.commands(block));
    let same = |id: &&NodeId| xml::Line::of(doc.command(**id)).name == name;
    all.iter().filter(same).count()
}

fn placed(line: &str) -> bool {
    matches!(xml::Line::of(line).form, xml::Form::Place(_))
}

/// Replaces changes that touch an element without a name by those of what is around it.
fn places(pair: Pair<'_>, changes: &mut Changes) {
    let mut around: BTreeSet<Vec<String>> = BTreeSet::new();
    for change in &changes.list {
        let own = change.subject().meaning.positive();
        let depth = change.path.iter().position(|header| placed(header));
        let depth = depth.or_else(|| placed(own).then_some(change.path.len()));
        if let Some(depth) = depth {
            around.insert(change.path[..depth].to_vec());
        }
    }
    let mut dropped = BTreeSet::new();
    let mut done: Vec<Vec<String>> = Vec::new();
    for path in around {
        if done.iter().any(|outer| path.starts_with(outer)) {
            continue;
        }
        let Some(change) = whole(pair, &path) else {
            let place = path.join(" / ");
            changes.problems.push(format!(
                "elements in `{place}` have nothing to name them by"
            ));
            continue;
        };
        let inside = changes.list.iter().enumerate();
        let inside = inside.filter(|(_, change)| change.path.starts_with(&path));
        dropped.extend(inside.map(|(index, _)| index));
        changes.list.push(change);
        done.push(path);
    }
    compact(changes, &dropped);
}

/// A block that comes again as a whole.
fn whole(pair: Pair<'_>, path: &[String]) -> Option<Change> {
    let (_, outer) = path.split_last()?;
    let (old, new) = (find(pair.from, path)??, find(pair.to, path)??);
    let action = Action::Replace(pair.old_line(old), pair.new_line_of(new));
    Some(Change::new(outer, action))
}
