//! State and history in an embedded SQLite file.

use std::path::Path;

use jiff::Timestamp;

use crate::model::StoreError;

/// The embedded store.
#[derive(Debug)]
pub struct SqliteStore {}

/// A freshly opened store.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: SqliteStore,
    /// The new name of a corrupt state file that was set aside, if one was.
    pub set_aside: Option<String>,
}

impl SqliteStore {
    /// Opens `DIR/state.sqlite` (mode 0600, WAL, synchronous full), creating it if needed.
    /// A corrupt file is set aside under a new name.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(_dir: &Path, _now: Timestamp) -> Result<Opened, StoreError> {
        unimplemented!()
    }
}
