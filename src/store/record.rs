//! Records are JSON with a version, so that a later format can still read this one.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version written now.
const VERSION: u32 = 1;

/// Why a database operation did not happen.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The database said no.
    #[error("the database refused")]
    Sql(#[from] rusqlite::Error),
    /// A record cannot be written or read as JSON.
    #[error("a record is not readable")]
    Json(#[from] serde_json::Error),
    /// A record is of a version we do not know.
    #[error("a record has version {0}, this program knows {VERSION}")]
    Version(u32),
    /// A stored time is out of range.
    #[error("a stored time is out of range")]
    Time(#[from] jiff::Error),
    /// The lease is not (or no longer) the one in force.
    #[error("the lease is lost")]
    LeaseLost,
    /// There is no such attempt.
    #[error("there is no unfinished attempt `{0}`")]
    NoAttempt(String),
}

#[derive(Serialize)]
struct Written<'a, T> {
    v: u32,
    data: &'a T,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

#[derive(Deserialize)]
struct Read<T> {
    data: T,
}

/// A record as stored text.
pub(super) fn encode<T: Serialize>(data: &T) -> Result<String, Fault> {
    Ok(serde_json::to_string(&Written { v: VERSION, data })?)
}

/// A record from stored text.
pub(super) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    let Version { v } = serde_json::from_str(text)?;
    if v != VERSION {
        return Err(Fault::Version(v));
    }
    let read: Read<T> = serde_json::from_str(text)?;
    Ok(read.data)
}

/// A time as stored.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A time from the store.
pub(super) fn time(micros: i64) -> Result<Timestamp, Fault> {
    Ok(Timestamp::from_microsecond(micros)?)
}

/// An epoch as stored. They count claims, so they never come near the limit.
pub(super) fn signed(epoch: u64) -> i64 {
    i64::try_from(epoch).unwrap_or(i64::MAX)
}
