//! Inheritance, exactly Nornir's.
//!
//! * An attribute is the host's if it is not null, else that of the first of its groups
//!   (depth first, in listed order, each once) that has one, else the defaults'.
//! * Data is inherited by top-level key in the same order; there a null counts as a value.
//! * Connection options are merged field by field along the direct groups, and each group
//!   has already taken from its own groups **and from the defaults**: so the defaults'
//!   options come before those of a second group. That is what Nornir does.

use std::collections::{BTreeMap, BTreeSet};

use super::element::{ATTRIBUTES, Attributes, Element, Options};
use crate::intent::keel;
use crate::intent::yaml::{self, Node};
use crate::model::{
    ConnectionOptions, Credential, Data, Device, Diagnostic, Position, SecretName, SecretText,
};

/// Deepest nesting of groups.
const MAX_DEPTH: usize = 100;

/// What a host resolves to, as it is written.
pub(super) struct Written<'a> {
    /// hostname, port, username, password, platform.
    pub(super) attributes: Attributes<'a>,
    /// Where the groups it is in are defined, in the order of resolution.
    pub(super) all_groups: Vec<Position>,
    /// The entries of its data.
    pub(super) data: Vec<&'a (Node, Node)>,
}

/// The groups and the defaults, ready to inherit from.
#[derive(Debug)]
pub(super) struct Family<'a> {
    groups: Vec<Element<'a>>,
    index: BTreeMap<String, usize>,
    /// For each group itself and every group above it, in the order of resolution.
    extended: Vec<Vec<usize>>,
    defaults: Element<'a>,
    /// Connection options of each group after inheritance, by plugin.
    options: Vec<BTreeMap<&'a str, Options<'a>>>,
}

impl<'a> Family<'a> {
    /// Links the groups.
    ///
    /// # Errors
    /// Unknown parents, groups that inherit from themselves, absurd nesting.
    pub(super) fn new(
        groups: Vec<Element<'a>>,
        defaults: Element<'a>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let index: BTreeMap<String, usize> = groups
            .iter()
            .enumerate()
            .map(|(at, group)| (group.name.clone(), at))
            .collect();
        let mut family = Self {
            extended: vec![Vec::new(); groups.len()],
            options: vec![BTreeMap::new(); groups.len()],
            groups,
            index,
            defaults,
        };
        let unknown: Vec<Diagnostic> = family
            .groups
            .iter()
            .flat_map(|group| family.unknown_groups(group))
            .collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let mut done = BTreeSet::new();
        for group in 0..family.groups.len() {
            family
                .link(group, &mut Vec::new(), &mut done)
                .map_err(|fault| vec![fault])?;
        }
        Ok(family)
    }

    /// One fault per group that an element lists and nobody defines.
    pub(super) fn unknown_groups(&self, element: &Element<'_>) -> Vec<Diagnostic> {
        element
            .groups
            .iter()
            .filter(|(name, _)| !self.index.contains_key(*name))
            .map(|(name, at)| {
                let message = format!(
                    "`{}` is in group `{name}`, which is not defined",
                    element.name
                );
                let fault = Diagnostic::error(Some((*at).clone()), message);
                match self.nearest(name) {
                    Some(near) => fault.with_hint(format!("did you mean `{near}`?")),
                    None => fault.with_hint("groups are defined in groups.yaml"),
                }
            })
            .collect()
    }

    /// A group whose name differs only in case or in one character.
    fn nearest(&self, name: &str) -> Option<&str> {
        self.index.keys().map(String::as_str).find(|known| {
            known.eq_ignore_ascii_case(name) || one_edit(known, name) || one_edit(name, known)
        })
    }

