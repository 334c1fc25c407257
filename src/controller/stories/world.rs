//! An in-memory fleet behind the loop's seam: devices are strings, time is tokio's, and
//! every pass is written down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::controller::run::{TRIGGERS, tokio_clock};
use crate::controller::{
    DeviceView, Ended, FleetView, Look, Next, Parts, Permission, Reconciler, Report, RunError,
    RunOptions, StatusHandle, Stop, Trigger, board, run,
};
use crate::model::{
    Actor, ApplyMode, Attempt, AttemptId, Compliance, Decision, DeviceStatus, DriftCounts,
    Fingerprint, FleetStatus, LastApplied, Mode, Outcome, Plan, PlanId, Proof, Revision, Skip,
    Store as _, Undo, UnknownReason,
};
use crate::report::Reporter;
use crate::store::SqliteStore;

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// How a device answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mood {
    /// As it should.
    #[default]
    Well,
    /// Not at all.
    Unreachable,
    /// Our code fails on it.
    Panics,
    /// It refuses the login.
    Auth,
    /// A change on it ends so.
    Fails(Outcome),
}

#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub(super) mood: Mood,
    pub(super) view: DeviceView,
    /// What it runs: the revision whose intent it has.
    pub(super) runs: String,
    pub(super) last_applied: Option<String>,
    pub(super) look: Duration,
    pub(super) change: Duration,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) revision: String,
    pub(super) rewritten: Option<String>,
    pub(super) source_error: Option<String>,
    pub(super) devices: BTreeMap<String, Thing>,
    /// What the loop was last told.
    told: Option<(String, Option<String>, BTreeSet<String>)>,
    pub(super) stopped: Option<String>,
    pub(super) open: Vec<Attempt>,
    /// Attempts in doubt do not end before this.
    pub(super) doubt_until: Option<Instant>,
    pub(super) log: Vec<(Duration, String)>,
    running: BTreeSet<String>,
    /// Devices on which two passes were under way at once.
    twice: Vec<String>,
    pub(super) most: BTreeMap<String, usize>,
}

/// The fleet, the loop's store, and the means to talk to the loop.
#[derive(Clone)]
pub(super) struct World {
    inner: Arc<Mutex<Inner>>,
    began: Instant,
}

impl World {
    pub(super) fn new(names: &[&str]) -> Self {
        let world = Self {
            inner: Arc::default(),
            began: Instant::now(),
        };
        world.edit(|w| w.revision = "a".to_owned());
        for name in names {
            world.add(name, ApplyMode::Auto);
        }
        world
    }

