//! One event -> sinks: log and metrics.

use crate::model::{Event, FleetStatus};

/// Where events go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reporter {}

impl Reporter {
    /// A reporter with its own metrics registry.
    #[must_use]
    pub fn new() -> Self {
        unimplemented!()
    }
    /// Logs and counts one event.
    pub fn emit(&self, _event: &Event) {
        unimplemented!()
    }
    /// Sets the per-device gauges from a status document.
    pub fn set_status(&self, _status: &FleetStatus) {
        unimplemented!()
    }
    /// The metrics in Prometheus' text format.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        unimplemented!()
    }
}

impl Default for Reporter {
    fn default() -> Self {
        Self::new()
    }
}