    /// Computes what a group inherits, after its parents.
    fn link(
        &mut self,
        group: usize,
        path: &mut Vec<usize>,
        done: &mut BTreeSet<usize>,
    ) -> Result<(), Diagnostic> {
        if done.contains(&group) {
            return Ok(());
        }
        if let Some(start) = path.iter().position(|g| *g == group) {
            return Err(self.cycle(&path[start..]));
        }
        if path.len() >= MAX_DEPTH {
            let at = self.groups[group].at.clone();
            let message = format!("groups nest deeper than {MAX_DEPTH} levels");
            return Err(Diagnostic::error(Some(at), message));
        }
        path.push(group);
        for parent in self.direct(&self.groups[group]) {
            self.link(parent, path, done)?;
        }
        path.pop();
        done.insert(group);
        let mut line = vec![group];
        line.extend(self.all_groups(&self.groups[group]).filter(|g| *g != group));
        self.extended[group] = line;
        self.options[group] = self.merged_options(&self.groups[group]);
        Ok(())
    }

    fn cycle(&self, path: &[usize]) -> Diagnostic {
        let first = &self.groups[path[0]];
        let mut names: Vec<&str> = path.iter().map(|g| self.groups[*g].name.as_str()).collect();
        names.push(&first.name);
        let message = format!("groups inherit from each other: {}", names.join(" -> "));
        Diagnostic::error(Some(first.at.clone()), message)
    }

    fn direct(&self, element: &Element<'_>) -> Vec<usize> {
        element
            .groups
            .iter()
            .filter_map(|(name, _)| self.index.get(*name).copied())
            .collect()
    }

    /// Every group of an element in the order of resolution, each once.
    fn all_groups(&self, element: &Element<'_>) -> impl Iterator<Item = usize> {
        let mut seen = BTreeSet::new();
        let mut order = Vec::new();
        for group in self.direct(element) {
            order.extend(
                self.extended[group]
                    .iter()
                    .copied()
                    .filter(|g| seen.insert(*g)),
            );
        }
        order.into_iter()
    }

    /// Nornir's `_get_connection_options_recursively`, for every plugin at once.
    fn merged_options(&self, element: &Element<'a>) -> BTreeMap<&'a str, Options<'a>> {
        let mut merged = element.options.clone();
        let parents = self.direct(element).into_iter().map(|g| &self.options[g]);
        for source in parents.chain([&self.defaults.options]) {
            for (plugin, options) in source {
                merged.entry(plugin).or_default().fill(options);
            }
        }
        merged
    }

    /// Nornir's `get_connection_parameters`, for every plugin anybody speaks of: what the
    /// options leave open comes from the host's resolved attributes.
    fn connections(
        &self,
        host: &Element<'a>,
        attributes: &Attributes<'a>,
        faults: &mut Vec<Diagnostic>,
    ) -> BTreeMap<String, ConnectionOptions> {
        let mut resolved = BTreeMap::new();
        for (plugin, mut options) in self.merged_options(host) {
            options.fill(&Options {
                attributes: *attributes,
                extras: None,
            });
            let options = connection(&options.attributes, options.extras, faults);
            resolved.insert(plugin.to_owned(), options);
        }
        resolved
    }

    /// A host, every group it is in, the defaults: nearest first.
    fn line<'e>(&'e self, host: &'e Element<'a>) -> Vec<&'e Element<'a>> {
        std::iter::once(host)
            .chain(self.all_groups(host).map(|g| &self.groups[g]))
            .chain([&self.defaults])
            .collect()
    }

    /// What a host resolves to, as it is written.
    pub(super) fn written<'e>(&'e self, host: &'e Element<'a>) -> Written<'a> {
        let line = self.line(host);
        Written {
            attributes: inherited(&line),
            all_groups: line[1..line.len() - 1]
                .iter()
                .map(|g| g.at.clone())
                .collect(),
            data: entries(&line).collect(),
        }
    }

    /// Resolves a host.
    ///
    /// # Errors
    /// Every fault of the device, with its place.
    pub(super) fn device(
        &self,
        host: &Element<'a>,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<Device, Vec<Diagnostic>> {
        let mut faults = Vec::new();
        let line = self.line(host);
        let groups = &line[1..line.len() - 1];
        let attributes = inherited(&line);
        let own = connection(&attributes, None, &mut faults);
        let keel = keel::resolve(&host.name, &keel_sources(&line), warnings)
            .map_err(|found| faults.extend(found))
            .unwrap_or_default();
        let connection_options = self.connections(host, &attributes, &mut faults);
        if !faults.is_empty() {
            // A connection that inherits a bad attribute finds the same fault again.
            faults.sort_by(|a, b| a.at.cmp(&b.at));
            faults.dedup();
            return Err(faults);
        }
        Ok(Device {
            name: host.name.clone(),
            hostname: own.hostname,
            port: own.port,
            username: own.username,
            password: own.password,
            platform: own.platform,
            groups: host.groups.iter().map(|(g, _)| (*g).to_owned()).collect(),
            all_groups: groups.iter().map(|g| g.name.clone()).collect(),
            data: data(&line),
            connection_options,
            keel,
        })
    }
}

