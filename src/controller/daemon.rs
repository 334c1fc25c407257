//! The stages behind the loop's seam: the repository, the latest fleet, passes over devices.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use async_trait::async_trait;

use super::context::Context;
use super::prepare::{Fleet, Prepared, prepare};
use super::worker::{Order, pass};
use super::{DeviceView, FleetView, Permission, Reconciler, Report};
use crate::intent::Filter;
use crate::model::{
    AcceptanceKind, Actor, ApplyMode, Attempt, Diagnostic, Event, FileSet, Revision, Skip, chain,
};
use crate::source::{Mirror, Resolved, SourceError};

/// Store key: the revision the watched branch was last seen (or accepted) at.
pub const HEAD_META: &str = "head";
/// Meta key of the devices that cannot be looked at: `[REVISION, {DEVICE: WHY}]`.
pub const FAULTS_META: &str = "faults";
/// Meta key of the last revision that could not be used at all: `[REVISION, WHY]`.
pub const UNUSABLE_META: &str = "unusable";

/// The daemon's reconciler.
pub struct Daemon {
    ctx: Arc<Context>,
    mirror: Arc<Mutex<Mirror>>,
    filter: Filter,
    latest: RwLock<Latest>,
}

#[derive(Default)]
struct Latest {
    fleet: Option<Arc<Fleet>>,
    rewritten: Option<String>,
    /// A revision whose inventory or policies are wrong, with what is wrong: it is not
    /// prepared again until the branch moves.
    broken: Option<(String, String)>,
}

impl Daemon {
    /// Follows one repository with one filter.
    #[must_use]
    pub fn new(ctx: Arc<Context>, mirror: Mirror, filter: Filter) -> Self {
        let mirror = Arc::new(Mutex::new(mirror));
        Self {
            ctx,
            mirror,
            filter,
            latest: RwLock::default(),
        }
    }

    /// The latest revision's inventory or policies are wrong: invalid input, not a failure.
    #[must_use]
    pub fn is_unusable(&self) -> bool {
        self.latest().broken.is_some()
    }

    fn latest(&self) -> std::sync::RwLockReadGuard<'_, Latest> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut Latest)) {
        change(&mut self.latest.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Fetches, and says whether the branch was rewritten since the revision we trust.
    async fn resolve(&self) -> Result<(Resolved, Option<String>), String> {
        let known = self
            .ctx
            .store(|store| store.get_meta(HEAD_META))
            .await
            .map_err(|error| chain(&error))?;
        let previous = known.clone();
        let resolved = on_mirror(&self.mirror, move |mirror| {
            mirror.refresh(previous.as_deref())
        })
        .await?;
        if resolved.fast_forward {
            self.trust(known.as_deref(), &resolved.revision).await?;
            return Ok((resolved, None));
        }
        let to = resolved.revision.id.clone();
        let accepted = self
            .ctx
            .store(move |store| {
                Ok(store.acceptances()?.into_iter().any(|acceptance| {
                    acceptance.kind == AcceptanceKind::RewrittenBranch && acceptance.subject == to
                }))
            })
            .await
            .map_err(|error| chain(&error))?;
        if accepted {
            self.trust(known.as_deref(), &resolved.revision).await?;
            return Ok((resolved, None));
        }
        Ok((resolved, Some(known.unwrap_or_default())))
    }

    async fn trust(&self, known: Option<&str>, revision: &Revision) -> Result<(), String> {
        if known == Some(revision.id.as_str()) {
            return Ok(());
        }
        let id = revision.id.clone();
        self.ctx
            .store(move |store| store.set_meta(HEAD_META, &id))
            .await
            .map_err(|error| chain(&error))
    }

    /// Prepares the fleet of a revision, once.
    async fn prepare(&self, revision: &Revision) -> Result<Arc<Fleet>, String> {
        if let Some((id, why)) = &self.latest().broken
            && *id == revision.id
        {
            return Err(why.clone());
        }
        let id = revision.id.clone();
        let files = on_mirror(&self.mirror, move |mirror| mirror.files(&id)).await?;
        match prepare(&self.ctx, revision.clone(), files, &self.filter).await {
            Ok(fleet) => Ok(Arc::new(fleet)),
            Err(problems) => {
                let why = format!("revision {}: {}", revision.short(), listed(&problems));
                self.set(|latest| latest.broken = Some((revision.id.clone(), why.clone())));
                self.remember(
                    UNUSABLE_META,
                    serde_json::json!([revision.id, why]).to_string(),
                )
                .await;
                Err(why)
            }
        }
    }

    /// Which devices cannot be looked at, and why: `netkeel status` reads it and renders
    /// nothing itself.
    async fn remember_faults(&self, fleet: &Fleet) {
        let faults = fleet.devices.iter();
        let faults: BTreeMap<String, String> = faults
            .filter_map(|(name, prepared)| Some((name.clone(), prepared.fault()?)))
            .collect();
        let text = serde_json::json!([fleet.revision.id, faults]).to_string();
        self.remember(FAULTS_META, text).await;
    }

    async fn remember(&self, key: &'static str, text: String) {
        let noted = self.ctx.store(move |store| store.set_meta(key, &text));
        if let Err(error) = noted.await {
            tracing::debug!(key, error = %chain(&error), "not noted for `netkeel status`");
        }
    }

    fn view(&self) -> Option<Arc<FleetView>> {
        let latest = self.latest();
        let fleet = latest.fleet.as_ref()?;
        let devices: BTreeMap<String, DeviceView> = fleet
            .devices
            .iter()
            .map(|(name, p)| (name.clone(), device_view(&self.ctx, p)))
            .collect();
        Some(Arc::new(FleetView {
            revision: fleet.revision.clone(),
            rewritten: latest.rewritten.clone(),
            devices,
        }))
    }
}

fn device_view(ctx: &Context, prepared: &Prepared) -> DeviceView {
    let device = prepared.device.as_ref();
    DeviceView {
        platform: prepared.pack.as_ref().map(|pack| pack.name.clone()),
        site: device.and_then(|d| d.keel.site.clone()),
        jump: device.and_then(|device| ctx.jump_host(device)),
        apply: device.map_or(ApplyMode::Observe, |d| d.keel.apply),
        broken: prepared.fault(),
    }
}

/// What works and should be changed: a plain password, a loose pattern.
fn tell_warnings(fleet: &Fleet) {
    for warning in &fleet.warnings {
        tracing::warn!(%warning, "works, and should be changed");
    }
}

fn listed(problems: &[Diagnostic]) -> String {
    const SHOWN: usize = 5;
    let mut text: Vec<String> = problems
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    if problems.len() > SHOWN {
        text.push(format!("and {} more", problems.len() - SHOWN));
    }
    text.join("; ")
}

/// Git blocks: it runs on a blocking thread, one call at a time.
async fn on_mirror<T: Send + 'static>(
    mirror: &Arc<Mutex<Mirror>>,
    call: impl FnOnce(&mut Mirror) -> Result<T, SourceError> + Send + 'static,
) -> Result<T, String> {
    let mirror = Arc::clone(mirror);
    let called = tokio::task::spawn_blocking(move || {
        call(&mut mirror.lock().unwrap_or_else(PoisonError::into_inner))
    })
    .await;
    match called {
        Ok(result) => result.map_err(|error| chain(&error)),
        Err(panic) => Err(format!("git: {panic}")),
    }
}

