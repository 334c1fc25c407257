//! State and history in an embedded SQLite file.
//!
//! * One file, `DIR/state.sqlite` (mode 0600, write-ahead log, synchronous full): a commit
//!   is on disk when it returns, and survives `kill -9`.
//! * Several processes use it at once (the daemon beside `netkeel apply`). A device's
//!   lease keeps them apart: everything written about a device names the lease's owner and
//!   epoch, and is refused when another claim has come since.
//! * Records are JSON with a version; the file has one too, and a newer file is refused.
//! * A damaged file is set aside under a new name and a new one is begun; until a person
//!   has accepted that, [`Store::set_aside_pending`] names it and nothing is applied.
//!
//! `file` opens, `schema` has the tables, `record` the versions, `retention` decides what
//! to forget; the rest of the files are the statements, by subject.

mod attempts;
mod devices;
mod file;
mod leases;
mod people;
mod record;
mod retention;
mod schema;
mod sweep;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use retention::{AttemptEntry, Forget, Inventory, Retention, SeenEntry, forget};

use crate::model::{
    Acceptance, AcceptanceKind, Attempt, AttemptId, ConfigKind, DeviceRecord, Fingerprint, Hold,
    Journal, Lease, Step, Store, StoreError,
};
use record::Fault;

/// Meta key under which the last damaged file's new name stands.
const SET_ASIDE: &str = "set_aside";

/// The embedded store.
pub struct SqliteStore {
    path: PathBuf,
    connection: Mutex<Connection>,
    /// A shared lock: nobody sets the file aside while we have it open.
    _lock: File,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SqliteStore({})", self.path.display())
    }
}

/// A freshly opened store.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: SqliteStore,
    /// The new name of a corrupt state file that was set aside just now, if one was.
    pub set_aside: Option<String>,
}

