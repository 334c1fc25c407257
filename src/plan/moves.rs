//! Addresses that move from one interface to another: a device refuses an address that
//! another interface still has.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Action, Change, Changes, Line, Pair};
use crate::config::dialect::Negation;

/// The dialect's tag of lines that give an interface an address.
const ADDRESS: &str = "interface";

/// An address's line and the change that takes it away or brings it.
type Places = BTreeMap<String, Vec<usize>>;

/// Makes each address leave before it comes elsewhere; addresses that swap places are
/// taken back first instead of typed over.
pub(super) fn settle(pair: Pair<'_>, changes: &mut Changes) {
    let (leaving, coming) = places(pair, &changes.list);
    if leaving.keys().all(|address| !coming.contains_key(address)) {
        return;
    }
    for index in 0..changes.list.len() {
        if let Action::Replace(old, new) = &changes.list[index].action
            && coming.contains_key(&old.meaning.canonical)
            && leaving.contains_key(&new.meaning.canonical)
        {
            let (old, new) = (old.clone(), new.clone());
            split(pair, index, old, new, changes);
        }
    }
    let (leaving, coming) = places(pair, &changes.list);
    for (address, arrivals) in coming {
        let departures = leaving.get(&address).cloned().unwrap_or_default();
        for at in arrivals {
            changes.list[at]
                .after
                .extend(departures.iter().filter(|i| **i != at));
        }
    }
}

fn places(pair: Pair<'_>, list: &[Change]) -> (Places, Places) {
    let (mut leaving, mut coming) = (Places::new(), Places::new());
    for (index, change) in list.iter().enumerate() {
        if let Some(old) = change.old() {
            let mut found = BTreeSet::new();
            addresses(pair, pair.from, old, &mut found);
            for address in found {
                leaving.entry(address).or_default().push(index);
            }
        }
        if let Some(new) = change.new_line() {
            let mut found = BTreeSet::new();
            addresses(pair, pair.source(&change.action), new, &mut found);
            for address in found {
                coming.entry(address).or_default().push(index);
            }
        }
    }
    (leaving, coming)
}

fn addresses(
    pair: Pair<'_>,
    doc: &crate::config::Document,
    line: &Line,
    found: &mut BTreeSet<String>,
) {
    let block = line.meaning.opens.is_some();
    if !block && pair.dialect.lockout(&line.meaning) == Some(ADDRESS) {
        found.insert(line.meaning.canonical.clone());
    }
    for id in doc.commands(Some(line.id)) {
        let meaning = doc.meaning(*id, pair.dialect);
        addresses(pair, doc, &Line { id: *id, meaning }, found);
    }
}

fn split(pair: Pair<'_>, index: usize, old: Line, new: Line, changes: &mut Changes) {
    let options = pair.dialect.negations(&old.meaning);
    let Some(Negation::Line(text)) = options.into_iter().next() else {
        return;
    };
    let path = changes.list[index].path.clone();
    let mut gone = Change::new(&path, Action::Remove(old));
    gone.negation = Some(text);
    gone.after = std::mem::take(&mut changes.list[index].after);
    changes.list.push(gone);
    let last = changes.list.len() - 1;
    changes.list[index].action = Action::Add(new);
    changes.list[index].after = vec![last];
}
