//! Reading running as everything here needs it: sealed, parsed, whole.

use crate::config::simulate::replay_toward;
use crate::config::{Dialect, Document, Scope, Sealer, compare};
use crate::device::{DeviceError, Session};
use crate::model::{Datastore, Fingerprint, Txn};

/// One look at a device.
pub struct Seen {
    /// The sealed text.
    pub text: String,
    /// The document.
    pub document: Document,
    /// Its semantic fingerprint.
    pub fingerprint: Fingerprint,
}

impl Seen {
    /// How this differs from what a transaction's commands make of `base`; `None` when it
    /// does not. The fingerprint tells in nearly all cases. Where the dialect leaves open how
    /// a device prints a negation or numbers a list, what is seen decides, and a comparison.
    pub(super) fn unlike_planned(
        &self,
        base: &Self,
        txn: &Txn,
        dialect: &Dialect,
    ) -> Option<String> {
        if self.fingerprint == txn.expected {
            return None;
        }
        let commands: Vec<&str> = txn.commands.iter().map(String::as_str).collect();
        let Ok(replay) = replay_toward(&self.document, &base.document, &commands, dialect) else {
            return Some("the replay cannot be repeated".to_owned());
        };
        let full = Scope {
            full: true,
            sections: Vec::new(),
        };
        let planned = replay.document();
        let diff = compare(&self.document, &planned, None, dialect, &full);
        (!diff.is_empty()).then(|| first_lines(&diff.render(&self.document, &planned)))
    }
}

/// The first differing lines, for a person.
fn first_lines(diff: &str) -> String {
    const SHOWN: usize = 3;
    let changed: Vec<&str> = diff
        .lines()
        .filter(|line| line.starts_with(['-', '+', '~']))
        .take(SHOWN)
        .map(str::trim_end)
        .collect();
    changed.join(" | ")
}

/// Reads running, seals it, parses it, and refuses what is not whole.
///
/// # Errors
/// The session's, or [`DeviceError::Incomplete`].
pub async fn read_running(
    session: &mut dyn Session,
    device: &str,
    sealer: &mut Sealer,
    dialect: &Dialect,
) -> Result<Seen, DeviceError> {
    let raw = session.config(Datastore::Running).await?;
    let seen = see(raw.expose(), sealer, dialect);
    seen.document
        .complete()
        .map_err(|why| DeviceError::Incomplete {
            device: device.to_owned(),
            why,
        })?;
    Ok(seen)
}

/// The semantic fingerprint of startup, where the platform has one apart from running: what
/// is not saved if it is not running's.
///
/// # Errors
/// The session's.
pub async fn read_startup(
    session: &mut dyn Session,
    sealer: &mut Sealer,
    dialect: &Dialect,
) -> Result<Option<Fingerprint>, DeviceError> {
    if !session.capabilities().startup {
        return Ok(None);
    }
    let raw = session.config(Datastore::Startup).await?;
    Ok(Some(see(raw.expose(), sealer, dialect).fingerprint))
}

/// Seals and parses one text read from a device.
fn see(raw: &str, sealer: &mut Sealer, dialect: &Dialect) -> Seen {
    let text = sealer.running(raw, dialect);
    let document = Document::parse(&text, dialect);
    let fingerprint = document.fingerprint();
    Seen {
        text,
        document,
        fingerprint,
    }
}
