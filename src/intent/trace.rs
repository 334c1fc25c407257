//! What a rendering reads: which values of the inventory the text between two marks was
//! made of.
//!
//! Nothing here changes a value. A text is known again by its address, which it keeps on
//! every way through a template until a filter makes a new text of it; for everything else
//! counts what was read between the beginning and the end of an expression. Where neither
//! says anything, no variable is named: an honest "unknown" is better than a guess.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use minijinja::Value;
use minijinja::value::ValueKind;

use super::render::Variable;
use super::scopes::{Bound, Expression, Root};
use super::tracked::container;
use crate::model::Position;

/// Most variables named for one expression; a line made of more names the first.
const MOST: usize = 8;
/// Most reads kept for one expression.
const MOST_READS: usize = 64;

/// How one gets from a collection to a value in it, in a variable's name.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// By a key that is text, or the name itself at the top.
    Name(String),
    /// By any other key, or an index.
    Item(String),
}

/// One value of the inventory.
#[derive(Debug)]
struct Known {
    parent: Option<usize>,
    step: Step,
    at: Option<Position>,
    /// The value, if it is no collection.
    scalar: Option<Value>,
    /// A collection's keys and its values: those that are no collections.
    keys: Vec<usize>,
    values: Vec<usize>,
}

/// What was read since something began.
#[derive(Debug, Default)]
struct Reads {
    /// Values that are no collections.
    values: Vec<usize>,
    /// Collections that were gone through.
    listed: Vec<usize>,
}

/// What is open: an expression, or a statement that binds names.
#[derive(Debug)]
struct Open {
    expression: bool,
    id: usize,
    reads: Reads,
}

#[derive(Debug, Default)]
struct State {
    known: Vec<Known>,
    /// Texts by their address.
    texts: BTreeMap<usize, usize>,
    /// Top-level names.
    top: BTreeMap<String, usize>,
    open: Vec<Open>,
    /// What the names a statement binds stand for.
    bound: BTreeMap<usize, Vec<usize>>,
    /// Those of these names that stand for a collection.
    collections: BTreeSet<usize>,
    /// What a loop goes through, and where the last number was found in it.
    pools: BTreeMap<usize, (Vec<usize>, usize)>,
}

/// The record of one rendering.
#[derive(Debug, Default)]
pub(super) struct Trace(Mutex<State>);

impl Trace {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything, before another device.
    pub(super) fn restart(&self) {
        *self.state() = State::default();
    }

    /// Adds a value of the inventory.
    pub(super) fn add(&self, parent: Option<usize>, step: Step, at: Option<Position>) -> usize {
        let mut state = self.state();
        if let (None, Step::Name(name)) = (parent, &step) {
            let id = state.known.len();
            state.top.insert(name.clone(), id);
        }
        state.known.push(Known {
            parent,
            step,
            at,
            scalar: None,
            keys: Vec::new(),
            values: Vec::new(),
        });
        state.known.len() - 1
    }

    /// Says what a value is that is no collection.
    pub(super) fn is(&self, id: usize, value: &Value) {
        let mut state = self.state();
        if let Some(text) = value.as_str() {
            state.texts.insert(text.as_ptr() as usize, id);
        }
        state.known[id].scalar = Some(value.clone());
    }

    /// Says what is in a collection.
    pub(super) fn holds(&self, id: usize, keys: Vec<usize>, values: Vec<usize>) {
        let mut state = self.state();
        state.known[id].keys = keys;
        state.known[id].values = values;
    }

    /// A value that is no collection was looked up.
    pub(super) fn read(&self, id: usize) {
        self.state().note(id, false);
    }

    /// A collection was gone through.
    pub(super) fn listed(&self, id: usize) {
        self.state().note(id, true);
    }

    /// An expression begins.
    pub(super) fn enter(&self, mark: usize) {
        self.state().begin(true, mark);
    }

    /// An expression ends, and everything that began in it.
    pub(super) fn leave(&self, mark: usize) {
        let mut state = self.state();
        let began = |open: &Open| open.expression && open.id == mark;
        if let Some(depth) = state.open.iter().rposition(began) {
            state.open.truncate(depth);
        }
    }

