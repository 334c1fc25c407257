//! Attempts and their steps.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::record::{Fault, decode, encode, micros, signed};
use crate::model::{Attempt, AttemptId, Lease, Step};

/// The record without its steps, which have a table of their own.
fn body(attempt: &Attempt) -> Result<String, Fault> {
    let bare = Attempt {
        steps: Vec::new(),
        ..attempt.clone()
    };
    encode(&bare)
}

pub(super) fn begin(tx: &Transaction<'_>, lease: &Lease, attempt: &Attempt) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO attempt(id, device, epoch, started, finished, body)
         VALUES (?1, ?2, ?3, ?4, NULL, ?5)",
        params![
            attempt.id.0,
            lease.device,
            signed(lease.epoch),
            micros(attempt.started),
            body(attempt)?
        ],
    )?;
    for step in &attempt.steps {
        append(tx, &attempt.id, step)?;
    }
    Ok(())
}

/// Appends to an attempt on the lease's device that has not ended. (A later process that
/// settles it writes under its own lease, so the epoch may be a later one.)
pub(super) fn step(
    tx: &Transaction<'_>,
    lease: &Lease,
    attempt: &AttemptId,
    step: &Step,
) -> Result<(), Fault> {
    let open: Option<i64> = tx
        .query_row(
            "SELECT 1 FROM attempt WHERE id = ?1 AND device = ?2 AND finished IS NULL",
            params![attempt.0, lease.device],
            |row| row.get(0),
        )
        .optional()?;
    if open.is_none() {
        return Err(Fault::NoAttempt(attempt.0.clone()));
    }
    append(tx, attempt, step)
}

fn append(tx: &Transaction<'_>, attempt: &AttemptId, step: &Step) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO step(attempt, seq, body)
         SELECT ?1, coalesce(max(seq), 0) + 1, ?2 FROM step WHERE attempt = ?1",
        params![attempt.0, encode(step)?],
    )?;
    Ok(())
}

/// Writes the end. The journal's steps are the record; the caller's copy is not stored.
pub(super) fn finish(tx: &Transaction<'_>, lease: &Lease, attempt: &Attempt) -> Result<(), Fault> {
    let end = attempt.finished.unwrap_or(attempt.started);
    let changed = tx.execute(
        "UPDATE attempt SET finished = ?3, body = ?4
         WHERE id = ?1 AND device = ?2 AND finished IS NULL",
        params![attempt.id.0, lease.device, micros(end), body(attempt)?],
    )?;
    if changed == 0 {
        return Err(Fault::NoAttempt(attempt.id.0.clone()));
    }
    Ok(())
}

pub(super) fn unfinished(db: &Connection) -> Result<Vec<Attempt>, Fault> {
    let bodies = texts(
        db,
        "SELECT body FROM attempt WHERE finished IS NULL ORDER BY started, id",
        [],
    )?;
    bodies.iter().map(|text| with_steps(db, text)).collect()
}

pub(super) fn one(db: &Connection, id: &AttemptId) -> Result<Option<Attempt>, Fault> {
    let found = texts(db, "SELECT body FROM attempt WHERE id = ?1", [&id.0])?;
    found.first().map(|text| with_steps(db, text)).transpose()
}

pub(super) fn history(db: &Connection, device: &str, limit: usize) -> Result<Vec<Attempt>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let bodies = texts(
        db,
        "SELECT body FROM attempt WHERE device = ?1 ORDER BY started DESC, id DESC LIMIT ?2",
        params![device, limit],
    )?;
    bodies.iter().map(|text| with_steps(db, text)).collect()
}

fn with_steps(db: &Connection, text: &str) -> Result<Attempt, Fault> {
    let mut attempt: Attempt = decode(text)?;
    let steps = texts(
        db,
        "SELECT body FROM step WHERE attempt = ?1 ORDER BY seq",
        [&attempt.id.0],
    )?;
    attempt.steps = steps
        .iter()
        .map(|step| decode(step))
        .collect::<Result<_, _>>()?;
    Ok(attempt)
}

/// The first column of every row.
pub(super) fn texts(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<String>, Fault> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params, |row: &Row<'_>| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
