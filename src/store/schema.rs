//! Tables, their version, and how a connection is set up.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// `NKST`: marks a file as ours, so that a foreign database is not taken for state.
const APPLICATION_ID: i64 = 0x4e4b_5354;

/// How long a writer waits for another process (a daemon beside `netkeel apply`); their
/// transactions are a few milliseconds long, a retention sweep may take seconds.
const BUSY: Duration = Duration::from_secs(10);

/// What leads from each format to the next. A released entry is never edited.
const MIGRATIONS: [&str; 1] = [V1];

const V1: &str = "
CREATE TABLE lease (
    device TEXT PRIMARY KEY,
    owner  TEXT NOT NULL,              -- empty once given back
    epoch  INTEGER NOT NULL,           -- never goes back
    until  INTEGER NOT NULL            -- microseconds since 1970, as all times here
) STRICT, WITHOUT ROWID;
CREATE TABLE attempt (
    id       TEXT PRIMARY KEY,
    device   TEXT NOT NULL,
    epoch    INTEGER NOT NULL,
    started  INTEGER NOT NULL,
    finished INTEGER,                  -- null while it has not ended
    body     TEXT NOT NULL             -- versioned JSON, without the steps
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_by_device ON attempt(device, started);
CREATE INDEX attempt_open ON attempt(started) WHERE finished IS NULL;
CREATE TABLE step (
    attempt TEXT NOT NULL REFERENCES attempt(id) ON DELETE CASCADE,
    seq     INTEGER NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (attempt, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE device (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE config (
    hash    TEXT PRIMARY KEY,
    body    TEXT NOT NULL,
    touched INTEGER NOT NULL           -- when it was last put, by the database's clock
) STRICT;
CREATE TABLE seen (
    device TEXT NOT NULL,
    kind   TEXT NOT NULL,
    at     INTEGER NOT NULL,
    seq    INTEGER NOT NULL,           -- tells two entries of one microsecond apart
    hash   TEXT NOT NULL,
    PRIMARY KEY (device, kind, at, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE hold (
    id          INTEGER PRIMARY KEY,
    device      TEXT NOT NULL,
    body        TEXT NOT NULL,
    released_by TEXT,
    released_at INTEGER
) STRICT;
CREATE UNIQUE INDEX hold_in_force ON hold(device) WHERE released_at IS NULL;
CREATE TABLE acceptance (
    id   INTEGER PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE probe (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    body BLOB NOT NULL
) STRICT;
";

/// The format this program writes.
pub(super) const KNOWN: u32 = MIGRATIONS.len() as u32;

/// A connection with the promises we rely on: a commit is on disk when it returns.
pub(super) fn connect(path: &Path, create: bool) -> rusqlite::Result<Connection> {
    set_up(open(path, create)?)
}

/// The same for a process that is alone, with the index of the write-ahead log in memory.
pub(super) fn connect_alone(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, false)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    set_up(connection)
}

fn open(path: &Path, create: bool) -> rusqlite::Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    Connection::open_with_flags(path, flags)
}

fn set_up(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// The format of an open file, or `None` when it is not ours.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<Option<u32>> {
    let ours: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((ours == APPLICATION_ID && version > 0).then_some(version))
}

/// Brings a file from format `found` (0: empty) to [`KNOWN`], in one transaction.
pub(super) fn migrate(connection: &mut Connection, found: u32) -> rusqlite::Result<()> {
    let mut mode = String::new();
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| {
        mode = row.get(0)?;
        Ok(())
    })?;
    let transaction = connection.transaction()?;
    for sql in MIGRATIONS.iter().skip(found as usize) {
        transaction.execute_batch(sql)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", KNOWN)?;
    transaction.commit()
}
