//! What is remembered of devices, and their configurations by content hash.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::attempts::texts;
use super::record::{Fault, decode, encode, micros, time};
use crate::model::{ConfigKind, DeviceRecord, Fingerprint};

/// A text put again within this many seconds is not even touched: nothing is forgotten
/// that fast, and an unchanged device then costs no write.
const FRESH: i64 = 7 * 86_400;

pub(super) fn one(db: &Connection, name: &str) -> Result<Option<DeviceRecord>, Fault> {
    let found = texts(db, "SELECT body FROM device WHERE name = ?1", [name])?;
    found.first().map(|text| decode(text)).transpose()
}

pub(super) fn all(db: &Connection) -> Result<Vec<DeviceRecord>, Fault> {
    let bodies = texts(db, "SELECT body FROM device ORDER BY name", [])?;
    bodies.iter().map(|text| decode(text)).collect()
}

pub(super) fn save(tx: &Transaction<'_>, name: &str, record: &DeviceRecord) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO device(name, body) VALUES (?1, ?2)
         ON CONFLICT(name) DO UPDATE SET body = excluded.body",
        params![name, encode(record)?],
    )?;
    Ok(())
}

pub(super) fn has_fresh_config(db: &Connection, hash: &Fingerprint) -> Result<bool, Fault> {
    let found: Option<i64> = db
        .query_row(
            "SELECT 1 FROM config WHERE hash = ?1 AND touched > unixepoch() * 1000000 - ?2",
            params![hash.as_str(), FRESH * 1_000_000],
            |row| row.get(0),
        )
        .optional()?;
    Ok(found.is_some())
}

pub(super) fn put_config(
    tx: &Transaction<'_>,
    hash: &Fingerprint,
    text: &str,
) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO config(hash, body, touched) VALUES (?1, ?2, unixepoch() * 1000000)
         ON CONFLICT(hash) DO UPDATE SET touched = excluded.touched",
        params![hash.as_str(), text],
    )?;
    Ok(())
}

pub(super) fn config(db: &Connection, hash: &Fingerprint) -> Result<Option<String>, Fault> {
    let found = texts(
        db,
        "SELECT body FROM config WHERE hash = ?1",
        [hash.as_str()],
    )?;
    Ok(found.into_iter().next())
}

fn word(kind: ConfigKind) -> &'static str {
    match kind {
        ConfigKind::Running => "running",
        ConfigKind::Intended => "intended",
    }
}

/// This is what was recorded last.
pub(super) fn is_latest(
    db: &Connection,
    device: &str,
    kind: ConfigKind,
    hash: &Fingerprint,
) -> Result<bool, Fault> {
    let latest = texts(
        db,
        "SELECT hash FROM seen WHERE device = ?1 AND kind = ?2
         ORDER BY at DESC, seq DESC LIMIT 1",
        [device, word(kind)],
    )?;
    Ok(latest.first().is_some_and(|last| last == hash.as_str()))
}

pub(super) fn record_config(
    tx: &Transaction<'_>,
    device: &str,
    kind: ConfigKind,
    hash: &Fingerprint,
    at: Timestamp,
) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO seen(device, kind, at, seq, hash)
         SELECT ?1, ?2, ?3, coalesce(max(seq), 0) + 1, ?4 FROM seen
         WHERE device = ?1 AND kind = ?2 AND at = ?3",
        params![device, word(kind), micros(at), hash.as_str()],
    )?;
    Ok(())
}

pub(super) fn config_history(
    db: &Connection,
    device: &str,
    kind: ConfigKind,
    limit: usize,
) -> Result<Vec<(Timestamp, Fingerprint)>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = db.prepare_cached(
        "SELECT at, hash FROM seen WHERE device = ?1 AND kind = ?2
         ORDER BY at DESC, seq DESC LIMIT ?3",
    )?;
    let rows = statement.query_map(params![device, word(kind), limit], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
    })?;
    rows.map(|row| {
        let (at, hash) = row?;
        Ok((time(at)?, Fingerprint::from_hex(&hash)))
    })
    .collect()
}
