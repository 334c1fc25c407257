//! Platform packs: everything particular to one network OS, as data.

mod overlay;
pub mod session;
pub mod transaction;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use crate::config::{Dialect, DialectError, DialectSpec};
use crate::model::Fingerprint;
use overlay::{OverlaySpec, Overlays};
pub use session::{GetterSpec, ModeName, Pattern, SessionSpec};
pub use transaction::{Method, TransactionSpec};

/// The packs compiled in: file name and content.
const BUILTIN: &[(&str, &str)] = &[
    ("packs/bird.yaml", include_str!("packs/bird.yaml")),
    ("packs/eos.yaml", include_str!("packs/eos.yaml")),
    ("packs/fortios.yaml", include_str!("packs/fortios.yaml")),
    ("packs/frr.yaml", include_str!("packs/frr.yaml")),
    ("packs/generic.yaml", include_str!("packs/generic.yaml")),
    ("packs/ios.yaml", include_str!("packs/ios.yaml")),
    ("packs/iosxr.yaml", include_str!("packs/iosxr.yaml")),
    ("packs/junos.yaml", include_str!("packs/junos.yaml")),
    ("packs/linux.yaml", include_str!("packs/linux.yaml")),
    ("packs/netconf.yaml", include_str!("packs/netconf.yaml")),
    ("packs/nxos.yaml", include_str!("packs/nxos.yaml")),
    ("packs/srlinux.yaml", include_str!("packs/srlinux.yaml")),
    ("packs/sros.yaml", include_str!("packs/sros.yaml")),
    ("packs/vyos.yaml", include_str!("packs/vyos.yaml")),
];

/// One platform, loaded and checked.
#[derive(Debug)]
pub struct Pack {
    /// `frr`, `ios`.
    pub name: String,
    /// Other names people use (`cisco_ios`, `iosxe`, …).
    pub aliases: Vec<String>,
    /// Manufacturer or project.
    pub vendor: String,
    /// Content hash of the file.
    pub hash: Fingerprint,
    /// The configuration language.
    pub dialect: Arc<Dialect>,
    /// Netkeel has a driver for it; without one its configurations can only be compared.
    pub driven: bool,
    /// How to talk to it.
    pub session: Arc<SessionSpec>,
    /// How to change it.
    pub transaction: TransactionSpec,
    /// What to ask it.
    pub getters: BTreeMap<String, GetterSpec>,
    /// The language as written, everything inherited in it.
    spec: DialectSpec,
    overlays: Overlays,
}

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackFile {
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    vendor: String,
    /// The pack whose language this one's is built on.
    #[serde(default)]
    extends: Option<String>,
    #[serde(default)]
    session: Option<SessionSpec>,
    #[serde(default)]
    getters: BTreeMap<String, GetterSpec>,
    #[serde(default)]
    transaction: TransactionSpec,
    config: DialectSpec,
    #[serde(default)]
    overlays: Vec<OverlaySpec>,
}

/// Why a pack cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("platform pack `{name}`: {why}")]
pub struct PackError {
    /// The pack.
    pub name: String,
    /// The fault, with its place.
    pub why: String,
}

impl Pack {
    /// Loads and checks a pack. `file` is how errors call it, `known` holds the packs it
    /// may extend.
    ///
    /// # Errors
    /// The first fault, with file and line.
    pub fn load(file: &str, text: &str, known: &Packs) -> Result<Self, PackError> {
        let parsed: PackFile = serde_yaml::from_str(text).map_err(|e| PackError {
            name: file.to_owned(),
            why: e.to_string(),
        })?;
        let spec = match &parsed.extends {
            None => parsed.config,
            Some(base) => {
                let base = known.get(base).ok_or_else(|| PackError {
                    name: parsed.name.clone(),
                    why: format!("{file}: it extends `{base}`, which is no pack"),
                })?;
                parsed.config.onto(&base.spec)
            }
        };
        let compiled = |spec: &DialectSpec| {
            Dialect::compile(spec).map_err(|faults| {
                let placed = faults
                    .iter()
                    .map(|e| format!("{file}:{}: {e}", line_of(text, e)));
                PackError {
                    name: parsed.name.clone(),
                    why: placed.collect::<Vec<_>>().join("; "),
                }
            })
        };
        let dialect = compiled(&spec)?;
        for overlay in &parsed.overlays {
            compiled(&overlay.config.clone().onto(&spec))?;
        }
        Ok(Self {
            name: parsed.name,
            aliases: parsed.aliases,
            vendor: parsed.vendor,
            hash: Fingerprint::of([text.as_bytes()]),
            dialect: Arc::new(dialect),
            driven: parsed.session.is_some(),
            session: Arc::new(parsed.session.unwrap_or_default()),
            transaction: parsed.transaction,
            getters: parsed.getters,
            spec,
            overlays: Overlays::new(parsed.overlays),
        })
    }

    /// The language as written, everything inherited in it.
    #[must_use]
    pub fn spec(&self) -> &DialectSpec {
        &self.spec
    }

    /// The language of a device of which these facts are known: with the overlays they
    /// select. Without a fact, an overlay that asks for it is not taken.
    #[must_use]
    pub fn dialect_for(&self, version: Option<&str>, model: Option<&str>) -> Arc<Dialect> {
        self.overlays
            .select(&self.spec, version, model)
            .unwrap_or_else(|| Arc::clone(&self.dialect))
    }
}

/// The line on which a faulty rule is written; that of the section where the fault names
/// no rule.
fn line_of(text: &str, error: &DialectError) -> usize {
    let names_it = |line: &str| match error.place.strip_prefix("rule ") {
        Some(id) => line
            .split_once("id:")
            .is_some_and(|(_, rest)| rest.trim_start().split([',', ' ', '}']).next() == Some(id)),
        None => line.starts_with("config:"),
    };
    text.lines().position(names_it).map_or(1, |at| at + 1)
}

