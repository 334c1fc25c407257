//! Ordered lists. Where entries show no number, new ones land at the end, so the tail from
//! the first difference on is typed again; if the platform can only drop the list as a
//! whole, it is rebuilt and said to be dangerous.

use std::collections::{BTreeMap, BTreeSet};

use super::cascade::{compact, find};
use super::change::{Action, Change, Changes, Line, Pair};
use super::{inserts, numbers};
use crate::config::dialect::{Cardinality, Event, Negation, Slot, Typing};
use crate::config::{Document, NodeId};
use crate::model::{Hazard, HazardKind};

/// Which list: the block it is in, and the slot where the block holds other things too.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct ListKey {
    path: Vec<String>,
    slot: Option<Slot>,
}

/// Plans every unnumbered list the changes touch anew.
pub(super) fn settle(pair: Pair<'_>, changes: &mut Changes) {
    let mut touched: BTreeMap<ListKey, Vec<usize>> = BTreeMap::new();
    for (index, change) in changes.list.iter().enumerate() {
        if let Some(key) = list_of(pair, change) {
            touched.entry(key).or_default().push(index);
        }
    }
    let mut dropped = BTreeSet::new();
    let mut read = Read::default();
    for (key, indices) in touched {
        let edit = Edit::new(pair, &key, &mut read);
        match edit.way() {
            Way::Differences => {}
            Way::Numbers => {
                dropped.extend(indices);
                numbers::edit(pair, &key.path, &edit.from, &edit.to, changes);
            }
            Way::Places => {
                dropped.extend(indices);
                edit.carry_out(&key, changes);
            }
            Way::Inserts => {
                dropped.extend(indices);
                inserts::edit(pair, &key.path, &edit.from, &edit.to, changes);
            }
        }
    }
    compact(changes, &dropped);
    swallow(changes);
}

/// Changes inside a block that goes, or comes again, as a whole are part of that.
fn swallow(changes: &mut Changes) {
    let mut whole: BTreeSet<Vec<String>> = BTreeSet::new();
    for change in &changes.list {
        if let Action::Remove(line) | Action::Add(line) = &change.action {
            let header = std::iter::once(&line.meaning.canonical);
            whole.insert(change.path.iter().chain(header).cloned().collect());
        }
    }
    let inside =
        |change: &Change| (1..=change.path.len()).any(|n| whole.contains(&change.path[..n]));
    let indices = changes.list.iter().enumerate();
    let dropped = indices.filter(|(_, c)| inside(c)).map(|(i, _)| i).collect();
    compact(changes, &dropped);
}

/// The unnumbered list a change belongs to, if it belongs to one.
fn list_of(pair: Pair<'_>, change: &Change) -> Option<ListKey> {
    let meaning = &change.subject().meaning;
    let slot = match meaning.cardinality {
        _ if pair.dialect.ordered(meaning.context) => None,
        Cardinality::Seq | Cardinality::Keyed => Some(meaning.slot.clone()),
        Cardinality::One | Cardinality::Set | Cardinality::Atomic | Cardinality::Literal => {
            return None;
        }
    };
    Some(ListKey {
        path: change.path.clone(),
        slot,
    })
}

/// How a list can be edited.
enum Way {
    /// Every entry carries its number: the differences stand for themselves.
    Differences,
    /// The device shows numbers, the intent leaves some out.
    Numbers,
    /// Nothing but the place tells the order.
    Places,
    /// The same, and entries can be moved.
    Inserts,
}

/// The lists of the blocks looked at so far: a block with many lists is read once.
#[derive(Default)]
struct Read(BTreeMap<(bool, Vec<String>), Vec<Line>>);

