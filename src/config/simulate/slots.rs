//! What one line does to its block: fill a slot, empty one, wipe others.

use super::super::dialect::{Cardinality, ContextId, Dialect, Event, Meaning, RuleId};
use super::tree::{Entry, Tree, number};

/// Where a line is typed.
pub(super) struct Site<'a> {
    pub(super) dialect: &'a Dialect,
    pub(super) path: &'a [String],
    pub(super) goal: Option<&'a Tree>,
}

/// What came of a line.
pub(super) enum Applied {
    /// Nothing to enter.
    Done,
    /// The line stands there now, so written, and may open a block.
    Line {
        text: String,
        opens: Option<ContextId>,
    },
}

/// Applies a line that is no literal.
pub(super) fn apply(
    tree: &mut Tree,
    site: &Site<'_>,
    meaning: &Meaning,
) -> Result<Applied, String> {
    if meaning.negated {
        return negate(tree, site, meaning).map(|()| Applied::Done);
    }
    if meaning.absent {
        reset(tree, site, meaning);
        return Ok(Applied::Done);
    }
    match meaning.cardinality {
        Cardinality::Keyed => keyed(tree, site, meaning),
        Cardinality::Seq => Ok(listed(tree, site, meaning)),
        Cardinality::One | Cardinality::Literal => one(tree, site, meaning),
        Cardinality::Set | Cardinality::Atomic => Ok(set(tree, site, meaning)),
    }
}

impl Site<'_> {
    pub(super) fn entry(&self, meaning: &Meaning) -> Entry {
        Entry::new(meaning.clone(), meaning.canonical.clone(), self.dialect)
    }

    /// The places of a block's lines that fill the slot.
    pub(super) fn slot(&self, tree: &Tree, meaning: &Meaning) -> Vec<usize> {
        let lines = tree.at(self.path).unwrap_or_default();
        let same = |(_, e): &(usize, &Entry)| e.meaning.slot == meaning.slot;
        lines
            .iter()
            .enumerate()
            .filter(same)
            .map(|(at, _)| at)
            .collect()
    }

    fn line<'t>(&self, tree: &'t Tree, at: usize) -> Option<&'t Entry> {
        tree.at(self.path)?.get(at)
    }

    /// Removes, adds, and lets the device drop what falls with it.
    fn wipe(&self, tree: &mut Tree, trigger: &Meaning, event: Event) {
        if !self.dialect.cascades(trigger, event) {
            return;
        }
        let here = tree.at(self.path).unwrap_or_default();
        let own = |e: &Entry| event != Event::Remove && e.meaning == *trigger;
        let hit = |e: &Entry| !own(e) && self.dialect.wipes(trigger, event, &e.meaning, false);
        let gone: Vec<usize> = (0..here.len()).rev().filter(|at| hit(&here[*at])).collect();
        for at in gone {
            tree.take(self.path, at);
        }
        let blocks: Vec<String> = tree
            .at(self.path)
            .unwrap_or_default()
            .iter()
            .filter(|e| !e.children.is_empty())
            .map(|e| e.text.clone())
            .collect();
        for block in blocks {
            let mut path = self.path.to_vec();
            path.push(block);
            self.wipe_inside(tree, &path, trigger, event);
        }
    }

    fn wipe_inside(&self, tree: &mut Tree, path: &[String], trigger: &Meaning, event: Event) {
        let here = tree.at(path).unwrap_or_default();
        let hit = |e: &Entry| self.dialect.wipes(trigger, event, &e.meaning, true);
        let gone: Vec<usize> = (0..here.len()).rev().filter(|at| hit(&here[*at])).collect();
        for at in gone {
            tree.take(path, at);
        }
        let here = tree.at(path).unwrap_or_default();
        let blocks = here.iter().filter(|e| !e.children.is_empty());
        for block in blocks.map(|e| e.text.clone()).collect::<Vec<_>>() {
            let mut inner = path.to_vec();
            inner.push(block);
            self.wipe_inside(tree, &inner, trigger, event);
        }
    }

    /// Whether the goal has this line negated.
    fn wanted_negated(&self, meaning: &Meaning) -> bool {
        let lines = self.goal.and_then(|g| g.at(self.path)).unwrap_or_default();
        lines
            .iter()
            .any(|e| e.meaning.negated && e.meaning.slot == meaning.slot)
    }
}

