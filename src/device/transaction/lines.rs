//! Lines typed into running, each in force at once (FRR).
//!
//! The platform has no undo. Where the login yields a shell, one is armed on the host before
//! the first line; otherwise a person attends, and the capabilities have said so.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Candidate;
use super::host::HostUndo;
use crate::device::DeviceError;
use crate::device::session::CliSession;
use crate::model::{Txn, UndoArmed};

const COMMITTING: &str = "committing";

impl CliSession {
    pub(super) async fn commit_lines(
        &mut self,
        txn: &mut Txn,
        candidate: &Candidate,
        within: Duration,
    ) -> Result<(), DeviceError> {
        if self.by_host() && self.capabilities.attended_only.is_none() {
            let undo = self.host_undo()?;
            let since = Timestamp::now();
            let folder = undo.arm(&candidate.rollback, within).await?;
            txn.undo = UndoArmed::Host {
                folder: folder.clone(),
            };
            let span = SignedDuration::try_from(within).unwrap_or(SignedDuration::MAX);
            txn.deadline = since.checked_add(span).ok();
            // The login that armed it is gone by now; what stands must stand without it.
            undo.check(&folder).await?;
        } else {
            txn.undo = UndoArmed::Attended;
        }
        self.configure(COMMITTING).await?;
        self.type_units(&candidate.units, COMMITTING).await
    }

    /// The undo on this device's host.
    pub(in crate::device) fn host_undo(&self) -> Result<HostUndo, DeviceError> {
        let spec = self.target.pack.transaction.host_undo.clone();
        let spec = spec.ok_or_else(|| self.unsupported("an undo on the host"))?;
        Ok(HostUndo::new(self.target.clone(), self.trust.clone(), spec))
    }
}
