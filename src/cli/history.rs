//! `netkeel history`

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::app::App;
use super::error::{CliError, Result};
use super::exit::Exit;
use super::show::{self, diff};
use crate::model::{Attempt, ConfigKind, Fingerprint, Store as _};
use crate::store::SqliteStore;

/// Show what was done to a device and how its configuration changed.
///
/// A point in time AT is `now`, `intended` (what was last applied), an attempt (what was
/// there after it; the beginning of its id is enough), `before:ATTEMPT`, a configuration's
/// hash as listed, or a time such as 2026-11-20T12:00:00Z.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  netkeel history r1
  netkeel history r1 --diff before:019b now
  netkeel history r1 --show 2026-11-20T12:00:00Z
  netkeel history r1 --json | jq '.attempts[0].outcome'")]
pub(crate) struct Args {
    /// The device.
    #[arg(value_name = "HOST")]
    host: String,
    /// Compare the configurations of two points in time.
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with = "show")]
    diff: Option<Vec<String>>,
    /// Print the configuration of one point in time; secrets are sealed.
    #[arg(long, value_name = "AT")]
    show: Option<String>,
    /// How many attempts and changes at most.
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,
}

/// Runs it.
pub(crate) fn run(app: &mut App, args: &Args) -> Result<Exit> {
    let settings = app.settings()?;
    let store = app.existing_store(&settings)?;
    if store.device(&args.host)?.is_none() {
        return Err(
            CliError::usage(format!("`{}` is not known here", args.host))
                .hint("`netkeel status` lists the devices"),
        );
    }
    let book = Book {
        store,
        host: &args.host,
    };
    if let Some(at) = &args.show {
        let text = book.text(at)?;
        if app.ui.json {
            let document = json!({
                "schema": 1, "device": book.host, "at": at, "configuration": text,
            });
            app.ui.document(&document)?;
        } else {
            app.ui.print(&text)?;
        }
        return Ok(Exit::Fine);
    }
    if let Some([a, b]) = args
        .diff
        .as_deref()
        .and_then(|pair| <&[String; 2]>::try_from(pair).ok())
    {
        let text = diff::unified(&book.text(a)?, &book.text(b)?, (a, b));
        if app.ui.json {
            let document = json!({
                "schema": 1, "device": book.host, "from": a, "to": b, "diff": text,
            });
            app.ui.document(&document)?;
        } else {
            let text = diff::painted(&text, app.ui.paint());
            app.ui.print(&text)?;
        }
        let changed = app.common.detailed_exitcode && !text.is_empty();
        return Ok(if changed { Exit::Changes } else { Exit::Fine });
    }
    list(app, &book, args.limit)
}

fn list(app: &mut App, book: &Book<'_>, limit: usize) -> Result<Exit> {
    let attempts = book.store.history(book.host, limit)?;
    let seen = book
        .store
        .config_history(book.host, ConfigKind::Running, limit)?;
    if app.ui.json {
        let seen: Vec<_> = seen
            .iter()
            .map(|(at, hash)| json!({"at": at, "config": hash}))
            .collect();
        let document = json!({
            "schema": 1, "device": book.host, "attempts": attempts, "configurations": seen,
        });
        app.ui.document(&document)?;
    } else {
        let (now, paint) = (app.now(), app.ui.paint());
        let verbose = app.common.verbose > 0;
        let text = show::history::device(book.host, &attempts, &seen, now, paint, verbose);
        app.ui.print(&text)?;
    }
    Ok(Exit::Fine)
}

/// The history of one device.
struct Book<'a> {
    store: Arc<SqliteStore>,
    host: &'a str,
}

/// Far more than is kept.
const ALL: usize = 100_000;
/// Attempts looked at when one is named.
const RECENT: usize = 1_000;

