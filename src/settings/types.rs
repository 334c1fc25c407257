//! Every setting, with its meaning, unit and default.
//!
//! The structs are the format of the file as well: a key that is not here is refused.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::units;
use crate::model::SecretName;

/// Everything the controller is told about itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The file these settings came from, if there was one.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// Which repository.
    pub repository: RepositorySettings,
    /// Folder of state, history and the Git mirror. Default: `/var/lib/netkeel` for root,
    /// otherwise `$XDG_STATE_HOME/netkeel` (`~/.local/state/netkeel`).
    pub state: PathBuf,
    /// What the names of secrets mean, and who may have them.
    #[serde(deserialize_with = "super::written::unique_map")]
    pub secrets: BTreeMap<SecretName, SecretSettings>,
    /// How devices are logged in to.
    pub ssh: SshSettings,
    /// How many at once.
    pub limits: LimitSettings,
    /// Patience with devices.
    pub device: DeviceSettings,
    /// The daemon.
    pub run: RunSettings,
    /// What rendering may use.
    pub rendering: RenderSettings,
    /// How a revision reaches the fleet.
    pub rollout: RolloutSettings,
    /// When we stop ourselves.
    pub rails: RailSettings,
    /// Changing devices.
    pub apply: ApplySettings,
    /// Our own log.
    pub log: LogSettings,
}

/// Which repository, and how to get at it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RepositorySettings {
    /// Local path, `file://`, `https://`, `ssh://` or `user@host:path`.
    pub url: Option<String>,
    /// Branch or tag to follow. Default `main`.
    #[serde(rename = "ref")]
    pub reference: String,
    /// User name for https, or login for ssh.
    pub username: Option<String>,
    /// Name of the secret that holds the https password or token.
    pub token: Option<SecretName>,
    /// Private key file for ssh.
    pub key_file: Option<PathBuf>,
    /// Name of the secret that holds the key's passphrase.
    pub key_passphrase: Option<SecretName>,
    /// `known_hosts` for ssh; the user's own if absent.
    pub known_hosts: Option<PathBuf>,
    /// PEM file of certificate authorities for https; the system's own if absent.
    pub ca_file: Option<PathBuf>,
    /// No Git operation takes longer. Default 60 s.
    #[serde(deserialize_with = "units::some_time")]
    pub timeout: Duration,
    /// How often the branch is looked at. A local repository is also watched. Default 1 min.
    #[serde(deserialize_with = "units::some_time")]
    pub poll: Duration,
    /// Largest file, in bytes. Default 8 MiB.
    #[serde(deserialize_with = "units::bytes")]
    pub max_file: u64,
    /// Largest sum of all files, in bytes. Default 256 MiB.
    #[serde(deserialize_with = "units::bytes")]
    pub max_total: u64,
}

impl Default for RepositorySettings {
    fn default() -> Self {
        Self {
            url: None,
            reference: "main".to_owned(),
            username: None,
            token: None,
            key_file: None,
            key_passphrase: None,
            known_hosts: None,
            ca_file: None,
            timeout: Duration::from_secs(60),
            poll: Duration::from_secs(60),
            max_file: 8 << 20,
            max_total: 256 << 20,
        }
    }
}

/// What the name of a secret means: exactly one of `file`, `env`, `command`; and `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSettings {
    /// Where the value is.
    pub origin: SecretOrigin,
    /// Who may have it.
    pub to: Permitted,
}

/// Where a secret's value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretOrigin {
    /// The content of a file, without its last line end. Not readable by everybody.
    File(PathBuf),
    /// An environment variable of the controller.
    Env(String),
    /// What a program prints, without its last line end. A list of arguments, no shell.
    Command(Vec<String>),
}

/// Who may have a secret. Nobody, unless said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permitted {
    /// Every device.
    pub all: bool,
    /// Globs over inventory names.
    pub hosts: Vec<String>,
    /// Inventory groups.
    pub groups: Vec<String>,
    /// The Git server. No device gets in this way, whatever it is called.
    pub git: bool,
}

/// What happens with a host key that is not known yet. A changed key is refused always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostKeys {
    /// Refused.
    #[default]
    Strict,
    /// Accepted the first time and written to `known_hosts`.
    AcceptNew,
}

/// How devices are logged in to, where the inventory does not say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SshSettings {
    /// Known host keys. Default `~/.ssh/known_hosts`.
    pub known_hosts: Option<PathBuf>,
    /// What happens with unknown ones. Default `strict`.
    pub host_keys: HostKeys,
    /// Login name, if the inventory has none.
    pub username: Option<String>,
    /// Private key file, if the inventory has none.
    pub key_file: Option<PathBuf>,
    /// Name of the secret that holds the key's passphrase.
    pub key_passphrase: Option<SecretName>,
    /// OpenSSH client configuration to honour; none if absent.
    pub ssh_config: Option<PathBuf>,
    /// Folder for a transcript of every session (secrets masked); none if absent.
    pub session_log: Option<PathBuf>,
}

/// How many attempts at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// In all. Default 64.
    #[serde(deserialize_with = "units::positive")]
    pub concurrency: usize,
    /// Per site. Default 32.
    #[serde(deserialize_with = "units::positive")]
    pub per_site: usize,
    /// Per jump host. Default 8.
    #[serde(deserialize_with = "units::positive")]
    pub per_jump: usize,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            concurrency: 64,
            per_site: 32,
            per_jump: 8,
        }
    }
}

