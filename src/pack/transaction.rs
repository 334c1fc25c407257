//! The `transaction` section of a pack.

use serde::Deserialize;

/// How to change a platform's configuration, step by step.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TransactionSpec {}
