//! The part of a pass that may change a device: settling what is open, acting, remembering.

use std::sync::Arc;
use std::time::Duration;

use super::credentials::{self, Counted};
use super::observe::{self, Observed};
use super::record;
use super::worker::{DOUBT_PAUSE, Done, LOOK_LEASE, Order, Work};
use super::{Next, Permission};
use crate::apply::{self, Allowed, Ending, Ports, Unsaved};
use crate::config::{Dialect, Document};
use crate::device::{Connector, Target};
use crate::model::{
    Actor, ApplyMode, Attempt, AttemptId, Capabilities, ConfigKind, ConfirmScope, Decision, Device,
    Event, Finding, HoldReason, Journal, Keel, LastApplied, Manage, Outcome, Plan, Proof,
    RollbackCause, Skip, StepKind, StoreError, UnknownReason, chain,
};
use crate::plan;
use crate::policy;
use crate::settings::SaveUnsaved;

/// Beyond the undo's time, before anybody else may touch a device with a trial pending.
const TRIAL_MARGIN: Duration = Duration::from_secs(120);

impl Work<'_> {
    /// Attempts somebody left open on this device come before anything new.
    pub(super) async fn settle_open_attempts(&mut self) -> Result<Option<Done>, StoreError> {
        let mut open = self.ctx.store(|store| store.unfinished()).await?;
        open.retain(|attempt| attempt.device == self.name);
        for mut attempt in open {
            // what was interrupted by us may be tried again; what went wrong by itself, not
            let faulty = attempt.steps.iter().any(|step| step.kind == StepKind::Undo);
            let ending = match Box::pin(self.settle(&mut attempt)).await {
                Ok(ending) => ending,
                Err(why) => Ending::in_doubt(why),
            };
            let ending = Ending {
                cause: ending.cause.or(Some(RollbackCause::Interrupted)),
                again: !faulty,
                ..ending
            };
            let (doubt, cause) = (ending.outcome.is_none(), ending.cause);
            let hold = ending.hold.as_ref().map(|(reason, _)| *reason);
            if ending.outcome == Some(Outcome::Applied) {
                self.note_settled(&attempt).await;
            }
            self.note_failure(&attempt.body, &ending);
            self.finish(&mut attempt, ending).await?;
            if doubt {
                return Ok(Some(Done::new(None, self.watch(&attempt, hold))));
            }
            self.tell_end(&attempt, cause, Duration::ZERO);
        }
        Ok(None)
    }

    /// A device in doubt is watched closely until its undo must have fired; after that like
    /// any other that does not answer.
    fn watch(&self, attempt: &Attempt, hold: Option<HoldReason>) -> Next {
        let over = apply::undo_ends(attempt).is_none_or(|end| (self.ctx.now)() > end);
        if hold.is_some_and(HoldReason::stops_reading) {
            Next::Held
        } else if over {
            Next::Retry
        } else {
            Next::After(DOUBT_PAUSE)
        }
    }

    /// An attempt found confirmed: its intent is in force.
    async fn note_settled(&mut self, attempt: &Attempt) {
        let now = (self.ctx.now)();
        self.record.last_applied = Some(LastApplied {
            revision: attempt.revision.clone(),
            at: now,
        });
        if let Some(hash) = attempt.intended.clone()
            && let Ok(Some(text)) = self.ctx.store(move |store| store.config(&hash)).await
        {
            self.keep_applied(text, now).await;
        }
    }

    async fn settle(&mut self, attempt: &mut Attempt) -> Result<Ending, String> {
        let fleet = self.fleet;
        let prepared = fleet
            .devices
            .get(&self.name)
            .ok_or("the device is not in the inventory any more")?;
        let (Some(device), Some(pack)) = (&prepared.device, &prepared.pack) else {
            return Err("the device's inventory entry is wrong".to_owned());
        };
        let base = self
            .base_of(attempt)
            .await
            .ok_or("the configuration before the attempt is not in the store")?;
        let target = self.ctx.target(device).map_err(|error| chain(&error))?;
        let intended = prepared.intended.as_deref().unwrap_or_default();
        let mut sealer = self
            .ctx
            .sealer(device, &format!("{base}\n{intended}"))
            .map_err(|error| chain(&error))?;
        let planner = undo_planner(device, pack);
        let connector = Counted::new(self.ctx, credentials::id(self.ctx, &target, device));
        let ports = self.ports(&connector, &target, &pack.dialect, &planner);
        Ok(apply::settle(&ports, &mut sealer, attempt, &base).await)
    }

    async fn base_of(&self, attempt: &Attempt) -> Option<String> {
        let hash = attempt.before.clone()?;
        let base = self.ctx.store(move |store| store.config(&hash)).await;
        base.ok().flatten()
    }

    fn ports<'p>(
        &'p self,
        connector: &'p dyn Connector,
        target: &'p Target,
        dialect: &'p Dialect,
        undo_planner: &'p apply::UndoPlanner<'p>,
    ) -> Ports<'p> {
        let journal: Arc<dyn Journal> = Arc::clone(&self.ctx.store) as Arc<dyn Journal>;
        Ports {
            connector,
            target,
            journal,
            lease: self.lease.clone(),
            dialect,
            undo_planner,
            now: &self.ctx.now,
        }
    }

    pub(super) async fn ready(&mut self, observed: Observed, order: &Order) -> Done {
        let plan = observed.plan.clone();
        let skip = match (&order.permission, &order.only, &plan) {
            _ if self.record.status.hold.is_some() => Some(Outcome::Skipped(Skip::Hold)),
            (Permission::Observe(skip), _, _) => Some(Outcome::Skipped(*skip)),
            (Permission::Apply, Some(only), Some(plan)) if plan.id != *only => Some(Outcome::Stale),
            (Permission::Apply, _, _) if observed.device.keel.apply == ApplyMode::Observe => {
                Some(Outcome::Skipped(Skip::Observe))
            }
            (Permission::Apply, _, _)
                if order.actor == Actor::Daemon
                    && observed.device.keel.apply != ApplyMode::Auto =>
            {
                Some(Outcome::Skipped(Skip::Observe))
            }
            (Permission::Apply, _, _) => None,
        };
        if let Some(outcome) = skip {
            let wants_apply =
                observed.device.keel.apply == ApplyMode::Auto && self.record.status.hold.is_none();
            observed.session.close().await;
            return Done {
                wants_apply,
                ..Done::new(Some(outcome), Next::Interval)
            };
        }
        match plan {
            Some(plan) => self.act(observed, plan, order).await,
            None => Done::new(None, Next::Interval),
        }
    }

    async fn act(&mut self, observed: Observed, plan: Plan, order: &Order) -> Done {
        let started = tokio::time::Instant::now();
        let mut attempt = self.new_attempt(&plan, order);
        let intended = observed.intended.clone();
        if let Err(error) = self.begin_attempt(&mut attempt, intended.clone()).await {
            observed.session.close().await;
            // nothing was touched, and the next pass may find the disk working again
            self.note_lease_loss(&error);
            self.record.status.detail = Some(format!("not applied: {}", chain(&error)));
            return Done::new(None, Next::Retry);
        }
        self.ctx.reporter.emit(&Event::AttemptStarted {
            device: self.name.clone(),
            attempt: attempt.id.clone(),
            revision: plan.revision.clone(),
            actor: order.actor.to_string(),
        });
        let carried_out = Box::pin(self.carry_out(observed, &mut attempt, order));
        let ending = carried_out.await;
        let (outcome, cause, again) = (ending.outcome, ending.cause, ending.again);
        let hold = ending.hold.as_ref().map(|(reason, _)| *reason);
        self.remember(&plan, intended, &ending, order).await;
        if let Err(error) = self.finish(&mut attempt, ending).await {
            self.note_lease_loss(&error);
            tracing::error!(device = %self.name, error = %chain(&error), "outcome not written");
        }
        self.tell_end(&attempt, cause, started.elapsed());
        match outcome {
            None => Done::new(Some(Outcome::Unknown), self.watch(&attempt, hold)),
            Some(outcome) if again => Done::new(Some(outcome), Next::Retry),
            Some(outcome) => Done::new(Some(outcome), Next::Interval),
        }
    }

    fn tell_end(&self, attempt: &Attempt, cause: Option<RollbackCause>, took: Duration) {
        let outcome = attempt.outcome.unwrap_or(Outcome::Unknown);
        let undone = matches!(outcome, Outcome::RolledBack | Outcome::Unknown);
        self.ctx.reporter.emit(&Event::AttemptFinished {
            device: self.name.clone(),
            attempt: attempt.id.clone(),
            site: self.record.status.site.clone().unwrap_or_default(),
            mode: attempt.body.mode,
            outcome,
            cause: cause.filter(|_| undone),
            took,
            detail: attempt.detail.clone(),
        });
    }

    pub(super) fn note_lease_loss(&self, error: &StoreError) {
        if let StoreError::LeaseLost { device, epoch } = error {
            let event = Event::LeaseLost {
                device: device.clone(),
                epoch: *epoch,
            };
            self.ctx.reporter.emit(&event);
        }
    }

    fn new_attempt(&self, plan: &Plan, order: &Order) -> Attempt {
        let now = (self.ctx.now)();
        Attempt {
            id: AttemptId::new(now, rand::random()),
            device: self.name.clone(),
            epoch: self.lease.epoch,
            revision: plan.revision.clone(),
            plan: plan.id.clone(),
            body: plan.clone(),
            actor: order.actor.clone(),
            reason: order.reason.clone(),
            started: now,
            before: self.record.running.clone(),
            intended: None,
            after: None,
            steps: Vec::new(),
            outcome: None,
            detail: String::new(),
            finished: None,
        }
    }

    /// Journal first, and a lease that outlives the device's own timer: then a process that
    /// overslept wakes up to nothing it could confirm.
    async fn begin_attempt(
        &mut self,
        attempt: &mut Attempt,
        intended: Option<String>,
    ) -> Result<(), StoreError> {
        let (lease, now, mut begun) = (self.lease.clone(), (self.ctx.now)(), attempt.clone());
        let undo = Duration::from_secs(attempt.body.undo.within);
        let ttl = LOOK_LEASE + undo + TRIAL_MARGIN;
        (self.lease, *attempt) = self
            .ctx
            .store(move |store| {
                let lease = store.renew(&lease, ttl, now)?;
                begun.intended = intended.map(|text| store.put_config(&text)).transpose()?;
                store.begin(&lease, &begun)?;
                Ok((lease, begun))
            })
            .await?;
        Ok(())
    }

    async fn carry_out(&self, observed: Observed, attempt: &mut Attempt, order: &Order) -> Ending {
        let Observed {
            device,
            pack,
            target,
            mut sealer,
            session,
            ..
        } = observed;
        let planner = undo_planner(&device, &pack);
        let connector = Counted::new(self.ctx, credentials::id(self.ctx, &target, &device));
        let ports = self.ports(&connector, &target, &pack.dialect, &planner);
        let unsaved = match self.ctx.settings.apply.save_unsaved {
            SaveUnsaved::Never => Unsaved::Refuse,
            SaveUnsaved::Save => Unsaved::Save,
            SaveUnsaved::LeaveUnsaved => Unsaved::Leave,
        };
        let allowed = Allowed {
            attended: order.attended,
            unsaved,
        };
        apply::apply(session, &ports, &mut sealer, attempt, allowed).await
    }

    /// What the ending means for the next pass.
    async fn remember(
        &mut self,
        plan: &Plan,
        intended: Option<String>,
        ending: &Ending,
        order: &Order,
    ) {
        let now = (self.ctx.now)();
        self.note_failure(plan, ending);
        if ending.outcome == Some(Outcome::Applied) {
            if order.actor == Actor::Daemon {
                record::note_reversal(&mut self.record, plan, observe::contest(self.ctx), now);
            }
            let running = ending.running.clone();
            self.note_applied(plan, intended, running.as_deref(), now)
                .await;
        }
    }

    /// The same change is not tried again until the revision or the device has moved.
    fn note_failure(&mut self, plan: &Plan, ending: &Ending) {
        if ending.unsaved.is_some() {
            self.record.unsaved = ending.unsaved;
            self.record.status.unsaved = ending.unsaved;
        }
        if ending.outcome.is_some_and(record::is_failure) && !ending.again {
            self.record.failed = Some((plan.revision.clone(), plan.base.clone()));
        }
    }

    /// The change is in force and confirmed: what the device runs now is judged anew.
    async fn note_applied(
        &mut self,
        plan: &Plan,
        intended: Option<String>,
        running: Option<&str>,
        now: jiff::Timestamp,
    ) {
        self.record.last_applied = Some(LastApplied {
            revision: plan.revision.clone(),
            at: now,
        });
        self.record.failed = None;
        let in_line = Plan {
            drift: crate::model::DriftCounts::default(),
            cause: None,
            decision: Decision::Unchanged,
            ..plan.clone()
        };
        let findings = running.map(|text| self.judge(text)).unwrap_or_default();
        record::compared(&mut self.record, Some(&in_line), &findings, now);
        if let Some(text) = intended {
            self.keep_applied(text, now).await;
        }
    }

    /// What the device runs now is the measure of the next look, and is judged by the rules.
    fn judge(&mut self, running: &str) -> Vec<Finding> {
        let prepared = self.fleet.devices.get(&self.name);
        let Some((device, pack)) = prepared.and_then(|p| p.device.as_ref().zip(p.pack.as_ref()))
        else {
            return Vec::new();
        };
        let document = Document::parse(running, &pack.dialect);
        self.record.lines = Some(document.semantic_lines());
        self.record.running_semantic = Some(document.fingerprint());
        let (rules, dialect) = (&self.fleet.rules, &pack.dialect);
        policy::evaluate(rules, device, &pack.name, &document, dialect)
    }

    /// Keeps the intended text that is in force: the third leg of every later comparison.
    pub(super) async fn keep_applied(&mut self, text: String, at: jiff::Timestamp) {
        let (name, known) = (self.name.clone(), self.record.applied_config.clone());
        let kept = self
            .ctx
            .store(move |store| {
                let hash = store.put_config(&text)?;
                if known.as_ref() != Some(&hash) {
                    store.record_config(&name, ConfigKind::Intended, &hash, at)?;
                }
                Ok(hash)
            })
            .await;
        match kept {
            Ok(hash) => self.record.applied_config = Some(hash),
            Err(error) => {
                tracing::error!(device = %self.name, error = %chain(&error), "applied configuration not kept");
            }
        }
    }

    /// Writes an attempt's ending; one in doubt stays open in the journal.
    async fn finish(&mut self, attempt: &mut Attempt, ending: Ending) -> Result<(), StoreError> {
        let now = (self.ctx.now)();
        attempt.detail.clone_from(&ending.detail);
        attempt.outcome = ending.outcome;
        let shown = ending.outcome.unwrap_or(Outcome::Unknown);
        self.record.status.outcome = Some(shown.as_str().to_owned());
        if shown == Outcome::Unknown {
            let reason = UnknownReason::InDoubt;
            record::unknown(&mut self.record, reason, &ending.detail, now);
        }
        self.record.status.detail = Some(ending.detail);
        if let Some((reason, note)) = ending.hold {
            self.hold(reason, &note).await;
        }
        if let Some(text) = ending.running {
            let hash = self.keep_running(text, now).await?;
            self.record.running = Some(hash.clone());
            attempt.after = Some(hash);
        }
        if ending.outcome.is_none() {
            return Ok(());
        }
        attempt.finished = Some(now);
        let (lease, attempt) = (self.lease.clone(), attempt.clone());
        self.ctx
            .store(move |store| store.finish(&lease, &attempt))
            .await
    }
}

