//! Forgetting what is too old, and proving that a write still reaches the disk.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::attempts::texts;
use super::record::{Fault, decode, micros, time};
use super::retention::{AttemptEntry, Forget, Inventory, Retention, SeenEntry, forget};
use crate::model::{Attempt, DeviceRecord, Fingerprint};

/// As much as the journal of one attempt may need: a disk that takes this much takes the
/// steps that follow.
const PROBE_BYTES: i64 = 32 * 1024;

/// Decides what goes and deletes it, in the caller's transaction.
pub(super) fn run(tx: &Transaction<'_>, keep: Retention, now: Timestamp) -> Result<Forget, Fault> {
    let held = Inventory {
        attempts: attempts(tx)?,
        seen: seen(tx)?,
        configs: configs(tx)?,
        referenced: referenced(tx)?.into_iter().collect(),
    };
    let gone = forget(&held, keep, now);
    for id in &gone.attempts {
        tx.prepare_cached("DELETE FROM attempt WHERE id = ?1")?
            .execute([id])?;
    }
    for entry in &gone.seen {
        tx.prepare_cached(
            "DELETE FROM seen WHERE device = ?1 AND kind = ?2 AND at = ?3 AND seq = ?4",
        )?
        .execute(params![
            entry.device,
            entry.kind,
            micros(entry.at),
            entry.seq
        ])?;
    }
    for hash in &gone.configs {
        tx.prepare_cached("DELETE FROM config WHERE hash = ?1")?
            .execute([hash])?;
    }
    Ok(gone)
}

fn attempts(tx: &Transaction<'_>) -> Result<Vec<AttemptEntry>, Fault> {
    let bodies = texts(tx, "SELECT body FROM attempt", [])?;
    let entry = |text: &String| {
        let attempt: Attempt = decode(text)?;
        let configs = [attempt.before, attempt.intended, attempt.after];
        let configs = configs.into_iter().flatten();
        Ok(AttemptEntry {
            id: attempt.id.0,
            device: attempt.device,
            started: attempt.started,
            finished: attempt.finished.is_some(),
            configs: configs.map(owned).collect(),
        })
    };
    bodies.iter().map(entry).collect()
}

fn seen(tx: &Transaction<'_>) -> Result<Vec<SeenEntry>, Fault> {
    let mut statement = tx.prepare("SELECT device, kind, at, seq, hash FROM seen")?;
    let mut rows = statement.query([])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(SeenEntry {
            device: row.get(0)?,
            kind: row.get(1)?,
            at: time(row.get(2)?)?,
            seq: row.get(3)?,
            hash: row.get(4)?,
        });
    }
    Ok(entries)
}

fn configs(tx: &Transaction<'_>) -> Result<Vec<(String, Timestamp)>, Fault> {
    let mut statement = tx.prepare("SELECT hash, touched FROM config")?;
    let mut rows = statement.query([])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push((row.get(0)?, time(row.get(1)?)?));
    }
    Ok(entries)
}

fn referenced(tx: &Transaction<'_>) -> Result<Vec<String>, Fault> {
    let mut hashes = Vec::new();
    for text in texts(tx, "SELECT body FROM device", [])? {
        let record: DeviceRecord = decode(&text)?;
        let both = [record.running, record.applied_config];
        hashes.extend(both.into_iter().flatten().map(owned));
    }
    Ok(hashes)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function value over owned items"
)]
fn owned(hash: Fingerprint) -> String {
    hash.as_str().to_owned()
}

/// Writes as much as an attempt may need to write.
pub(super) fn probe(tx: &Transaction<'_>) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO probe(id, body) VALUES (1, randomblob(?1))
         ON CONFLICT(id) DO UPDATE SET body = excluded.body",
        [PROBE_BYTES],
    )?;
    Ok(())
}
