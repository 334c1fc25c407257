//! Finding the file, and laying file, environment and flags over the defaults.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::check::check;
use super::problem::{Problem, SettingsError, from_yaml};
use super::types::{LogFormat, SecretOrigin, Settings};
use super::units::parse_duration;

/// Looked for in the working folder first.
pub const WORKING_FILE: &str = "netkeel.yaml";
/// Looked for next.
pub const SYSTEM_FILE: &str = "/etc/netkeel/netkeel.yaml";

/// The environment variables that count, and what each is.
pub const VARIABLES: [(&str, &str); 8] = [
    ("NETKEEL_SETTINGS", "settings file, as --settings"),
    ("NETKEEL_REPO", "repository, as --repo"),
    ("NETKEEL_REF", "branch or tag, as --ref"),
    ("NETKEEL_STATE", "state folder, as --state"),
    ("NETKEEL_LISTEN", "address of `run`, as --listen"),
    ("NETKEEL_INTERVAL", "interval of `run`, as --interval"),
    ("NETKEEL_LOG", "log level or directives, as log.level"),
    ("NETKEEL_LOG_FORMAT", "text or json, as --log-format"),
];

/// What a process is told by its surroundings; a trait, so that tests need none.
pub trait Environment {
    /// A variable that is set and not empty.
    fn var(&self, name: &str) -> Option<String>;
    /// True for the super-user.
    fn is_root(&self) -> bool;
}

/// The real surroundings.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
    fn is_root(&self) -> bool {
        rustix::process::geteuid().is_root()
    }
}

/// What flags (or variables) set; `None` leaves the layer below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--repo`
    pub repository: Option<String>,
    /// `--ref`
    pub reference: Option<String>,
    /// `--state`
    pub state: Option<PathBuf>,
    /// `--listen`
    pub listen: Option<SocketAddr>,
    /// `--interval`
    pub interval: Option<Duration>,
    /// `--log-format`
    pub log_format: Option<LogFormat>,
    /// `-v`, or `NETKEEL_LOG`
    pub log_level: Option<String>,
}

/// Where the settings come from.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// `--settings FILE`; must exist.
    pub file: Option<PathBuf>,
    /// Where the program was started.
    pub working_folder: PathBuf,
    /// The flags.
    pub flags: Overrides,
}

impl Layers {
    /// Defaults < file < environment < flags, checked.
    ///
    /// # Errors
    /// A named file that cannot be read; every fault found in the values.
    pub fn load(&self, environment: &dyn Environment) -> Result<Settings, SettingsError> {
        let mut settings = match self.find(environment) {
            Some(path) => read(&path, environment)?,
            None => Settings::default(),
        };
        let (variables, mut problems) = variables(environment);
        variables.over(&mut settings);
        self.flags.over(&mut settings);
        if settings.state.as_os_str().is_empty() {
            match default_state(environment) {
                Some(folder) => settings.state = folder,
                None => problems.push(
                    Problem::new("state", "there is no home folder to keep state in")
                        .with_hint("say where: `--state DIR`"),
                ),
            }
        }
        problems.extend(check(&settings));
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(SettingsError::Invalid(problems))
        }
    }

    fn find(&self, environment: &dyn Environment) -> Option<PathBuf> {
        let named = self
            .file
            .clone()
            .or_else(|| environment.var("NETKEEL_SETTINGS").map(PathBuf::from));
        named.or_else(|| {
            [
                self.working_folder.join(WORKING_FILE),
                PathBuf::from(SYSTEM_FILE),
            ]
            .into_iter()
            .find(|path| path.is_file())
        })
    }
}

impl Overrides {
    fn over(&self, settings: &mut Settings) {
        fn set<T: Clone>(to: &mut T, from: Option<&T>) {
            if let Some(value) = from {
                to.clone_from(value);
            }
        }
        if self.repository.is_some() {
            settings.repository.url.clone_from(&self.repository);
        }
        set(&mut settings.repository.reference, self.reference.as_ref());
        set(&mut settings.state, self.state.as_ref());
        set(&mut settings.run.listen, self.listen.as_ref());
        set(&mut settings.run.interval, self.interval.as_ref());
        set(&mut settings.log.format, self.log_format.as_ref());
        set(&mut settings.log.level, self.log_level.as_ref());
    }
}