/// The planner, lent to an undo: full management, no share of lines too large, and only
/// what the replay proved.
fn undo_planner(
    device: &Device,
    pack: &crate::pack::Pack,
) -> impl Fn(&Document, &Document) -> Option<Vec<String>> + Send + Sync + use<> {
    let mut device = Device {
        name: device.name.clone(),
        ..Device::default()
    };
    device.keel = Keel {
        manage: Manage::Full,
        ..Keel::default()
    };
    device.keel.limits.delete_percent = 100;
    let (dialect, platform, hash) = (
        Arc::clone(&pack.dialect),
        pack.name.clone(),
        pack.hash.clone(),
    );
    move |from, to| {
        let capabilities = Capabilities {
            merge: true,
            replace: true,
            confirm: ConfirmScope::None,
            timer: None,
            startup: false,
            attended_only: None,
        };
        let plan = plan::plan(&plan::Inputs {
            device: &device,
            platform: &platform,
            pack: hash.as_str(),
            revision: "undo",
            dialect: &dialect,
            running: from,
            intended: to,
            last_applied: None,
            capabilities: &capabilities,
            vault: None,
        });
        match plan.proof {
            Proof::Proved | Proof::ProvedGeneric(_) | Proof::Nothing => Some(
                plan.remediation
                    .into_iter()
                    .map(|command| command.line)
                    .collect(),
            ),
            Proof::NotProved(_) => None,
        }
    }
}
