//! A store that delegates to the real one and does something else at a chosen step.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use netkeel::model::{
    Acceptance, Attempt, AttemptId, ConfigKind, DeviceRecord, Fingerprint, Hold, Journal, Lease,
    Step, StepKind, Store, StoreError,
};
use netkeel::store::SqliteStore;

type Act = Box<dyn Fn(&SqliteStore) + Send + Sync>;

/// When, around the writing of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Before,
    After,
}

pub(super) struct Trapped {
    inner: SqliteStore,
    traps: Mutex<Vec<(StepKind, Moment, Act)>>,
    begun: Mutex<Option<Box<dyn Fn() + Send + Sync>>>,
    disk: Disk,
}

/// Whether anything can be written.
#[derive(Clone, Default)]
pub(super) struct Disk(Arc<AtomicBool>);

impl Disk {
    pub(super) fn fill(&self, full: bool) {
        self.0.store(full, Ordering::SeqCst);
    }
}

impl Trapped {
    pub(super) fn new(inner: SqliteStore) -> Self {
        Self {
            inner,
            traps: Mutex::default(),
            begun: Mutex::default(),
            disk: Disk::default(),
        }
    }

    /// Does something once, at the next step of this kind.
    pub(super) fn at(
        &self,
        kind: StepKind,
        moment: Moment,
        act: impl Fn(&SqliteStore) + Send + Sync + 'static,
    ) {
        let mut traps = self.traps.lock().expect("no panic under it");
        traps.push((kind, moment, Box::new(act)));
    }

    /// Does something once, when the next attempt is being written down.
    pub(super) fn at_begin(&self, act: impl Fn() + Send + Sync + 'static) {
        *self.begun.lock().expect("no panic under it") = Some(Box::new(act));
    }

    pub(super) fn disk(&self) -> Disk {
        self.disk.clone()
    }

    fn spring(&self, kind: StepKind, moment: Moment) {
        let sprung: Vec<_> = {
            let mut traps = self.traps.lock().expect("no panic under it");
            let (sprung, left) = traps
                .drain(..)
                .partition(|(k, m, _)| *k == kind && *m == moment);
            *traps = left;
            sprung
        };
        for (_, _, act) in sprung {
            act(&self.inner);
        }
    }

    fn room(&self) -> Result<(), StoreError> {
        if self.disk.0.load(Ordering::SeqCst) {
            return Err(StoreError::Write {
                path: "state.sqlite".to_owned(),
                source: "database or disk is full".into(),
            });
        }
        Ok(())
    }
}

impl Journal for Trapped {
    fn step(&self, lease: &Lease, attempt: &AttemptId, step: &Step) -> Result<(), StoreError> {
        self.spring(step.kind, Moment::Before);
        self.room()?;
        self.inner.step(lease, attempt, step)?;
        self.spring(step.kind, Moment::After);
        Ok(())
    }
}

impl Store for Trapped {
    fn claim(
        &self,
        device: &str,
        owner: &str,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        self.inner.claim(device, owner, ttl, now)
    }
    fn renew(&self, lease: &Lease, ttl: Duration, now: Timestamp) -> Result<Lease, StoreError> {
        self.inner.renew(lease, ttl, now)
    }
    fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.inner.release(lease)
    }
    fn begin(&self, lease: &Lease, attempt: &Attempt) -> Result<(), StoreError> {
        let begun = self.begun.lock().expect("no panic under it").take();
        if let Some(act) = begun {
            act();
        }
        self.room()?;
        self.inner.begin(lease, attempt)
    }
    fn finish(&self, lease: &Lease, attempt: &Attempt) -> Result<(), StoreError> {
        self.room()?;
        self.inner.finish(lease, attempt)
    }
    fn unfinished(&self) -> Result<Vec<Attempt>, StoreError> {
        self.inner.unfinished()
    }
    fn attempt(&self, id: &AttemptId) -> Result<Option<Attempt>, StoreError> {
        self.inner.attempt(id)
    }
    fn history(&self, device: &str, limit: usize) -> Result<Vec<Attempt>, StoreError> {
        self.inner.history(device, limit)
    }
    fn device(&self, name: &str) -> Result<Option<DeviceRecord>, StoreError> {
        self.inner.device(name)
    }
    fn devices(&self) -> Result<Vec<DeviceRecord>, StoreError> {
        self.inner.devices()
    }
    fn save_device(&self, lease: &Lease, record: &DeviceRecord) -> Result<(), StoreError> {
        self.room()?;
        self.inner.save_device(lease, record)
    }
    fn put_config(&self, text: &str) -> Result<Fingerprint, StoreError> {
        self.inner.put_config(text)
    }
    fn config(&self, hash: &Fingerprint) -> Result<Option<String>, StoreError> {
        self.inner.config(hash)
    }
    fn record_config(
        &self,
        device: &str,
        kind: ConfigKind,
        hash: &Fingerprint,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.inner.record_config(device, kind, hash, at)
    }
    fn config_history(
        &self,
        device: &str,
        kind: ConfigKind,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Fingerprint)>, StoreError> {
        self.inner.config_history(device, kind, limit)
    }
    fn hold(&self, hold: &Hold) -> Result<(), StoreError> {
        self.inner.hold(hold)
    }
    fn release_hold(&self, device: &str, by: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.inner.release_hold(device, by, at)
    }
    fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        self.inner.holds()
    }
    fn accept(&self, acceptance: &Acceptance) -> Result<(), StoreError> {
        self.inner.accept(acceptance)
    }
    fn acceptances(&self) -> Result<Vec<Acceptance>, StoreError> {
        self.inner.acceptances()
    }
    fn get_meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.inner.get_meta(key)
    }
    fn set_meta(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.inner.set_meta(key, value)
    }
    fn set_aside_pending(&self) -> Result<Option<String>, StoreError> {
        self.inner.set_aside_pending()
    }
    fn check_writable(&self) -> Result<(), StoreError> {
        self.room()?;
        self.inner.check_writable()
    }
}
