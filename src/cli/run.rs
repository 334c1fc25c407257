//! `netkeel run`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::app::App;
use super::error::{CliError, Result};
use super::exit::Exit;
use super::{fleet, repository, show, stage};
use crate::controller::daemon::Daemon;
use crate::controller::rollout::Waves;
use crate::controller::run::TRIGGERS;
use crate::controller::schedule::Limits;
use crate::controller::{
    self, Ended, Look, Parts, Reconciler, RunOptions, Stop, Trigger, board, on_signals, trigger,
};
use crate::http;
use crate::model::{FleetStatus, Store as _};
use crate::settings::{Overrides, Settings, parse_duration};
use crate::source::{Mirror, Watcher};
use crate::store::SqliteStore;

/// Follow the repository and the devices: the daemon.
///
/// Looks at every device at each interval, and at once when the branch moves (a local
/// repository is watched). Serves /metrics, /healthz, /readyz and /api/v1/devices. Devices
/// with `apply: auto` are brought in line, one first, then in growing waves.
///
/// Signals: the first SIGINT or SIGTERM starts nothing new and lets changes under way confirm
/// or undo; the second drops them and leaves them to the devices' own timers. SIGHUP looks at
/// everything now.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel run
  netkeel run --listen 0.0.0.0:9860 --interval 5m
  netkeel run --once --strict-data     # one pass over everything, for cron or CI")]
pub(crate) struct Args {
    /// Address to serve on [default: 127.0.0.1:9860].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// How often every device is looked at [default: 15m].
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    interval: Option<Duration>,
    /// One pass over every device, then end with the exit code of `netkeel status`.
    #[arg(long)]
    once: bool,
}

/// The loop turns every second; a minute without is a fault `/healthz` tells.
const MAX_SILENCE: Duration = Duration::from_secs(60);

/// Runs it.
pub(crate) async fn run(app: &mut App, args: Args) -> Result<Exit> {
    let flags = Overrides {
        listen: args.listen,
        interval: args.interval,
        ..app.common.overrides()
    };
    let settings = app.settings_with(flags, false)?;
    let filter = app.filter()?;
    let (ctx, store) = app.daemon_context(&settings)?;
    tell_status(&store, &settings);
    let spec = repository::source_spec(&settings)?;
    let watched = local_path(&spec.url);
    let mirror = stage::blocking(move || Mirror::open(spec))
        .await?
        .map_err(repository::source_error)?;
    let daemon = Arc::new(Daemon::new(Arc::clone(&ctx), mirror, filter));
    let (board, handle) = board(MAX_SILENCE);
    let (triggers, waiting) = mpsc::channel(TRIGGERS);
    let stop = Stop::new();
    // Held until the end: dropping it ends the watch.
    let _watcher = if args.once {
        None
    } else {
        watch(watched.as_deref(), &triggers)
    };
    let parts = Parts {
        reconciler: Arc::clone(&daemon) as Arc<dyn Reconciler>,
        reporter: ctx.reporter.clone(),
        store,
        board,
    };
    let mut beside: JoinSet<()> = JoinSet::new();
    beside.spawn(on_signals(stop.clone(), triggers)?);
    let closing = CancellationToken::new();
    if !args.once || args.listen.is_some() {
        let listener = listen(&settings).await?;
        app.ui
            .note(&format!("listening on http://{}", listener.local_addr()?))?;
        let (closing, reporter) = (closing.clone(), ctx.reporter.clone());
        let shutdown = async move { closing.cancelled().await };
        beside.spawn(http::serve(listener, handle.clone(), reporter, shutdown));
    }
    let options = options(&settings, args.once);
    let ended = controller::run(parts, options, waiting, stop.clone()).await;
    closing.cancel();
    beside.shutdown().await;
    let exit = if daemon.is_unusable() {
        Exit::Usage
    } else {
        Exit::Failure
    };
    let ended = ended.map_err(|error| CliError::failure(error).with_exit(exit))?;
    if args.once && ended == Ended::Stopped {
        return Ok(Exit::Interrupted);
    }
    finish(app, ended, &handle.status(), stop.is_asked())
}