impl Read {
    fn entries(&mut self, pair: Pair<'_>, doc: &Document, key: &ListKey, old: bool) -> Vec<Line> {
        let parent = find(doc, &key.path);
        let line = |id: &NodeId| Line {
            id: *id,
            meaning: doc.meaning(*id, pair.dialect),
        };
        let Some(slot) = &key.slot else {
            let whole = self.0.entry((old, key.path.clone()));
            let ids = parent.map_or(&[][..], |parent| doc.commands(parent));
            return whole
                .or_insert_with(|| ids.iter().map(line).collect())
                .clone();
        };
        let ids = parent.map(|parent| doc.entries_of(parent, slot));
        ids.unwrap_or_default().iter().map(line).collect()
    }
}

/// One list before and after.
struct Edit<'a> {
    pair: Pair<'a>,
    from: Vec<Line>,
    to: Vec<Line>,
}

impl<'a> Edit<'a> {
    fn new(pair: Pair<'a>, key: &ListKey, read: &mut Read) -> Self {
        Self {
            pair,
            from: read.entries(pair, pair.from, key, true),
            to: read.entries(pair, pair.to, key, false),
        }
    }

    fn way(&self) -> Way {
        let has = |line: &Line| line.meaning.number.is_some();
        let keyed = |line: &Line| line.meaning.cardinality == Cardinality::Keyed;
        let all = || self.from.iter().chain(&self.to);
        if all().all(|line| keyed(line) && has(line)) || (self.from.is_empty() && all().all(keyed))
        {
            Way::Differences
        } else if self.from.iter().all(|line| keyed(line) && has(line)) && self.to.iter().all(keyed)
        {
            Way::Numbers
        } else if self.pair.dialect.moves() && all().all(|line| self.movable(line)) {
            Way::Inserts
        } else {
            Way::Places
        }
    }

    /// XML moves the values of a leaf-list too.
    fn movable(&self, line: &Line) -> bool {
        let xml = matches!(self.pair.dialect.typing(), Typing::Xml);
        line.meaning.opens.is_some() || xml
    }

    fn carry_out(&self, key: &ListKey, changes: &mut Changes) {
        let kept = self.kept();
        let going: Vec<&Line> = self
            .from
            .iter()
            .filter(|line| !kept.contains(&line.id))
            .collect();
        let drops_all = going
            .first()
            .is_some_and(|first| self.drops_siblings(first));
        if drops_all || (!going.is_empty() && self.ambiguous(&going)) || kept.is_empty() {
            if key.slot.is_none() && !self.from.is_empty() && !self.to.is_empty() {
                return self.rebuild_block(key, changes);
            }
            return self.rebuild_lines(key, changes, drops_all);
        }
        self.edit(key, &going, kept.len(), changes);
    }

    /// The entries that may stay: the longest start of the new list that is still in the
    /// old one, in order.
    fn kept(&self) -> BTreeSet<NodeId> {
        let mut wanted = self.to.iter().peekable();
        let mut kept = BTreeSet::new();
        for line in &self.from {
            let stays = wanted
                .next_if(|w| self.text(self.pair.to, w) == self.text(self.pair.from, line))
                .is_some();
            if stays {
                kept.insert(line.id);
            }
        }
        kept
    }

    fn text(&self, doc: &Document, line: &Line) -> Vec<String> {
        let bare = self.pair.dialect.numbered(&line.meaning, None);
        bare.map_or_else(|| doc.typed(line.id, self.pair.dialect), |text| vec![text])
    }

    /// Taking one entry back takes the others too.
    fn drops_siblings(&self, first: &Line) -> bool {
        self.from.iter().any(|other| {
            other.id != first.id
                && self
                    .pair
                    .dialect
                    .wipes(&first.meaning, Event::Remove, &other.meaning, false)
        })
    }

    /// An entry that goes reads like another one: `no <entry>` could hit the wrong one.
    fn ambiguous(&self, going: &[&Line]) -> bool {
        going.iter().any(|gone| {
            self.from.iter().any(|other| {
                other.id != gone.id && other.meaning.canonical == gone.meaning.canonical
            })
        })
    }

