//! Finding the file, and laying file, environment and flags over the defaults.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use globset::Glob;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor, value::MapAccessDeserializer};

use super::place::place;
use super::problem::{Problem, SettingsError, from_yaml};
use super::types::{LogFormat, Permitted, SecretOrigin, SecretSettings, Settings};
use super::units::parse_duration;
use crate::model::SecretName;

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
    let name = path.display().to_string();
    let mut settings = parse(&name, &text)?;
    let problems = check(&settings);
    if !problems.is_empty() {
        let placed = problems
            .into_iter()
            .map(|problem| place(&name, &text, problem));
        return Err(SettingsError::Invalid(placed.collect()));
    }
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

/// What no type can say.
fn check(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let s = settings;
    for (key, duration) in [
        ("repository.timeout", s.repository.timeout),
        ("repository.poll", s.repository.poll),
        ("device.connect_timeout", s.device.connect_timeout),
        ("device.silence_timeout", s.device.silence_timeout),
        ("run.interval", s.run.interval),
        ("run.retry_first", s.run.retry_first),
        ("run.stale_after", s.run.stale_after()),
        ("rendering.cpu", s.rendering.cpu),
        ("rendering.wall", s.rendering.wall),
    ] {
        if duration.is_zero() {
            problems.push(Problem::new(key, "must be longer than nothing"));
        }
    }
    for (key, number) in [
        ("limits.concurrency", s.limits.concurrency),
        ("limits.per_site", s.limits.per_site),
        ("limits.per_jump", s.limits.per_jump),
        ("rollout.first", s.rollout.first),
        ("rollout.growth", s.rollout.growth),
        ("rails.contested_after", s.rails.contested_after),
        ("rails.refused_logins", s.rails.refused_logins),
    ] {
        if number == 0 {
            problems.push(Problem::new(key, "must be at least 1"));
        }
    }
    if s.rendering.memory < 32 << 20 {
        problems.push(
            Problem::new(
                "rendering.memory",
                "the evaluator does not start in less than 32 MiB",
            )
            .with_hint("leave it at 512MiB unless templates need more"),
        );
    }
    check_secrets(s, &mut problems);
    problems
}

fn check_secrets(settings: &Settings, problems: &mut Vec<Problem>) {
    for (name, secret) in &settings.secrets {
        let key = format!("secrets.{name}");
        if let Err(error) = SecretName::new(name.as_str()) {
            problems.push(Problem::new(&key, error.to_string()));
        }
        for host in &secret.to.hosts {
            if let Err(error) = Glob::new(host) {
                problems.push(Problem::new(format!("{key}.to.hosts"), error.to_string()));
            }
        }
    }
    let references = [
        ("repository.token", &settings.repository.token, true),
        (
            "repository.key_passphrase",
            &settings.repository.key_passphrase,
            true,
        ),
        ("ssh.key_passphrase", &settings.ssh.key_passphrase, false),
    ];
    for (key, name, git) in references {
        let Some(name) = name else { continue };
        match settings.secrets.get(name) {
            None => problems.push(
                Problem::new(
                    key,
                    format!("secret `{name}` is not defined under `secrets`"),
                )
                .with_hint("this key takes the name of a secret, never its value"),
            ),
            Some(secret) if git && !secret.to.git => problems.push(
                Problem::new(
                    key,
                    format!("secret `{name}` may not be sent to the Git server"),
                )
                .with_hint(format!("add `git: true` under `secrets.{name}.to`")),
            ),
            Some(_) => {}
        }
    }
}

/// A map that refuses the same key twice: YAML does not, and the last one would win unseen.
pub(super) fn unique_map<'de, D, K, V>(from: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + fmt::Display,
    V: Deserialize<'de>,
{
    struct Unique<K, V>(PhantomData<(K, V)>);
    impl<'de, K, V> Visitor<'de> for Unique<K, V>
    where
        K: Deserialize<'de> + Ord + fmt::Display,
        V: Deserialize<'de>,
    {
        type Value = BTreeMap<K, V>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a mapping")
        }
        fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = BTreeMap::new();
            while let Some(key) = map.next_key::<K>()? {
                if entries.contains_key(&key) {
                    return Err(A::Error::custom(format!("`{key}` is there twice")));
                }
                entries.insert(key, map.next_value()?);
            }
            Ok(entries)
        }
    }
    from.deserialize_any(Unique(PhantomData))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSecret {
    file: Option<PathBuf>,
    env: Option<String>,
    command: Option<Vec<String>>,
    to: Option<Permitted>,
}

impl<'de> Deserialize<'de> for SecretSettings {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = WrittenSecret::deserialize(from)?;
        let origin = match (written.file, written.env, written.command) {
            (Some(path), None, None) => SecretOrigin::File(path),
            (None, Some(name), None) => SecretOrigin::Env(name),
            (None, None, Some(words)) if !words.is_empty() => SecretOrigin::Command(words),
            (None, None, Some(_)) => return Err(D::Error::custom("`command` is empty")),
            (file, env, command) => {
                let count = [file.is_some(), env.is_some(), command.is_some()];
                return Err(D::Error::custom(format!(
                    "a secret has exactly one of `file`, `env` and `command`, not {}",
                    count.iter().filter(|given| **given).count()
                )));
            }
        };
        let to = written.to.ok_or_else(|| {
            D::Error::custom(
                "says not to whom it may be sent: `to: all`, or `to: {groups: [edge]}`",
            )
        })?;
        Ok(Self { origin, to })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenPermitted {
    hosts: Vec<String>,
    groups: Vec<String>,
    git: bool,
}

impl<'de> Deserialize<'de> for Permitted {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct To;
        impl<'de> Visitor<'de> for To {
            type Value = Permitted;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`all`, or a mapping with `hosts`, `groups`, `git`")
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Permitted, E> {
                if word == "all" {
                    return Ok(Permitted {
                        all: true,
                        ..Permitted::default()
                    });
                }
                Err(E::custom(format!(
                    "`to: {word}` is not known; there is `to: all`"
                )))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Permitted, A::Error> {
                let written = WrittenPermitted::deserialize(MapAccessDeserializer::new(map))?;
                let to = Permitted {
                    all: false,
                    hosts: written.hosts,
                    groups: written.groups,
                    git: written.git,
                };
                if to == Permitted::default() {
                    return Err(A::Error::custom("`to` permits nobody"));
                }
                Ok(to)
            }
        }
        from.deserialize_any(To)
    }
}
