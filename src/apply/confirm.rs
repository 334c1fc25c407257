//! The last steps of a change that was seen to be right: confirm, then save.

use super::precheck::Before;
use super::read::Seen;
use super::undo::{Undoing, undo};
use super::{Allowed, Ending, Unsaved, is_loss};
use crate::device::Session;
use crate::model::{ConfirmScope, Outcome, RollbackCause, StepKind, chain};

/// The journal's step is the fence: whoever lost the lease cannot make a change permanent.
pub(super) async fn confirm(
    first: &mut dyn Session,
    second: &mut dyn Session,
    undoing: &mut Undoing<'_, '_>,
) -> Ending {
    let ports = undoing.ports;
    let txn = undoing.txn;
    if let Err(error) = ports
        .step(undoing.attempt, StepKind::Confirm, "verified", None)
        .await
    {
        let why = chain(&error);
        return undo(undoing, &mut [second, first], RollbackCause::Fence, &why)
            .await
            .try_again();
    }
    let confirmed = match second.capabilities().confirm {
        ConfirmScope::AnySession => second.confirm(txn).await,
        ConfirmScope::SameSession => first.confirm(txn).await,
        ConfirmScope::None => Ok(()),
    };
    match confirmed {
        Ok(()) => Ending::new(
            Outcome::Applied,
            "applied, verified over a new session, confirmed",
        ),
        Err(error) if is_loss(&error) => Ending::in_doubt(format!(
            "the answer to the confirm was lost: {}",
            chain(&error)
        )),
        Err(error) => {
            let why = format!("confirm: {}", chain(&error));
            let cause = RollbackCause::DeviceError;
            undo(undoing, &mut [second, first], cause, &why).await
        }
    }
}

/// Makes a confirmed change survive a reload, if that is allowed.
pub(super) async fn save(
    session: &mut dyn Session,
    undoing: &mut Undoing<'_, '_>,
    (before, after): (&Before, &Seen),
    allowed: Allowed,
    ending: &mut Ending,
) {
    let saved = save_now(session, undoing, before, allowed).await;
    let differs = before
        .startup
        .as_ref()
        .map(|startup| *startup != after.fingerprint);
    ending.unsaved = differs.map(|differs| differs && saved.is_err());
    match saved {
        Ok(()) => ending.detail.push_str(", saved"),
        Err(why) => {
            ending.detail.push_str("; not saved to startup: ");
            ending.detail.push_str(&why);
        }
    }
}

async fn save_now(
    session: &mut dyn Session,
    undoing: &mut Undoing<'_, '_>,
    before: &Before,
    allowed: Allowed,
) -> Result<(), String> {
    let ports = undoing.ports;
    let lost = |error| format!("the journal cannot be written: {}", chain(&error));
    ports
        .step(undoing.attempt, StepKind::Confirmed, "", None)
        .await
        .map_err(lost)?;
    if before.unsaved() == Some(true) && allowed.unsaved != Unsaved::Save {
        return Err("it differed from running before".to_owned());
    }
    ports
        .step(undoing.attempt, StepKind::Save, "", None)
        .await
        .map_err(lost)?;
    session.save().await.map_err(|error| chain(&error))
}
