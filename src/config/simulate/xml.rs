//! An `<edit-config>` document: RFC 6241 7.2, and `insert` of RFC 7950 7.8.6.

use std::fmt::Write as _;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Machine;
use super::ground::{Ground, Spot};
use super::tree::{BlockId, Entry, EntryId};
use crate::config::dialect::{Cardinality, ContextId, Event, RuleId};
use crate::config::lexer::elements::{self, Element, Insert, Markup};
use crate::config::lexer::roles::{self, Role};
use crate::config::lexicon::Info;
use crate::config::xml::{Form, Line};

/// The document that is carried out.
#[derive(Default)]
pub(super) struct Xml {
    markup: Markup,
    roles: Vec<Role>,
    /// Keys of lists that only the configuration itself shows, by block and name.
    keys: BTreeMap<(Option<EntryId>, String), Option<Vec<String>>>,
    /// Elements that have others of their name beside them in the document.
    several: Vec<bool>,
    generic: Vec<String>,
}

impl Machine for Xml {
    fn command(
        &mut self,
        ground: &mut Ground<'_>,
        lines: &[&str],
        generic: &mut Vec<String>,
    ) -> Result<usize, String> {
        let text = lines.join("\n");
        let mut markup = elements::read(&text, &ground.dialect.models);
        if let Some((line, why)) = markup.fault.take() {
            return Err(format!("line {line} of the document: {why}"));
        }
        self.roles = roles::roles(&markup, &ground.dialect.models).0;
        self.several = several(&markup);
        self.markup = markup;
        let top = Spot {
            block: BlockId::TOP,
            path: Vec::new(),
            context: ContextId::TOP,
        };
        for at in 0..self.markup.elements.len() {
            let parent = self.element(at).parent;
            let outermost = parent.is_none_or(|p| self.roles[p] == Role::Wrapper);
            if outermost && !matches!(self.roles[at], Role::Wrapper) {
                self.apply(ground, at, &top)?;
            }
        }
        generic.append(&mut self.generic);
        Ok(lines.len())
    }
}

impl Xml {
    fn element(&self, at: usize) -> &Element {
        &self.markup.elements[at]
    }

    fn apply(&mut self, ground: &mut Ground<'_>, at: usize, spot: &Spot) -> Result<(), String> {
        let (line, keys) = match &self.roles[at] {
            Role::Hidden | Role::Wrapper => return Ok(()),
            Role::Nameless(why) => return Err(why.clone()),
            Role::Line(line) => self.identity(ground, at, spot, line.clone()),
        };
        let info = ground.read(spot.context, &line);
        if info.rule == RuleId::GENERIC {
            self.generic.push(line.clone());
        }
        let operation = self.element(at).operation.clone();
        let found = self.find(ground, spot, &info);
        match (operation.as_deref().unwrap_or("merge"), found) {
            ("delete", _) => return remove(ground, spot, &info, true),
            ("remove", _) => return remove(ground, spot, &info, false),
            ("create", Some(_)) => return Err(format!("`{line}` is there already")),
            ("merge" | "create", _) => {}
            ("replace", found) => empty(ground, spot, found),
            (other, _) => return Err(format!("`{other}` is no operation")),
        }
        let old = match found {
            None if !self.several[at] => {
                let replaces = operation.as_deref() == Some("replace");
                overwritten(ground, spot, &info, replaces)
            }
            found => found,
        };
        let id = put(ground, spot, &info, old);
        if let Some(insert) = self.element(at).insert.clone() {
            place(ground, spot, id, &insert)?;
        }
        self.inside(ground, at, spot, id, &keys)
    }

    /// What stands in an element that is there now.
    fn inside(
        &mut self,
        ground: &mut Ground<'_>,
        at: usize,
        spot: &Spot,
        id: EntryId,
        keys: &[String],
    ) -> Result<(), String> {
        let children = self.element(at).children.clone();
        if children.is_empty() {
            return Ok(());
        }
        let inner = ground.enter(spot, id);
        for child in children {
            if !keys.contains(&self.element(child).local) {
                self.apply(ground, child, &inner)?;
            }
        }
        Ok(())
    }