    pub(super) fn fleet_of(n: usize) -> Self {
        let names: Vec<String> = (0..n).map(|n| format!("r{n:03}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Self::new(&names)
    }

    pub(super) fn add(&self, name: &str, apply: ApplyMode) {
        let thing = Thing {
            mood: Mood::Well,
            view: DeviceView {
                platform: Some("frr".to_owned()),
                apply,
                ..DeviceView::default()
            },
            runs: "a".to_owned(),
            last_applied: Some("a".to_owned()),
            look: 100 * MS,
            change: 10 * SECOND,
        };
        self.edit(|w| w.devices.insert(name.to_owned(), thing));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn edit<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.lock())
    }

    pub(super) fn thing<T>(&self, name: &str, f: impl FnOnce(&mut Thing) -> T) -> T {
        self.edit(|w| f(w.devices.get_mut(name).expect("a device of the story")))
    }

    pub(super) fn mood(&self, name: &str, mood: Mood) {
        self.thing(name, |thing| thing.mood = mood);
    }

    fn note(&self, what: String) {
        let at = self.began.elapsed();
        self.edit(|w| w.log.push((at, what)));
    }

    /// Log entries that begin so, without their times.
    pub(super) fn said(&self, prefix: &str) -> Vec<String> {
        self.edit(|w| {
            let all = w.log.iter().map(|(_, text)| text);
            all.filter(|text| text.starts_with(prefix))
                .cloned()
                .collect()
        })
    }

    pub(super) fn count(&self, prefix: &str) -> usize {
        self.said(prefix).len()
    }

    /// When the last such entry was written, since the story began.
    pub(super) fn last(&self, prefix: &str) -> Option<Duration> {
        self.edit(|w| {
            let mut all = w.log.iter().filter(|(_, text)| text.starts_with(prefix));
            all.next_back().map(|(at, _)| *at)
        })
    }

    fn enter(&self, device: &str) {
        self.edit(|w| {
            if !w.running.insert(device.to_owned()) {
                w.twice.push(device.to_owned());
            }
            let site = |name: &String| w.devices.get(name).and_then(|d| d.view.site.clone());
            let mut counts = BTreeMap::from([("all".to_owned(), w.running.len())]);
            for site in w.running.iter().filter_map(site) {
                *counts.entry(site).or_default() += 1;
            }
            for (key, n) in counts {
                let most = w.most.entry(key).or_default();
                *most = n.max(*most);
            }
        });
    }

    fn leave(&self, device: &str) {
        self.edit(|w| w.running.remove(device));
    }
}

/// A change that a crashed process left behind.
pub(super) fn left_behind(device: &str, revision: &str) -> Attempt {
    let plan = Plan {
        id: PlanId("p".to_owned()),
        device: device.to_owned(),
        platform: "frr".to_owned(),
        pack: String::new(),
        revision: revision.to_owned(),
        base: Fingerprint::default(),
        expected: Fingerprint::default(),
        mode: Mode::Merge,
        remediation: Vec::new(),
        rollback: Vec::new(),
        proof: Proof::Proved,
        rollback_proof: Proof::default(),
        hazards: Vec::new(),
        drift: DriftCounts::default(),
        diff: String::new(),
        ignored: Vec::new(),
        orphaned: Vec::new(),
        sections: Vec::new(),
        cause: None,
        checks: Vec::new(),
        undo: Undo::default(),
        apply: ApplyMode::Auto,
        deletes: (0, 0),
        decision: Decision::Ready,
    };
    Attempt {
        id: AttemptId("left".to_owned()),
        device: device.to_owned(),
        epoch: 1,
        revision: revision.to_owned(),
        plan: plan.id.clone(),
        body: plan,
        actor: Actor::Daemon,
        reason: String::new(),
        started: Timestamp::UNIX_EPOCH,
        before: None,
        intended: None,
        after: None,
        steps: Vec::new(),
        outcome: None,
        detail: String::new(),
        finished: None,
    }
}

fn report(device: &str, thing: &Thing, revision: &str) -> Report {
    let in_line = thing.runs == revision;
    let applied = |revision: String| LastApplied {
        revision,
        at: Timestamp::UNIX_EPOCH,
    };
    Report {
        device: device.to_owned(),
        status: DeviceStatus {
            name: device.to_owned(),
            status: if in_line {
                Compliance::Compliant
            } else {
                Compliance::NonCompliant
            },
            drift: Some(DriftCounts {
                changed: usize::from(!in_line),
                ..DriftCounts::default()
            }),
            last_applied: thing.last_applied.clone().map(applied),
            ..DeviceStatus::default()
        },
        outcome: in_line.then_some(Outcome::Unchanged),
        wants_apply: !in_line && thing.view.apply == ApplyMode::Auto,
        next: Next::Interval,
    }
}

fn unknown(device: &str, reason: UnknownReason, next: Next) -> Report {
    Report {
        device: device.to_owned(),
        status: DeviceStatus {
            name: device.to_owned(),
            cause: Some(reason.as_str().to_owned()),
            ..DeviceStatus::default()
        },
        outcome: None,
        wants_apply: false,
        next,
    }
}

/// A world with the loop's wall clock.
struct Pipeline {
    world: World,
    now: run::Clock,
}

impl Pipeline {
    /// As the real pipeline does: a pass settles what is open on its device first.
    fn settle_open(&self, device: &str) -> Option<Report> {
        let world = &self.world;
        let open = world.edit(|w| w.open.iter().any(|attempt| attempt.device == device));
        if !open {
            return None;
        }
        let doubt = world.edit(|w| w.doubt_until);
        if doubt.is_some_and(|until| Instant::now() < until) {
            return Some(unknown(
                device,
                UnknownReason::InDoubt,
                Next::After(5 * SECOND),
            ));
        }
        world.edit(|w| w.open.retain(|attempt| attempt.device != device));
        world.note(format!("settled {device}"));
        None
    }

