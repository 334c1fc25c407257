//! What one line does to its block: fill a slot, empty one, wipe others.

use std::sync::Arc;

use super::ground::{Ground, Spot};
use super::tree::{Entry, EntryId};
use crate::config::build::join_values;
use crate::config::dialect::{Cardinality, Event, Meaning, RuleId};
use crate::config::lexicon::Info;

/// What came of a line.
pub(super) enum Applied {
    /// Nothing to enter.
    Done,
    /// The line stands there now and may open a block.
    Line(EntryId),
}

impl Ground<'_> {
    /// Applies a line that is no literal.
    pub(super) fn apply(&mut self, spot: &Spot, info: &Arc<Info>) -> Result<Applied, String> {
        if info.negated() {
            return self.negate(spot, info).map(|()| Applied::Done);
        }
        if info.absent {
            self.reset(spot, info);
            return Ok(Applied::Done);
        }
        match info.cardinality {
            Cardinality::Keyed => self.keyed(spot, info),
            Cardinality::Seq => Ok(self.listed(spot, info)),
            Cardinality::One | Cardinality::Literal => self.one(spot, info),
            Cardinality::Set | Cardinality::Atomic => Ok(self.set(spot, info)),
        }
    }

    /// The lines a line stands for, where it holds a list.
    pub(super) fn items(&self, info: &Info) -> Vec<String> {
        let mut words = Vec::new();
        self.dialect.words(&info.command, &mut words);
        let reading = self.dialect.read(info.context, &info.command, &words);
        reading.expanded(self.dialect).unwrap_or_default()
    }

    /// Appends a line's value to the line it goes on with; false if it stands for itself.
    pub(super) fn goes_on(&mut self, spot: &Spot, info: &Info) -> bool {
        let base = self.dialect.rule(info.rule).and_then(|r| r.joins);
        let Some(base) = base.filter(|_| !info.negated()) else {
            return false;
        };
        let mut lines = self.tree.lines(spot.block);
        let Some(id) = lines.find(|id| self.tree.entry(*id).info.rule == base) else {
            return false;
        };
        drop(lines);
        let old = Arc::clone(&self.tree.entry(id).info);
        let Some(text) = join_values(self.dialect, &old, info) else {
            return false;
        };
        let joined = self.read(spot.context, &text);
        self.replace(spot, id, Entry::new(joined));
        true
    }

    fn meaning(&self, info: &Info) -> Meaning {
        self.dialect.meaning(info.context, &info.command)
    }

    /// Lets the device drop what falls with a change.
    pub(super) fn wipe(&mut self, spot: &Spot, trigger: &Info, event: Event) {
        let dialect = self.dialect;
        let meaning = self.meaning(trigger);
        if !dialect.cascades(&meaning, event) {
            return;
        }
        let own = |e: &Entry| event != Event::Remove && e.info.command == trigger.command;
        let lines: Vec<EntryId> = self.tree.lines(spot.block).collect();
        let mut gone = Vec::new();
        let mut blocks = Vec::new();
        for id in lines {
            let entry = self.tree.entry(id);
            if !own(entry) && dialect.may_wipe(&meaning, event, entry.info.rule, false) {
                let victim = entry.meaning(dialect);
                if dialect.wipes(&meaning, event, &victim, false) {
                    gone.push(id);
                    continue;
                }
            }
            let nested = |info: &Info| dialect.may_wipe(&meaning, event, info.rule, true);
            if self.tree.holds(id, &nested) {
                blocks.push(id);
            }
        }
        for id in gone {
            self.take(spot, id);
        }
        for id in blocks {
            self.wipe_inside(spot, id, &meaning, event);
        }
    }

    fn wipe_inside(&mut self, spot: &Spot, id: EntryId, trigger: &Meaning, event: Event) {
        let dialect = self.dialect;
        let inner = self.enter(spot, id);
        let lines: Vec<EntryId> = self.tree.lines(inner.block).collect();
        for id in lines {
            let entry = self.tree.entry(id);
            let victim = dialect
                .may_wipe(trigger, event, entry.info.rule, true)
                .then(|| entry.meaning(dialect));
            if victim.is_some_and(|v| dialect.wipes(trigger, event, &v, true)) {
                self.take(&inner, id);
                continue;
            }
            let nested = |info: &Info| dialect.may_wipe(trigger, event, info.rule, true);
            if self.tree.holds(id, &nested) {
                self.wipe_inside(&inner, id, trigger, event);
            }
        }
    }

    /// Inside an entry.
    pub(super) fn enter(&mut self, spot: &Spot, id: EntryId) -> Spot {
        let mut path = spot.path.clone();
        path.push(id);
        Spot {
            block: self.tree.open(id),
            context: super::tree::inside_of(&self.tree.entry(id).info),
            path,
        }
    }

    /// A value that can stand only once.
    pub(super) fn one(&mut self, spot: &Spot, info: &Arc<Info>) -> Result<Applied, String> {
        let Some(at) = self.tree.slot(spot.block, info.slot).first().copied() else {
            let id = self.append(spot, Entry::new(Arc::clone(info)));
            self.wipe(spot, info, Event::Add);
            return Ok(Applied::Line(id));
        };
        let old = Arc::clone(&self.tree.entry(at).info);
        if old.command == info.command {
            return Ok(Applied::Line(at));
        }
        if old.negated() && self.goal.is_some() && !self.wants(spot, &info.command) {
            // `X` after `no X`: whether X is printed then, only the goal can say.
            self.take(spot, at);
            self.wipe(spot, info, Event::Change);
            return Ok(Applied::Done);
        }
        if self.dialect.remove_first(&self.meaning(info)) && !old.negated() {
            let old = &old.command;
            return Err(format!("`{old}` cannot be typed over and has to go first"));
        }
        let id = self.replace(spot, at, Entry::new(Arc::clone(info)));
        self.wipe(spot, info, Event::Change);
        Ok(Applied::Line(id))
    }

    /// One of many, order free.
    fn set(&mut self, spot: &Spot, info: &Arc<Info>) -> Applied {
        let Some(at) = self.tree.slot(spot.block, info.slot).first().copied() else {
            let id = self.append(spot, Entry::new(Arc::clone(info)));
            self.wipe(spot, info, Event::Add);
            return Applied::Line(id);
        };
        if !self.tree.entry(at).info.negated() {
            return Applied::Line(at);
        }
        // `X` after `no X`: whether X is printed then, only the goal can say.
        if self.goal.is_some() && !self.wants(spot, &info.command) {
            self.take(spot, at);
            return Applied::Done;
        }
        Applied::Line(self.replace(spot, at, Entry::new(Arc::clone(info))))
    }

    /// One of a list whose order nothing but the place shows: new ones go to the end.
    fn listed(&mut self, spot: &Spot, info: &Arc<Info>) -> Applied {
        let known = self.tree.find(spot.block, info);
        let once = info.opens.is_some() || self.dialect.braces.paths;
        if let (Some(known), true) = (known, once) {
            return Applied::Line(known);
        }
        let id = self.append(spot, Entry::new(Arc::clone(info)));
        self.wipe(spot, info, Event::Add);
        Applied::Line(id)
    }

    /// One of a numbered list.
    fn keyed(&mut self, spot: &Spot, info: &Arc<Info>) -> Result<Applied, String> {
        let same = self.tree.slot(spot.block, info.slot);
        let mut info = Arc::clone(info);
        if info.number.is_none() {
            let twin = |id: &&EntryId| self.tree.entry(**id).info.content() == info.content();
            if let Some(twin) = same.iter().find(twin) {
                return Ok(Applied::Line(*twin));
            }
            // A release that shows no numbers shows none for the new entry either.
            let silent = |id: &EntryId| self.tree.entry(*id).info.number.is_none();
            let known = if same.is_empty() {
                self.silent(info.rule)
            } else {
                same.iter().all(silent)
            };
            if known {
                let id = self.append(spot, Entry::new(Arc::clone(&info)));
                self.wipe(spot, &info, Event::Add);
                return Ok(Applied::Line(id));
            }
            info = self.numbered(&info, &same);
        }
        let number = |id: &&EntryId| self.tree.entry(**id).info.number == info.number;
        let taken = same.iter().find(number).copied();
        let Some(at) = taken else {
            let id = self.append(spot, Entry::new(Arc::clone(&info)));
            self.wipe(spot, &info, Event::Add);
            return Ok(Applied::Line(id));
        };
        let old = Arc::clone(&self.tree.entry(at).info);
        if old.command == info.command {
            return Ok(Applied::Line(at));
        }
        let overwrites =
            old.opens.is_some() || self.dialect.rule(info.rule).is_some_and(|r| r.overwrites);
        if !overwrites {
            return Err(format!("its number is taken by `{}`", old.command));
        }
        let id = self.replace(spot, at, Entry::new(Arc::clone(&info)));
        self.wipe(spot, &info, Event::Change);
        Ok(Applied::Line(id))
    }

    /// The entry with the number the device would give it.
    fn numbered(&self, info: &Arc<Info>, same: &[EntryId]) -> Arc<Info> {
        let Some((first, step)) = self.dialect.numbering(info.rule) else {
            return Arc::clone(info);
        };
        let numbers = same
            .iter()
            .filter_map(|id| self.tree.entry(*id).info.number);
        let next = numbers.max().map_or(first, |n| n.saturating_add(step));
        match self.dialect.numbered(&self.meaning(info), Some(next)) {
            Some(text) => self.read(info.context, &text),
            None => Arc::clone(info),
        }
    }

    /// A positive line that equals the platform's default empties its slot.
    fn reset(&mut self, spot: &Spot, info: &Info) {
        let gone = self.tree.slot(spot.block, info.slot);
        for id in &gone {
            self.take(spot, *id);
        }
        if !gone.is_empty() {
            self.wipe(spot, info, Event::Change);
        }
    }

    /// `no …`.
    fn negate(&mut self, spot: &Spot, info: &Arc<Info>) -> Result<(), String> {
        let mut hits = self.targets(spot, info);
        let listed = hits
            .first()
            .is_some_and(|id| self.tree.entry(*id).info.listed());
        let whole = self.dialect.is_negation_form(&self.meaning(info))
            && self.dialect.captures(&self.meaning(info)).is_empty();
        if listed && !whole {
            // Of equal entries of a list, a negation takes the first.
            hits.truncate(1);
        }
        let generic = info.rule == RuleId::GENERIC;
        let printed = generic || !info.absent;
        if hits.is_empty() {
            return self.nothing_to_take(spot, info, printed);
        }
        let mut removed = Vec::new();
        for id in hits.into_iter().rev() {
            removed.push(Arc::clone(&self.tree.entry(id).info));
            self.take(spot, id);
        }
        for gone in removed {
            self.wipe(spot, &gone, Event::Remove);
        }
        let keeps = match self.goal {
            Some(_) => self.wants_negated(spot, info.slot),
            // The dialect knows that the device prints it; of a line no rule knows, nobody does.
            None => !generic,
        };
        if printed && keeps {
            self.append(spot, Entry::new(Arc::clone(info)));
        }
        Ok(())
    }

    /// A negation that finds nothing: wrong, unless the device prints it as a line of its own.
    fn nothing_to_take(
        &mut self,
        spot: &Spot,
        info: &Arc<Info>,
        printed: bool,
    ) -> Result<(), String> {
        let known = self.dialect.meaning(info.context, info.positive());
        if info.rule == RuleId::GENERIC && known.rule != RuleId::GENERIC {
            let rule = self.dialect.rule_name(known.rule);
            return Err(format!(
                "no form of negation that the dialect knows for `{rule}`"
            ));
        }
        if !printed {
            return Err("there is nothing it could take back".to_owned());
        }
        if self.tree.slot(spot.block, info.slot).is_empty() {
            self.append(spot, Entry::new(Arc::clone(info)));
            self.wipe(spot, info, Event::Add);
        }
        Ok(())
    }

    /// The lines a negation means: those in its slot whose words agree with all it names.
    fn targets(&self, spot: &Spot, info: &Info) -> Vec<EntryId> {
        let meaning = self.meaning(info);
        let named = self.dialect.captures(&meaning);
        let form = self.dialect.is_negation_form(&meaning);
        let mut found = self.tree.slot(spot.block, info.slot);
        found.retain(|id| {
            let entry = self.tree.entry(*id);
            if entry.info.negated() {
                return false;
            }
            let other = entry.meaning(self.dialect);
            let own = self.dialect.captures(&other);
            let agrees = named.iter().all(|(name, value)| {
                own.iter()
                    .all(|(other, text)| other != name || text == value)
            });
            let in_list = match meaning.number {
                Some(number) => entry.info.number == Some(number),
                // A form of its own without captures means the whole list.
                None if named.is_empty() => form || entry.info.content() == info.positive(),
                None => form || entry.info.rule == info.rule,
            };
            agrees && (!entry.info.listed() || in_list)
        });
        found
    }
}
