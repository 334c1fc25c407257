//! What each element of an XML text is: a wrapper of the protocol, a key of its list, or a
//! line of the configuration.

use std::fmt::Write as _;

use std::collections::{BTreeMap, BTreeSet};

use super::elements::{Element, Markup};
use crate::config::dialect::ContextId;
use crate::config::xml::Models;

/// Elements around the configuration.
const WRAPPERS: &[&str] = &[
    "rpc-reply",
    "data",
    "config",
    "edit-config",
    "rpc",
    "hello",
    "get-config",
    "get",
    "copy-config",
];
/// The same, of one vendor.
const TAIL_F: &str = "{http://tail-f.com/ns/config/1.0}config";
/// Elements of the protocol that are no configuration.
const PARAMETERS: &[&str] = &[
    "target",
    "source",
    "filter",
    "default-operation",
    "test-option",
    "error-option",
    "ok",
    "rpc-error",
    "with-defaults",
    "capabilities",
    "session-id",
];
/// Leaves that tell entries of a list apart, where nobody says which do.
const KEYS: &[&str] = &["name", "id"];
/// Containers of OpenConfig, whose first leaf repeats the key.
const COPIES: &[&str] = &["config", "state"];

/// What an element is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Left out; what is in it counts.
    Wrapper,
    /// Left out with all in it.
    Hidden,
    /// This line.
    Line(String),
    /// An entry of a list without the leaf that names it.
    Nameless(String),
}

/// The roles of all elements, and the contexts they stand in.
pub(crate) fn roles(markup: &Markup, models: &Models) -> (Vec<Role>, Vec<ContextId>) {
    let count = markup.elements.len();
    let mut finder = Finder {
        markup,
        models,
        roles: Vec::with_capacity(count),
        contexts: Vec::with_capacity(count),
        keys: vec![None; count],
        hidden: vec![false; count],
    };
    finder.group(None);
    for at in 0..count {
        let (role, context) = finder.role(at);
        finder.roles.push(role);
        finder.contexts.push(context);
        finder.group(Some(at));
    }
    (finder.roles, finder.contexts)
}

/// What tells entries of a list apart.
#[derive(Clone, Debug)]
enum Told {
    Keys(Vec<String>),
    Place(usize),
}

struct Finder<'m> {
    markup: &'m Markup,
    models: &'m Models,
    roles: Vec<Role>,
    contexts: Vec<ContextId>,
    /// Of elements the pack does not know.
    keys: Vec<Option<Told>>,
    /// Leaves that are keys.
    hidden: Vec<bool>,
}

