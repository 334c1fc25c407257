//! Nornir's SimpleInventory, resolved.
//!
//! A fault in one host (an unknown key, an unknown group, a bad `netkeel` value it inherits)
//! breaks that device only. A fault in what all share (no valid YAML, an unknown key or
//! parent in `groups.yaml`, groups that inherit from each other) leaves no inventory.

mod element;
mod places;
mod resolve;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use self::element::{Element, Kind, mapping, not_a_name};
pub use self::places::places;
use self::resolve::Family;
use super::filter::Filter;
use super::keel;
use super::yaml::{self, Document, Node};
use crate::model::{
    ConnectionOptions, Credential, Data, Device, Diagnostic, FileSet, Position, SecretName,
    is_secret_extra,
};

/// The folder of the inventory inside a repository.
pub const FOLDER: &str = "intent/inventory";
/// Longest device name, in bytes.
const MAX_NAME: usize = 253;
/// Most values in the data of all devices together. Data is inherited by copy: a large group
/// of many hosts would otherwise be a bomb.
const MAX_VALUES: usize = 10_000_000;
/// All devices of a revision.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// By name. A device with an error of its own is in `broken`, not here.
    pub devices: BTreeMap<String, Device>,
    /// Devices whose own keys are wrong, with what is wrong.
    pub broken: BTreeMap<String, Vec<Diagnostic>>,
    /// Warnings (plain passwords and the like).
    pub warnings: Vec<Diagnostic>,
    /// Where each device, also a broken one, is written.
    pub positions: BTreeMap<String, Position>,
}

/// Loads `intent/inventory/{hosts,groups,defaults}.yaml`. Only the first must exist.
///
/// # Errors
/// Faults that leave no inventory at all: no hosts file, bad YAML, and anything wrong in the
/// structure of the groups or the defaults.
pub fn load(files: &FileSet) -> Result<Inventory, Vec<Diagnostic>> {
    let mut faults = Vec::new();
    let hosts = document(files, "hosts", &mut faults);
    let groups = document(files, "groups", &mut faults);
    let defaults = document(files, "defaults", &mut faults);
    if hosts.is_none() && faults.is_empty() {
        let message = format!("there is no inventory: {FOLDER}/hosts.yaml is missing");
        faults.push(Diagnostic::error(None, message).with_hint("`netkeel init` writes an example"));
    }
    let family = family(groups.as_ref(), defaults.as_ref(), &mut faults);
    let (Some(hosts), Some(family)) = (hosts, family) else {
        return Err(faults);
    };
    let mut inventory = Inventory::default();
    inventory.add_hosts(&hosts.root, &family, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    for document in [Some(&hosts), groups.as_ref(), defaults.as_ref()]
        .into_iter()
        .flatten()
    {
        inventory.warnings.extend(document.notes.iter().cloned());
    }
    let named = [Some(&hosts), groups.as_ref()].into_iter().flatten();
    let elements = named
        .flat_map(|d| d.root.entries().unwrap_or_default())
        .map(|(_, e)| e);
    for element in elements.chain(defaults.as_ref().map(|d| &d.root)) {
        plain_secrets(element, &mut inventory.warnings);
    }
    inventory.warnings.sort_by(|a, b| a.at.cmp(&b.at));
    inventory.warnings.dedup();
    Ok(inventory)
}

/// Reads one file, if it is there.
fn document(files: &FileSet, name: &str, faults: &mut Vec<Diagnostic>) -> Option<Document> {
    let path = format!("{FOLDER}/{name}.yaml");
    let bytes = files.get(&path)?;
    yaml::parse(&path, bytes).map_err(|f| faults.push(f)).ok()
}

fn family<'a>(
    groups: Option<&'a Document>,
    defaults: Option<&'a Document>,
    faults: &mut Vec<Diagnostic>,
) -> Option<Family<'a>> {
    let mut elements = Vec::new();
    for (key, body) in groups.map_or(&[][..], |d| mapping(&d.root, "groups.yaml", faults)) {
        match key.text() {
            Some(name) => elements.push(Element::read(Kind::Group, name, &key.at, body, faults)),
            None => faults.push(not_a_name("group", key)),
        }
    }
    let defaults = match defaults {
        Some(d) => Element::read(Kind::Defaults, "defaults", &d.root.at, &d.root, faults),
        None => Element::empty(
            "defaults",
            Position {
                file: FOLDER.to_owned(),
                line: 1,
                column: 1,
            },
        ),
    };
    if !faults.is_empty() {
        return None;
    }
    Family::new(elements, defaults)
        .map_err(|found| faults.extend(found))
        .ok()
}

impl Inventory {
    fn add_hosts(&mut self, root: &Node, family: &Family<'_>, faults: &mut Vec<Diagnostic>) {
        let hosts = mapping(root, "hosts.yaml", faults);
        if hosts.is_empty() {
            let message = "the inventory has no hosts";
            self.warnings
                .push(Diagnostic::warning(Some(root.at.clone()), message));
        }
        let mut values = 0;
        for (key, body) in hosts {
            let shown = key.data().to_string();
            self.positions.insert(shown.clone(), key.at.clone());
            match host(key, body, family, &mut self.warnings) {
                Ok(device) => {
                    let options = device.connection_options.values();
                    let extras = options.filter_map(|o| o.extras.as_ref());
                    values += extras.chain([&device.data]).map(size).sum::<usize>();
                    if values > MAX_VALUES {
                        let message = format!(
                            "up to `{shown}`, the data of all devices is more than {MAX_VALUES} values"
                        );
                        return faults.push(Diagnostic::error(Some(key.at.clone()), message));
                    }
                    self.devices.insert(device.name.clone(), device);
                }
                Err(found) => {
                    let found = found.into_iter().map(|d| d.for_device(&shown)).collect();
                    self.broken.insert(shown, found);
                }
            }
        }
    }

