//! What a device says it is.

use serde::{Deserialize, Serialize};

/// The typed answer of the `facts` getter, after NAPALM's `get_facts`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Manufacturer or project (`Cisco`, `FRRouting`).
    pub vendor: String,
    /// Hardware or image model; empty when the platform has none.
    pub model: String,
    /// Software version.
    pub version: String,
    /// Serial number; empty when the platform has none.
    pub serial: String,
    /// Host name as the device knows it.
    pub hostname: String,
    /// Seconds since start, if the device tells.
    pub uptime: Option<u64>,
}
