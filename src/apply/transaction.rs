//! The state machine of one change.

use std::time::Duration;

use super::checks::{self, Results};
use super::read::{Seen, read_running, see};
use super::undo::{Undoing, undo};
use super::{Allowed, Ending, Ports, Unsaved, chain, open_lines};
use crate::config::Sealer;
use crate::device::{DeviceError, NextStep, Session};
use crate::model::{
    Attempt, Capabilities, ConfirmScope, Datastore, HoldReason, Outcome, Plan, RollbackCause,
    StepKind, Txn, UndoArmed,
};

/// How often a new session is tried before the change counts as having cut us off.
const VERIFY_TRIES: u32 = 3;
/// Between two tries.
const VERIFY_PAUSE: Duration = Duration::from_secs(1);
/// Longest time post-checks may take to come good (routing converges), capped further by a
/// third of the undo's time.
const CHECK_PATIENCE: Duration = Duration::from_secs(30);

/// Everything known before the first change.
struct Before {
    seen: Seen,
    checks: Results,
    unsaved: Option<bool>,
}

/// Carries out `attempt.body` over `session`. `sealer` holds the secrets of both the
/// intended and the running text the plan was made from.
pub async fn apply(
    mut session: Box<dyn Session>,
    ports: &Ports<'_>,
    sealer: &mut Sealer,
    attempt: &mut Attempt,
    allowed: Allowed,
) -> Ending {
    let plan = attempt.body.clone();
    let mut ending = match precheck(&mut *session, ports, sealer, &plan, allowed).await {
        Err(ending) => *ending,
        Ok(before) => {
            let unsaved = before.unsaved;
            let mut ending = change(
                &mut *session,
                ports,
                sealer,
                attempt,
                &plan,
                before,
                allowed,
            )
            .await;
            ending.unsaved = unsaved;
            ending
        }
    };
    session.close().await;
    if ending.detail.is_empty() {
        ending.detail = "done".to_owned();
    }
    ending
}

/// Looks again just before touching: already done is success, anything unexpected goes back
/// to the planner.
async fn precheck(
    session: &mut dyn Session,
    ports: &Ports<'_>,
    sealer: &mut Sealer,
    plan: &Plan,
    allowed: Allowed,
) -> Result<Before, Box<Ending>> {
    let failed = |error: DeviceError| Box::new(failed_before_change(&error));
    if let Some(pending) = session.pending().await.map_err(failed)? {
        let who = pending.user.unwrap_or_else(|| "somebody".to_owned());
        let detail = format!(
            "a trial of {who} is pending on the device: {}",
            pending.detail
        );
        return Err(Box::new(Ending::new(Outcome::Stale, detail)));
    }
    let capabilities = session.capabilities().clone();
    if let (Some(why), false) = (&capabilities.attended_only, allowed.attended) {
        let detail = format!("only with a person attending (netkeel apply): {why}");
        return Err(Box::new(Ending::new(Outcome::Refused, detail)));
    }
    let seen = read_running(session, &plan.device, sealer, ports.dialect)
        .await
        .map_err(failed)?;
    if seen.fingerprint == plan.expected {
        let ending = Ending::new(Outcome::Unchanged, "running is already as planned");
        return Err(Box::new(ending.with_running(&seen)));
    }
    if seen.fingerprint != plan.base {
        let detail = format!(
            "running is {} and not the {} the plan was made from",
            seen.fingerprint.short(),
            plan.base.short()
        );
        return Err(Box::new(
            Ending::new(Outcome::Stale, detail).with_running(&seen),
        ));
    }
    let unsaved = unsaved(session, sealer, ports, &capabilities, &seen)
        .await
        .map_err(failed)?;
    let checks = checks::run(session, &plan.checks).await.map_err(failed)?;
    Ok(Before {
        seen,
        checks,
        unsaved,
    })
}