    /// A statement that binds names is about to be carried out.
    pub(super) fn before(&self, statement: usize) {
        let mut state = self.state();
        // A loop without a single round has not said that it ended.
        state.open.retain(|o| o.expression || o.id != statement);
        state.begin(false, statement);
    }

    /// `set`: the names it binds, numbered from `first`, stand for what was read.
    pub(super) fn set(&self, statement: usize, first: usize, names: &[Value], roots: &[Root]) {
        let mut state = self.state();
        let Some(reads) = state.end(statement) else {
            return;
        };
        for (index, value) in names.iter().enumerate() {
            let made_of = match state.same(value) {
                Some(id) => vec![id],
                None => state.made_of(&reads, roots),
            };
            state.bind(first + index, value, made_of);
        }
    }

    /// One round of a loop: the names stand for these values now. `same` says that they are
    /// the items of what the loop goes through, as they are.
    pub(super) fn round(&self, statement: usize, same: bool, names: &[Value]) {
        let mut state = self.state();
        if let Some(reads) = state.end(statement) {
            let pool = if same { reads.listed } else { Vec::new() };
            state.pools.insert(statement, (pool, 0));
        }
        for (index, value) in names.iter().enumerate() {
            let many = names.len() > 1;
            let found = state.same(value);
            let found = found.or_else(|| state.in_pool(statement, value, many.then_some(index)));
            let made_of = found.into_iter().collect();
            state.bind(statement + index, value, made_of);
        }
    }

    /// The values of the inventory a printed value was made of; `expressions` are those at
    /// marks.
    pub(super) fn printed(
        &self,
        value: &Value,
        expressions: &dyn Fn(usize) -> Expression,
    ) -> Vec<usize> {
        let listed = container(value);
        let state = self.state();
        if let Some(id) = listed.or_else(|| state.same(value)) {
            return vec![id];
        }
        let mut open = state.open.iter().rev().filter(|open| open.expression);
        let Some(own) = open.next() else {
            return Vec::new();
        };
        let roots = expressions(own.id).roots;
        let made_of = state.made_of(&own.reads, &roots);
        if !made_of.is_empty() || value.kind() != ValueKind::Number {
            return made_of;
        }
        let argument = |root: &Root| root.bound == Some(Bound::Argument);
        match (roots.iter().any(argument), open.next()) {
            (true, Some(call)) => state.handed_on(value, call, &expressions(call.id)),
            (true, None) => Vec::new(),
            (false, _) => state.named(value, &roots),
        }
    }

    /// A value of the inventory by name and place, if its place is known.
    pub(super) fn variable(&self, id: usize) -> Option<Variable> {
        let state = self.state();
        Some(Variable {
            name: state.name(id)?,
            at: state.known.get(id)?.at.clone()?,
        })
    }
}

impl State {
    fn begin(&mut self, expression: bool, id: usize) {
        self.open.push(Open {
            expression,
            id,
            reads: Reads::default(),
        });
    }

    /// Ends a statement, and everything that began in it.
    fn end(&mut self, statement: usize) -> Option<Reads> {
        let began = |open: &Open| !open.expression && open.id == statement;
        let depth = self.open.iter().rposition(began)?;
        self.open.truncate(depth + 1);
        self.open.pop().map(|open| open.reads)
    }

    /// A name stands for a value now.
    fn bind(&mut self, number: usize, value: &Value, made_of: Vec<usize>) {
        self.bound.insert(number, made_of);
        if container(value).is_some() {
            self.collections.insert(number);
        } else {
            self.collections.remove(&number);
        }
    }

    fn note(&mut self, id: usize, listed: bool) {
        let Some(open) = self.open.last_mut() else {
            return;
        };
        let reads = if listed {
            &mut open.reads.listed
        } else {
            &mut open.reads.values
        };
        if reads.len() < MOST_READS && !reads.contains(&id) {
            reads.push(id);
        }
    }

    /// The very value, known by its address.
    fn same(&self, value: &Value) -> Option<usize> {
        let address = value.as_str()?.as_ptr() as usize;
        self.texts.get(&address).copied()
    }