    /// The devices that match, by name.
    pub fn select<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = &'a Device> {
        self.devices.values().filter(|d| filter.matches(d))
    }

    /// The document of `netkeel inventory --json`: the resolved devices that match, the
    /// broken ones, the warnings. Secrets are references or `(plain value)`.
    #[must_use]
    pub fn to_json(&self, filter: &Filter) -> Json {
        let broken: Vec<Json> = self
            .broken
            .iter()
            .map(|(name, faults)| json!({ "name": name, "errors": faults }))
            .collect();
        json!({
            "schema": 1,
            "devices": self.select(filter).map(device_json).collect::<Vec<_>>(),
            "broken": broken,
            "warnings": self.warnings,
        })
    }
}

/// How many values there are in one.
fn size(data: &Data) -> usize {
    match data {
        Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Text(_) => 1,
        Data::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Data::Map(entries) => {
            let pairs = entries.iter().map(|(k, v)| size(k) + size(v));
            1 + pairs.sum::<usize>()
        }
    }
}

fn host(
    key: &Node,
    body: &Node,
    family: &Family<'_>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Device, Vec<Diagnostic>> {
    let Some(name) = key.text() else {
        return Err(vec![not_a_name("host", key)]);
    };
    if name.trim() != name
        || name.is_empty()
        || name.len() > MAX_NAME
        || name.contains(char::is_control)
    {
        let message = format!(
            "a host name must be one line of 1 to {MAX_NAME} characters without outer spaces"
        );
        return Err(vec![Diagnostic::error(Some(key.at.clone()), message)]);
    }
    let mut faults = Vec::new();
    let element = Element::read(Kind::Host, name, &key.at, body, &mut faults);
    faults.extend(family.unknown_groups(&element));
    if faults.is_empty() {
        family.device(&element, warnings)
    } else {
        Err(faults)
    }
}

/// Warns of every plain secret of an element: its `password`, and what its connection
/// options hold. Data is not looked at.
fn plain_secrets(element: &Node, warnings: &mut Vec<Diagnostic>) {
    let options = keel::field(element, "connection_options");
    let plugins = options.and_then(Node::entries).unwrap_or_default();
    for node in std::iter::once(element).chain(plugins.iter().map(|(_, body)| body)) {
        if let Some(password) = keel::field(node, "password") {
            plain_secret(password, warnings);
        }
        if let Some(extras) = keel::field(node, "extras") {
            plain_extras(extras, warnings);
        }
    }
}

fn plain_extras(node: &Node, warnings: &mut Vec<Diagnostic>) {
    for (key, value) in node.entries().unwrap_or_default() {
        if key.text().is_some_and(is_secret_extra) {
            plain_secret(value, warnings);
        } else {
            plain_extras(value, warnings);
        }
    }
}

fn plain_secret(value: &Node, warnings: &mut Vec<Diagnostic>) {
    let plain = match value.text() {
        Some(text) => !text.is_empty() && SecretName::from_reference(text).is_none(),
        None => false,
    };
    if plain {
        let message = "a secret stands here as a plain value";
        let warning = Diagnostic::warning(Some(value.at.clone()), message);
        warnings.push(warning.with_hint("write `secret:NAME` and define NAME in the settings"));
    }
}

/// One resolved device as JSON.
#[must_use]
pub fn device_json(device: &Device) -> Json {
    let options: serde_json::Map<String, Json> = device
        .connection_options
        .iter()
        .map(|(plugin, options)| (plugin.clone(), options_json(options)))
        .collect();
    json!({
        "name": device.name,
        "hostname": device.hostname,
        "port": device.port,
        "username": device.username,
        "password": device.password.as_ref().map(Credential::shown),
        "platform": device.platform,
        "groups": device.groups,
        "all_groups": device.all_groups,
        "data": device.data.to_json(),
        "connection_options": options,
        "netkeel": device.keel,
    })
}

fn options_json(options: &ConnectionOptions) -> Json {
    json!({
        "hostname": options.hostname,
        "port": options.port,
        "username": options.username,
        "password": options.password.as_ref().map(Credential::shown),
        "platform": options.platform,
        "extras": options.extras.as_ref().map(|e| masked(e).to_json()),
    })
}

/// Extras with plain secrets taken out.
fn masked(extras: &Data) -> Data {
    let Data::Map(entries) = extras else {
        return extras.clone();
    };
    let hide = |(key, value): &(Data, Data)| {
        let secret = key.as_text().is_some_and(is_secret_extra);
        let reference = value.as_text().is_some_and(|t| t.starts_with("secret:"));
        let value = match value {
            Data::Null => Data::Null,
            _ if secret && !reference => Data::Text("(plain value)".to_owned()),
            Data::Map(_) => masked(value),
            Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Text(_) | Data::List(_) => {
                value.clone()
            }
        };
        (key.clone(), value)
    };
    Data::Map(entries.iter().map(hide).collect())
}

#[cfg(test)]
mod tests;
