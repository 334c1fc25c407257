//! One pass over one device: lease, settle, observe, decide, (if allowed) act, remember.
//!
//! The daemon and the commands take this one path.

use std::time::Duration;

use super::context::Context;
use super::observe::{Observed, Trouble, observe};
use super::prepare::Fleet;
use super::record;
use super::{Next, Permission, Report, unsaved, unwritten};
use crate::model::{
    Actor, ApplyMode, ConfigKind, Decision, DeviceRecord, Event, Fingerprint, Hold, HoldReason,
    Lease, Outcome, PlanId, RefusalKind, Skip, StoreError, UnknownReason, chain,
};

/// How long a look may take before another process may think its owner is gone.
pub(super) const LOOK_LEASE: Duration = Duration::from_secs(600);
/// How often a device in doubt is looked at.
pub(super) const DOUBT_PAUSE: Duration = Duration::from_secs(5);

/// What a pass is for.
#[derive(Clone, Debug)]
pub struct Order {
    /// Look only, or act too.
    pub permission: Permission,
    /// Who.
    pub actor: Actor,
    /// Why, for the history.
    pub reason: String,
    /// Only this plan, or none (`Stale`).
    pub only: Option<PlanId>,
    /// A person watches.
    pub attended: bool,
    /// Put on the device if this pass leaves it as planned, before anybody else can have it.
    pub then_hold: Option<Hold>,
}

/// One pass over one device of a fleet. Never fails: everything is a report.
pub async fn pass(ctx: &Context, fleet: &Fleet, name: &str, order: &Order) -> Report {
    let mut work = match Work::begin(ctx, fleet, name).await {
        Ok(work) => work,
        Err(report) => return *report,
    };
    let done = Box::pin(work.run(order)).await;
    let hold = order.then_hold.clone().filter(|_| done.is_as_planned());
    work.end(done, hold).await
}

/// A pass under way: the lease, and what is remembered.
pub(super) struct Work<'a> {
    pub(super) ctx: &'a Context,
    pub(super) fleet: &'a Fleet,
    pub(super) name: String,
    pub(super) lease: Lease,
    pub(super) record: DeviceRecord,
    /// What the store has now, to spare writes that change nothing.
    stored: DeviceRecord,
}

/// What came of a pass, before it is written down.
pub(super) struct Done {
    pub(super) outcome: Option<Outcome>,
    pub(super) wants_apply: bool,
    pub(super) next: Next,
}

impl Done {
    fn is_as_planned(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Applied | Outcome::Unchanged))
    }

    pub(super) fn new(outcome: Option<Outcome>, next: Next) -> Self {
        Self {
            outcome,
            wants_apply: false,
            next,
        }
    }
}

impl<'a> Work<'a> {
    async fn begin(ctx: &'a Context, fleet: &'a Fleet, name: &str) -> Result<Self, Box<Report>> {
        let (key, owner, now) = (name.to_owned(), ctx.owner.clone(), (ctx.now)());
        let claimed = ctx
            .store(move |store| {
                let lease = store.claim(&key, &owner, LOOK_LEASE, now)?;
                Ok((lease, store.device(&key)?))
            })
            .await;
        let prepared = fleet.devices.get(name);
        let platform = prepared
            .and_then(|p| p.pack.as_ref())
            .map(|pack| pack.name.as_str());
        let apply = prepared
            .and_then(|p| p.device.as_ref())
            .map_or(ApplyMode::Observe, |device| device.keel.apply);
        let (lease, stored) = match claimed {
            Ok((lease, stored)) => (lease, stored),
            Err(error @ StoreError::Write { .. }) => {
                return Err(Box::new(unwritten::look(ctx, fleet, name, &error).await));
            }
            Err(error) => {
                let mut record = record::fresh(name, platform, apply);
                record::unknown(&mut record, UnknownReason::Internal, &chain(&error), now);
                return Err(Box::new(report_of(
                    name,
                    record,
                    &Done::new(None, Next::Retry),
                )));
            }
        };
        let stored = stored.unwrap_or_else(|| record::fresh(name, platform, apply));
        let mut record = stored.clone();
        record.status.platform = platform.map(str::to_owned).or(record.status.platform);
        record.status.apply = apply;
        record.status.site = prepared
            .and_then(|p| p.device.as_ref())
            .and_then(|device| device.keel.site.clone());
        let Some(lease) = lease else {
            let done = Done::new(Some(Outcome::Skipped(Skip::Leased)), Next::Retry);
            return Err(Box::new(report_of(name, record, &done)));
        };
        Ok(Self {
            ctx,
            fleet,
            name: name.to_owned(),
            lease,
            record,
            stored,
        })
    }