    async fn pass(&self, device: &str, permission: Permission) -> Report {
        let world = &self.world;
        let (mut thing, revision) = {
            let inner = world.lock();
            (inner.devices[device].clone(), inner.revision.clone())
        };
        tokio::time::sleep(thing.look).await;
        match thing.mood {
            Mood::Panics => panic!("index out of bounds on {device}"),
            Mood::Unreachable => return unknown(device, UnknownReason::Unreachable, Next::Retry),
            Mood::Auth => return unknown(device, UnknownReason::Auth, Next::Held),
            Mood::Well | Mood::Fails(_) => {}
        }
        let seen = (self.now)();
        if let Some(doubt) = self.settle_open(device) {
            return doubt;
        }
        let mut result = report(device, &thing, &revision);
        result.status.last_seen = Some(seen);
        if !result.wants_apply || permission != Permission::Apply {
            return result;
        }
        world.note(format!("change {device} to {revision}"));
        tokio::time::sleep(thing.change).await;
        let outcome = match thing.mood {
            Mood::Fails(outcome) => outcome,
            Mood::Well | Mood::Unreachable | Mood::Panics | Mood::Auth => Outcome::Applied,
        };
        if outcome == Outcome::Applied {
            thing.runs.clone_from(&revision);
            thing.last_applied = Some(revision.clone());
            let (runs, applied) = (thing.runs.clone(), thing.last_applied.clone());
            world.thing(device, |t| (t.runs, t.last_applied) = (runs, applied));
        }
        world.note(format!("changed {device}: {}", outcome.as_str()));
        Report {
            outcome: Some(outcome),
            wants_apply: false,
            ..report(device, &thing, &revision)
        }
    }
}

#[async_trait]
impl Reconciler for Pipeline {
    async fn refresh(&self) -> Result<Option<Arc<FleetView>>, String> {
        tokio::time::sleep(50 * MS).await;
        self.world.note("refresh".to_owned());
        self.world.edit(|w| {
            if let Some(error) = &w.source_error {
                return Err(error.clone());
            }
            let names: BTreeSet<String> = w.devices.keys().cloned().collect();
            let now = (w.revision.clone(), w.rewritten.clone(), names);
            if w.told.as_ref() == Some(&now) {
                return Ok(None);
            }
            w.told = Some(now);
            Ok(Some(Arc::new(FleetView {
                revision: Revision {
                    id: w.revision.clone(),
                    reference: "main".to_owned(),
                    author: String::new(),
                    time: Timestamp::UNIX_EPOCH,
                    summary: String::new(),
                },
                rewritten: w.rewritten.clone(),
                devices: w
                    .devices
                    .iter()
                    .map(|(name, thing)| (name.clone(), thing.view.clone()))
                    .collect(),
            })))
        })
    }

    async fn reconcile(&self, device: &str, permission: Permission) -> Report {
        let words = match permission {
            Permission::Apply => "may",
            Permission::Observe(Skip::Stopped) => "stopped",
            Permission::Observe(Skip::Hold) => "hold",
            Permission::Observe(Skip::Wave) => "wave",
            Permission::Observe(Skip::Observe) => "observe",
            Permission::Observe(Skip::Leased) => "leased",
        };
        self.world.note(format!("pass {device} {words}"));
        self.world.enter(device);
        let guard = Leaves(&self.world, device);
        let report = self.pass(device, permission).await;
        drop(guard);
        report
    }

    async fn unfinished(&self) -> Result<Vec<Attempt>, String> {
        Ok(self.world.edit(|w| w.open.clone()))
    }

    async fn settle(&self, attempt: Attempt) -> Report {
        let device = attempt.device.clone();
        self.world.note(format!("settle {device}"));
        self.world.enter(&device);
        let guard = Leaves(&self.world, &device);
        let report = self.pass(&device, Permission::Observe(Skip::Stopped)).await;
        drop(guard);
        report
    }

