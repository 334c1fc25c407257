//! The simulated devices' clock.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// How fast the devices' time runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Pace {
    /// As fast as ours.
    #[default]
    Real,
    /// So many times faster.
    Times(f64),
    /// Only when somebody steps it.
    Stepped,
}

/// A clock that starts at a given time and runs at its own pace.
#[derive(Debug)]
pub(super) struct Clock {
    pace: Pace,
    start: Timestamp,
    base: Instant,
    stepped: Mutex<Duration>,
}

impl Clock {
    pub(super) fn new(pace: Pace, start: Timestamp) -> Self {
        Self {
            pace,
            start,
            base: Instant::now(),
            stepped: Mutex::new(Duration::ZERO),
        }
    }

    fn factor(&self) -> f64 {
        match self.pace {
            Pace::Real => 1.0,
            Pace::Times(n) => n,
            Pace::Stepped => 0.0,
        }
    }

    /// The devices' time.
    pub(super) fn now(&self) -> Timestamp {
        let run = self.base.elapsed().mul_f64(self.factor());
        let stepped = *self
            .stepped
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        self.start
            .checked_add(run + stepped)
            .unwrap_or(Timestamp::MAX)
    }

    /// How long to wait, in our time, until the devices' time is `at`; `None` if it never
    /// comes by itself.
    pub(super) fn wait(&self, at: Timestamp) -> Option<Duration> {
        let left = Duration::try_from(at.duration_since(self.now())).unwrap_or_default();
        (self.factor() > 0.0).then(|| left.div_f64(self.factor()))
    }

    /// Moves the devices' time on.
    pub(super) fn step(&self, by: Duration) {
        *self
            .stepped
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) += by;
    }
}
