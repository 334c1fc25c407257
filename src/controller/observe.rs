//! Observe and decide: one look at one device, nothing changed, nothing written.

use std::sync::Arc;

use jiff::Timestamp;

use super::context::{Context, TargetError};
use super::credentials::{self, Counted};
use super::prepare::{Fleet, Prepared};
use super::record;
use crate::apply::{Seen, read_running};
use crate::config::{Document, Sealer, Vault};
use crate::device::{Connector, DeviceError, Session, Target};
use crate::model::{
    AcceptanceKind, Capabilities, Decision, Device, DeviceRecord, Event, Finding, Fingerprint,
    HoldReason, Phase, Plan, UnknownReason, chain,
};
use crate::pack::Pack;
use crate::plan::{self, Inputs};
use crate::policy;

/// Below this many lines a configuration may shrink as it likes.
const SHRINK_FLOOR: usize = 20;

/// A device as it was just now, the decision about it, and the open session.
pub struct Observed {
    /// When.
    pub at: Timestamp,
    /// The device.
    pub device: Device,
    /// Its pack.
    pub pack: Arc<Pack>,
    /// How it was reached.
    pub target: Target,
    /// Running, sealed.
    pub running: Seen,
    /// The intended text, sealed, if there is one.
    pub intended: Option<String>,
    /// The decision; `None` without an intent.
    pub plan: Option<Plan>,
    /// What the rules say.
    pub findings: Vec<Finding>,
    /// Holds the secrets of both texts.
    pub sealer: Sealer,
    /// Still open, for the act that may follow.
    pub session: Box<dyn Session>,
}

/// Why there is no look.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// Its class.
    pub reason: UnknownReason,
    /// The error chain, naming the device.
    pub text: String,
    /// Leave the device alone from now on.
    pub hold: Option<HoldReason>,
}

impl Trouble {
    fn new(reason: UnknownReason, text: impl Into<String>) -> Self {
        Self {
            reason,
            text: text.into(),
            hold: None,
        }
    }

    pub(super) fn of_device(error: &DeviceError) -> Self {
        let hold = match error.reason() {
            UnknownReason::Auth => Some(HoldReason::Auth),
            UnknownReason::HostKey => Some(HoldReason::HostKey),
            UnknownReason::NotSeen
            | UnknownReason::Unreachable
            | UnknownReason::Timeout
            | UnknownReason::Incomplete
            | UnknownReason::Protocol
            | UnknownReason::Intent
            | UnknownReason::InDoubt
            | UnknownReason::Stale
            | UnknownReason::Internal => None,
        };
        Self {
            reason: error.reason(),
            text: chain(error),
            hold,
        }
    }

    fn of_target(error: &TargetError) -> Self {
        Self::new(UnknownReason::Intent, chain(error))
    }
}

/// Looks at one device of a fleet and decides.
///
/// # Errors
/// Why there is no look; a result, not a failure of the run.
pub async fn observe(
    ctx: &Context,
    fleet: &Fleet,
    name: &str,
    known: &DeviceRecord,
) -> Result<Observed, Trouble> {
    let prepared = fleet.devices.get(name).ok_or_else(|| {
        Trouble::new(
            UnknownReason::Intent,
            format!("`{name}` is not in the inventory"),
        )
    })?;
    if let Some(fault) = prepared.fault() {
        return Err(Trouble::new(UnknownReason::Intent, fault));
    }
    let (Some(device), Some(pack)) = (&prepared.device, &prepared.pack) else {
        return Err(Trouble::new(
            UnknownReason::Intent,
            format!("`{name}` has no platform pack"),
        ));
    };
    let target = ctx
        .target(device)
        .map_err(|error| Trouble::of_target(&error))?;
    let sealer = ctx
        .sealer(device, prepared.intended.as_deref().unwrap_or_default())
        .map_err(|error| {
            Trouble::new(
                UnknownReason::Intent,
                format!("`{name}`: {}", chain(&error)),
            )
        })?;
    let look = Look {
        ctx,
        fleet,
        prepared,
        device,
        pack,
        known,
    };
    look.take(target, sealer).await
}

struct Look<'a> {
    ctx: &'a Context,
    fleet: &'a Fleet,
    prepared: &'a Prepared,
    device: &'a Device,
    pack: &'a Arc<Pack>,
    known: &'a DeviceRecord,
}