    /// What was read, and what the names in an expression stand for.
    fn made_of(&self, reads: &Reads, roots: &[Root]) -> Vec<usize> {
        let bound = roots.iter().filter_map(|root| self.stands_for(root));
        // A list that was gone through says it all.
        let inside = |id: &&usize| !self.is_in(**id, &reads.listed);
        let all = reads
            .listed
            .iter()
            .chain(reads.values.iter().filter(inside));
        let mut made_of = Vec::new();
        for id in all.chain(bound.flatten()) {
            if made_of.len() < MOST && !made_of.contains(id) {
                made_of.push(*id);
            }
        }
        made_of
    }

    fn is_in(&self, id: usize, collections: &[usize]) -> bool {
        let mut at = self.known[id].parent;
        while let Some(parent) = at {
            if collections.contains(&parent) {
                return true;
            }
            at = self.known[parent].parent;
        }
        false
    }

    /// A number among what a loop goes through: first the keys, then the values of a mapping
    /// that is taken apart into two names.
    fn in_pool(&mut self, loop_id: usize, value: &Value, name: Option<usize>) -> Option<usize> {
        if value.kind() != ValueKind::Number {
            return None;
        }
        let (pool, last) = self.pools.get(&loop_id)?.clone();
        for id in pool {
            let known = &self.known[id];
            let single = [id];
            let items = match name {
                _ if known.scalar.is_some() => &single[..],
                Some(0) | None if !known.keys.is_empty() => &known.keys[..],
                Some(_) | None => &known.values[..],
            };
            let from = last.min(items.len());
            let order = (from..items.len()).chain(0..from);
            let equal = |at: &usize| self.known[items[*at]].scalar.as_ref() == Some(value);
            if let Some(at) = order.into_iter().find(equal) {
                let found = items[at];
                self.pools.entry(loop_id).and_modify(|pool| pool.1 = at);
                return Some(found);
            }
        }
        None
    }

    /// What a name stands for that a statement binds.
    fn stands_for(&self, root: &Root) -> Option<&Vec<usize>> {
        match root.bound? {
            Bound::Statement(number) => self.bound.get(&number),
            Bound::Argument | Bound::Unknown => None,
        }
    }

    /// A number that came through a macro's argument: one of those the call hands over, if
    /// that can only be one of them.
    fn handed_on(&self, value: &Value, call: &Open, expression: &Expression) -> Vec<usize> {
        let explained = |root: &Root| match root.bound {
            None => self.top.contains_key(&root.name),
            Some(Bound::Statement(number)) => {
                let known = self.bound.get(&number).is_some_and(|ids| ids.len() == 1);
                known || self.collections.contains(&number)
            }
            Some(Bound::Argument | Bound::Unknown) => false,
        };
        if !expression.plain || !expression.roots.iter().all(explained) {
            return Vec::new();
        }
        let bound = expression.roots.iter().filter_map(|r| self.stands_for(r));
        let all = call.reads.values.iter().chain(bound.flatten());
        let equal = |id: &&usize| self.known[**id].scalar.as_ref() == Some(value);
        let found: BTreeSet<usize> = all.filter(equal).copied().collect();
        match found.len() {
            1 => found.into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// A number that a macro knows by the name of a variable, which no statement binds.
    fn named(&self, value: &Value, roots: &[Root]) -> Vec<usize> {
        let free = roots.iter().filter(|root| root.bound.is_none());
        let top = free.filter_map(|root| self.top.get(&root.name));
        let plain = top.filter(|id| self.known[**id].scalar.as_ref() == Some(value));
        plain.copied().take(MOST).collect()
    }

    fn name(&self, id: usize) -> Option<String> {
        let mut steps = Vec::new();
        let mut at = Some(id);
        while let Some(id) = at {
            let known = self.known.get(id)?;
            steps.push(&known.step);
            at = known.parent;
        }
        let mut name = String::new();
        for step in steps.iter().rev() {
            match step {
                Step::Name(word) if name.is_empty() => name.push_str(word),
                Step::Name(word) => name.extend([".", word]),
                Step::Item(key) => name.extend(["[", key, "]"]),
            }
        }
        Some(name)
    }
}