impl Book<'_> {
    /// The stored text of a point in time.
    fn text(&self, at: &str) -> Result<String> {
        let hash = self.find(at)?.ok_or_else(|| {
            CliError::usage(format!("`{}` has no configuration for `{at}`", self.host)).hint(
                format!("`netkeel history {}` lists what there is", self.host),
            )
        })?;
        let text = self.store.config(&hash)?;
        text.ok_or_else(|| {
            CliError::failure(format!("configuration {} is no longer kept", hash.short()))
        })
    }

    fn find(&self, at: &str) -> Result<Option<Fingerprint>> {
        let record = self.store.device(self.host)?.unwrap_or_default();
        match at {
            "now" => return Ok(record.running),
            "intended" => return Ok(record.applied_config),
            _ => {}
        }
        if let Ok(time) = at.parse::<Timestamp>() {
            let seen = self
                .store
                .config_history(self.host, ConfigKind::Running, ALL)?;
            return Ok(seen
                .into_iter()
                .find(|(then, _)| *then <= time)
                .map(|(_, hash)| hash));
        }
        let (id, before) = match at.strip_prefix("before:") {
            Some(id) => (id, true),
            None => (at, false),
        };
        if let Some(attempt) = self.attempt(id)? {
            return Ok(if before {
                attempt.before
            } else {
                attempt.after
            });
        }
        self.by_hash(at)
    }

    fn attempt(&self, prefix: &str) -> Result<Option<Attempt>> {
        let attempts = self.store.history(self.host, RECENT)?;
        one_of(attempts, prefix, |attempt| attempt.id.0.as_str())
    }

    fn by_hash(&self, prefix: &str) -> Result<Option<Fingerprint>> {
        let mut hashes = Vec::new();
        for kind in [ConfigKind::Running, ConfigKind::Intended] {
            let seen = self.store.config_history(self.host, kind, ALL)?;
            hashes.extend(seen.into_iter().map(|(_, hash)| hash));
        }
        hashes.sort();
        hashes.dedup();
        one_of(hashes, prefix, Fingerprint::as_str)
    }
}

/// The one item whose name begins so.
fn one_of<T>(items: Vec<T>, prefix: &str, name: impl Fn(&T) -> &str) -> Result<Option<T>> {
    const SHORTEST: usize = 4;
    let mut found = items
        .into_iter()
        .filter(|item| name(item).starts_with(prefix));
    let first = found.next().filter(|_| prefix.len() >= SHORTEST);
    match (&first, found.next()) {
        (Some(_), Some(_)) => Err(
            CliError::usage(format!("`{prefix}` may mean several things")).hint("give more of it"),
        ),
        (Some(_) | None, _) => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::show::history::tests::attempt;
    use crate::model::DeviceRecord;

    fn filled() -> (tempfile::TempDir, Arc<SqliteStore>, [Fingerprint; 2]) {
        let folder = tempfile::tempdir().expect("a folder");
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().expect("a time");
        let store = SqliteStore::open(folder.path(), now)
            .expect("a store")
            .store;
        let lease = store.claim("r1", "test", Duration::from_secs(60), now);
        let lease = lease.expect("a store").expect("a lease");
        let old = store.put_config("hostname old\n").expect("stored");
        let new = store.put_config("hostname new\n").expect("stored");
        for (hash, at) in [
            (&old, "2026-11-20T10:00:00Z"),
            (&new, "2026-11-20T11:00:00Z"),
        ] {
            let at = at.parse().expect("a time");
            store
                .record_config("r1", ConfigKind::Running, hash, at)
                .expect("recorded");
        }
        let mut done = attempt("r1", "019b-abc");
        done.before = Some(old.clone());
        done.after = Some(new.clone());
        done.epoch = lease.epoch;
        store.begin(&lease, &done).expect("begun");
        store.finish(&lease, &done).expect("finished");
        let mut record = DeviceRecord {
            running: Some(new.clone()),
            ..DeviceRecord::default()
        };
        record.status.name = "r1".into();
        store.save_device(&lease, &record).expect("saved");
        (folder, Arc::new(store), [old, new])
    }

    #[test]
    fn points_in_time_have_many_names() {
        let (_folder, store, [old, new]) = filled();
        let book = Book { store, host: "r1" };
        for (at, text) in [
            ("now", "hostname new\n"),
            ("019b-abc", "hostname new\n"),
            ("019b", "hostname new\n"),
            ("before:019b", "hostname old\n"),
            ("2026-11-20T10:30:00Z", "hostname old\n"),
            ("2026-11-20T11:00:00Z", "hostname new\n"),
            (old.short(), "hostname old\n"),
            (new.as_str(), "hostname new\n"),
        ] {
            assert_eq!(book.text(at).unwrap(), text, "{at}");
        }
        for at in ["2026-11-20T09:00:00Z", "intended", "nothing-like-it", ""] {
            let error = book.text(at).unwrap_err();
            assert!(error.text().contains("has no configuration for"), "{at}");
        }
    }
}
