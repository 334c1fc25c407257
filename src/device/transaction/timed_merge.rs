//! Lines typed into running under a timer of the device (IOS).
//!
//! The timer is armed by the command that enters configuration; from then on the device
//! undoes everything by itself unless somebody confirms, whatever becomes of us.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Candidate;
use crate::device::DeviceError;
use crate::device::cli::{Answer, Line};
use crate::device::session::CliSession;
use crate::model::{PendingCommit, Txn, UndoArmed, UndoMethod};
use crate::pack::ModeName;
use crate::pack::transaction::{PendingSpec, StepSpec, TimerSpec};

const COMMITTING: &str = "committing";

impl CliSession {
    pub(super) async fn commit_timed(
        &mut self,
        txn: &mut Txn,
        candidate: &Candidate,
        within: Duration,
    ) -> Result<(), DeviceError> {
        match self.target.undo.method {
            UndoMethod::Auto | UndoMethod::Device => {}
            UndoMethod::None => {
                txn.undo = UndoArmed::Attended;
                self.configure(COMMITTING).await?;
                return self.type_units(&candidate.units, COMMITTING).await;
            }
            UndoMethod::Host => return Err(self.unsupported("an undo on the host")),
        }
        self.prerequisites().await?;
        if let Some(pending) = self.pending_strict(COMMITTING).await? {
            return Err(self.busy(&pending));
        }
        self.arm(txn, within).await?;
        self.type_units(&candidate.units, COMMITTING).await?;
        if self.pending_strict(COMMITTING).await?.is_none() {
            return Err(self.engine.protocol(
                COMMITTING,
                "the trial is no longer pending after the last line",
            ));
        }
        Ok(())
    }

    async fn prerequisites(&mut self) -> Result<(), DeviceError> {
        let pack = self.target.pack.clone();
        for needed in &pack.transaction.prerequisites {
            let output = match self.engine.read(&[&needed.send], COMMITTING).await {
                Ok(outputs) => outputs.concat(),
                Err(DeviceError::Refused { answer, .. }) => answer,
                Err(other) => return Err(other),
            };
            if needed.missing.is_match(&output) {
                return Err(self.prerequisite(&needed.what));
            }
        }
        Ok(())
    }

    fn prerequisite(&self, what: &str) -> DeviceError {
        DeviceError::Prerequisite {
            device: self.target.device.clone(),
            what: what.to_owned(),
        }
    }

    async fn arm(&mut self, txn: &mut Txn, within: Duration) -> Result<(), DeviceError> {
        let pack = self.target.pack.clone();
        let (Some(step), Some(timer)) = (&pack.transaction.arm, pack.transaction.timer) else {
            return Err(self.unsupported("a timer of the device"));
        };
        let (units, seconds) = timer_units(timer, within);
        let line = step.send.replace("{timer}", &units.to_string());
        let armed = self.engine.command(Line::open(&line), COMMITTING).await;
        // A connection lost here leaves the timer armed, or not: it counts as armed.
        let refused = armed.as_ref().is_ok_and(|a| a.mode != ModeName::Config);
        if !refused {
            txn.undo = UndoArmed::DeviceTimer;
            let span = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
            txn.deadline = Timestamp::now().checked_add(span).ok();
        }
        let answer = armed?;
        self.armed(step, &line, &answer).await
    }

    async fn armed(
        &mut self,
        step: &StepSpec,
        line: &str,
        answer: &Answer,
    ) -> Result<(), DeviceError> {
        if answer.mode != ModeName::Config {
            let archive = self.target.pack.transaction.prerequisites.first();
            return Err(match archive {
                // `%Please turn config archive on`
                Some(needed) if answer.text.contains("archive") => self.prerequisite(&needed.what),
                _ => self.engine.refused(line, &answer.text),
            });
        }
        if step.proof.is_match(&answer.text) {
            return Ok(());
        }
        self.engine.rise(COMMITTING).await?;
        Err(self.engine.protocol(
            COMMITTING,
            &format!("no sign that the timer is armed: {}", answer.text),
        ))
    }

    pub(super) fn busy(&self, pending: &PendingCommit) -> DeviceError {
        let user = pending.user.as_deref().unwrap_or("somebody");
        DeviceError::Busy {
            device: self.target.device.clone(),
            why: format!("a trial of {user} is pending: {}", pending.detail),
        }
    }

    /// The pending trial; a device that does not know the question cannot have one.
    pub(in crate::device) async fn pending_now(
        &mut self,
    ) -> Result<Option<PendingCommit>, DeviceError> {
        match self.pending_strict("asking for a pending trial").await {
            Err(DeviceError::Refused { .. }) => Ok(None),
            other => other,
        }
    }

    async fn pending_strict(&mut self, doing: &str) -> Result<Option<PendingCommit>, DeviceError> {
        let pack = self.target.pack.clone();
        let Some(spec) = &pack.transaction.pending else {
            return Ok(None);
        };
        let output = self.engine.read(&[&spec.send], doing).await?.concat();
        read_pending(spec, &output).map_err(|()| self.engine.protocol(doing, &output))
    }