/// Notes for `netkeel status` when our verdicts are too old.
fn tell_status(store: &SqliteStore, settings: &Settings) {
    let stale_after = settings.run.stale_after().as_secs().to_string();
    if let Err(error) = store.set_meta(fleet::STALE_META, &stale_after) {
        let error = super::error::one_line(&error);
        tracing::warn!(error, "`netkeel status` may take other verdicts for stale");
    }
}

fn finish(app: &mut App, ended: Ended, status: &FleetStatus, asked: bool) -> Result<Exit> {
    match ended {
        Ended::Once if !asked => {
            if app.ui.json {
                app.ui.document(status)?;
            } else {
                let text = show::status::fleet(status, app.now(), app.ui.paint(), app.ui.width());
                app.ui.print(&text)?;
            }
            Ok(show::status::exit(status, &app.common))
        }
        Ended::Once => Ok(Exit::Interrupted),
        Ended::Stopped => Ok(Exit::Fine),
        Ended::Dropped(devices) => {
            let names = devices.join(", ");
            app.ui.note(&format!(
                "left in the middle of a change: {names}; the next start settles them"
            ))?;
            Ok(Exit::Interrupted)
        }
    }
}

async fn listen(settings: &Settings) -> Result<TcpListener> {
    let address = settings.run.listen;
    TcpListener::bind(address).await.map_err(|e| {
        CliError::from(e)
            .while_doing(format!("cannot listen on {address}"))
            .hint("`--listen ADDRESS` (port 0 takes a free one)")
    })
}

fn options(settings: &Settings, once: bool) -> RunOptions {
    let run = &settings.run;
    RunOptions {
        interval: run.interval,
        poll: settings.repository.poll,
        debounce: run.debounce,
        retry_first: run.retry_first,
        retry_most: run.retry_most,
        stale_after: run.stale_after,
        grace: run.grace,
        limits: Limits {
            total: settings.limits.concurrency,
            site: settings.limits.per_site,
            jump: settings.limits.per_jump,
        },
        waves: Waves {
            enabled: settings.rollout.enabled,
            first: settings.rollout.first,
            growth: settings.rollout.growth,
        },
        once,
        seed: rand::random(),
        trigger_file: Some(settings.state.join(trigger::FILE)),
        now: Arc::new(super::app::now),
    }
}

/// The folder of a local repository.
fn local_path(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("file://").unwrap_or(url);
    Path::new(path).is_dir().then(|| PathBuf::from(path))
}

/// Looks again as soon as a local repository moves. Without it polling finds out later.
fn watch(path: Option<&Path>, triggers: &mpsc::Sender<Trigger>) -> Option<Watcher> {
    let triggers = triggers.clone();
    let look_again = move || {
        // A full queue is on its way to look anyway.
        drop(triggers.try_send(Trigger::new(Look::Repository, "repository changed")));
    };
    match Watcher::with(path?, look_again) {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::warn!(error = %super::error::one_line(&error), "not watched, only polled");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_folders_are_watched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        assert_eq!(local_path(&path).as_deref(), Some(folder.path()));
        assert_eq!(
            local_path(&format!("file://{path}")).as_deref(),
            Some(folder.path())
        );
        for url in ["https://git.example.net/x", "git@host:x", "/nowhere/at/all"] {
            assert_eq!(local_path(url), None, "{url}");
        }
    }

    #[test]
    fn the_settings_reach_the_loop() {
        let mut settings = Settings::default();
        settings.run.interval = Duration::from_secs(7);
        settings.limits.per_jump = 3;
        settings.rollout.first = 2;
        let options = options(&settings, true);
        assert_eq!(options.interval, Duration::from_secs(7));
        assert_eq!(options.limits.jump, 3);
        assert_eq!(options.waves.first, 2);
        assert!(options.once);
    }
}
