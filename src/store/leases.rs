//! Who may touch which device, until when.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::record::{Fault, micros, signed, time};
use crate::model::Lease;

fn end(now: Timestamp, ttl: Duration) -> i64 {
    let ttl = i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX);
    micros(now).saturating_add(ttl).min(micros(Timestamp::MAX))
}

/// Takes the lease unless another owner has it and it has not run out. The epoch grows
/// even for the same owner, so that a task it lost track of is recognised.
pub(super) fn claim(
    tx: &Transaction<'_>,
    device: &str,
    owner: &str,
    ttl: Duration,
    now: Timestamp,
) -> Result<Option<Lease>, Fault> {
    let until = end(now, ttl);
    let epoch: Option<i64> = tx
        .query_row(
            "INSERT INTO lease(device, owner, epoch, until) VALUES (?1, ?2, 1, ?3)
             ON CONFLICT(device) DO UPDATE
                SET owner = excluded.owner, until = excluded.until, epoch = epoch + 1
                WHERE lease.owner IN ('', excluded.owner) OR lease.until <= ?4
             RETURNING epoch",
            params![device, owner, until, micros(now)],
            |row| row.get(0),
        )
        .optional()?;
    let Some(epoch) = epoch else { return Ok(None) };
    Ok(Some(Lease {
        device: device.to_owned(),
        owner: owner.to_owned(),
        epoch: epoch.unsigned_abs(),
        until: time(until)?,
    }))
}

/// The lease is the one in force: nobody has claimed the device since.
pub(super) fn check(db: &Connection, lease: &Lease) -> Result<(), Fault> {
    let valid: Option<i64> = db
        .query_row(
            "SELECT 1 FROM lease WHERE device = ?1 AND owner = ?2 AND epoch = ?3",
            params![lease.device, lease.owner, signed(lease.epoch)],
            |row| row.get(0),
        )
        .optional()?;
    valid.map(|_| ()).ok_or(Fault::LeaseLost)
}

/// Extends, never shortens; a lease that ran out is lost even if nobody took it.
pub(super) fn renew(
    tx: &Transaction<'_>,
    lease: &Lease,
    ttl: Duration,
    now: Timestamp,
) -> Result<Lease, Fault> {
    let until: Option<i64> = tx
        .query_row(
            "UPDATE lease SET until = max(until, ?2) WHERE device = ?1 AND until > ?3
             RETURNING until",
            params![lease.device, end(now, ttl), micros(now)],
            |row| row.get(0),
        )
        .optional()?;
    let until = time(until.ok_or(Fault::LeaseLost)?)?;
    Ok(Lease {
        until,
        ..lease.clone()
    })
}

/// Gives it back; the epoch stays, so that the next claim's is greater.
pub(super) fn release(tx: &Transaction<'_>, lease: &Lease) -> Result<(), Fault> {
    tx.execute(
        "UPDATE lease SET owner = '', until = 0 WHERE device = ?1",
        [&lease.device],
    )?;
    Ok(())
}

/// Gives back what dead processes still hold; only for a process that knows it is alone.
pub(super) fn void(tx: &Transaction<'_>) -> Result<(), Fault> {
    tx.execute("UPDATE lease SET owner = '', until = 0 WHERE until > 0", [])?;
    Ok(())
}
