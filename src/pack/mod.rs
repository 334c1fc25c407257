//! Platform packs: everything particular to one network OS, as data.

pub mod session;
pub mod transaction;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::Dialect;
use crate::model::Fingerprint;
pub use session::{GetterSpec, ModeName, Pattern, SessionSpec};
pub use transaction::{Method, TransactionSpec};

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

/// Why a pack cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("platform pack `{name}`: {why}")]
pub struct PackError {
    /// The pack.
    pub name: String,
    /// The fault, with its place.
    pub why: String,
}

/// All packs.
#[derive(Clone, Debug)]
pub struct Packs {}

impl Packs {
    /// The built-in ones.
    ///
    /// # Errors
    /// A fault in a built-in pack (a bug; a test loads them all).
    pub fn builtin() -> Result<Self, PackError> {
        unimplemented!()
    }
    /// By name or alias.
    #[must_use]
    pub fn get(&self, _name: &str) -> Option<Arc<Pack>> {
        unimplemented!()
    }
    /// Names of all packs, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        unimplemented!()
    }
}