impl<'m> Finder<'m> {
    fn element(&self, at: usize) -> &'m Element {
        &self.markup.elements[at]
    }

    fn role(&mut self, at: usize) -> (Role, ContextId) {
        let element = self.element(at);
        let parent = element.parent;
        let outside = parent.is_none_or(|p| self.roles[p] == Role::Wrapper);
        let context = match parent {
            Some(parent) if !outside => self.models.inside(&self.element(parent).name),
            _ => ContextId::TOP,
        };
        let gone = |p: usize| matches!(self.roles[p], Role::Hidden | Role::Nameless(_));
        if self.hidden[at] || parent.is_some_and(gone) {
            return (Role::Hidden, context);
        }
        if outside && (element.protocol || element.name == TAIL_F) {
            let named = |all: &[&str]| all.contains(&element.local.as_str());
            if named(WRAPPERS) {
                return (Role::Wrapper, context);
            }
            if named(PARAMETERS) {
                return (Role::Hidden, context);
            }
        }
        (self.line(at, context), context)
    }

    fn line(&mut self, at: usize, context: ContextId) -> Role {
        let element = self.element(at);
        let mut line = element.name.clone();
        let known = self.models.keys(&element.name, context);
        let told = match known {
            Some(keys) => Some(Told::Keys(keys.iter().map(ToString::to_string).collect())),
            None => self.keys[at].take(),
        };
        match told {
            Some(Told::Place(place)) => {
                write!(line, "[{place}]").expect("writing to a String cannot fail");
            }
            Some(Told::Keys(keys)) => {
                for key in keys {
                    let Some(leaf) = self.leaf(at, &key) else {
                        let why = format!("an entry of `{line}` without its key `{key}`");
                        return Role::Nameless(why);
                    };
                    write!(line, "[{key}={}]", self.element(leaf).value)
                        .expect("writing to a String cannot fail");
                    self.hidden[leaf] = true;
                }
            }
            None if !element.value.is_empty() => {
                line.push(' ');
                line.push_str(&element.value);
            }
            None => {}
        }
        Role::Line(line)
    }

    /// The leaf of this name in an element.
    fn leaf(&self, at: usize, name: &str) -> Option<usize> {
        let mut all = self.element(at).children.iter().copied();
        all.find(|child| self.element(*child).local == name && !self.inner(*child))
    }

    fn inner(&self, at: usize) -> bool {
        !self.element(at).children.is_empty()
    }

    /// Looks at the elements in one (or at the outermost) that the pack does not know: which
    /// of them are entries of one list.
    fn group(&mut self, parent: Option<usize>) {
        let outside = parent.is_none_or(|p| self.roles[p] == Role::Wrapper);
        let all: Vec<usize> = match parent {
            Some(parent) => self.element(parent).children.clone(),
            None => {
                let roots = 0..self.markup.elements.len();
                roots
                    .filter(|at| self.element(*at).parent.is_none())
                    .collect()
            }
        };
        let mut lists: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for at in all {
            let name = &self.markup.elements[at].name;
            if self.inner(at) && !self.models.complete(name) {
                lists.entry(name).or_default().push(at);
            }
        }
        for list in lists.into_values() {
            let told = self.told(&list, outside);
            for (at, told) in list.into_iter().zip(told) {
                self.keys[at] = told;
            }
        }
    }

    /// What tells these elements apart.
    fn told(&self, list: &[usize], outside: bool) -> Vec<Option<Told>> {
        let local = &self.element(list[0]).local;
        if self.models.openconfig(&self.element(list[0]).name) {
            return list.iter().map(|at| self.beside_config(*at)).collect();
        }
        let leaves = self.first_leaves(list[0]);
        let named = leaves.first().is_some_and(|leaf| {
            let rest = leaf
                .strip_prefix(local.as_str())
                .and_then(|r| r.strip_prefix('-'));
            KEYS.contains(&rest.unwrap_or(leaf))
        });
        let single = list.len() == 1;
        if single && (!named || COPIES.contains(&local.as_str())) {
            return vec![None];
        }
        for count in 1..=leaves.len().min(2) {
            let keys: Vec<String> = leaves[..count].iter().map(ToString::to_string).collect();
            if self.distinct(list, &keys) {
                return vec![Some(Told::Keys(keys)); list.len()];
            }
        }
        let place = |n| (!outside).then_some(Told::Place(n));
        (1..=list.len()).map(place).collect()
    }

    /// The keys of an entry in the style of OpenConfig.
    fn beside_config(&self, at: usize) -> Option<Told> {
        let element = self.element(at);
        if COPIES.contains(&element.local.as_str()) {
            return None;
        }
        let leaves = element.children.iter().filter(|child| !self.inner(**child));
        let valued = leaves
            .map(|child| self.element(*child))
            .filter(|e| !e.value.is_empty());
        let mut keys: Vec<String> = valued.map(|e| e.local.clone()).collect();
        // Their order in the text does not count.
        keys.sort_unstable();
        keys.dedup();
        (!keys.is_empty()).then_some(Told::Keys(keys))
    }

    /// The names of the leaves an element begins with.
    fn first_leaves(&self, at: usize) -> Vec<&str> {
        let all = self
            .element(at)
            .children
            .iter()
            .map(|child| self.element(*child));
        all.take_while(|e| e.children.is_empty() && !e.value.is_empty())
            .take(2)
            .map(|e| e.local.as_str())
            .collect()
    }

    fn distinct(&self, list: &[usize], keys: &[String]) -> bool {
        let mut seen = BTreeSet::new();
        list.iter().all(|at| {
            let values: Option<Vec<&str>> = keys
                .iter()
                .map(|key| Some(self.element(self.leaf(*at, key)?).value.as_str()))
                .collect();
            values.is_some_and(|values| seen.insert(values))
        })
    }
}