fn stands(meaning: &Meaning) -> Applied {
    Applied::Line {
        text: meaning.canonical.clone(),
        opens: meaning.opens,
    }
}

/// A value that can stand only once.
fn one(tree: &mut Tree, site: &Site<'_>, meaning: &Meaning) -> Result<Applied, String> {
    let Some(at) = site.slot(tree, meaning).first().copied() else {
        tree.insert(site.path, None, site.entry(meaning));
        site.wipe(tree, meaning, Event::Add);
        return Ok(stands(meaning));
    };
    let old = site
        .line(tree, at)
        .map(|e| (e.text.clone(), e.meaning.negated));
    let (old, negated) = old.unwrap_or_default();
    if old == meaning.canonical {
        return Ok(stands(meaning));
    }
    if negated && site.goal.is_some() && !site.wants(meaning) {
        // `X` after `no X`: whether X is printed then, only the goal can say.
        tree.take(site.path, at);
        site.wipe(tree, meaning, Event::Change);
        return Ok(Applied::Done);
    }
    if site.dialect.remove_first(meaning) && !negated {
        return Err(format!("`{old}` cannot be typed over and has to go first"));
    }
    let mut entry = site.entry(meaning);
    if let Some(before) = tree.take(site.path, at) {
        entry.children = before.children;
    }
    tree.insert(site.path, Some(at), entry);
    site.wipe(tree, meaning, Event::Change);
    Ok(stands(meaning))
}

/// One of many, order free.
fn set(tree: &mut Tree, site: &Site<'_>, meaning: &Meaning) -> Applied {
    let places = site.slot(tree, meaning);
    let Some(at) = places.first().copied() else {
        tree.insert(site.path, None, site.entry(meaning));
        site.wipe(tree, meaning, Event::Add);
        return stands(meaning);
    };
    let negated = site.line(tree, at).is_some_and(|e| e.meaning.negated);
    if negated {
        // `X` after `no X`: whether X is printed then, only the goal can say.
        tree.take(site.path, at);
        if site.goal.is_some() && !site.wants(meaning) {
            return Applied::Done;
        }
        tree.insert(site.path, Some(at), site.entry(meaning));
    }
    stands(meaning)
}

impl Site<'_> {
    fn wants(&self, meaning: &Meaning) -> bool {
        let lines = self.goal.and_then(|g| g.at(self.path)).unwrap_or_default();
        lines.iter().any(|e| e.text == meaning.canonical)
    }
}

/// One of a list whose order nothing but the place shows: new ones go to the end.
fn listed(tree: &mut Tree, site: &Site<'_>, meaning: &Meaning) -> Applied {
    let known = site.slot(tree, meaning).into_iter().any(|at| {
        site.line(tree, at)
            .is_some_and(|e| e.text == meaning.canonical)
    });
    let block = meaning.opens.is_some();
    if !(known && block) {
        tree.insert(site.path, None, site.entry(meaning));
        site.wipe(tree, meaning, Event::Add);
    }
    stands(meaning)
}

/// One of a numbered list.
fn keyed(tree: &mut Tree, site: &Site<'_>, meaning: &Meaning) -> Result<Applied, String> {
    let mut entry = site.entry(meaning);
    let lines = tree.at(site.path).unwrap_or_default();
    let content = |m: &Meaning| {
        site.dialect
            .numbered(m, None)
            .unwrap_or_else(|| m.canonical.clone())
    };
    let same = site.slot(tree, meaning);
    if meaning.number.is_none() {
        let twin = same
            .iter()
            .find(|at| content(&lines[**at].meaning) == content(meaning));
        if let Some(twin) = twin {
            return Ok(stands(&lines[*twin].meaning));
        }
        // A release that shows no numbers shows none for the new entry either.
        let silent = |at: &usize| lines[*at].meaning.number.is_none();
        let known = if same.is_empty() {
            tree.silent.contains(&meaning.slot.name)
        } else {
            same.iter().all(silent)
        };
        if known {
            tree.insert(site.path, None, entry);
            site.wipe(tree, meaning, Event::Add);
            return Ok(stands(meaning));
        }
        number(&mut entry, lines, site.dialect);
    }
    let taken = same
        .iter()
        .find(|at| lines[**at].meaning.number == entry.meaning.number);
    let at = match taken.map(|at| (*at, &lines[*at])) {
        Some((_, old)) if old.text == entry.text => return Ok(stands(&entry.meaning)),
        Some((at, old)) if old.meaning.opens.is_some() => Some(at),
        Some((_, old)) => return Err(format!("its number is taken by `{}`", old.text)),
        None => None,
    };
    let before = at.and_then(|at| tree.take(site.path, at));
    let event = if before.is_some() {
        Event::Change
    } else {
        Event::Add
    };
    entry.children = before.map(|b| b.children).unwrap_or_default();
    let meaning = entry.meaning.clone();
    tree.insert(site.path, at, entry);
    site.wipe(tree, &meaning, event);
    Ok(stands(&meaning))
}

