//! What commands share: the settings, the state, the clock, the person.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::args::Common;
use super::error::{CliError, Result};
use super::logging;
use super::ui::Ui;
use crate::controller::context::owner_name;
use crate::model::{Lease, Store as _};
use crate::settings::{Layers, Overrides, ProcessEnvironment, Settings};
use crate::store::SqliteStore;

/// How long a command waits for a device another process is at work on.
const LEASE_WAIT: Duration = Duration::from_secs(30);
/// How often it asks.
const LEASE_PAUSE: Duration = Duration::from_millis(200);
/// How long it may keep it for a change of the records alone.
const LEASE_TIME: Duration = Duration::from_secs(30);

/// One run of one command.
pub(crate) struct App {
    /// The terminal.
    pub(crate) ui: Ui,
    /// The common flags.
    pub(crate) common: Common,
}

impl App {
    /// Reads nothing yet.
    pub(crate) fn new(common: Common) -> Self {
        Self {
            ui: Ui::process(common.color, common.json),
            common,
        }
    }

    /// The settings, with the common flags; logging starts with them.
    pub(crate) fn settings(&self) -> Result<Arc<Settings>> {
        self.settings_with(self.common.overrides(), true)
    }

    /// The settings, with more flags than the common ones. `quiet` is for commands at a
    /// terminal: only warnings are logged.
    pub(crate) fn settings_with(&self, flags: Overrides, quiet: bool) -> Result<Arc<Settings>> {
        let layers = Layers {
            file: self.common.settings.clone(),
            working_folder: std::env::current_dir()?,
            flags,
        };
        let settings = layers.load(&ProcessEnvironment)?;
        logging::start(&settings.log, self.common.verbose, quiet)?;
        Ok(Arc::new(settings))
    }

    /// The state, made if there is none yet.
    pub(crate) fn store(&mut self, settings: &Settings) -> Result<Arc<SqliteStore>> {
        let opened = SqliteStore::open(&settings.state, self.now())?;
        if let Some(name) = opened.set_aside {
            self.ui.note(&format!(
                "the state file was damaged and is now `{name}`; Netkeel only observes until \
                 you run `netkeel accept state --why …`"
            ))?;
        }
        Ok(Arc::new(opened.store))
    }

    /// The state of a fleet that was looked at before.
    pub(crate) fn existing_store(&mut self, settings: &Settings) -> Result<Arc<SqliteStore>> {
        let file = settings.state.join("state.sqlite");
        if !file.exists() {
            return Err(CliError::usage(format!(
                "there is no state in `{}` yet",
                settings.state.display()
            ))
            .hint("`netkeel run` writes it; `--state DIR` says where it is"));
        }
        self.store(settings)
    }

    /// The clock.
    pub(crate) fn now(&self) -> Timestamp {
        now()
    }
}

/// The shell's clock: the one place that reads it for the commands.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// The login name of the person at the command; behind `sudo`, who they were before.
pub(crate) fn who() -> String {
    let named = ["SUDO_USER", "LOGNAME", "USER"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|name| !name.is_empty());
    named.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

/// Takes a device's lease, waiting a while for a daemon's pass to end.
pub(crate) async fn claim(store: &Arc<SqliteStore>, device: &str) -> Result<Lease> {
    let owner = owner_name();
    let deadline = tokio::time::Instant::now() + LEASE_WAIT;
    loop {
        if let Some(lease) = store.claim(device, &owner, LEASE_TIME, now())? {
            return Ok(lease);
        }
        if tokio::time::Instant::now() > deadline {
            return Err(CliError::failure(format!(
                "another Netkeel process is at work on `{device}`"
            ))
            .hint("try again when it is done; `netkeel history` shows what it does"));
        }
        tokio::time::sleep(LEASE_PAUSE).await;
    }
}

/// This program's own file, for children of the same binary.
pub(crate) fn this_program() -> Result<PathBuf> {
    std::env::current_exe()
        .map_err(|e| CliError::from(e).while_doing("this program's file cannot be found"))
}

/// Waits for the first SIGINT or SIGTERM.
pub(crate) async fn until_signal() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