    async fn run(&mut self, order: &Order) -> Done {
        match self.hold_in_force().await {
            Err(error) => return self.internal(&error),
            Ok(Some(hold)) if hold.reason.stops_reading() => {
                record::unknown(
                    &mut self.record,
                    record::reason_of(hold.reason),
                    &hold.note,
                    (self.ctx.now)(),
                );
                return Done::new(Some(Outcome::Skipped(Skip::Hold)), Next::Held);
            }
            Ok(hold) => self.record.status.hold = hold.map(|h| h.reason.as_str().to_owned()),
        }
        match self.settle_open_attempts().await {
            Err(error) => return self.internal(&error),
            Ok(Some(done)) => return done,
            Ok(None) => {}
        }
        // the states of a change are large: they live on the heap, and only while there is one
        match observe(self.ctx, self.fleet, &self.name, &self.record).await {
            Err(trouble) => self.trouble(&trouble).await,
            Ok(observed) => Box::pin(self.decided(observed, order)).await,
        }
    }

    fn internal(&mut self, error: &StoreError) -> Done {
        record::unknown(
            &mut self.record,
            UnknownReason::Internal,
            &chain(error),
            (self.ctx.now)(),
        );
        Done::new(None, Next::Retry)
    }

    /// The hold on this device, if it still holds.
    async fn hold_in_force(&mut self) -> Result<Option<Hold>, StoreError> {
        let name = self.name.clone();
        let revision = self.fleet.revision.id.clone();
        let now = (self.ctx.now)();
        self.ctx
            .store(move |store| {
                let hold = store.holds()?.into_iter().find(|hold| hold.device == name);
                let over = hold
                    .as_ref()
                    .and_then(|hold| hold.until_moved_from.as_ref())
                    .is_some_and(|from| *from != revision);
                if over {
                    store.release_hold(&name, "netkeel: the branch has moved", now)?;
                    return Ok(None);
                }
                Ok(hold)
            })
            .await
    }

    pub(super) async fn hold(&mut self, reason: HoldReason, note: &str) {
        let hold = Hold {
            device: self.name.clone(),
            reason,
            note: note.to_owned(),
            by: "netkeel".to_owned(),
            at: (self.ctx.now)(),
            until_moved_from: None,
        };
        self.record.status.hold = Some(reason.as_str().to_owned());
        if let Err(error) = self.ctx.store(move |store| store.hold(&hold)).await {
            tracing::error!(device = %self.name, error = %chain(&error), "hold not written");
        }
        self.ctx.reporter.emit(&Event::Held {
            device: self.name.clone(),
            reason,
            detail: note.to_owned(),
        });
    }

    async fn trouble(&mut self, trouble: &Trouble) -> Done {
        self.ctx.reporter.emit(&Event::FetchFailed {
            device: self.name.clone(),
            platform: self.record.status.platform.clone().unwrap_or_default(),
            reason: trouble.reason,
            error: trouble.text.clone(),
        });
        record::unknown(
            &mut self.record,
            trouble.reason,
            &trouble.text,
            (self.ctx.now)(),
        );
        match (trouble.hold, trouble.reason) {
            (Some(reason), _) => {
                self.hold(reason, &trouble.text).await;
                Done::new(None, Next::Held)
            }
            // a fault in the repository mends itself when the branch moves
            (None, UnknownReason::Intent) => Done::new(None, Next::Interval),
            (None, _) => Done::new(None, Next::Retry),
        }
    }

    /// The device was read: note what is, then act if that is allowed.
    async fn decided(&mut self, mut observed: Observed, order: &Order) -> Done {
        self.record.unsaved = unsaved::look(&self.record, &mut observed).await;
        self.note_look(&observed);
        let (text, at) = (observed.running.text.clone(), observed.at);
        match self.keep_running(text, at).await {
            Ok(hash) => self.record.running = Some(hash),
            Err(error) => {
                observed.session.close().await;
                return self.internal(&error);
            }
        }
        let decision = observed.plan.as_ref().map(|plan| plan.decision.clone());
        match decision {
            None | Some(Decision::Unchanged) => {
                self.in_line(&mut observed).await;
                observed.session.close().await;
                Done::new(Some(Outcome::Unchanged), Next::Interval)
            }
            Some(Decision::Refused(_)) => self.refused(observed).await,
            Some(Decision::Ready) => Box::pin(self.ready(observed, order)).await,
        }
    }