/// Patience with devices.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceSettings {
    /// Longest wait for a connection and login. Default 20 s.
    #[serde(deserialize_with = "units::some_time")]
    pub connect_timeout: Duration,
    /// Longest silence while a command runs. Default 60 s.
    #[serde(deserialize_with = "units::some_time")]
    pub silence_timeout: Duration,
}

impl Default for DeviceSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(20),
            silence_timeout: Duration::from_secs(60),
        }
    }
}

/// The daemon.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunSettings {
    /// Address of `/metrics`, `/healthz`, `/readyz`, `/api`. Default `127.0.0.1:9860`.
    pub listen: SocketAddr,
    /// Every device is looked at this often. Default 15 min.
    #[serde(deserialize_with = "units::some_time")]
    pub interval: Duration,
    /// Triggers that come within this time of each other are one. Default 200 ms.
    #[serde(deserialize_with = "units::duration")]
    pub debounce: Duration,
    /// After the first signal, attempts under way have this long to confirm or undo.
    /// Default 1 min.
    #[serde(deserialize_with = "units::duration")]
    pub grace: Duration,
    /// A verdict older than this is `unknown`. Default: two and a half intervals.
    #[serde(deserialize_with = "units::optional_duration")]
    pub stale_after: Option<Duration>,
    /// First wait after a failure; doubles each time. Default 30 s.
    #[serde(deserialize_with = "units::some_time")]
    pub retry_first: Duration,
    /// Longest wait after failures. Default 15 min.
    #[serde(deserialize_with = "units::duration")]
    pub retry_most: Duration,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9860)),
            interval: Duration::from_secs(15 * 60),
            debounce: Duration::from_millis(200),
            grace: Duration::from_secs(60),
            stale_after: None,
            retry_first: Duration::from_secs(30),
            retry_most: Duration::from_secs(15 * 60),
        }
    }
}

impl RunSettings {
    /// When a verdict is too old to be told: `stale_after`, or two and a half intervals.
    #[must_use]
    pub fn stale_after(&self) -> Duration {
        self.stale_after.unwrap_or(self.interval * 5 / 2)
    }
}

/// What the evaluator's child may use. Templates come from whoever can open a pull request.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RenderSettings {
    /// Address space of the child, in bytes. Default 512 MiB.
    #[serde(deserialize_with = "units::bytes")]
    pub memory: u64,
    /// CPU time of the child. Default 60 s.
    #[serde(deserialize_with = "units::some_time")]
    pub cpu: Duration,
    /// Wall-clock time per device. Default 30 s.
    #[serde(deserialize_with = "units::some_time")]
    pub wall: Duration,
    /// Steps of the template engine per device. Default 50,000,000.
    pub fuel: u64,
    /// Largest rendered text, in bytes. Default 16 MiB.
    #[serde(deserialize_with = "units::bytes")]
    pub max_output: u64,
}

impl Default for RenderSettings {
    fn default() -> Self {
        Self {
            memory: 512 << 20,
            cpu: Duration::from_secs(60),
            wall: Duration::from_secs(30),
            fuel: 50_000_000,
            max_output: 16 << 20,
        }
    }
}

/// How a revision reaches the fleet when the daemon applies it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RolloutSettings {
    /// Waves at all. Without them every device of a revision may go at once. Default true.
    pub enabled: bool,
    /// Devices of the first wave. Default 1.
    #[serde(deserialize_with = "units::positive")]
    pub first: usize,
    /// Each wave is this many times as large as the one before. Default 4.
    #[serde(deserialize_with = "units::positive")]
    pub growth: usize,
}

impl Default for RolloutSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            first: 1,
            growth: 4,
        }
    }
}

/// When we stop ourselves.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RailSettings {
    /// This many reversals of one section stop applies on that device. Default 2.
    #[serde(deserialize_with = "units::positive")]
    pub contested_after: usize,
    /// … within this time. Default 1 day.
    #[serde(deserialize_with = "units::duration")]
    pub contested_within: Duration,
    /// This many refused logins in a row on one credential stop all logins with it.
    /// Default 3.
    #[serde(deserialize_with = "units::positive")]
    pub refused_logins: usize,
}

impl Default for RailSettings {
    fn default() -> Self {
        Self {
            contested_after: 2,
            contested_within: Duration::from_secs(24 * 3600),
            refused_logins: 3,
        }
    }
}

/// Whether we may save when running differed from startup before our change: saving would
/// make somebody's unsaved work permanent too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SaveUnsaved {
    /// Such a device is not changed until somebody has saved or reloaded it.
    Never,
    /// Change it and save everything.
    Save,
    /// Change it, do not save, and report it.
    #[default]
    LeaveUnsaved,
}

/// Changing devices.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApplySettings {
    /// What happens when running differed from startup beforehand. Default `leave-unsaved`.
    pub save_unsaved: SaveUnsaved,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Our own log, on standard error.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// Text or JSON. Default `text`.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as
    /// `info,netkeel::device=debug`. Default `info`.
    pub level: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: "info".to_owned(),
        }
    }
}
