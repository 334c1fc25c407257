//! What must come first: define before use, stop using before undefine, leave a place
//! before it is taken.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Action, Change, Changes, Line, Pair};
use crate::config::Document;
use crate::config::dialect::{Cardinality, Reference};

/// For each change, the ones that wait for it.
pub(super) fn edges(pair: Pair<'_>, changes: &Changes) -> Vec<BTreeSet<usize>> {
    let mut next = vec![BTreeSet::new(); changes.list.len()];
    for (index, change) in changes.list.iter().enumerate() {
        for first in &change.after {
            next[*first].insert(index);
        }
    }
    reference_edges(pair, &changes.list, &mut next);
    slot_edges(pair, &changes.list, &mut next);
    for (index, waiting) in next.iter_mut().enumerate() {
        waiting.remove(&index);
    }
    next
}

/// Which changes define and use a name, before and after.
#[derive(Default)]
struct NameUse {
    defined: Vec<usize>,
    used: Vec<usize>,
    undefined: Vec<usize>,
    unused: Vec<usize>,
}

/// Define before use, stop using before undefine.
fn reference_edges(pair: Pair<'_>, list: &[Change], next: &mut [BTreeSet<usize>]) {
    let mut names: BTreeMap<(Box<str>, Box<str>), NameUse> = BTreeMap::new();
    for (index, change) in list.iter().enumerate() {
        if let Some(old) = change.old() {
            let found = references(pair, pair.from, old);
            for r in found.defines {
                names.entry(name(r)).or_default().undefined.push(index);
            }
            for r in found.uses {
                names.entry(name(r)).or_default().unused.push(index);
            }
        }
        if let Some(new) = change.new_line() {
            let found = references(pair, pair.source(&change.action), new);
            for r in found.defines {
                names.entry(name(r)).or_default().defined.push(index);
            }
            for r in found.uses {
                names.entry(name(r)).or_default().used.push(index);
            }
        }
    }
    for uses in names.values() {
        connect(&uses.defined, &uses.used, next);
        connect(&uses.unused, &uses.undefined, next);
    }
}

fn name(reference: Reference) -> (Box<str>, Box<str>) {
    (reference.kind, reference.name)
}

fn connect(first: &[usize], then: &[usize], next: &mut [BTreeSet<usize>]) {
    for a in first {
        next[*a].extend(then.iter().copied());
    }
}

#[derive(Default)]
struct References {
    defines: Vec<Reference>,
    uses: Vec<Reference>,
}

/// The names a line and everything inside it define and use.
fn references(pair: Pair<'_>, doc: &Document, line: &Line) -> References {
    let mut found = References::default();
    found.defines.extend(pair.dialect.defines(&line.meaning));
    found.uses.extend(pair.dialect.uses(&line.meaning));
    for child in doc.commands(Some(line.id)) {
        let meaning = doc.meaning(*child, pair.dialect);
        let inner = references(
            pair,
            doc,
            &Line {
                id: *child,
                meaning,
            },
        );
        found.defines.extend(inner.defines);
        found.uses.extend(inner.uses);
    }
    found
}

/// Path, slot name, slot key, and for entries of numbered lists what tells them apart.
type Place = (Vec<String>, Box<str>, Box<str>, String);

/// What fills a place leaves before something else takes it: a slot, a number in a list,
/// or (devices refuse duplicates) the same entry under another number.
fn slot_edges(pair: Pair<'_>, list: &[Change], next: &mut [BTreeSet<usize>]) {
    let mut leaving: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    for (index, change) in list.iter().enumerate() {
        if let Action::Remove(line) = &change.action {
            for place in places(pair, change, line) {
                leaving.entry(place).or_default().push(index);
            }
        }
    }
    for (index, change) in list.iter().enumerate() {
        if let Action::Add(line) = &change.action {
            for place in places(pair, change, line) {
                for first in leaving.get(&place).into_iter().flatten() {
                    next[*first].insert(index);
                }
            }
        }
    }
}

fn places(pair: Pair<'_>, change: &Change, line: &Line) -> Vec<Place> {
    let meaning = &line.meaning;
    let place = |what: String| {
        let slot = &meaning.slot;
        (
            change.path.clone(),
            slot.name.clone(),
            slot.key.clone(),
            what,
        )
    };
    match meaning.cardinality {
        // Without a number nothing shows the place; the list's own plan has the order.
        Cardinality::Seq => Vec::new(),
        Cardinality::Keyed => {
            let number = meaning.number.map(|n| place(n.to_string()));
            let content = pair.dialect.numbered(meaning, None);
            number.into_iter().chain(content.map(place)).collect()
        }
        Cardinality::One | Cardinality::Set | Cardinality::Atomic | Cardinality::Literal => {
            vec![place(String::new())]
        }
    }
}
