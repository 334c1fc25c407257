//! Nornir's SimpleInventory, resolved.

use std::collections::BTreeMap;

use crate::model::{Device, Diagnostic, FileSet};

/// All devices of a revision.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// By name. A device with an error of its own is in `broken`, not here.
    pub devices: BTreeMap<String, Device>,
    /// Devices whose own keys are wrong, with what is wrong.
    pub broken: BTreeMap<String, Vec<Diagnostic>>,
    /// Warnings (plain passwords and the like).
    pub warnings: Vec<Diagnostic>,
}

/// Loads `intent/inventory/{hosts,groups,defaults}.yaml`.
///
/// # Errors
/// Faults that leave no inventory at all (bad YAML, no hosts file, unknown group).
pub fn load(_files: &FileSet) -> Result<Inventory, Vec<Diagnostic>> {
    unimplemented!()
}
