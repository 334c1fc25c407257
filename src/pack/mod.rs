//! Platform packs: everything particular to one network OS, as data.

pub mod session;
pub mod transaction;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::config::{Dialect, DialectError, DialectSpec};
use crate::model::Fingerprint;
pub use session::{GetterSpec, ModeName, Pattern, SessionSpec};
pub use transaction::{Method, TransactionSpec};

/// The packs compiled in: file name and content.
const BUILTIN: &[(&str, &str)] = &[
    ("packs/frr.yaml", include_str!("packs/frr.yaml")),
    ("packs/ios.yaml", include_str!("packs/ios.yaml")),
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
    /// How to talk to it.
    pub session: Arc<SessionSpec>,
    /// How to change it.
    pub transaction: TransactionSpec,
    /// What to ask it.
    pub getters: BTreeMap<String, GetterSpec>,
}

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackFile {
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    vendor: String,
    session: SessionSpec,
    getters: BTreeMap<String, GetterSpec>,
    transaction: TransactionSpec,
    config: DialectSpec,
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
    /// Loads and checks a pack. `file` is how errors call it.
    ///
    /// # Errors
    /// The first fault, with file and line.
    pub fn load(file: &str, text: &str) -> Result<Self, PackError> {
        let parsed: PackFile = serde_yaml::from_str(text).map_err(|e| PackError {
            name: file.to_owned(),
            why: e.to_string(),
        })?;
        let dialect = Dialect::compile(&parsed.config).map_err(|faults| {
            let placed = faults
                .iter()
                .map(|e| format!("{file}:{}: {e}", line_of(text, e)));
            PackError {
                name: parsed.name.clone(),
                why: placed.collect::<Vec<_>>().join("; "),
            }
        })?;
        Ok(Self {
            name: parsed.name,
            aliases: parsed.aliases,
            vendor: parsed.vendor,
            hash: Fingerprint::of([text.as_bytes()]),
            dialect: Arc::new(dialect),
            session: Arc::new(parsed.session),
            transaction: parsed.transaction,
            getters: parsed.getters,
        })
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

/// All packs.
#[derive(Clone, Debug)]
pub struct Packs {
    by_name: BTreeMap<String, Arc<Pack>>,
    names: Vec<String>,
}

impl Packs {
    /// The built-in ones.
    ///
    /// # Errors
    /// A fault in a built-in pack (a bug; a test loads them all).
    pub fn builtin() -> Result<Self, PackError> {
        let mut packs = Self {
            by_name: BTreeMap::new(),
            names: Vec::new(),
        };
        for (file, text) in BUILTIN {
            packs.add(Pack::load(file, text)?)?;
        }
        Ok(packs)
    }

    fn add(&mut self, pack: Pack) -> Result<(), PackError> {
        let pack = Arc::new(pack);
        for name in std::iter::once(&pack.name).chain(&pack.aliases) {
            let taken = self.by_name.insert(name.clone(), Arc::clone(&pack));
            if let Some(other) = taken {
                return Err(PackError {
                    name: pack.name.clone(),
                    why: format!("the name `{name}` belongs to pack `{}`", other.name),
                });
            }
        }
        self.names.push(pack.name.clone());
        self.names.sort_unstable();
        Ok(())
    }

    /// By name or alias; case and `_` or `-` do not matter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Pack>> {
        let name = name.to_ascii_lowercase().replace('-', "_");
        self.by_name.get(&name).cloned()
    }

    /// Names of all packs, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(config: &str) -> String {
        let text = format!(
            "name: x\nvendor: X\nsession: {{}}\ngetters: {{}}\ntransaction: {{}}\nconfig:\n{config}"
        );
        Pack::load("x.yaml", &text).expect_err("a faulty pack").why
    }

    #[test]
    fn builtin_packs_load_and_answer_to_their_aliases() {
        let packs = Packs::builtin().expect("built-in packs are good");
        assert_eq!(packs.names(), ["frr", "ios"]);
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
        assert!(packs.get("junos").is_none());
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