/// The files of a revision of a mirror, for the commands.
///
/// # Errors
/// The error chain.
pub async fn files_of(mirror: &Arc<Mutex<Mirror>>, revision: String) -> Result<FileSet, String> {
    on_mirror(mirror, move |mirror| mirror.files(&revision)).await
}

#[async_trait]
impl Reconciler for Daemon {
    async fn refresh(&self) -> Result<Option<Arc<FleetView>>, String> {
        let (resolved, rewritten) = self.resolve().await?;
        let (before, was) = {
            let latest = self.latest();
            (
                latest.fleet.as_ref().map(|f| f.revision.id.clone()),
                latest.rewritten.clone(),
            )
        };
        let moved = before.as_ref() != Some(&resolved.revision.id);
        if !moved && rewritten == was {
            return Ok(None);
        }
        if let (Some(from), true) = (&rewritten, rewritten != was) {
            self.ctx.reporter.emit(&Event::BranchRewritten {
                from: from.clone(),
                to: resolved.revision.id.clone(),
            });
        }
        if moved {
            let fleet = self.prepare(&resolved.revision).await?;
            tell_warnings(&fleet);
            self.remember_faults(&fleet).await;
            self.set(|latest| {
                latest.fleet = Some(fleet);
                latest.broken = None;
            });
        }
        self.set(|latest| latest.rewritten = rewritten);
        Ok(self.view())
    }

    async fn reconcile(&self, device: &str, permission: Permission) -> Report {
        let fleet = self.latest().fleet.clone();
        let Some(fleet) = fleet else {
            return missing(device);
        };
        let order = Order {
            permission,
            actor: Actor::Daemon,
            reason: "reconcile".to_owned(),
            only: None,
            attended: false,
            then_hold: None,
        };
        pass(&self.ctx, &fleet, device, &order).await
    }

    async fn unfinished(&self) -> Result<Vec<Attempt>, String> {
        self.ctx
            .store(|store| store.unfinished())
            .await
            .map_err(|error| chain(&error))
    }

    /// A pass settles what is open on its device before it looks at anything else.
    async fn settle(&self, attempt: Attempt) -> Report {
        self.reconcile(&attempt.device, Permission::Observe(Skip::Stopped))
            .await
    }

    async fn stopped(&self) -> Option<String> {
        let checked = self
            .ctx
            .store(|store| {
                store.check_writable()?;
                store.set_aside_pending()
            })
            .await;
        match checked {
            Err(error) => return Some(chain(&error)),
            Ok(Some(name)) => return Some(format!("the state file was set aside as `{name}`")),
            Ok(None) => {}
        }
        let rewritten = self.latest().rewritten.clone()?;
        Some(format!(
            "the watched branch was rewritten (it was at {rewritten})"
        ))
    }
}

fn missing(device: &str) -> Report {
    Report {
        device: device.to_owned(),
        status: crate::model::DeviceStatus {
            name: device.to_owned(),
            ..Default::default()
        },
        outcome: None,
        wants_apply: false,
        next: super::Next::Interval,
    }
}