impl Look<'_> {
    async fn take(&self, target: Target, mut sealer: Sealer) -> Result<Observed, Trouble> {
        let started = tokio::time::Instant::now();
        let (session, running) = self.fetch(&target, &mut sealer).await?;
        self.ctx.reporter.emit(&Event::Fetched {
            device: self.device.name.clone(),
            platform: self.pack.name.clone(),
            transport: "ssh".to_owned(),
            took: started.elapsed(),
        });
        let at = (self.ctx.now)();
        let dialect = &*self.pack.dialect;
        let started = tokio::time::Instant::now();
        let findings = policy::evaluate(
            &self.fleet.rules,
            self.device,
            &self.pack.name,
            &running.document,
            dialect,
        );
        self.done(Phase::Policy, started);
        let started = tokio::time::Instant::now();
        let intended = self
            .prepared
            .intended
            .as_deref()
            .map(|text| sealer.intended(text, dialect));
        let plan = match &intended {
            None => None,
            Some(text) => {
                let capabilities = session.capabilities().clone();
                Some(
                    self.decide(&running, text, &capabilities, sealer.vault(), at)
                        .await?,
                )
            }
        };
        self.done(Phase::Compare, started);
        Ok(Observed {
            at,
            device: self.device.clone(),
            pack: Arc::clone(self.pack),
            target,
            running,
            intended,
            plan,
            findings,
            sealer,
            session,
        })
    }

    fn done(&self, phase: Phase, started: tokio::time::Instant) {
        self.ctx.reporter.emit(&Event::PhaseDone {
            phase,
            took: started.elapsed(),
        });
    }

    /// Connects and reads, unless the credential is stopped.
    async fn fetch(
        &self,
        target: &Target,
        sealer: &mut Sealer,
    ) -> Result<(Box<dyn Session>, Seen), Trouble> {
        let credential = credentials::id(self.ctx, target, self.device);
        if let Some(text) = credentials::stopped(self.ctx, &credential).await {
            return Err(Trouble::new(UnknownReason::Auth, text));
        }
        let connector = Counted::new(self.ctx, credential.clone());
        match self.read(&connector, target, sealer).await {
            Ok((session, seen)) => match self.shrunken(&seen.document) {
                None => Ok((session, seen)),
                Some(why) => {
                    session.close().await;
                    Err(Trouble::new(UnknownReason::Incomplete, why))
                }
            },
            Err((error, session)) => {
                if let Some(session) = session {
                    session.close().await;
                }
                if matches!(error, DeviceError::Credential { .. })
                    && let Some(text) = credentials::stopped(self.ctx, &credential).await
                {
                    // other devices have refused it meanwhile: this one was not even tried
                    return Err(Trouble::new(UnknownReason::Auth, text));
                }
                Err(Trouble::of_device(&error))
            }
        }
    }

    async fn read(
        &self,
        connector: &dyn Connector,
        target: &Target,
        sealer: &mut Sealer,
    ) -> Result<(Box<dyn Session>, Seen), (DeviceError, Option<Box<dyn Session>>)> {
        let mut session = connector
            .connect(target)
            .await
            .map_err(|error| (error, None))?;
        match read_running(&mut *session, &target.device, sealer, &self.pack.dialect).await {
            Ok(seen) => Ok((session, seen)),
            Err(error) => Err((error, Some(session))),
        }
    }

    /// A configuration that lost half of its lines since it was last seen is not believed.
    fn shrunken(&self, running: &Document) -> Option<String> {
        let before = self.known.lines?;
        let now = running.semantic_lines();
        (before >= SHRINK_FLOOR && now * 2 < before).then(|| {
            format!(
                "`{}`: running has {now} lines, less than half of the {before} last seen; if \
                 that is right, `netkeel release {}`",
                self.device.name, self.device.name
            )
        })
    }

    async fn decide(
        &self,
        running: &Seen,
        intended: &str,
        capabilities: &Capabilities,
        vault: &Vault,
        at: Timestamp,
    ) -> Result<Plan, Trouble> {
        let dialect = &*self.pack.dialect;
        let last_applied = match &self.known.applied_config {
            None => None,
            Some(hash) => self.stored(hash.clone()).await?,
        };
        let last_applied = last_applied.map(|text| Document::parse(&text, dialect));
        let plan = plan::plan(&Inputs {
            device: self.device,
            platform: &self.pack.name,
            pack: self.pack.hash.as_str(),
            revision: &self.fleet.revision.id,
            dialect,
            running: &running.document,
            intended: &Document::parse_beside(intended, &running.document, dialect),
            last_applied: last_applied.as_ref(),
            capabilities,
            vault: Some(vault),
        });
        self.with_history(plan, at).await
    }

    /// Adds the rails that need history, and takes off what a person accepted.
    async fn with_history(&self, plan: Plan, at: Timestamp) -> Result<Plan, Trouble> {
        if plan.decision == Decision::Unchanged {
            return Ok(plan);
        }
        let acceptances = self
            .ctx
            .store(|store| store.acceptances())
            .await
            .map_err(|error| Trouble::new(UnknownReason::Internal, chain(&error)))?;
        let accepted = acceptances
            .iter()
            .any(|a| a.kind == AcceptanceKind::LargeDeletion && a.subject == plan.id.0);
        let plan = if accepted {
            plan::accept_deletion(plan)
        } else {
            plan
        };
        let refusals = record::refusals(self.known, &plan, contest(self.ctx), at);
        Ok(plan::refuse(plan, refusals))
    }

    async fn stored(&self, hash: Fingerprint) -> Result<Option<String>, Trouble> {
        self.ctx
            .store(move |store| store.config(&hash))
            .await
            .map_err(|error| Trouble::new(UnknownReason::Internal, chain(&error)))
    }
}

pub(super) fn contest(ctx: &Context) -> record::ContestRule {
    let rails = &ctx.settings.rails;
    record::ContestRule {
        after: rails.contested_after,
        within: rails.contested_within,
    }
}
