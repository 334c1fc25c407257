//! What people decided (holds, acceptances), and small named values.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::attempts::texts;
use super::record::{Fault, decode, encode, micros};
use crate::model::{Acceptance, Hold};

/// A new hold ends the one before it, which stays in the table as history.
pub(super) fn hold(tx: &Transaction<'_>, hold: &Hold) -> Result<(), Fault> {
    release_hold(tx, &hold.device, &hold.by, hold.at)?;
    tx.execute(
        "INSERT INTO hold(device, body) VALUES (?1, ?2)",
        params![hold.device, encode(hold)?],
    )?;
    Ok(())
}

pub(super) fn release_hold(
    tx: &Transaction<'_>,
    device: &str,
    by: &str,
    at: Timestamp,
) -> Result<bool, Fault> {
    let changed = tx.execute(
        "UPDATE hold SET released_by = ?2, released_at = ?3
         WHERE device = ?1 AND released_at IS NULL",
        params![device, by, micros(at)],
    )?;
    Ok(changed > 0)
}

pub(super) fn holds(db: &Connection) -> Result<Vec<Hold>, Fault> {
    let bodies = texts(
        db,
        "SELECT body FROM hold WHERE released_at IS NULL ORDER BY device",
        [],
    )?;
    bodies.iter().map(|text| decode(text)).collect()
}

pub(super) fn accept(tx: &Transaction<'_>, acceptance: &Acceptance) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO acceptance(body) VALUES (?1)",
        [encode(acceptance)?],
    )?;
    Ok(())
}

pub(super) fn acceptances(db: &Connection) -> Result<Vec<Acceptance>, Fault> {
    let bodies = texts(db, "SELECT body FROM acceptance ORDER BY id DESC", [])?;
    bodies.iter().map(|text| decode(text)).collect()
}

pub(super) fn get_meta(db: &Connection, key: &str) -> Result<Option<String>, Fault> {
    let found = texts(db, "SELECT value FROM meta WHERE key = ?1", [key])?;
    Ok(found.into_iter().next())
}

pub(super) fn set_meta(tx: &Transaction<'_>, key: &str, value: &str) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO meta(key, value) VALUES (?1, ?2)
         ON CONFLICT(key) DO UPDATE SET value = excluded.value",
        [key, value],
    )?;
    Ok(())
}