    /// What was seen, as verdict and as measure for the next look.
    fn note_look(&mut self, observed: &Observed) {
        record::compared(
            &mut self.record,
            observed.plan.as_ref(),
            &observed.findings,
            observed.at,
        );
        self.record.lines = Some(observed.running.document.semantic_lines());
        self.record.running_semantic = Some(observed.running.fingerprint.clone());
        self.ctx.reporter.emit(&Event::Compared {
            device: self.name.clone(),
            compliance: self.record.status.status,
            drift: observed
                .plan
                .as_ref()
                .map(|plan| plan.drift)
                .unwrap_or_default(),
        });
    }

    /// Running goes to the store as text by content hash.
    pub(super) async fn keep_running(
        &self,
        text: String,
        at: jiff::Timestamp,
    ) -> Result<Fingerprint, StoreError> {
        let (name, known) = (self.name.clone(), self.record.running.clone());
        self.ctx
            .store(move |store| {
                let hash = store.put_config(&text)?;
                if known.as_ref() != Some(&hash) {
                    store.record_config(&name, ConfigKind::Running, &hash, at)?;
                }
                Ok(hash)
            })
            .await
    }

    /// A device found in line counts as applied: from now on we can tell who moved.
    async fn in_line(&mut self, observed: &mut Observed) {
        self.record.failed = None;
        let Some(plan) = &observed.plan else { return };
        let moved = self.record.in_line_with.as_deref() != Some(plan.revision.as_str());
        if moved || self.record.applied_config.is_none() {
            self.record.in_line_with = Some(plan.revision.clone());
            if let Some(text) = observed.intended.take() {
                self.keep_applied(text, observed.at).await;
            }
        }
    }

    async fn refused(&mut self, observed: Observed) -> Done {
        let refusals = match observed.plan.as_ref().map(|plan| &plan.decision) {
            Some(Decision::Refused(refusals)) => refusals.clone(),
            Some(Decision::Unchanged | Decision::Ready) | None => Vec::new(),
        };
        for refusal in &refusals {
            self.ctx.reporter.emit(&Event::PlanRefused {
                device: self.name.clone(),
                kind: refusal.kind,
                detail: refusal.detail.clone(),
            });
        }
        let contested = refusals
            .iter()
            .find(|refusal| refusal.kind == RefusalKind::Contested);
        if let (Some(refusal), ApplyMode::Auto) = (contested, observed.device.keel.apply) {
            self.hold(HoldReason::Contested, &refusal.detail).await;
        }
        observed.session.close().await;
        // how the change failed is worth more than that it is not tried again
        if refusals
            .iter()
            .any(|refusal| refusal.kind != RefusalKind::FailedBefore)
        {
            self.record.status.outcome = Some(Outcome::Refused.as_str().to_owned());
        }
        Done::new(Some(Outcome::Refused), Next::Interval)
    }

    /// Writes the record and a hold, and gives the lease back.
    async fn end(mut self, done: Done, hold: Option<Hold>) -> Report {
        if let Some(hold) = &hold {
            self.record.status.hold = Some(hold.reason.as_str().to_owned());
        }
        let (lease, record) = (self.lease.clone(), self.record.clone());
        let changed = record != self.stored;
        let ended = self
            .ctx
            .store(move |store| {
                let saved = if changed {
                    store.save_device(&lease, &record)
                } else {
                    Ok(())
                };
                let held = hold.map_or(Ok(()), |hold| store.hold(&hold));
                store.release(&lease)?;
                saved.and(held)
            })
            .await;
        if let Err(error) = ended {
            self.note_lease_loss(&error);
            tracing::error!(device = %self.name, error = %chain(&error), "record not written");
        }
        report_of(&self.name, self.record, &done)
    }
}

pub(super) fn report_of(name: &str, record: DeviceRecord, done: &Done) -> Report {
    Report {
        device: name.to_owned(),
        status: record.status,
        outcome: done.outcome,
        wants_apply: done.wants_apply,
        next: done.next,
    }
}