    pub(in crate::device) async fn confirm_timed(&mut self) -> Result<(), DeviceError> {
        let doing = "confirming";
        let pack = self.target.pack.clone();
        let Some(step) = &pack.transaction.confirm else {
            return Err(self.unsupported("confirm"));
        };
        let Some(pending) = self.pending_strict(doing).await? else {
            return Err(self.engine.protocol(
                doing,
                "no trial is pending: it has been undone, or confirmed by somebody else",
            ));
        };
        self.ours(&pending)?;
        self.step(step, doing).await?;
        match self.pending_strict(doing).await? {
            None => Ok(()),
            Some(still) => Err(self
                .engine
                .protocol(doing, &format!("still pending: {}", still.detail))),
        }
    }

    /// Another user's trial is neither confirmed nor ended by us.
    fn ours(&self, pending: &PendingCommit) -> Result<(), DeviceError> {
        match &pending.user {
            Some(user) if *user != self.target.login.username => Err(self.busy(pending)),
            Some(_) | None => Ok(()),
        }
    }

    pub(in crate::device) async fn rollback_timed(&mut self) -> Result<(), DeviceError> {
        let doing = "rolling back";
        let pack = self.target.pack.clone();
        let Some(step) = &pack.transaction.rollback else {
            return Err(self.unsupported("rollback"));
        };
        let Some(pending) = self.pending_strict(doing).await? else {
            return Ok(());
        };
        self.ours(&pending)?;
        let answer = self.step(step, doing).await?;
        if let Some(half) = step.half.as_ref().filter(|half| half.is_match(&answer)) {
            return Err(DeviceError::HalfRestored {
                device: self.target.device.clone(),
                answer: half.find(&answer).unwrap_or_default().to_owned(),
            });
        }
        match self.pending_strict(doing).await? {
            None => Ok(()),
            Some(still) => Err(self
                .engine
                .protocol(doing, &format!("still pending: {}", still.detail))),
        }
    }

    /// Types a step; its proof or its half proof must show.
    async fn step(&mut self, step: &StepSpec, doing: &str) -> Result<String, DeviceError> {
        let answer = self.engine.command(Line::open(&step.send), doing).await?;
        let half = step
            .half
            .as_ref()
            .is_some_and(|half| half.is_match(&answer.text));
        if !half && self.engine.refusal(&answer.text).is_some() {
            return Err(self.engine.refused(&step.send, &answer.text));
        }
        if !half && !step.proof.is_match(&answer.text) {
            return Err(self.engine.protocol(doing, &answer.text));
        }
        Ok(answer.text)
    }
}

/// Rounded up to what the device counts in, within its bounds: units, and seconds.
fn timer_units(timer: TimerSpec, within: Duration) -> (u64, u64) {
    let seconds = within.as_secs() + u64::from(within.subsec_nanos() > 0);
    let units = seconds
        .div_ceil(timer.unit.max(1))
        .clamp(timer.min, timer.max);
    (units, units * timer.unit)
}

/// What the device says about pending trials; an error when it fits neither pattern.
fn read_pending(spec: &PendingSpec, output: &str) -> Result<Option<PendingCommit>, ()> {
    if spec.none.is_match(output) {
        return Ok(None);
    }
    if !spec.some.is_match(output) {
        return Err(());
    }
    let user = spec
        .user
        .as_ref()
        .and_then(|p| p.find(output))
        .map(str::to_owned);
    let seconds_left = spec
        .seconds_left
        .as_ref()
        .and_then(|p| p.find(output))
        .and_then(|text| text.parse().ok());
    Ok(Some(PendingCommit {
        user,
        seconds_left,
        detail: crate::device::cli::answer::shorten(output),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::tests::ios;

    #[test]
    fn seconds_are_rounded_up_to_what_the_device_counts() {
        let timer = ios().transaction.timer.unwrap();
        assert_eq!(timer_units(timer, Duration::from_secs(300)), (5, 300));
        assert_eq!(timer_units(timer, Duration::from_secs(61)), (2, 120));
        assert_eq!(timer_units(timer, Duration::from_secs(1)), (1, 60));
        assert_eq!(
            timer_units(timer, Duration::from_secs(100_000)),
            (120, 7200)
        );
    }

    #[test]
    fn pending_trials_are_read_or_not_understood() {
        let pack = ios();
        let spec = pack.transaction.pending.as_ref().unwrap();
        assert_eq!(
            read_pending(spec, "No Rollback Confirmed Change pending\n"),
            Ok(None)
        );
        let text = "Time configured: 05:34:22 UTC Sat Nov 21 2026\nTimer type: absolute timer\nTimer value: 5 min\nUser: admin\n";
        let pending = read_pending(spec, text).unwrap().unwrap();
        assert_eq!(pending.user.as_deref(), Some("admin"));
        assert_eq!(pending.seconds_left, None);
        assert!(pending.detail.contains("absolute timer"));
        assert_eq!(read_pending(spec, "something else\n"), Err(()));
    }
}