/// All packs. The built-in ones are read when they are first asked for: a command that
/// works on one platform does not pay for all.
#[derive(Clone, Debug, Default)]
pub struct Packs {
    shelf: BTreeMap<String, Arc<Shelved>>,
    by_alias: BTreeMap<String, String>,
}

/// A pack that may not be read yet.
#[derive(Debug)]
struct Shelved {
    file: &'static str,
    text: &'static str,
    pack: OnceLock<Arc<Pack>>,
}

impl Packs {
    /// The built-in ones.
    ///
    /// # Errors
    /// Two packs with one name or alias (a bug; a test loads them all).
    pub fn builtin() -> Result<Self, PackError> {
        let mut packs = Self::default();
        for (file, text) in BUILTIN {
            let shelved = Shelved {
                file,
                text,
                pack: OnceLock::new(),
            };
            let (name, aliases) = names_in(text);
            packs.shelve(name, &aliases, shelved)?;
        }
        Ok(packs)
    }

    fn shelve(
        &mut self,
        name: String,
        aliases: &[String],
        shelved: Shelved,
    ) -> Result<(), PackError> {
        for alias in std::iter::once(&name).chain(aliases) {
            if let Some(other) = self.by_alias.insert(alias.clone(), name.clone()) {
                return Err(PackError {
                    name: name.clone(),
                    why: format!("the name `{alias}` belongs to pack `{other}`"),
                });
            }
        }
        self.shelf.insert(name, Arc::new(shelved));
        Ok(())
    }

    /// Puts a pack in the place of the one with its name, aliases and all.
    pub fn replace(&mut self, pack: Pack) {
        let name = pack.name.clone();
        self.by_alias.retain(|_, other| *other != name);
        for alias in std::iter::once(&pack.name).chain(&pack.aliases) {
            self.by_alias.insert(alias.clone(), name.clone());
        }
        let shelved = Shelved {
            file: "",
            text: "",
            pack: OnceLock::from(Arc::new(pack)),
        };
        self.shelf.insert(name, Arc::new(shelved));
    }

    /// By name or alias; case and `_` or `-` do not matter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Pack>> {
        let name = name.to_ascii_lowercase().replace('-', "_");
        let shelved = self.shelf.get(self.by_alias.get(&name)?)?;
        if let Some(pack) = shelved.pack.get() {
            return Some(Arc::clone(pack));
        }
        let pack = match Pack::load(shelved.file, shelved.text, self) {
            Ok(pack) => Arc::new(pack),
            // A test loads every built-in pack.
            Err(error) => unreachable!("{error}"),
        };
        Some(Arc::clone(shelved.pack.get_or_init(|| pack)))
    }

    /// Names of all packs, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.shelf.keys().map(String::as_str).collect()
    }
}

/// Name and aliases at the head of a built-in pack, without reading all of it.
fn names_in(text: &str) -> (String, Vec<String>) {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let name = field("name: ").unwrap_or_default().trim().to_owned();
    let list = field("aliases: [").unwrap_or_default();
    let list = list.split(']').next().unwrap_or_default();
    let aliases = list.split(',').map(|alias| alias.trim().to_owned());
    (name, aliases.filter(|alias| !alias.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(config: &str) -> String {
        let text = format!(
            "name: x\nvendor: X\nsession: {{}}\ngetters: {{}}\ntransaction: {{}}\nconfig:\n{config}"
        );
        Pack::load("x.yaml", &text, &Packs::default())
            .expect_err("a faulty pack")
            .why
    }

    #[test]
    fn builtin_packs_load_and_answer_to_their_aliases() {
        let packs = Packs::builtin().expect("built-in packs are good");
        for name in packs.names() {
            let pack = packs.get(name).expect(name);
            assert_eq!(pack.name, name, "the head is read as the file is");
            let shelved = &packs.shelf[name];
            assert_eq!(names_in(shelved.text).1, pack.aliases, "{name}");
        }
        for name in [
            "ios",
            "cisco_ios",
            "iosxe",
            "cisco_xe",
            "ios-xe",
            "Cisco_IOS",
        ] {
            assert_eq!(packs.get(name).expect(name).name, "ios");
        }
        for name in ["frr", "frrouting", "vtysh"] {
            assert_eq!(packs.get(name).expect(name).name, "frr");
        }
        assert!(packs.get("routeros").is_none());
    }

    #[test]
    fn faults_name_file_and_line() {
        let rule = "  negators: ['no']\n  sections:\n    - in: [top]\n      rules:\n        - { id: a, line: 'a {x}', example: 'b 1' }\n";
        let why = fault(rule);
        assert!(why.starts_with("x.yaml:11: rule a: example"), "{why}");
    }

    #[test]
    fn rules_without_example_and_unknown_keys_are_refused() {
        let why =
            fault("  sections:\n    - in: [top]\n      rules:\n        - { id: a, line: 'a' }\n");
        assert!(why.contains("example"), "{why}");
        let why = fault("  famly: indent\n");
        assert!(why.contains("famly") && why.contains("line 7"), "{why}");
    }

    #[test]
    fn shadowed_rules_are_refused() {
        let why = fault(
            "  negators: ['no']\n  sections:\n    - in: [top]\n      rules:\n        - { id: a, line: 'a ~', example: 'a 1' }\n        - { id: b, line: 'a b', example: 'a b' }\n",
        );
        assert!(
            why.contains("rule b") && why.contains("taken by rule a"),
            "{why}"
        );
    }
}
