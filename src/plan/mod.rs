//! (last applied, running, intended, capabilities) -> a plan with its proof. Pure.

use crate::config::{Dialect, Document};
use crate::model::{Capabilities, Device, Plan};

/// Everything a plan is made from.
pub struct Inputs<'a> {
    /// The device.
    pub device: &'a Device,
    /// Pack name.
    pub platform: &'a str,
    /// Pack content hash.
    pub pack: &'a str,
    /// Revision id.
    pub revision: &'a str,
    /// The configuration language.
    pub dialect: &'a Dialect,
    /// What the device runs (complete, sealed).
    pub running: &'a Document,
    /// What it should run (sealed).
    pub intended: &'a Document,
    /// The intended configuration last applied and confirmed.
    pub last_applied: Option<&'a Document>,
    /// What the session can do.
    pub capabilities: &'a Capabilities,
}

/// Decides. The rails that need only these inputs (empty intent, large deletion, not
/// proved, lock-out) are in the plan's decision; the ones that need history are added by
/// the controller with [`refuse`].
#[must_use]
pub fn plan(_inputs: &Inputs<'_>) -> Plan {
    unimplemented!()
}

/// Adds refusals found from history.
#[must_use]
pub fn refuse(_plan: Plan, _refusals: Vec<crate::model::Refusal>) -> Plan {
    unimplemented!()
}

/// Takes off what a person accepted: a large deletion, an empty intent.
#[must_use]
pub fn accept_deletion(_plan: Plan) -> Plan {
    unimplemented!()
}
