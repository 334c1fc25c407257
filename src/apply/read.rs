//! Reading running as everything here needs it: sealed, parsed, whole.

use crate::config::{Dialect, Document, Sealer};
use crate::device::{DeviceError, Session};
use crate::model::{Datastore, Fingerprint};

/// One look at a device.
pub struct Seen {
    /// The sealed text.
    pub text: String,
    /// The document.
    pub document: Document,
    /// Its semantic fingerprint.
    pub fingerprint: Fingerprint,
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

/// Seals and parses one text read from a device.
pub(super) fn see(raw: &str, sealer: &mut Sealer, dialect: &Dialect) -> Seen {
    let text = sealer.running(raw, dialect);
    let document = Document::parse(&text, dialect);
    let fingerprint = document.fingerprint();
    Seen {
        text,
        document,
        fingerprint,
    }
}
