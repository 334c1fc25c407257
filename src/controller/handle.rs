//! What the loop shows to others: the latest status document, whether we are ready, and
//! that the loop still turns. Readers never wait for the loop, nor it for them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::model::FleetStatus;

/// The loop's side.
#[derive(Debug)]
pub struct StatusBoard {
    status: watch::Sender<Arc<FleetStatus>>,
    unready: watch::Sender<Option<String>>,
    pulse: watch::Sender<Instant>,
}

/// The readers' side. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StatusHandle {
    status: watch::Receiver<Arc<FleetStatus>>,
    unready: watch::Receiver<Option<String>>,
    pulse: watch::Receiver<Instant>,
    max_silence: Duration,
}

/// Both sides. The loop counts as dead when it has not turned for `max_silence` (it turns
/// every second; a minute is generous).
#[must_use]
pub fn board(max_silence: Duration) -> (StatusBoard, StatusHandle) {
    let empty = FleetStatus {
        schema: 1,
        ..FleetStatus::default()
    };
    let starting = Some("starting: the state is not open yet".to_owned());
    let (status, status_seen) = watch::channel(Arc::new(empty));
    let (unready, unready_seen) = watch::channel(starting);
    let (pulse, pulse_seen) = watch::channel(Instant::now());
    let board = StatusBoard {
        status,
        unready,
        pulse,
    };
    let handle = StatusHandle {
        status: status_seen,
        unready: unready_seen,
        pulse: pulse_seen,
        max_silence,
    };
    (board, handle)
}

impl StatusBoard {
    /// Publishes a new document.
    pub fn publish(&self, status: Arc<FleetStatus>) {
        self.status.send_replace(status);
    }

    /// `None`: ready. Otherwise why not.
    pub fn set_unready(&self, why: Option<String>) {
        self.unready.send_if_modified(|now| {
            let changed = *now != why;
            *now = why;
            changed
        });
    }

    /// The loop has turned.
    pub fn tick(&self) {
        self.pulse.send_replace(Instant::now());
    }
}

impl StatusHandle {
    /// The latest document.
    #[must_use]
    pub fn status(&self) -> Arc<FleetStatus> {
        Arc::clone(&self.status.borrow())
    }

    /// Waits for the next document; false when the loop is gone.
    pub async fn changed(&mut self) -> bool {
        self.status.changed().await.is_ok()
    }

    /// Why we are not ready, or `None`.
    #[must_use]
    pub fn unready(&self) -> Option<String> {
        self.unready.borrow().clone()
    }

    /// How long the loop has not turned, if that is too long.
    #[must_use]
    pub fn silent_for(&self) -> Option<Duration> {
        let silence = self.pulse.borrow().elapsed();
        (silence > self.max_silence).then_some(silence)
    }
}
