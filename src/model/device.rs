//! One device as the inventory resolves it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::data::Data;
use super::secret::{SecretName, SecretText};

/// Keys under `extras` whose values are secrets.
const SECRET_EXTRAS: [&str; 6] = [
    "password",
    "secret",
    "passphrase",
    "enable",
    "enable_password",
    "token",
];

/// A user's secret as the inventory gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// `secret:NAME`, the right way.
    Named(SecretName),
    /// A value in the repository: works, and is a finding.
    Plain(SecretText),
}

impl Credential {
    /// What may be shown: the reference, or that there is a plain value.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Named(name) => format!("secret:{name}"),
            Self::Plain(_) => "(plain value)".to_owned(),
        }
    }
}

/// `connection_options` of one plugin name after inheritance (Nornir's field names).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectionOptions {
    /// Address to connect to.
    pub hostname: Option<String>,
    /// TCP port.
    pub port: Option<u16>,
    /// Login name.
    pub username: Option<String>,
    /// Login password.
    pub password: Option<Credential>,
    /// Platform name for this connection.
    pub platform: Option<String>,
    /// Anything else (`ssh_config_file`, `key_file`, `jump`, …).
    pub extras: Option<Data>,
}

/// Where a device's intended configuration comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IntentSource {
    /// A minijinja template, path inside the repository.
    Template(String),
    /// A plain file, path inside the repository.
    File(String),
}

/// How much of the device the intent owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Manage {
    /// All of it: anything else on the device is drift.
    #[default]
    Full,
    /// Only what the intent says, and all of the named sections.
    Partial,
}

/// Who may let a remediation act.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplyMode {
    /// Nobody: look and report.
    #[default]
    Observe,
    /// A person, by `netkeel apply`.
    Manual,
    /// The daemon.
    Auto,
}

impl ApplyMode {
    /// The word used in files, JSON and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Manual => "manual",
            Self::Auto => "auto",
        }
    }
}

/// What a check's output must or must not show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckExpect {
    /// This linear-time regex must match somewhere.
    Must(String),
    /// This linear-time regex must match nowhere.
    MustNot(String),
}

/// A command run before the change and again before the confirm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// How reports call it.
    pub name: String,
    /// An exec command of the platform; it must only show things.
    pub command: String,
    /// What decides.
    pub expect: CheckExpect,
}

/// By what means a change is undone if nobody confirms it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UndoMethod {
    /// The best the platform's pack offers.
    #[default]
    Auto,
    /// Only the device's own timer.
    Device,
    /// A process on the host the device runs on (FRR), armed over a shell login.
    Host,
    /// None: the change is attended, by a person at `netkeel apply`.
    None,
}

/// `data.netkeel.undo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// By what means.
    pub method: UndoMethod,
    /// Seconds until the undo fires; rounded up to what the platform can count.
    pub within: u64,
    /// Port of the shell login where `method` is `host`; the device's own port if absent.
    pub shell_port: Option<u16>,
}

impl Default for Undo {
    /// Five minutes, as most platforms do.
    fn default() -> Self {
        Self {
            method: UndoMethod::Auto,
            within: 300,
            shell_port: None,
        }
    }
}

/// `data.netkeel.limits`: what a plan may not exceed without acceptance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest share of a device's lines one plan may delete, in percent.
    pub delete_percent: u8,
}

impl Default for Limits {
    /// A fifth.
    fn default() -> Self {
        Self { delete_percent: 20 }
    }
}

/// Netkeel's own keys of a device, from `data.netkeel`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keel {
    /// Where the intended configuration comes from; none means only policies apply.
    pub intent: Option<IntentSource>,
    /// How much is owned.
    pub manage: Manage,
    /// Owned sections when partial: globs over header lines of top-level blocks.
    pub sections: Vec<String>,
    /// Who may act.
    pub apply: ApplyMode,
    /// Run before and after a change.
    pub checks: Vec<Check>,
    /// How a change is undone.
    pub undo: Undo,
    /// What a plan may not exceed.
    pub limits: Limits,
    /// Site, for limits and metrics.
    pub site: Option<String>,
}

/// A device of the inventory, fully resolved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Device {
    /// The inventory's key.
    pub name: String,
    /// Address to connect to; the name if absent.
    pub hostname: Option<String>,
    /// TCP port.
    pub port: Option<u16>,
    /// Login name.
    pub username: Option<String>,
    /// Login password.
    pub password: Option<Credential>,
    /// Platform name as written (aliases are the packs' matter).
    pub platform: Option<String>,
    /// Groups the host lists itself.
    pub groups: Vec<String>,
    /// Every group it is in, in the order of resolution (Nornir's).
    pub all_groups: Vec<String>,
    /// Resolved data, a map.
    pub data: Data,
    /// Resolved connection options by plugin name.
    pub connection_options: BTreeMap<String, ConnectionOptions>,
    /// Netkeel's own keys.
    pub keel: Keel,
}

impl Device {
    /// The address to connect to.
    #[must_use]
    pub fn address(&self) -> &str {
        self.hostname.as_deref().unwrap_or(&self.name)
    }

    /// The fields of its resolved entry that hold a secret as a plain value. Data is not
    /// looked at.
    #[must_use]
    pub fn plain_secrets(&self) -> Vec<String> {
        let mut found = Vec::new();
        if is_plain(self.password.as_ref()) {
            found.push("password".to_owned());
        }
        for (plugin, options) in &self.connection_options {
            let place = format!("connection_options.{plugin}");
            if is_plain(options.password.as_ref()) {
                found.push(format!("{place}.password"));
            }
            let extras = options.extras.as_ref();
            let place = format!("{place}.extras");
            plain_extras(extras.unwrap_or(&Data::Null), &place, &mut found);
        }
        found
    }
}

fn is_plain(credential: Option<&Credential>) -> bool {
    matches!(credential, Some(Credential::Plain(value)) if !value.expose().is_empty())
}

fn plain_extras(extras: &Data, place: &str, found: &mut Vec<String>) {
    for (key, value) in extras.entries() {
        let place = format!("{place}.{key}");
        if !key.as_text().is_some_and(is_secret_extra) {
            plain_extras(value, &place, found);
        } else if value
            .as_text()
            .is_some_and(|text| !text.is_empty() && SecretName::from_reference(text).is_none())
        {
            found.push(place);
        }
    }
}

/// Whether a key under `extras` has a secret for its value.
#[must_use]
pub fn is_secret_extra(key: &str) -> bool {
    SECRET_EXTRAS.contains(&key.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_secrets_are_found_where_they_stand() {
        let text = |text: &str| Data::Text(text.to_owned());
        let named = SecretName::new("lab/edge").expect("a name");
        let extras = vec![
            (text("secret"), text("enable-me")),
            (text("token"), text("secret:lab/token")),
            (
                text("inner"),
                Data::Map(vec![(text("Password"), text("x"))]),
            ),
            (text("jump"), text("bastion")),
        ];
        let options = ConnectionOptions {
            password: Some(Credential::Named(named)),
            extras: Some(Data::Map(extras)),
            ..ConnectionOptions::default()
        };
        let device = Device {
            password: Some(Credential::Plain(SecretText::new("hunter2"))),
            connection_options: BTreeMap::from([("netkeel".to_owned(), options)]),
            ..Device::default()
        };
        let expected = [
            "password",
            "connection_options.netkeel.extras.secret",
            "connection_options.netkeel.extras.inner.Password",
        ];
        assert_eq!(device.plain_secrets(), expected);
        assert!(Device::default().plain_secrets().is_empty());
    }
}