    async fn stopped(&self) -> Option<String> {
        self.world.edit(|w| w.stopped.clone())
    }
}

/// A pass is over however it ends: dropped and panicked ones, too.
struct Leaves<'a>(&'a World, &'a str);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.leave(self.1);
    }
}

/// A running loop.
pub(super) struct Story {
    pub(super) world: World,
    pub(super) handle: StatusHandle,
    pub(super) reporter: Reporter,
    pub(super) store: Arc<SqliteStore>,
    pub(super) stop: Stop,
    pub(super) triggers: mpsc::Sender<Trigger>,
    running: JoinSet<Result<Ended, RunError>>,
    now: run::Clock,
    _dir: Arc<TempDir>,
}

/// The one promise that every story checks.
impl Drop for Story {
    fn drop(&mut self) {
        let twice = self.world.edit(|w| std::mem::take(&mut w.twice));
        if !std::thread::panicking() {
            assert_eq!(twice, [""; 0], "two passes at once on these");
        }
    }
}

impl Story {
    pub(super) fn begin(world: &World, options: RunOptions) -> Self {
        Self::begin_in(Arc::new(TempDir::new().expect("a folder")), world, options)
    }

    pub(super) fn begin_in(dir: Arc<TempDir>, world: &World, mut options: RunOptions) -> Self {
        world.edit(|w| w.told = None);
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let now = tokio_clock(start);
        options.now = Arc::clone(&now);
        let opened = SqliteStore::open(dir.path(), start).expect("a store");
        let store = Arc::new(opened.store);
        let (board, handle) = board(MINUTE);
        let (triggers, wishes) = mpsc::channel(TRIGGERS);
        let (stop, reporter) = (Stop::new(), Reporter::new());
        let parts = Parts {
            reconciler: Arc::new(Pipeline {
                world: world.clone(),
                now: Arc::clone(&now),
            }),
            reporter: reporter.clone(),
            store: Arc::clone(&store),
            board,
        };
        let mut running = JoinSet::new();
        running.spawn(run(parts, options, wishes, stop.clone()));
        Self {
            world: world.clone(),
            handle,
            reporter,
            store,
            stop,
            triggers,
            running,
            now,
            _dir: dir,
        }
    }

    /// Lets time pass (it is paused: this takes none).
    pub(super) async fn after(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    pub(super) async fn wish(&self, look: Look) {
        let wish = Trigger::new(look, "the story");
        self.triggers.send(wish).await.expect("the loop listens");
    }

    pub(super) async fn push(&self, revision: &str) {
        self.world.edit(|w| w.revision = revision.to_owned());
        self.wish(Look::Repository).await;
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.now)()
    }

    pub(super) fn status(&self, device: &str) -> DeviceStatus {
        let fleet: Arc<FleetStatus> = self.handle.status();
        let found = fleet.devices.iter().find(|d| d.name == device);
        found.expect("a device of the story").clone()
    }

    pub(super) fn metric(&self, line: &str) -> bool {
        self.reporter.metrics_text().lines().any(|l| l == line)
    }

    pub(super) async fn ended(&mut self) -> Result<Ended, RunError> {
        let ended = tokio::time::timeout(600 * MINUTE, self.running.join_next()).await;
        let ended = ended.expect("the loop ends").expect("there is a loop");
        ended.expect("the loop does not panic")
    }

    /// Kills the loop, as `kill -9` would, and gives what is left.
    pub(super) async fn kill(mut self) -> Arc<TempDir> {
        self.running.shutdown().await;
        Arc::clone(&self._dir)
    }

    pub(super) fn hold(&self, device: &str, reason: crate::model::HoldReason) {
        let hold = crate::model::Hold {
            device: device.to_owned(),
            reason,
            note: String::new(),
            by: "ann".to_owned(),
            at: self.now(),
            until_moved_from: None,
        };
        self.store.hold(&hold).expect("the store works");
    }

    pub(super) fn release(&self, device: &str) -> bool {
        let released = self.store.release_hold(device, "ann", self.now());
        released.expect("the store works")
    }
}
