//! From the name of a secret to its value, for those that may have it.
//!
//! The repository says names; only the controller's own settings say what a name means and
//! to whom it goes. A value is read when it is first needed, and kept in memory for a few
//! minutes, so that a password manager is asked once per pass over the fleet, and a daemon
//! sees a changed password all the same.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use globset::Glob;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::types::{Permitted, SecretOrigin, SecretSettings, Settings};
use crate::model::{SecretError, SecretName, SecretSource, SecretText};

/// Nothing that is a password, a token or a key is larger.
const MAX_SECRET: u64 = 64 << 10;
/// A password manager that asks a person on a terminal would wait for ever.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a value (or that there is none) is believed.
const KEEP: Duration = Duration::from_secs(300);

/// Since when, and a value or why there is none.
type Kept = (Instant, Result<SecretText, SecretError>);

/// The secrets of the settings.
pub struct SettingsSecrets {
    secrets: BTreeMap<SecretName, SecretSettings>,
    timeout: Duration,
    cache: Mutex<BTreeMap<SecretName, Kept>>,
}

impl fmt::Debug for SettingsSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.secrets.keys()).finish()
    }
}

impl SettingsSecrets {
    /// The secrets these settings define. Reads nothing yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            secrets: settings.secrets.clone(),
            timeout: COMMAND_TIMEOUT,
            cache: Mutex::default(),
        }
    }

    /// The same, with another patience for commands.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Resolves a secret for the Git server. It must be permitted by `git: true`; a device
    /// cannot get at it by being called "git".
    ///
    /// # Errors
    /// When it is unknown, not permitted, unreadable or empty.
    pub fn resolve_for_git(&self, name: &SecretName) -> Result<SecretText, SecretError> {
        self.permitted(name, "the Git server", |to| to.git)
    }

    /// Resolves a secret that the controller itself uses (the passphrase of its own key
    /// file): it is sent to nobody.
    ///
    /// # Errors
    /// When it is unknown, unreadable or empty.
    pub fn resolve_own(&self, name: &SecretName) -> Result<SecretText, SecretError> {
        self.permitted(name, "the controller", |_| true)
    }

    /// Forgets what was read, so that a changed secret is seen (the daemon does this when
    /// it is told to look at its surroundings again).
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn permitted(
        &self,
        name: &SecretName,
        who: &str,
        may: impl FnOnce(&Permitted) -> bool,
    ) -> Result<SecretText, SecretError> {
        let secret = self
            .secrets
            .get(name)
            .ok_or_else(|| SecretError::Unknown(name.clone()))?;
        if !may(&secret.to) {
            return Err(SecretError::NotPermitted {
                name: name.clone(),
                device: who.to_owned(),
            });
        }
        // The lock is held while a command runs: sixty-four workers that need one password
        // at once must not start sixty-four password managers.
        let mut cache = self.lock();
        if let Some((since, kept)) = cache.get(name)
            && since.elapsed() < KEEP
        {
            return kept.clone();
        }
        let read = self.read(&secret.origin);
        let read = read.map_err(|why| SecretError::Unreadable {
            name: name.clone(),
            why,
        });
        cache.insert(name.clone(), (Instant::now(), read.clone()));
        read
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<SecretName, Kept>> {
        self.cache
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn read(&self, origin: &SecretOrigin) -> Result<SecretText, String> {
        let bytes = match origin {
            SecretOrigin::File(path) => from_file(path)?,
            SecretOrigin::Env(variable) => from_variable(variable)?,
            SecretOrigin::Command(words) => from_command(words, self.timeout)?,
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        Ok(SecretText::new(text))
    }
}

impl SecretSource for SettingsSecrets {
    fn resolve(
        &self,
        name: &SecretName,
        device: &str,
        groups: &[String],
    ) -> Result<SecretText, SecretError> {
        self.permitted(name, device, |to| may_have(to, device, groups))
    }
}

fn may_have(to: &Permitted, device: &str, groups: &[String]) -> bool {
    to.all
        || to.groups.iter().any(|group| groups.contains(group))
        || to.hosts.iter().any(|glob| {
            // Checked when the settings were read; one that does not compile permits nobody.
            Glob::new(glob).is_ok_and(|glob| glob.compile_matcher().is_match(device))
        })
}

type Bytes = Zeroizing<Vec<u8>>;

fn from_file(path: &Path) -> Result<Bytes, String> {
    let shown = path.display();
    let failed = |e: std::io::Error| format!("file `{shown}`: {e}");
    let about = std::fs::metadata(path).map_err(failed)?;
    if !about.is_file() {
        return Err(format!("`{shown}` is not a file"));
    }
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(format!(
            "file `{shown}` is open to everybody (mode {mode:04o}); `chmod o-rwx` it"
        ));
    }
    let file = std::fs::File::open(path).map_err(failed)?;
    limited(file)
        .map_err(failed)?
        .ok_or_else(|| format!("file `{shown}` is larger than 64 KiB"))
}

fn from_variable(variable: &str) -> Result<Bytes, String> {
    let value = std::env::var(variable)
        .map_err(|_| format!("environment variable `{variable}` is not set"))?;
    Ok(Zeroizing::new(value.into_bytes()))
}

/// Reads up to the limit; `None` if there is more.
fn limited(from: impl std::io::Read) -> std::io::Result<Option<Bytes>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    from.take(MAX_SECRET + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= MAX_SECRET).then_some(bytes))
}

/// Runs a program for its output. What it prints to standard error is not shown: nobody
/// knows whether there is a secret in it.
fn from_command(words: &[String], timeout: Duration) -> Result<Bytes, String> {
    let (program, arguments) = words.split_first().ok_or("`command` is empty")?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|e| format!("command `{program}`: {e}"))?;
    let group = rustix::process::Pid::from_child(&child);
    let (sender, receiver) = sync_channel(1);
    std::thread::spawn(move || {
        // Nobody listens any more if this took too long.
        drop(sender.send(collect(child)));
    });
    match receiver.recv_timeout(timeout) {
        Ok(Ok((status, Some(output)))) if status.success() => Ok(output),
        Ok(Ok((_, None))) => Err(format!("command `{program}` prints more than 64 KiB")),
        Ok(Ok((status, Some(_)))) => Err(format!("command `{program}` failed: {status}")),
        Ok(Err(e)) => Err(format!("command `{program}`: {e}")),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            // It may have ended this very moment; then there is nothing to kill.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            Err(format!(
                "command `{program}` did not end within {}",
                super::units::format_duration(timeout)
            ))
        }
    }
}

fn collect(mut child: Child) -> std::io::Result<(ExitStatus, Option<Bytes>)> {
    let output = match child.stdout.take() {
        Some(pipe) => limited(pipe)?,
        None => Some(Bytes::default()),
    };
    if output.is_none() {
        child.kill()?;
    }
    Ok((child.wait()?, output))
}