fn variables(environment: &dyn Environment) -> (Overrides, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut bad = |name: &str, why: String| problems.push(Problem::new(name, why));
    let listen = environment.var("NETKEEL_LISTEN").and_then(|text| {
        let parsed = text.parse();
        parsed
            .map_err(|_| bad("NETKEEL_LISTEN", format!("`{text}` is not an ADDRESS:PORT")))
            .ok()
    });
    let interval = environment.var("NETKEEL_INTERVAL").and_then(|text| {
        parse_duration(&text)
            .map_err(|why| bad("NETKEEL_INTERVAL", why))
            .ok()
    });
    let log_format = environment
        .var("NETKEEL_LOG_FORMAT")
        .and_then(|text| match text.as_str() {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => {
                bad(
                    "NETKEEL_LOG_FORMAT",
                    format!("`{text}` is neither `text` nor `json`"),
                );
                None
            }
        });
    let overrides = Overrides {
        repository: environment.var("NETKEEL_REPO"),
        reference: environment.var("NETKEEL_REF"),
        state: environment.var("NETKEEL_STATE").map(PathBuf::from),
        listen,
        interval,
        log_format,
        log_level: environment.var("NETKEEL_LOG"),
    };
    (overrides, problems)
}

fn default_state(environment: &dyn Environment) -> Option<PathBuf> {
    if environment.is_root() {
        return Some(PathBuf::from("/var/lib/netkeel"));
    }
    let state = environment.var("XDG_STATE_HOME").map(PathBuf::from);
    let home = || {
        environment
            .var("HOME")
            .map(|home| Path::new(&home).join(".local/state"))
    };
    Some(
        state
            .filter(|path| path.is_absolute())
            .or_else(home)?
            .join("netkeel"),
    )
}

fn read(path: &Path, environment: &dyn Environment) -> Result<Settings, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Read {
        path: path.to_owned(),
        source,
    })?;
    let mut settings = parse(&path.display().to_string(), &text)?;
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    settings.file = Some(path.to_owned());
    let home = environment.var("HOME").map(PathBuf::from);
    resolve_paths(&mut settings, &folder, home.as_deref());
    Ok(settings)
}

/// Reads the text of a settings file; paths in it stay as written.
pub(super) fn parse(name: &str, text: &str) -> Result<Settings, SettingsError> {
    let only_comments = text.lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---"
    });
    if only_comments {
        return Ok(Settings::default());
    }
    serde_yaml::from_str(text).map_err(|e| SettingsError::Invalid(vec![from_yaml(name, &e)]))
}

/// Paths in a file are relative to that file; `~/` is the user's home.
fn resolve_paths(settings: &mut Settings, folder: &Path, home: Option<&Path>) {
    let resolve = |path: &mut PathBuf| {
        if let (Ok(rest), Some(home)) = (path.strip_prefix("~"), home) {
            *path = home.join(rest);
        } else if path.is_relative() && !path.as_os_str().is_empty() {
            *path = folder.join(&*path);
        }
    };
    resolve(&mut settings.state);
    let repository = &mut settings.repository;
    let ssh = &mut settings.ssh;
    for path in [
        &mut repository.key_file,
        &mut repository.known_hosts,
        &mut repository.ca_file,
        &mut ssh.known_hosts,
        &mut ssh.key_file,
        &mut ssh.ssh_config,
        &mut ssh.session_log,
    ]
    .into_iter()
    .flatten()
    {
        resolve(path);
    }
    for secret in settings.secrets.values_mut() {
        if let SecretOrigin::File(path) = &mut secret.origin {
            resolve(path);
        }
    }
    if let Some(url) = &mut repository.url
        && is_local_path(url)
    {
        let mut path = PathBuf::from(&*url);
        resolve(&mut path);
        *url = path.display().to_string();
    }
}

/// Neither `scheme://…` nor `user@host:path`.
fn is_local_path(url: &str) -> bool {
    !url.split('/').next().unwrap_or_default().contains(':')
}