/// Each attribute from the nearest that sets it.
fn inherited<'a>(line: &[&Element<'a>]) -> Attributes<'a> {
    let mut attributes: Attributes<'a> = [None; 5];
    for element in line {
        for (own, inherited) in attributes.iter_mut().zip(element.attributes) {
            *own = own.or(inherited);
        }
    }
    attributes
}

/// Whether `longer` is `shorter` with one character more, or with one other character.
fn one_edit(longer: &str, shorter: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (longer.chars().collect(), shorter.chars().collect());
    let same = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    match a.len().checked_sub(b.len()) {
        Some(0) => same < a.len() && a[same + 1..] == b[same + 1..],
        Some(1) => a[same + 1..] == b[same..],
        Some(_) | None => false,
    }
}

/// Data by top-level key, nearest first.
fn data(line: &[&Element<'_>]) -> Data {
    let entries = entries(line).map(|(key, value)| (key.data(), value.data()));
    Data::Map(entries.collect())
}

/// The entries of the data, each key once.
fn entries<'a>(line: &[&Element<'a>]) -> impl Iterator<Item = &'a (Node, Node)> {
    let mut seen = BTreeSet::new();
    let all = line.iter().flat_map(|element| element.data);
    all.filter(move |(key, _)| seen.insert(yaml::identity(key)))
}

/// The `netkeel` mappings along the line of inheritance.
fn keel_sources<'a>(line: &[&Element<'a>]) -> Vec<&'a Node> {
    line.iter()
        .filter_map(|element| {
            let netkeel = element
                .data
                .iter()
                .find(|(k, _)| k.text() == Some("netkeel"));
            netkeel.map(|(_, value)| value)
        })
        .collect()
}

/// Attribute values in their types; faults are pushed.
fn connection(
    attributes: &Attributes<'_>,
    extras: Option<&Node>,
    faults: &mut Vec<Diagnostic>,
) -> ConnectionOptions {
    let [hostname, port, username, password, platform] = *attributes;
    ConnectionOptions {
        hostname: text(0, hostname, faults),
        port: port.and_then(|n| keel::port(n).map_err(|f| faults.extend(f)).ok()),
        username: text(2, username, faults),
        password: password.and_then(|n| credential(n).map_err(|f| faults.push(f)).ok()),
        platform: text(4, platform, faults),
        extras: Some(extras.map_or_else(|| Data::Map(Vec::new()), Node::data)),
    }
}

fn text(attribute: usize, node: Option<&Node>, faults: &mut Vec<Diagnostic>) -> Option<String> {
    let node = node?;
    if node.text().is_none() {
        let message = format!(
            "`{}` must be text, not {}",
            ATTRIBUTES[attribute],
            node.kind()
        );
        let fault = Diagnostic::error(Some(node.at.clone()), message);
        faults.push(fault.with_hint("put it in quotes"));
    }
    node.text().map(str::to_owned)
}

/// A password: a reference, or a plain value.
///
/// # Errors
/// A name that is none, or a value that is no text. The value is never shown.
pub(super) fn credential(node: &Node) -> Result<Credential, Diagnostic> {
    let at = Some(node.at.clone());
    let Some(text) = node.text() else {
        let message = format!("`password` must be text, not {}", node.kind());
        let hint = "write `secret:NAME`; the value stands in the settings";
        return Err(Diagnostic::error(at, message).with_hint(hint));
    };
    match SecretName::from_reference(text) {
        Some(Ok(name)) => Ok(Credential::Named(name)),
        Some(Err(why)) => Err(Diagnostic::error(at, why.to_string())),
        None => Ok(Credential::Plain(SecretText::new(text))),
    }
}