impl SqliteStore {
    /// Opens `DIR/state.sqlite` (mode 0600, WAL, synchronous full), creating it and the
    /// folder (mode 0700) if needed. A corrupt file is set aside under a new name. A
    /// process that finds itself alone also voids the leases of those that died with
    /// theirs (the living hold the file's lock), and forgets what is too old to keep.
    ///
    /// # Errors
    /// When the folder cannot be used, the file is of a newer format, or it is damaged
    /// while another process has it open.
    pub fn open(dir: &Path, now: Timestamp) -> Result<Opened, StoreError> {
        let opened = file::open(dir, now)?;
        let store = Self {
            path: opened.path,
            connection: Mutex::new(opened.connection),
            _lock: opened.lock,
        };
        if opened.alone {
            let tidied = store
                .write(None, leases::void)
                .and_then(|()| store.forget_old(Retention::default(), now).map(drop));
            match tidied {
                // Nothing can be forgotten on a full disk, but everything can be read:
                // observation goes on, and `check_writable` stops the applies.
                Ok(()) | Err(StoreError::Write { .. }) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(Opened {
            store,
            set_aside: opened.set_aside,
        })
    }

    /// The state file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Deletes what is too old to keep (the daemon does this daily).
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn forget_old(&self, keep: Retention, now: Timestamp) -> Result<Forget, StoreError> {
        self.write(None, |tx| sweep::run(tx, keep, now))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic inside a transaction rolls it back, so the connection is sound.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, f: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, StoreError> {
        f(&self.connection()).map_err(|fault| file::read_error(&self.path, fault))
    }

    /// One write transaction; under a lease, the lease is checked in it first.
    fn write<T>(
        &self,
        lease: Option<&Lease>,
        f: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let run = || -> Result<T, Fault> {
            let mut connection = self.connection();
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if let Some(lease) = lease {
                leases::check(&tx, lease)?;
            }
            let value = f(&tx)?;
            tx.commit()?;
            Ok(value)
        };
        run().map_err(|fault| match (fault, lease) {
            (Fault::LeaseLost, Some(lease)) => StoreError::LeaseLost {
                device: lease.device.clone(),
                epoch: lease.epoch,
            },
            (fault, _) => file::write_error(&self.path, fault),
        })
    }
}

impl Journal for SqliteStore {
    fn step(&self, lease: &Lease, attempt: &AttemptId, step: &Step) -> Result<(), StoreError> {
        self.write(Some(lease), |tx| attempts::step(tx, lease, attempt, step))
    }
}

impl Store for SqliteStore {
    fn set_aside_pending(&self) -> Result<Option<String>, StoreError> {
        let Some(name) = self.get_meta(SET_ASIDE)? else {
            return Ok(None);
        };
        let accepted = self
            .acceptances()?
            .iter()
            .any(|a| a.kind == AcceptanceKind::CorruptState && a.subject == name);
        Ok((!accepted).then_some(name))
    }

    fn claim(
        &self,
        device: &str,
        owner: &str,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        self.write(None, |tx| leases::claim(tx, device, owner, ttl, now))
    }

    fn renew(&self, lease: &Lease, ttl: Duration, now: Timestamp) -> Result<Lease, StoreError> {
        self.write(Some(lease), |tx| leases::renew(tx, lease, ttl, now))
    }

    fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.write(Some(lease), |tx| leases::release(tx, lease))
    }

    fn begin(&self, lease: &Lease, attempt: &Attempt) -> Result<(), StoreError> {
        self.write(Some(lease), |tx| attempts::begin(tx, lease, attempt))
    }

    fn finish(&self, lease: &Lease, attempt: &Attempt) -> Result<(), StoreError> {
        self.write(Some(lease), |tx| attempts::finish(tx, lease, attempt))
    }

    fn unfinished(&self) -> Result<Vec<Attempt>, StoreError> {
        self.read(attempts::unfinished)
    }

    fn attempt(&self, id: &AttemptId) -> Result<Option<Attempt>, StoreError> {
        self.read(|db| attempts::one(db, id))
    }

    fn history(&self, device: &str, limit: usize) -> Result<Vec<Attempt>, StoreError> {
        self.read(|db| attempts::history(db, device, limit))
    }

    fn device(&self, name: &str) -> Result<Option<DeviceRecord>, StoreError> {
        self.read(|db| devices::one(db, name))
    }

    fn devices(&self) -> Result<Vec<DeviceRecord>, StoreError> {
        self.read(devices::all)
    }

    fn save_device(&self, lease: &Lease, record: &DeviceRecord) -> Result<(), StoreError> {
        self.write(Some(lease), |tx| devices::save(tx, &lease.device, record))
    }

    fn put_config(&self, text: &str) -> Result<Fingerprint, StoreError> {
        let hash = Fingerprint::of([text.as_bytes()]);
        if !self.read(|db| devices::has_fresh_config(db, &hash))? {
            self.write(None, |tx| devices::put_config(tx, &hash, text))?;
        }
        Ok(hash)
    }

    fn config(&self, hash: &Fingerprint) -> Result<Option<String>, StoreError> {
        self.read(|db| devices::config(db, hash))
    }

    fn record_config(
        &self,
        device: &str,
        kind: ConfigKind,
        hash: &Fingerprint,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let same = |db: &Connection| devices::is_latest(db, device, kind, hash);
        if self.read(same)? {
            return Ok(());
        }
        self.write(None, |tx| {
            if devices::is_latest(tx, device, kind, hash)? {
                return Ok(());
            }
            devices::record_config(tx, device, kind, hash, at)
        })
    }

    fn config_history(
        &self,
        device: &str,
        kind: ConfigKind,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Fingerprint)>, StoreError> {
        self.read(|db| devices::config_history(db, device, kind, limit))
    }

    fn hold(&self, hold: &Hold) -> Result<(), StoreError> {
        self.write(None, |tx| people::hold(tx, hold))
    }

    fn release_hold(&self, device: &str, by: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.write(None, |tx| people::release_hold(tx, device, by, at))
    }

    fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        self.read(people::holds)
    }

    fn accept(&self, acceptance: &Acceptance) -> Result<(), StoreError> {
        self.write(None, |tx| people::accept(tx, acceptance))
    }

    fn acceptances(&self) -> Result<Vec<Acceptance>, StoreError> {
        self.read(people::acceptances)
    }

    fn get_meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.read(|db| people::get_meta(db, key))
    }

    fn set_meta(&self, key: &str, value: &str) -> Result<(), StoreError> {
        self.write(None, |tx| people::set_meta(tx, key, value))
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        self.write(None, sweep::probe)
    }
}
