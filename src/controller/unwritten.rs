//! A look at a device while nothing can be written (a full disk): observation goes on, and
//! nothing is applied or remembered.

use super::context::Context;
use super::observe::{Observed, Trouble, observe};
use super::prepare::Fleet;
use super::worker::{Done, report_of};
use super::{Next, Report, record, unsaved};
use crate::model::{
    ApplyMode, DeviceRecord, Event, Hold, Outcome, Skip, StoreError, UnknownReason, chain,
};

/// What the store can still say about a device.
struct Known {
    record: Option<DeviceRecord>,
    hold: Option<Hold>,
    in_doubt: bool,
}

/// Looks, without a lease: that is no danger, since nothing is changed.
pub(super) async fn look(ctx: &Context, fleet: &Fleet, name: &str, why: &StoreError) -> Report {
    tracing::error!(device = name, error = %chain(why), "only looked at, nothing is applied");
    let (mut record, done) = match known(ctx, name).await {
        Err(error) => {
            let mut record = fresh(fleet, name);
            let text = chain(&error);
            record::unknown(&mut record, UnknownReason::Internal, &text, (ctx.now)());
            (record, Done::new(None, Next::Retry))
        }
        Ok(known) => with_known(ctx, fleet, name, known).await,
    };
    record.status.detail.get_or_insert_with(|| chain(why));
    report_of(name, record, &done)
}

async fn with_known(
    ctx: &Context,
    fleet: &Fleet,
    name: &str,
    known: Known,
) -> (DeviceRecord, Done) {
    let mut record = known.record.unwrap_or_else(|| fresh(fleet, name));
    if let Some(hold) = known.hold.filter(|hold| hold.reason.stops_reading()) {
        let reason = record::reason_of(hold.reason);
        record::unknown(&mut record, reason, &hold.note, (ctx.now)());
        let done = Done::new(Some(Outcome::Skipped(Skip::Hold)), Next::Held);
        return (record, done);
    }
    if known.in_doubt {
        let text = "a change is in doubt, and cannot be settled while nothing can be written";
        record::unknown(&mut record, UnknownReason::InDoubt, text, (ctx.now)());
        return (record, Done::new(None, Next::Retry));
    }
    let done = match observe(ctx, fleet, name, &record).await {
        Ok(observed) => seen(ctx, name, &mut record, observed).await,
        Err(trouble) => troubled(ctx, name, &mut record, &trouble),
    };
    (record, done)
}

async fn seen(
    ctx: &Context,
    name: &str,
    record: &mut DeviceRecord,
    mut observed: Observed,
) -> Done {
    record.unsaved = unsaved::look(record, &mut observed).await;
    let plan = observed.plan.as_ref();
    record::compared(record, plan, &observed.findings, observed.at);
    ctx.reporter.emit(&Event::Compared {
        device: name.to_owned(),
        compliance: record.status.status,
        drift: plan.map(|plan| plan.drift).unwrap_or_default(),
    });
    observed.session.close().await;
    Done::new(Some(Outcome::Skipped(Skip::Stopped)), Next::Interval)
}

/// A refused login is not tried again, although the hold cannot be written.
fn troubled(ctx: &Context, name: &str, record: &mut DeviceRecord, trouble: &Trouble) -> Done {
    ctx.reporter.emit(&Event::FetchFailed {
        device: name.to_owned(),
        platform: record.status.platform.clone().unwrap_or_default(),
        reason: trouble.reason,
        error: trouble.text.clone(),
    });
    record::unknown(record, trouble.reason, &trouble.text, (ctx.now)());
    let next = if trouble.hold.is_some() {
        Next::Held
    } else {
        Next::Retry
    };
    Done::new(None, next)
}

async fn known(ctx: &Context, name: &str) -> Result<Known, StoreError> {
    let name = name.to_owned();
    ctx.store(move |store| {
        Ok(Known {
            record: store.device(&name)?,
            hold: store.holds()?.into_iter().find(|hold| hold.device == name),
            in_doubt: store.unfinished()?.iter().any(|a| a.device == name),
        })
    })
    .await
}

fn fresh(fleet: &Fleet, name: &str) -> DeviceRecord {
    let prepared = fleet.devices.get(name);
    let pack = prepared.and_then(|p| p.pack.as_ref());
    let device = prepared.and_then(|p| p.device.as_ref());
    let apply = device.map_or(ApplyMode::Observe, |device| device.keel.apply);
    record::fresh(name, pack.map(|pack| pack.name.as_str()), apply)
}
