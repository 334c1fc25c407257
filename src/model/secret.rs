//! Secrets: a name in the repository, a value only in memory.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A secret's value. It neither prints nor serialises, and is wiped when dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes a value into keeping.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value itself. Only a transport, a comparison or a `load` may call this.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True when there is nothing in it; an empty secret is never a valid one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The name by which a repository speaks of a secret: letters, digits, `_`, `-`, `.`, `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretName(String);

impl SecretName {
    /// Checks the characters of a name.
    ///
    /// # Errors
    /// Says which name is not one.
    pub fn new(name: &str) -> Result<Self, SecretError> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
        if name.is_empty() || name.len() > 128 || !name.chars().all(good) {
            return Err(SecretError::BadName(name.chars().take(40).collect()));
        }
        Ok(Self(name.to_owned()))
    }

    /// Reads `secret:NAME`, the way an inventory writes a reference. `None` if the text is
    /// not a reference at all.
    #[must_use]
    pub fn from_reference(text: &str) -> Option<Result<Self, SecretError>> {
        text.strip_prefix("secret:").map(Self::new)
    }

    /// The bare name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a secret has no value for a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Not a usable name.
    #[error("`{0}` is not a secret name (letters, digits, `_ - . /`)")]
    BadName(String),
    /// The settings do not know it.
    #[error("secret `{0}` is not defined in the settings")]
    Unknown(SecretName),
    /// The settings do not let this device have it.
    #[error("secret `{name}` may not be sent to device `{device}`")]
    NotPermitted {
        /// The secret.
        name: SecretName,
        /// The device that asked.
        device: String,
    },
    /// The file, variable or command behind it gave nothing.
    #[error("secret `{name}` cannot be read: {why}")]
    Unreadable {
        /// The secret.
        name: SecretName,
        /// What went wrong, without the value.
        why: String,
    },
}

/// Gives the value of a named secret for one device, if that device may have it.
pub trait SecretSource: Send + Sync {
    /// Resolves `name` for `device`, a member of `groups`.
    ///
    /// # Errors
    /// When it is unknown, not permitted, unreadable or empty; never an empty value.
    fn resolve(
        &self,
        name: &SecretName,
        device: &str,
        groups: &[String],
    ) -> Result<SecretText, SecretError>;
}

const OPEN: &str = "\u{27e6}secret:";
const CLOSE: char = '\u{27e7}';

/// The opaque text that stands for a secret in every document, diff, plan and log:
/// `⟦secret:NAME⟧`.
#[must_use]
pub fn placeholder(name: &SecretName) -> String {
    format!("{OPEN}{name}{CLOSE}")
}

/// The names of all secret placeholders in a text.
#[must_use]
pub fn placeholders(text: &str) -> BTreeSet<SecretName> {
    text.match_indices(OPEN)
        .filter_map(|(at, _)| {
            let rest = &text[at + OPEN.len()..];
            SecretName::new(&rest[..rest.find(CLOSE)?]).ok()
        })
        .collect()
}