/// Whether running differs from startup, where the platform has one.
async fn unsaved(
    session: &mut dyn Session,
    sealer: &mut Sealer,
    ports: &Ports<'_>,
    capabilities: &Capabilities,
    running: &Seen,
) -> Result<Option<bool>, DeviceError> {
    if !capabilities.startup {
        return Ok(None);
    }
    let raw = session.config(Datastore::Startup).await?;
    let startup = see(raw.expose(), sealer, ports.dialect);
    Ok(Some(startup.fingerprint != running.fingerprint))
}

fn failed_before_change(error: &DeviceError) -> Ending {
    let ending = Ending::new(
        Outcome::Failed,
        format!("before the change: {}", chain(error)),
    );
    match (error, error.next_step()) {
        (DeviceError::Auth { .. }, _) => ending.with_hold(HoldReason::Auth, chain(error)),
        (DeviceError::HostKey { .. }, _) => ending.with_hold(HoldReason::HostKey, chain(error)),
        (_, NextStep::Hold) => ending.with_hold(HoldReason::Quarantined, chain(error)),
        (_, NextStep::Retry | NextStep::Replan) => ending,
    }
}

/// Load, compare, commit; then the second half. From the commit on, every way out either
/// confirms or undoes.
async fn change(
    session: &mut dyn Session,
    ports: &Ports<'_>,
    sealer: &mut Sealer,
    attempt: &mut Attempt,
    plan: &Plan,
    before: Before,
    allowed: Allowed,
) -> Ending {
    let mut txn = transaction_of(plan, attempt);
    if let Err(ending) = load(session, ports, sealer, attempt, &txn).await {
        return *ending;
    }
    let within = Duration::from_secs(plan.undo.within);
    if let Err(error) = ports
        .step(attempt, StepKind::Commit, "arming the undo", Some(&txn))
        .await
    {
        drop(session.discard(&txn).await);
        return Ending::new(Outcome::Failed, format!("not committed: {}", chain(&error)));
    }
    let comment = format!(
        "netkeel {} revision {}",
        attempt.actor,
        short(&plan.revision)
    );
    let committed = session.commit(&mut txn, within, &comment).await;
    let note = committed
        .as_ref()
        .map_or_else(|e| chain(e), |()| armed(&txn));
    let journaled = ports
        .step(attempt, StepKind::Committed, note, Some(&txn))
        .await;
    let fault = match (committed, journaled) {
        (Ok(()), Ok(())) => None,
        (Err(error), _) => Some((chain(&error), is_loss(&error))),
        (Ok(()), Err(error)) => Some((chain(&error), false)),
    };
    let mut undoing = Undoing {
        ports,
        sealer,
        attempt,
        txn: &txn,
        base: &before.seen,
    };
    if let Some((why, lost)) = fault {
        let alive = if lost { None } else { Some(session) };
        let cause = if lost {
            RollbackCause::Disconnect
        } else {
            RollbackCause::DeviceError
        };
        return undo(&mut undoing, alive, cause, &why).await;
    }
    trial(session, undoing, plan, &before, allowed).await
}

/// Makes the candidate ready; nothing on the device has changed when this fails.
async fn load(
    session: &mut dyn Session,
    ports: &Ports<'_>,
    sealer: &Sealer,
    attempt: &mut Attempt,
    txn: &Txn,
) -> Result<(), Box<Ending>> {
    let failed = |why: String| Box::new(Ending::new(Outcome::Failed, why));
    let commands = open_lines(sealer, &txn.commands).map_err(failed)?;
    let rollback = open_lines(sealer, &txn.rollback).map_err(failed)?;
    ports
        .step(
            attempt,
            StepKind::Load,
            format!("{} commands", txn.commands.len()),
            Some(txn),
        )
        .await
        .map_err(|error| failed(format!("nothing sent: {}", chain(&error))))?;
    let loaded = session.load(txn, txn.mode, &commands, &rollback).await;
    let compared = match loaded {
        Ok(()) => session.compare(txn).await,
        Err(error) => Err(error),
    };
    if let Err(error) = compared {
        drop(session.discard(txn).await);
        return Err(Box::new(failed_before_change(&error)));
    }
    Ok(())
}

