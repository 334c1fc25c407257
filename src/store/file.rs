//! The state folder: rights, the lock, and setting a damaged file aside.
//!
//! Every process that has the store open holds a shared lock on `state.lock`. Whoever
//! gets it alone checks the whole file first; only then may a damaged one be renamed, so
//! two processes can never work on two different files.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;

use super::schema;
use crate::model::StoreError;

/// The state file's name in its folder.
const STATE: &str = "state.sqlite";
/// A damaged file's new name begins so.
const ASIDE: &str = "state.sqlite.corrupt-";
/// What SQLite keeps beside a database.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// An opened state file.
pub(super) struct StateFile {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    /// Held, shared, as long as the store is open.
    pub(super) lock: File,
    /// We were the only one when it was opened.
    pub(super) alone: bool,
    /// New name of a damaged file.
    pub(super) set_aside: Option<String>,
}

/// What a look at an existing file found.
enum Condition {
    Good(Connection),
    Damaged,
}

/// Opens the state file in `dir`, making folder and file where they are missing.
pub(super) fn open(dir: &Path, now: Timestamp) -> Result<StateFile, StoreError> {
    let path = dir.join(STATE);
    let (lock, alone) = prepare(dir).map_err(|e| write_error(&path, e))?;
    let file = if alone {
        open_alone(dir, &path, lock, now)?
    } else {
        open_shared(&path, lock)?
    };
    file.lock
        .unlock()
        .and_then(|()| file.lock.lock_shared())
        .map_err(|e| write_error(&path, e))?;
    Ok(file)
}

fn prepare(dir: &Path) -> io::Result<(File, bool)> {
    if !dir.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(dir.join("state.lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok((lock, true)),
        Err(fs::TryLockError::WouldBlock) => {
            lock.lock_shared()?;
            Ok((lock, false))
        }
        Err(fs::TryLockError::Error(e)) => Err(e),
    }
}

fn open_alone(
    dir: &Path,
    path: &Path,
    lock: File,
    now: Timestamp,
) -> Result<StateFile, StoreError> {
    let mut set_aside = None;
    if path.exists() {
        tighten(path).map_err(|e| write_error(path, e))?;
        match examine(path, true)? {
            Condition::Good(connection) => {
                return Ok(StateFile {
                    path: path.to_owned(),
                    connection,
                    lock,
                    alone: true,
                    set_aside,
                });
            }
            Condition::Damaged => {
                set_aside = Some(rename(dir, path, now).map_err(|e| write_error(path, e))?);
            }
        }
    }
    let pending = set_aside.clone().or(newest_aside(dir));
    let connection = create(dir, path, pending.as_deref())?;
    Ok(StateFile {
        path: path.to_owned(),
        connection,
        lock,
        alone: true,
        set_aside,
    })
}

fn open_shared(path: &Path, lock: File) -> Result<StateFile, StoreError> {
    match examine(path, false)? {
        Condition::Good(connection) => Ok(StateFile {
            path: path.to_owned(),
            connection,
            lock,
            alone: false,
            set_aside: None,
        }),
        Condition::Damaged => Err(read_error(
            path,
            "it is damaged, and another process has it open: stop that one first",
        )),
    }
}

/// Looks at an existing file: is it ours, whole, and of a format we know?
fn examine(path: &Path, thoroughly: bool) -> Result<Condition, StoreError> {
    let mut looked = look(path, thoroughly, false);
    if thoroughly && looked.as_ref().is_err_and(has_no_room) {
        looked = look(path, true, true);
    }
    match looked {
        Ok(Some((connection, found))) if found > schema::KNOWN => {
            drop(connection);
            Err(StoreError::Newer {
                path: path.display().to_string(),
                found,
                known: schema::KNOWN,
            })
        }
        Ok(Some((mut connection, found))) => {
            if found < schema::KNOWN {
                schema::migrate(&mut connection, found).map_err(|e| write_error(path, e))?;
            }
            Ok(Condition::Good(connection))
        }
        Ok(None) => Ok(Condition::Damaged),
        Err(e) if is_damage(&e) => Ok(Condition::Damaged),
        Err(e) if has_no_room(&e) => Err(write_error(path, e)),
        Err(e) => Err(read_error(path, e)),
    }
}

/// `in_memory`: without the index of the write-ahead log on disk. That is for a disk that is
/// full: who is alone may keep the index in memory, and reading goes on.
fn look(
    path: &Path,
    thoroughly: bool,
    in_memory: bool,
) -> rusqlite::Result<Option<(Connection, u32)>> {
    let connection = if in_memory {
        schema::connect_alone(path)?
    } else {
        schema::connect(path, false)?
    };
    let Some(found) = schema::version(&connection)? else {
        return Ok(None);
    };
    if thoroughly {
        let verdict: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict != "ok" {
            return Ok(None);
        }
    }
    Ok(Some((connection, found)))
}

/// True when SQLite says the file itself is broken.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
    )
}

