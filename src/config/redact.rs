//! Sealing: no document, diff, plan, log or stored text holds a secret.
//!
//! Every secret in a text becomes an opaque token before the text becomes a document:
//! `⟦secret:NAME⟧` where the value is that of a secret the intent names, otherwise
//! `⟦sealed:HASH⟧`, a keyed hash. Equal secrets give equal tokens, so documents compare as
//! text; only a [`Vault`], in memory, leads back.

use std::collections::BTreeMap;

use super::dialect::Dialect;
use crate::model::{SecretName, SecretText};

/// Leads tokens back to values. Lives as long as one attempt; neither prints nor serialises.
#[derive(Clone, Default)]
pub struct Vault {}

impl Vault {
    /// The text with all tokens replaced by their values.
    ///
    /// # Errors
    /// The first token without a value.
    pub fn open(&self, _sealed: &str) -> Result<SecretText, String> {
        unimplemented!()
    }
}

/// Seals texts of one device.
pub struct Sealer {}

impl Sealer {
    /// `key` is the installation's own; `known` are the named secrets the intent uses.
    #[must_use]
    pub fn new(_key: [u8; 32], _known: BTreeMap<SecretName, SecretText>) -> Self {
        unimplemented!()
    }
    /// Seals a text read from a device. Literal token brackets in it are sealed too.
    pub fn running(&mut self, _text: &str, _dialect: &Dialect) -> String {
        unimplemented!()
    }
    /// Seals a rendered text: placeholders stay, plain secrets become tokens.
    pub fn intended(&mut self, _text: &str, _dialect: &Dialect) -> String {
        unimplemented!()
    }
    /// What leads back.
    #[must_use]
    pub fn into_vault(self) -> Vault {
        unimplemented!()
    }
    /// What leads back so far.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        unimplemented!()
    }
}