/// A positive line that equals the platform's default empties its slot.
fn reset(tree: &mut Tree, site: &Site<'_>, meaning: &Meaning) {
    let mut gone = false;
    for at in site.slot(tree, meaning).into_iter().rev() {
        tree.take(site.path, at);
        gone = true;
    }
    if gone {
        site.wipe(tree, meaning, Event::Change);
    }
}

/// `no …`.
fn negate(tree: &mut Tree, site: &Site<'_>, meaning: &Meaning) -> Result<(), String> {
    let hits = targets(tree, site, meaning);
    let listed = hits
        .first()
        .and_then(|at| site.line(tree, *at))
        .is_some_and(Entry::listed);
    // Of equal entries of a list, a negation takes the first.
    let hits = if listed {
        hits.into_iter().take(1).collect()
    } else {
        hits
    };
    let printed = meaning.rule == RuleId::GENERIC || !meaning.absent;
    if hits.is_empty() {
        return nothing_to_take(tree, site, meaning, printed);
    }
    let mut removed = Vec::new();
    for at in hits.into_iter().rev() {
        removed.extend(tree.take(site.path, at));
    }
    for entry in &removed {
        site.wipe(tree, &entry.meaning, Event::Remove);
    }
    let generic = meaning.rule == RuleId::GENERIC;
    let keeps = match site.goal {
        Some(_) => site.wanted_negated(meaning),
        // The dialect knows that the device prints it; of a line no rule knows, nobody does.
        None => !generic,
    };
    if printed && keeps {
        tree.insert(site.path, None, site.entry(meaning));
    }
    Ok(())
}

/// A negation that finds nothing: wrong, unless the device prints it as a line of its own.
fn nothing_to_take(
    tree: &mut Tree,
    site: &Site<'_>,
    meaning: &Meaning,
    printed: bool,
) -> Result<(), String> {
    let known = site.dialect.meaning(meaning.context, meaning.positive());
    if meaning.rule == RuleId::GENERIC && known.rule != RuleId::GENERIC {
        let rule = site.dialect.rule_name(known.rule);
        return Err(format!(
            "no form of negation that the dialect knows for `{rule}`"
        ));
    }
    if !printed {
        return Err("there is nothing it could take back".to_owned());
    }
    if site.slot(tree, meaning).is_empty() {
        tree.insert(site.path, None, site.entry(meaning));
    }
    Ok(())
}

/// The lines a negation means: those in its slot whose words agree with all it names.
fn targets(tree: &Tree, site: &Site<'_>, meaning: &Meaning) -> Vec<usize> {
    let named = site.dialect.captures(meaning);
    let content = |m: &Meaning| {
        site.dialect
            .numbered(m, None)
            .unwrap_or_else(|| m.canonical.clone())
    };
    let lines = tree.at(site.path).unwrap_or_default();
    let agrees = |e: &Entry| {
        let own = site.dialect.captures(&e.meaning);
        named.iter().all(|(name, value)| {
            own.iter()
                .all(|(other, text)| other != name || text == value)
        })
    };
    let in_list = |e: &Entry| match meaning.number {
        Some(number) => e.meaning.number == Some(number),
        None if named.is_empty() => content(&e.meaning) == meaning.positive(),
        None => true,
    };
    let places = site.slot(tree, meaning).into_iter();
    places
        .filter(|at| {
            let entry = &lines[*at];
            !entry.meaning.negated && agrees(entry) && (!entry.listed() || in_list(entry))
        })
        .collect()
}