/// The change is in force and its undo is armed: look at it from a new session, and confirm
/// only what was seen.
async fn trial(
    first: &mut dyn Session,
    mut undoing: Undoing<'_, '_>,
    plan: &Plan,
    before: &Before,
    allowed: Allowed,
) -> Ending {
    let ports = undoing.ports;
    if let Err(error) = ports
        .step(
            undoing.attempt,
            StepKind::Verify,
            "over a new session",
            None,
        )
        .await
    {
        return undo(
            &mut undoing,
            Some(first),
            RollbackCause::Fence,
            &chain(&error),
        )
        .await;
    }
    let mut second = match connect_again(ports).await {
        Ok(session) => session,
        Err(error) => return cut_off(&mut undoing, first, &error).await,
    };
    let ending = match verify(&mut *second, &mut undoing, plan, before).await {
        Err((cause, why)) => undo(&mut undoing, Some(&mut *second), cause, &why).await,
        Ok(seen) => {
            let may_save = !before.unsaved.unwrap_or(false) || allowed.unsaved == Unsaved::Save;
            confirm(first, &mut *second, &mut undoing, may_save)
                .await
                .with_running(&seen)
        }
    };
    second.close().await;
    ending
}

/// The new session did not come about. Where the device or its host holds the undo we only
/// watch; an attended change is undone over the old session, if that still answers.
async fn cut_off(
    undoing: &mut Undoing<'_, '_>,
    first: &mut dyn Session,
    error: &DeviceError,
) -> Ending {
    let why = format!("no new session after the change: {}", chain(error));
    match undoing.txn.undo {
        UndoArmed::DeviceTimer | UndoArmed::Host { .. } => Ending::in_doubt(format!(
            "{why}; the device undoes the change by itself, to be read again after that"
        ))
        .caused_by(RollbackCause::Disconnect),
        UndoArmed::Attended | UndoArmed::Nothing => {
            undo(undoing, Some(first), RollbackCause::Disconnect, &why).await
        }
    }
}

async fn connect_again(ports: &Ports<'_>) -> Result<Box<dyn Session>, DeviceError> {
    let mut tries = 1;
    loop {
        match ports.new_session().await {
            Ok(session) => return Ok(session),
            // a refused login is never repeated by ourselves
            Err(error) if tries >= VERIFY_TRIES || error.next_step() == NextStep::Hold => {
                return Err(error);
            }
            Err(_) => tokio::time::sleep(VERIFY_PAUSE).await,
        }
        tries += 1;
    }
}

/// Re-reads the device: it must be exactly what the replay said, and no check worse.
async fn verify(
    session: &mut dyn Session,
    undoing: &mut Undoing<'_, '_>,
    plan: &Plan,
    before: &Before,
) -> Result<Seen, (RollbackCause, String)> {
    let fault = |doing: &str, error: &DeviceError| {
        let lost = is_loss(error);
        let cause = if lost {
            RollbackCause::Disconnect
        } else {
            RollbackCause::PostCheck
        };
        (cause, format!("{doing}: {}", chain(error)))
    };
    let seen = read_running(session, &plan.device, undoing.sealer, undoing.ports.dialect)
        .await
        .map_err(|error| fault("verifying", &error))?;
    if seen.fingerprint != plan.expected {
        let differs = super::undo::differing_lines(&seen.document, plan, undoing);
        let text = format!("the device did not become what the replay said: {differs}");
        return Err((RollbackCause::PostCheck, text));
    }
    let patience = CHECK_PATIENCE.min(Duration::from_secs(plan.undo.within / 3));
    let worse = checks::settle(session, &plan.checks, &before.checks, patience)
        .await
        .map_err(|error| fault("post-checks", &error))?;
    if worse.is_empty() {
        Ok(seen)
    } else {
        let text = format!("worse than before: {}", worse.join(", "));
        Err((RollbackCause::PostCheck, text))
    }
}

