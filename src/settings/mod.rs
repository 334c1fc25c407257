//! Netkeel's own settings: defaults < file < environment < flags -> one checked `Settings`.

/// Everything the controller is told about itself.
#[derive(Clone, Debug, Default)]
pub struct Settings {}
