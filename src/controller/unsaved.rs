//! Whether a reboot would lose something: running against startup.

use super::observe::Observed;
use crate::apply::read_startup;
use crate::model::{DeviceRecord, chain};

/// What a look knows about it. Startup is read as long as running was not known to be saved,
/// and whenever running has moved since: a look at a quiet, saved device costs nothing more.
/// `None` where there is no startup, or when it could not be read.
pub(super) async fn look(record: &DeviceRecord, observed: &mut Observed) -> Option<bool> {
    let running = &observed.running.fingerprint;
    let quiet = record.running_semantic.as_ref() == Some(running);
    if quiet && record.unsaved == Some(false) {
        return Some(false);
    }
    let session = &mut *observed.session;
    let dialect = &observed.pack.dialect;
    match read_startup(session, &mut observed.sealer, dialect).await {
        Ok(startup) => startup.map(|startup| startup != *running),
        Err(error) => {
            let device = &observed.device.name;
            tracing::warn!(%device, error = %chain(&error), "startup could not be read");
            None
        }
    }
}