/// The journal's step is the fence: whoever lost the lease cannot make a change permanent.
async fn confirm(
    first: &mut dyn Session,
    second: &mut dyn Session,
    undoing: &mut Undoing<'_, '_>,
    may_save: bool,
) -> Ending {
    let ports = undoing.ports;
    let txn = undoing.txn;
    if let Err(error) = ports
        .step(undoing.attempt, StepKind::Confirm, "verified", None)
        .await
    {
        return undo(undoing, Some(second), RollbackCause::Fence, &chain(&error)).await;
    }
    let confirmed = match second.capabilities().confirm {
        ConfirmScope::AnySession => second.confirm(txn).await,
        ConfirmScope::SameSession => first.confirm(txn).await,
        ConfirmScope::None => Ok(()),
    };
    if let Err(error) = confirmed {
        if is_loss(&error) {
            return Ending::in_doubt(format!(
                "the answer to the confirm was lost: {}",
                chain(&error)
            ));
        }
        let why = format!("confirm: {}", chain(&error));
        return undo(undoing, Some(second), RollbackCause::DeviceError, &why).await;
    }
    let mut ending = Ending::new(
        Outcome::Applied,
        "applied, verified over a new session, confirmed",
    );
    if ports
        .step(undoing.attempt, StepKind::Confirmed, "", None)
        .await
        .is_err()
    {
        ending
            .detail
            .push_str("; the journal could not be written any more, not saved");
        return ending;
    }
    save(second, undoing, may_save, &mut ending.detail).await;
    ending
}

async fn save(
    session: &mut dyn Session,
    undoing: &mut Undoing<'_, '_>,
    may_save: bool,
    detail: &mut String,
) {
    if !may_save {
        detail.push_str("; not saved to startup, which differed from running before");
        return;
    }
    if undoing
        .ports
        .step(undoing.attempt, StepKind::Save, "", None)
        .await
        .is_err()
    {
        detail.push_str("; not saved: the journal could not be written");
        return;
    }
    match session.save().await {
        Ok(()) => detail.push_str(", saved"),
        Err(error) => {
            detail.push_str("; saving to startup failed: ");
            detail.push_str(&chain(&error));
        }
    }
}

fn transaction_of(plan: &Plan, attempt: &Attempt) -> Txn {
    let lines = |commands: &[crate::model::Command]| {
        commands
            .iter()
            .map(|command| command.line.clone())
            .collect()
    };
    Txn {
        id: attempt.id.0.clone(),
        device: plan.device.clone(),
        mode: plan.mode,
        base: plan.base.clone(),
        expected: plan.expected.clone(),
        commands: lines(&plan.remediation),
        rollback: lines(&plan.rollback),
        deadline: None,
        undo: UndoArmed::Nothing,
    }
}

fn armed(txn: &Txn) -> String {
    match (&txn.undo, txn.deadline) {
        (UndoArmed::DeviceTimer, Some(at)) => format!("undo held by the device until {at}"),
        (UndoArmed::Host { folder }, Some(at)) => {
            format!("undo held by the host in {folder} until {at}")
        }
        (UndoArmed::Attended, _) => "attended: undo by commands".to_owned(),
        (UndoArmed::DeviceTimer | UndoArmed::Host { .. } | UndoArmed::Nothing, _) => {
            "no undo armed".to_owned()
        }
    }
}

/// The transport is gone or cannot be trusted any more: nobody knows what arrived.
fn is_loss(error: &DeviceError) -> bool {
    matches!(
        error,
        DeviceError::Lost { .. }
            | DeviceError::Timeout { .. }
            | DeviceError::Poisoned { .. }
            | DeviceError::Connect { .. }
    )
}

fn short(revision: &str) -> &str {
    revision.get(..10).unwrap_or(revision)
}