    /// The line an element is, and the leaves in it that are its keys. Of a list the pack
    /// does not know, the configuration shows the keys.
    fn identity(
        &mut self,
        ground: &Ground<'_>,
        at: usize,
        spot: &Spot,
        line: String,
    ) -> (String, Vec<String>) {
        let element = &self.markup.elements[at];
        let models = &ground.dialect.models;
        let known = models.keys(&element.name, spot.context).is_some();
        if known || element.children.is_empty() || models.complete(&element.name) {
            return (line, Vec::new());
        }
        let place = (spot.path.last().copied(), element.name.clone());
        let shown = self
            .keys
            .entry(place)
            .or_insert_with(|| shown(ground, spot, &element.name));
        let Some(keys) = shown.clone() else {
            return (line, Vec::new());
        };
        let mut text = element.name.clone();
        for key in &keys {
            let mut leaves = element.children.iter().map(|c| &self.markup.elements[*c]);
            match leaves.find(|leaf| leaf.local == *key) {
                Some(leaf) => {
                    write!(text, "[{key}={}]", leaf.value)
                        .expect("writing to a String cannot fail");
                }
                None => return (line, Vec::new()),
            }
        }
        (text, keys)
    }

    fn find(&self, ground: &Ground<'_>, spot: &Spot, info: &Info) -> Option<EntryId> {
        if info.cardinality == Cardinality::One {
            ground.tree.slot(spot.block, info.slot).first().copied()
        } else {
            ground.tree.find(spot.block, info)
        }
    }
}

/// Which elements have others of their name beside them: those may repeat.
fn several(markup: &Markup) -> Vec<bool> {
    let mut first: BTreeMap<(Option<usize>, &str), usize> = BTreeMap::new();
    let mut out = vec![false; markup.elements.len()];
    for (at, element) in markup.elements.iter().enumerate() {
        let known = *first.entry((element.parent, &element.name)).or_insert(at);
        out[known] |= known != at;
        out[at] |= known != at;
    }
    out
}

/// The keys by which entries of this name are told apart where they stand already, or are
/// meant to.
fn shown(ground: &Ground<'_>, spot: &Spot, name: &str) -> Option<Vec<String>> {
    let keys = |text: &str| match Line::of(text) {
        Line { name: own, .. } if own != name => None,
        Line {
            form: Form::Bare, ..
        } => Some(Vec::new()),
        Line {
            form: Form::Keys(keys),
            ..
        } => Some(keys.iter().map(|(key, _)| (*key).to_owned()).collect()),
        Line { .. } => None,
    };
    let mut there = ground
        .tree
        .lines(spot.block)
        .map(|id| ground.tree.entry(id).text());
    there
        .find_map(keys)
        .or_else(|| ground.wanted(spot).into_iter().find_map(keys))
}

/// What a deletion means: this element; of a leaf whose value is not said all of its values.
fn remove(ground: &mut Ground<'_>, spot: &Spot, info: &Info, must: bool) -> Result<(), String> {
    let name = Line::of(&info.command).name.to_owned();
    let mut gone = if info.cardinality == Cardinality::One {
        ground.tree.slot(spot.block, info.slot)
    } else {
        ground.tree.find(spot.block, info).into_iter().collect()
    };
    if gone.is_empty() && matches!(Line::of(&info.command).form, Form::Bare) {
        gone = values(ground, spot, &name);
    }
    if gone.is_empty() && must {
        return Err(format!("there is no `{}` that could go", info.command));
    }
    for id in gone {
        let info = Arc::clone(&ground.tree.entry(id).info);
        ground.take(spot, id);
        ground.wipe(spot, &info, Event::Remove);
    }
    Ok(())
}

/// The leaves of this name.
fn values(ground: &Ground<'_>, spot: &Spot, name: &str) -> Vec<EntryId> {
    let lines = ground.tree.lines(spot.block);
    let same = |id: &EntryId| {
        let line = Line::of(ground.tree.entry(*id).text());
        line.name == name && matches!(line.form, Form::Value(_))
    };
    lines.filter(same).collect()
}

