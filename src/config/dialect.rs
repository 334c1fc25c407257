//! What a platform pack's `config` section says, compiled.

use serde::Deserialize;

/// The `config` section of a pack as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DialectSpec {}

/// A compiled dialect.
#[derive(Clone, Debug, Default)]
pub struct Dialect {}