    fn edit(&self, key: &ListKey, going: &[&Line], kept: usize, changes: &mut Changes) {
        let first = changes.list.len();
        for line in going {
            self.take_back(key, line, changes);
        }
        let removed = first..changes.list.len();
        if kept < self.to.len() && !removed.is_empty() {
            self.hazard(changes, self.to.len() - kept);
        }
        self.append(key, &self.to[kept..], removed.collect(), changes);
    }

    /// Top-level entries: everything goes and comes again.
    fn rebuild_lines(&self, key: &ListKey, changes: &mut Changes, drops_all: bool) {
        let first = changes.list.len();
        for line in &self.from {
            self.take_back(key, line, changes);
        }
        let removed: Vec<usize> = (first..changes.list.len()).collect();
        if drops_all && !self.to.is_empty() && !removed.is_empty() {
            self.hazard(changes, self.to.len());
        }
        self.append(key, &self.to, removed, changes);
    }

    /// A list that is a block: the block goes and comes again.
    fn rebuild_block(&self, key: &ListKey, changes: &mut Changes) {
        let (Some(Some(old)), Some(Some(new))) = (
            find(self.pair.from, &key.path),
            find(self.pair.to, &key.path),
        ) else {
            return self.rebuild_lines(key, changes, false);
        };
        let outer = &key.path[..key.path.len() - 1];
        let old = self.pair.old_line(old);
        let options = self.pair.dialect.negations(&old.meaning);
        let Some(Negation::Line(text)) = options.into_iter().next() else {
            return self.rebuild_lines(key, changes, false);
        };
        let mut gone = Change::new(outer, Action::Remove(old));
        gone.negation = Some(text);
        changes.list.push(gone);
        let mut again = Change::new(outer, Action::Add(self.pair.new_line_of(new)));
        again.after.push(changes.list.len() - 1);
        changes.list.push(again);
        self.hazard(changes, self.to.len());
    }

    /// Says what does not apply while `lines` of its entries are typed again.
    fn hazard(&self, changes: &mut Changes, lines: usize) {
        // What a transaction leaves in between, nobody sees.
        let Some(line) = self
            .from
            .first()
            .filter(|_| !self.pair.dialect.is_transactional())
        else {
            return;
        };
        let parent = self.pair.from.node(line.id).parent;
        let definer = parent.map_or_else(|| line.clone(), |id| self.pair.old_line(id));
        let what = self.pair.dialect.defines(&definer.meaning).map_or_else(
            || format!("the list of `{}`", definer.meaning.canonical),
            |name| format!("{} `{}`", name.kind, name.name),
        );
        let text = if lines == self.to.len() {
            format!(
                "{what} is dropped and typed again ({lines} lines); meanwhile whatever uses it lets everything through"
            )
        } else {
            format!(
                "{what}: its last {lines} of {} lines are typed again; meanwhile they do not apply",
                self.to.len()
            )
        };
        changes.hazards.push(Hazard {
            line: 0,
            kind: HazardKind::Rebuild,
            text,
        });
    }

    fn take_back(&self, key: &ListKey, line: &Line, changes: &mut Changes) {
        let options = self.pair.dialect.negations(&line.meaning);
        let Some(Negation::Line(text)) = options.into_iter().next() else {
            let canonical = &line.meaning.canonical;
            changes.problems.push(format!(
                "`{canonical}` cannot be taken back on this platform"
            ));
            return;
        };
        let mut change = Change::new(&key.path, Action::Remove(line.clone()));
        change.negation = Some(text);
        changes.list.push(change);
    }

    /// Types entries one after the other, behind everything in `first`.
    fn append(&self, key: &ListKey, lines: &[Line], first: Vec<usize>, changes: &mut Changes) {
        let mut before = first;
        for line in lines {
            let mut change = Change::new(&key.path, Action::Add(line.clone()));
            // The device shows no numbers here, so none may be typed either.
            change.typed = match line.meaning.number {
                Some(_) if !self.from.is_empty() => self.pair.dialect.numbered(&line.meaning, None),
                Some(_) | None => None,
            };
            change.after = std::mem::replace(&mut before, vec![changes.list.len()]);
            changes.list.push(change);
        }
    }
}
