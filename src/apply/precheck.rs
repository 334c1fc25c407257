//! The last look before the first change: already done is success, anything unexpected goes
//! back to the planner.

use super::checks::{self, Results};
use super::read::{Seen, read_running, read_startup};
use super::{Allowed, Ending, Ports, Unsaved, hold_of};
use crate::config::Sealer;
use crate::device::{DeviceError, NextStep, Session};
use crate::model::{Fingerprint, Outcome, PendingCommit, Plan, chain};

/// Everything known before the first change.
pub(super) struct Before {
    pub(super) seen: Seen,
    pub(super) checks: Results,
    /// Semantic fingerprint of startup, where the platform has one apart from running.
    pub(super) startup: Option<Fingerprint>,
}

impl Before {
    /// Whether running differed from startup.
    pub(super) fn unsaved(&self) -> Option<bool> {
        self.startup
            .as_ref()
            .map(|startup| *startup != self.seen.fingerprint)
    }
}

/// Looks, and says why not if the change must not be begun.
pub(super) async fn precheck(
    session: &mut dyn Session,
    ports: &Ports<'_>,
    sealer: &mut Sealer,
    plan: &Plan,
    allowed: Allowed,
) -> Result<Before, Box<Ending>> {
    let failed = |error: DeviceError| Box::new(failed_before_change(&error));
    if let Some(pending) = session.pending().await.map_err(failed)? {
        let detail = trial_in_the_way(&pending);
        return Err(Box::new(Ending::new(Outcome::Stale, detail)));
    }
    if let (Some(why), false) = (&session.capabilities().attended_only, allowed.attended) {
        let detail = format!("only with a person attending (netkeel apply): {why}");
        return Err(Box::new(Ending::new(Outcome::Refused, detail)));
    }
    let seen = read_running(session, &plan.device, sealer, ports.dialect)
        .await
        .map_err(failed)?;
    if let Some(ending) = not_at_base(&seen, plan) {
        return Err(Box::new(ending.with_running(&seen)));
    }
    let mut before = Before {
        startup: read_startup(session, sealer, ports.dialect)
            .await
            .map_err(failed)?,
        seen,
        checks: Results::new(),
    };
    if before.unsaved() == Some(true) && allowed.unsaved == Unsaved::Refuse {
        let text = "running differs from startup: save or reload the device first, or see \
                    `apply.save_unsaved`";
        let mut ending = Ending::new(Outcome::Refused, text).with_running(&before.seen);
        ending.unsaved = Some(true);
        return Err(Box::new(ending));
    }
    before.checks = checks::run(session, &plan.checks).await.map_err(failed)?;
    Ok(before)
}

pub(super) fn trial_in_the_way(pending: &PendingCommit) -> String {
    let who = pending.user.as_deref().unwrap_or("somebody");
    format!(
        "a trial of {who} is pending on the device: {}",
        pending.detail
    )
}

fn not_at_base(seen: &Seen, plan: &Plan) -> Option<Ending> {
    if seen.fingerprint == plan.expected {
        let text = "running is already as planned";
        return Some(Ending::new(Outcome::Unchanged, text));
    }
    (seen.fingerprint != plan.base).then(|| {
        let detail = format!(
            "running is {} and not the {} the plan was made from",
            seen.fingerprint.short(),
            plan.base.short()
        );
        Ending::new(Outcome::Stale, detail)
    })
}

/// An error at a time when nothing had been changed.
pub(super) fn failed_before_change(error: &DeviceError) -> Ending {
    let detail = format!("before the change: {}", chain(error));
    if let DeviceError::Busy { .. } = error {
        return Ending::new(Outcome::Stale, detail);
    }
    let ending = Ending::new(Outcome::Failed, detail);
    let ending = match hold_of(error) {
        Some(reason) => ending.with_hold(reason, chain(error)),
        None => ending,
    };
    match error.next_step() {
        NextStep::Retry => ending.try_again(),
        NextStep::Replan | NextStep::Hold => ending,
    }
}