/// Takes out everything inside an element that is replaced.
fn empty(ground: &mut Ground<'_>, spot: &Spot, found: Option<EntryId>) {
    let Some(id) = found else {
        return;
    };
    let inner = ground.enter(spot, id);
    let all: Vec<EntryId> = ground.tree.lines(inner.block).collect();
    for id in all {
        ground.take(&inner, id);
    }
}

/// The element is there afterwards.
fn put(ground: &mut Ground<'_>, spot: &Spot, info: &Arc<Info>, old: Option<EntryId>) -> EntryId {
    if let Some(old) = old.filter(|id| ground.tree.entry(*id).info.command == info.command) {
        return old;
    }
    let entry = Entry::new(Arc::clone(info));
    let (id, event) = match old {
        Some(old) => (ground.replace(spot, old, entry), Event::Change),
        None => (ground.append(spot, entry), Event::Add),
    };
    ground.wipe(spot, info, event);
    id
}

/// The value that goes when a leaf gets another one, if nobody knows whether the leaf may
/// repeat: where it has several values it may; where it has one, what the result is meant to
/// be decides.
fn overwritten(ground: &Ground<'_>, spot: &Spot, info: &Info, replaces: bool) -> Option<EntryId> {
    let line = Line::of(&info.command);
    let repeats = ground.dialect.models.repeats(line.name, spot.context);
    if !matches!(line.form, Form::Value(_)) || repeats.is_some() {
        return None;
    }
    let [only] = values(ground, spot, line.name)[..] else {
        return None;
    };
    let stays = ground.goal.is_some() && ground.wants(spot, ground.tree.entry(only).text());
    (replaces || !stays).then_some(only)
}

/// Moves an entry to where `insert` says.
fn place(ground: &mut Ground<'_>, spot: &Spot, id: EntryId, insert: &Insert) -> Result<(), String> {
    let info = Arc::clone(&ground.tree.entry(id).info);
    if info.cardinality != Cardinality::Seq {
        return Err(format!(
            "`{}` stands in no list with an order",
            info.command
        ));
    }
    let others = || {
        ground
            .tree
            .slot(spot.block, info.slot)
            .into_iter()
            .filter(|o| *o != id)
    };
    let (target, behind) = match insert.place.as_str() {
        "first" => (others().find(|o| first(ground, spot, *o)), false),
        "last" => (None, true),
        "before" | "after" => {
            let target = others().find(|o| named(ground.tree.entry(*o).text(), &insert.anchor));
            let Some(target) = target else {
                return Err(format!(
                    "there is no entry beside `{}` that it could stand at",
                    info.command
                ));
            };
            (Some(target), insert.place == "after")
        }
        other => return Err(format!("`{other}` is no place in a list")),
    };
    match target {
        Some(target) => ground.tree.shift(spot.block, id, target, behind),
        None if insert.place == "last" => {
            let last = ground.tree.lines(spot.block).last();
            if let Some(last) = last.filter(|last| *last != id) {
                ground.tree.shift(spot.block, id, last, true);
            }
        }
        None => {}
    }
    Ok(())
}

/// Whether an entry is the first of its list.
fn first(ground: &Ground<'_>, spot: &Spot, id: EntryId) -> bool {
    let slot = ground.tree.entry(id).info.slot;
    let mut lines = ground.tree.lines(spot.block);
    lines.find(|other| ground.tree.entry(*other).info.slot == slot) == Some(id)
}

/// Whether a line is the entry these keys name.
fn named(line: &str, anchor: &[(String, String)]) -> bool {
    match Line::of(line).form {
        Form::Keys(keys) => {
            keys.len() == anchor.len()
                && keys
                    .iter()
                    .all(|(key, value)| anchor.iter().any(|(k, v)| k == key && v == value))
        }
        Form::Value(value) => matches!(anchor, [(dot, v)] if dot == "." && v == value),
        Form::Bare | Form::Place(_) => false,
    }
}
