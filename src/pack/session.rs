//! The `session` and `getters` sections of a pack.

use serde::Deserialize;

/// How to talk to a platform's CLI.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SessionSpec {}

/// How to ask for typed facts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct GetterSpec {}
