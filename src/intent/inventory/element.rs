//! One host, one group or the defaults, as written: keys checked, values kept with their
//! places. Nothing is inherited yet.

use std::collections::BTreeMap;

use crate::intent::yaml::Node;
use crate::model::{Diagnostic, Position};

/// The attributes Nornir knows beside groups, data and connection options.
pub(super) const ATTRIBUTES: [&str; 5] = ["hostname", "port", "username", "password", "platform"];

/// Attribute values in the order of [`ATTRIBUTES`]; a null is not set.
pub(super) type Attributes<'a> = [Option<&'a Node>; 5];

/// The written connection options of one plugin.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options<'a> {
    /// hostname, port, username, password, platform.
    pub(super) attributes: Attributes<'a>,
    /// Anything else.
    pub(super) extras: Option<&'a Node>,
}

impl<'a> Options<'a> {
    /// Takes from `other` what is not set here.
    pub(super) fn fill(&mut self, other: &Self) {
        for (own, inherited) in self.attributes.iter_mut().zip(other.attributes) {
            *own = own.or(inherited);
        }
        self.extras = self.extras.or(other.extras);
    }
}

/// What kind of element is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// In `hosts.yaml`.
    Host,
    /// In `groups.yaml`.
    Group,
    /// All of `defaults.yaml`.
    Defaults,
}

impl Kind {
    fn noun(self) -> &'static str {
        match self {
            Self::Host => "a host",
            Self::Group => "a group",
            Self::Defaults => "the defaults",
        }
    }

    fn keys(self) -> Vec<&'static str> {
        let mut keys = ATTRIBUTES.to_vec();
        if self != Self::Defaults {
            keys.push("groups");
        }
        keys.extend(["data", "connection_options"]);
        keys
    }
}

/// A host, a group or the defaults.
#[derive(Clone, Debug)]
pub(super) struct Element<'a> {
    /// Its key in the file; `defaults` for the defaults.
    pub(super) name: String,
    /// Where it begins.
    pub(super) at: Position,
    /// hostname, port, username, password, platform.
    pub(super) attributes: Attributes<'a>,
    /// The groups it lists itself.
    pub(super) groups: Vec<(&'a str, &'a Position)>,
    /// Its own data.
    pub(super) data: &'a [(Node, Node)],
    /// By plugin.
    pub(super) options: BTreeMap<&'a str, Options<'a>>,
}

impl<'a> Element<'a> {
    /// An element with nothing in it.
    pub(super) fn empty(name: &str, at: Position) -> Self {
        Self {
            name: name.to_owned(),
            at,
            attributes: [None; 5],
            groups: Vec::new(),
            data: &[],
            options: BTreeMap::new(),
        }
    }

    /// Reads the body of an element; faults are pushed to `faults`.
    pub(super) fn read(
        kind: Kind,
        name: &str,
        at: &Position,
        body: &'a Node,
        faults: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut element = Self::empty(name, at.clone());
        for (key, value) in mapping(body, kind.noun(), faults) {
            match key.text() {
                Some("data") => element.data = mapping(value, "`data`", faults),
                Some("connection_options") => element.read_options(value, faults),
                Some("groups") if kind != Kind::Defaults => element.read_groups(value, faults),
                Some(known) if ATTRIBUTES.contains(&known) => {
                    set(&mut element.attributes, known, value);
                }
                Some(_) | None => faults.push(unknown(kind.noun(), key, &kind.keys())),
            }
        }
        element
    }

    fn read_groups(&mut self, value: &'a Node, faults: &mut Vec<Diagnostic>) {
        let Some(items) = value.items() else {
            let message = format!("`groups` must be a list, not {}", value.kind());
            let fault = Diagnostic::error(Some(value.at.clone()), message);
            return faults.push(fault.with_hint("write `groups: [NAME, …]`"));
        };
        for item in items {
            match item.text() {
                Some(name) => self.groups.push((name, &item.at)),
                None => faults.push(not_a_name("group", item)),
            }
        }
    }

    fn read_options(&mut self, value: &'a Node, faults: &mut Vec<Diagnostic>) {
        for (plugin, body) in mapping(value, "`connection_options`", faults) {
            let Some(name) = plugin.text() else {
                faults.push(not_a_name("connection", plugin));
                continue;
            };
            let mut options = Options::default();
            for (key, value) in mapping(body, "connection options", faults) {
                match key.text() {
                    Some("extras") => {
                        mapping(value, "`extras`", faults);
                        options.extras = (!value.is_null()).then_some(value);
                    }
                    Some(known) if ATTRIBUTES.contains(&known) => {
                        set(&mut options.attributes, known, value);
                    }
                    Some(_) | None => {
                        let mut keys = ATTRIBUTES.to_vec();
                        keys.push("extras");
                        faults.push(unknown("connection options", key, &keys));
                    }
                }
            }
            self.options.insert(name, options);
        }
    }
}

fn set<'a>(attributes: &mut Attributes<'a>, key: &str, value: &'a Node) {
    for (slot, name) in attributes.iter_mut().zip(ATTRIBUTES) {
        if name == key {
            *slot = (!value.is_null()).then_some(value);
        }
    }
}

/// The entries of a mapping; none, and a fault, for anything else but null.
pub(super) fn mapping<'a>(
    node: &'a Node,
    what: &str,
    faults: &mut Vec<Diagnostic>,
) -> &'a [(Node, Node)] {
    node.entries().unwrap_or_else(|| {
        let message = format!("{what} must be a mapping, not {}", node.kind());
        faults.push(Diagnostic::error(Some(node.at.clone()), message));
        &[]
    })
}

fn unknown(of: &str, key: &Node, known: &[&str]) -> Diagnostic {
    let message = format!("{of} has no key `{}`", key.data());
    let hint = format!(
        "the keys are {}; variables of your own go under `data`",
        known.join(", ")
    );
    Diagnostic::error(Some(key.at.clone()), message).with_hint(hint)
}

/// A fault for a name that is no text.
pub(super) fn not_a_name(of: &str, node: &Node) -> Diagnostic {
    let message = format!("a {of} name must be text, not {}", node.kind());
    Diagnostic::error(Some(node.at.clone()), message).with_hint("put it in quotes")
}
