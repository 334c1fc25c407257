//! Rules x configuration -> findings. Pure.

use crate::config::{Dialect, Document};
use crate::model::{Device, Diagnostic, FileSet, Finding};

/// A loaded rule.
#[derive(Clone, Debug)]
pub struct Rule {}

/// Loads every pack under `policies/`.
///
/// # Errors
/// Every fault with file, line and column.
pub fn load(_files: &FileSet) -> Result<Vec<Rule>, Vec<Diagnostic>> {
    unimplemented!()
}

/// Evaluates all rules that concern a device. `platform` is the pack's name.
#[must_use]
pub fn evaluate(
    _rules: &[Rule],
    _device: &Device,
    _platform: &str,
    _running: &Document,
    _dialect: &Dialect,
) -> Vec<Finding> {
    unimplemented!()
}