/// True when the index of the write-ahead log could not be made: SQLite makes it even to read.
fn has_no_room(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_FULL, SQLITE_IOERR_SHMOPEN, SQLITE_IOERR_SHMSIZE};
    error.sqlite_error().is_some_and(|e| {
        [SQLITE_FULL, SQLITE_IOERR_SHMOPEN, SQLITE_IOERR_SHMSIZE].contains(&e.extended_code)
    })
}

/// Makes a new file under another name and moves it into place when it is complete, so
/// that a half-made or empty `state.sqlite` is always damage and never a beginning.
fn create(dir: &Path, path: &Path, pending: Option<&str>) -> Result<Connection, StoreError> {
    let fresh = dir.join("state.sqlite.new");
    let make = || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        remove_with_companions(&fresh)?;
        drop(
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&fresh)?,
        );
        let mut connection = schema::connect(&fresh, true)?;
        schema::migrate(&mut connection, 0)?;
        if let Some(name) = pending {
            connection.execute(
                "INSERT INTO meta(key, value) VALUES ('set_aside', ?1)",
                [name],
            )?;
        }
        connection.close().map_err(|(_, e)| e)?;
        File::open(&fresh)?.sync_all()?;
        fs::rename(&fresh, path)?;
        Ok(File::open(dir)?.sync_all()?)
    };
    make().map_err(|e| write_error(path, e))?;
    schema::connect(path, false).map_err(|e| read_error(path, e))
}

fn remove_with_companions(path: &Path) -> io::Result<()> {
    for suffix in std::iter::once("").chain(COMPANIONS) {
        match fs::remove_file(beside(path, suffix)) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Renames the damaged file and what belongs to it; nothing is deleted.
fn rename(dir: &Path, path: &Path, now: Timestamp) -> io::Result<String> {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut name = format!("{ASIDE}{stamp}");
    let mut n = 1;
    while dir.join(&name).exists() {
        n += 1;
        name = format!("{ASIDE}{stamp}.{n}");
    }
    // The companions go first: a new file must never meet an old write-ahead log.
    for suffix in COMPANIONS {
        let from = beside(path, suffix);
        if from.exists() {
            fs::rename(from, dir.join(format!("{name}{suffix}")))?;
        }
    }
    fs::rename(path, dir.join(&name))?;
    File::open(dir)?.sync_all()?;
    Ok(name)
}

/// The last file that was set aside: a process may have died between renaming a damaged
/// file and making a new one.
fn newest_aside(dir: &Path) -> Option<String> {
    let names = fs::read_dir(dir).ok()?.filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        let companion = COMPANIONS.iter().any(|suffix| name.ends_with(suffix));
        (name.starts_with(ASIDE) && !companion).then_some(name)
    });
    names.max()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn tighten(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// [`StoreError::Write`] about this file.
pub(super) fn write_error(
    path: &Path,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Write {
        path: path.display().to_string(),
        source: source.into(),
    }
}

/// [`StoreError::Read`] about this file.
pub(super) fn read_error(
    path: &Path,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Read {
        path: path.display().to_string(),
        source: source.into(),
    }
}
