//! One event -> sinks: log and metrics.
//!
//! Stages report *what happened* as an [`Event`]; here it becomes a log line (`log`) and
//! counts (`metrics`). The gauges of devices are rendered from the latest status document
//! when somebody scrapes (`fleet`), so they never disagree with `/api/v1/devices`.

pub mod catalog;
mod fleet;
mod log;
mod metrics;
mod process;
#[cfg(test)]
mod tests;
mod text;

use std::sync::{Arc, PoisonError, RwLock};

pub use log::{LogError, init as init_log};
pub use metrics::Load;

use crate::model::{Event, FleetStatus};
use metrics::Metrics;
use text::Page;

/// Where events go. Cheap to clone.
#[derive(Clone)]
pub struct Reporter {
    shared: Arc<Shared>,
}

struct Shared {
    metrics: Metrics,
    fleet: RwLock<Arc<FleetStatus>>,
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reporter")
    }
}

impl Reporter {
    /// A reporter with its own metrics registry.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                metrics: Metrics::new(),
                fleet: RwLock::default(),
            }),
        }
    }

    /// Logs and counts one event.
    pub fn emit(&self, event: &Event) {
        log::write(event);
        let now = jiff::Timestamp::now().as_duration().as_secs_f64();
        self.shared.metrics.count(event, now);
    }

    /// Sets the per-device gauges from a status document.
    pub fn set_status(&self, status: &FleetStatus) {
        self.share_status(Arc::new(status.clone()));
    }

    /// The same, without a copy.
    pub fn share_status(&self, status: Arc<FleetStatus>) {
        *self
            .shared
            .fleet
            .write()
            .unwrap_or_else(PoisonError::into_inner) = status;
    }

    /// Sets the gauges of the queue and the workers.
    pub fn set_load(&self, load: Load) {
        self.shared.metrics.set_load(load);
    }

    /// The metrics in Prometheus' text format.
    #[must_use]
    pub fn metrics_text(&self) -> String {
        let families = self.shared.metrics.registry.gather();
        // Encoding fails only for families without a metric, and `gather` drops those.
        let counted = prometheus::TextEncoder::new()
            .encode_to_string(&families)
            .unwrap_or_default();
        let mut page = Page::after(counted);
        let fleet = Arc::clone(
            &self
                .shared
                .fleet
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        );
        fleet::render(&mut page, &fleet);
        process::render(&mut page);
        page.finish()
    }
}

impl Default for Reporter {
    fn default() -> Self {
        Self::new()
    }
}
