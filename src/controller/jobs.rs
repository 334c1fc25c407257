//! What the loop has others do: tasks in one `JoinSet`, each with a note of what it is, so
//! that a panic is known by what it was about.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::{Id, JoinError, JoinSet};

use super::rollout::Progress;
use super::trigger::Look;
use super::{FleetView, Report};
use crate::model::{Attempt, Hold, Store as _, StoreError, chain};
use crate::store::SqliteStore;

/// Meta key of the rollout's progress.
pub(super) const ROLLOUT_META: &str = "rollout";

/// What a task is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Job {
    Refresh,
    Pass {
        device: String,
        granted: bool,
        revision: String,
    },
    Settle {
        device: String,
    },
    Unfinished,
    Check,
    Write,
    TriggerFile,
    Tidy,
}

/// What a task brings back.
pub(super) enum Done {
    Refreshed(Result<Option<Arc<FleetView>>, String>),
    Reported(Box<Report>),
    Unfinished(Result<Vec<Attempt>, String>),
    Checked(Box<Checked>),
    Written(Result<(), String>),
    Looked(Option<Look>),
    Tidied,
}

/// What a look at our own state found.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// Holds in force; `None` when they cannot be read.
    pub(super) holds: Option<Vec<Hold>>,
    /// The rollout as written down; `None` when it cannot be read or was not asked for.
    pub(super) progress: Option<Progress>,
    /// Why nothing may be applied; `None` inside when something may, `None` outside when
    /// that was not asked.
    pub(super) stopped: Option<Option<String>>,
}

/// Something to write down.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Note {
    Progress(Progress),
    Hold(Hold),
}

/// The tasks.
#[derive(Default)]
pub(super) struct Jobs {
    tasks: JoinSet<Done>,
    about: HashMap<Id, Job>,
}

impl Jobs {
    pub(super) fn spawn(&mut self, job: Job, task: impl Future<Output = Done> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.about.insert(id, job);
    }

    /// The next one that is over; waits forever when there is none.
    pub(super) async fn next(&mut self) -> (Job, Result<Done, JoinError>) {
        loop {
            let Some(ended) = self.tasks.join_next_with_id().await else {
                return std::future::pending().await;
            };
            let (id, result) = match ended {
                Ok((id, done)) => (id, Ok(done)),
                Err(error) => (error.id(), Err(error)),
            };
            if let Some(job) = self.about.remove(&id) {
                return (job, result);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(super) fn any(&self, wanted: impl Fn(&Job) -> bool) -> bool {
        self.about.values().any(wanted)
    }

    /// Devices that are being changed or settled.
    pub(super) fn critical(&self) -> Vec<String> {
        let devices = self.about.values().filter_map(|job| match job {
            Job::Pass {
                device,
                granted: true,
                ..
            }
            | Job::Settle { device } => Some(device.clone()),
            Job::Refresh
            | Job::Pass { .. }
            | Job::Unfinished
            | Job::Check
            | Job::Write
            | Job::TriggerFile
            | Job::Tidy => None,
        });
        let mut devices: Vec<String> = devices.collect();
        devices.sort();
        devices
    }
}

/// Runs a store call on a blocking thread. A panic in it is an error text.
async fn blocking<T: Send + 'static>(
    store: Arc<SqliteStore>,
    call: impl FnOnce(&SqliteStore) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, String> {
    match tokio::task::spawn_blocking(move || call(&store)).await {
        Ok(result) => result.map_err(|error| chain(&error)),
        Err(error) => Err(format!("state: {error}")),
    }
}

/// Reads what people and other processes may have changed.
pub(super) async fn check(store: Arc<SqliteStore>, with_progress: bool) -> Checked {
    let read = blocking(store, move |store| {
        let progress = if with_progress {
            Some(store.get_meta(ROLLOUT_META)?)
        } else {
            None
        };
        Ok((store.holds()?, store.set_aside_pending()?, progress))
    });
    match read.await {
        Ok((holds, set_aside, progress)) => Checked {
            holds: Some(holds),
            progress: progress.map(read_progress),
            stopped: set_aside.map(|name| {
                Some(format!(
                    "the state file was damaged and set aside as `{name}` \
                     (see `netkeel accept`)"
                ))
            }),
        },
        Err(error) => Checked {
            stopped: Some(Some(error)),
            ..Checked::default()
        },
    }
}

/// A note nobody can read stops that revision's rollout nowhere, but begins it anew with
/// its first batch.
fn read_progress(text: Option<String>) -> Progress {
    text.and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// Writes something down.
pub(super) async fn write(store: Arc<SqliteStore>, note: Note) -> Result<(), String> {
    blocking(store, move |store| match note {
        Note::Hold(hold) => store.hold(&hold),
        Note::Progress(progress) => {
            let text = serde_json::to_string(&progress).unwrap_or_default();
            store.set_meta(ROLLOUT_META, &text)
        }
    })
    .await
}

/// All that is remembered of devices.
pub(super) async fn records(
    store: Arc<SqliteStore>,
) -> Result<Vec<crate::model::DeviceRecord>, String> {
    blocking(store, |store| store.devices()).await
}

/// Forgets what is too old.
pub(super) async fn tidy(store: Arc<SqliteStore>, now: jiff::Timestamp) {
    let forgotten = blocking(store, move |store| {
        store.forget_old(crate::store::Retention::default(), now)
    });
    match forgotten.await {
        Ok(gone) => tracing::debug!(
            attempts = gone.attempts.len(),
            configurations = gone.configs.len(),
            "old history is forgotten"
        ),
        Err(error) => tracing::warn!(error, "old history could not be forgotten"),
    }
}
