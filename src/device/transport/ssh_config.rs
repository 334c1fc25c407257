//! OpenSSH's `ssh_config`, as far as connecting to a device needs it: `Host` patterns,
//! `HostName`, `User`, `Port`, `IdentityFile`, `UserKnownHostsFile`, `ProxyJump`, `Include`.
//!
//! As in OpenSSH, the first value found counts (identity files add up), keywords are
//! case-insensitive, and `Match` blocks other than `Match all` are passed over with a note.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::device::{Jump, Login};

use super::glob::{matches, matches_list};
use words::{check, jump, words};

mod words;

/// OpenSSH's own limit on nested `Include`s.
const DEPTH: usize = 16;

/// Who asks, and where relative paths and `~` lead.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Home directory.
    pub home: PathBuf,
    /// Local user name.
    pub user: String,
}

/// What the files say about one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostConfig {
    /// Where to connect to; the name asked for where the files do not say.
    pub hostname: String,
    /// Login name.
    pub user: Option<String>,
    /// TCP port.
    pub port: Option<u16>,
    /// Private keys, in order.
    pub identity_files: Vec<PathBuf>,
    /// Known hosts files, if named.
    pub known_hosts: Option<Vec<PathBuf>>,
    /// `[user@]host[:port]` of the host in between.
    pub proxy_jump: Option<JumpName>,
}

impl HostConfig {
    /// The first private key there is, in OpenSSH's order.
    #[must_use]
    pub fn key(&self, home: &Path) -> Option<PathBuf> {
        let usual = ["id_ed25519", "id_ecdsa", "id_rsa"]
            .iter()
            .map(|name| home.join(".ssh").join(name));
        self.identity_files
            .iter()
            .cloned()
            .chain(usual)
            .find(|path| path.is_file())
    }
}

/// A host in between as `ProxyJump` names it; its own settings are in the same file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JumpName {
    /// Login name.
    pub user: Option<String>,
    /// Host, to be resolved by the file again.
    pub host: String,
    /// TCP port.
    pub port: Option<u16>,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SshConfigError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line is wrong.
    #[error("{path}:{line}: {what}")]
    Line {
        /// The file.
        path: String,
        /// The line.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

/// A parsed file with what it includes.
#[derive(Clone, Debug, Default)]
pub struct SshConfig {
    blocks: Vec<Block>,
    notes: Vec<String>,
}

#[derive(Clone, Debug)]
struct Block {
    /// Patterns of each `Host` line above it; all must match (an `Include` inside a block).
    when: Vec<Vec<String>>,
    settings: Vec<(String, Vec<String>)>,
}

impl SshConfig {
    /// Reads a file and all it includes. A missing file is empty only where `optional`.
    ///
    /// # Errors
    /// What cannot be read or understood, with its place.
    pub fn read(path: &Path, env: &Environment, optional: bool) -> Result<Self, SshConfigError> {
        let mut config = Self::default();
        if optional && !path.exists() {
            return Ok(config);
        }
        config.read_into(path, env, &[], 0)?;
        Ok(config)
    }

    /// Parses a text that includes nothing.
    ///
    /// # Errors
    /// What cannot be understood, with its line.
    pub fn parse(text: &str, env: &Environment) -> Result<Self, SshConfigError> {
        let mut config = Self::default();
        config.parse_into(text, Path::new("ssh_config"), env, &[], 0)?;
        Ok(config)
    }

    /// What was passed over, for a person.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn read_into(
        &mut self,
        path: &Path,
        env: &Environment,
        when: &[Vec<String>],
        depth: usize,
    ) -> Result<(), SshConfigError> {
        let text = fs::read_to_string(path).map_err(|source| SshConfigError::Read {
            path: path.display().to_string(),
            source,
        })?;
        self.parse_into(&text, path, env, when, depth)
    }

    fn parse_into(
        &mut self,
        text: &str,
        path: &Path,
        env: &Environment,
        when: &[Vec<String>],
        depth: usize,
    ) -> Result<(), SshConfigError> {
        let mut here = when.to_vec();
        self.begin(&here);
        for (number, line) in text.lines().enumerate() {
            let fault = |what: String| SshConfigError::Line {
                path: path.display().to_string(),
                line: number + 1,
                what,
            };
            let Some((keyword, values)) = words(line).map_err(fault)? else {
                continue;
            };
            if keyword == "include" {
                if depth >= DEPTH {
                    return Err(fault("too many nested includes".to_owned()));
                }
                for file in values.iter().flat_map(|v| included(v, env)) {
                    self.read_into(&file, env, &here, depth + 1)?;
                }
                self.begin(&here);
            } else if keyword == "host" || keyword == "match" {
                here = when.to_vec();
                here.extend(self.condition(&keyword, values, path, number + 1));
                self.begin(&here);
            } else {
                check(&keyword, &values).map_err(fault)?;
                if let Some(block) = self.blocks.last_mut() {
                    block.settings.push((keyword, values));
                }
            }
        }
        Ok(())
    }

    /// What a `Host` or `Match` line asks for; `Match all` asks for nothing, and any other
    /// `Match` for what no host has.
    fn condition(
        &mut self,
        keyword: &str,
        values: Vec<String>,
        path: &Path,
        line: usize,
    ) -> Option<Vec<String>> {
        if keyword == "host" {
            return Some(values);
        }
        if values.iter().all(|v| v.eq_ignore_ascii_case("all")) {
            return None;
        }
        self.notes.push(format!(
            "{}:{line}: `Match` is not supported, its block is passed over",
            path.display()
        ));
        Some(Vec::new())
    }

    fn begin(&mut self, when: &[Vec<String>]) {
        self.blocks.push(Block {
            when: when.to_vec(),
            settings: Vec::new(),
        });
    }

    /// The first values of each keyword, and all identity files.
    fn settings(&self, host: &str) -> (BTreeMap<&str, &[String]>, Vec<&str>) {
        let mut first: BTreeMap<&str, &[String]> = BTreeMap::new();
        let mut identities: Vec<&str> = Vec::new();
        let holds = |block: &&Block| {
            block
                .when
                .iter()
                .all(|patterns| matches_list(patterns.iter().map(String::as_str), host))
        };
        for (keyword, values) in self.blocks.iter().filter(holds).flat_map(|b| &b.settings) {
            if keyword == "identityfile" {
                identities.extend(values.first().map(String::as_str));
            } else {
                first.entry(keyword).or_insert(values);
            }
        }
        (first, identities)
    }

    /// The host in between that a `ProxyJump` names, with what the file says about it.
    #[must_use]
    pub fn jump(&self, name: &JumpName, env: &Environment) -> Jump {
        let found = self.resolve(&name.host, env);
        let username = name.user.clone().or_else(|| found.user.clone());
        Jump {
            address: found.hostname.clone(),
            port: name.port.or(found.port).unwrap_or(22),
            login: Login {
                username: username.unwrap_or_else(|| env.user.clone()),
                key_file: found.key(&env.home),
                ..Login::default()
            },
        }
    }

    /// What holds for a host, by the name a person gives.
    #[must_use]
    pub fn resolve(&self, host: &str, env: &Environment) -> HostConfig {
        let (first, identities) = self.settings(host);
        let one = |keyword: &str| first.get(keyword).and_then(|v| v.first()).cloned();
        let hostname = one("hostname").map_or_else(
            || host.to_owned(),
            |h| h.replace("%h", host).replace("%%", "%"),
        );
        let (user, port) = (one("user"), one("port").and_then(|p| p.parse().ok()));
        let tokens = Tokens {
            host: &hostname,
            original: host,
            user: user.as_deref().unwrap_or(&env.user),
            port: port.unwrap_or(22),
            env,
        };
        let none = |name: &&str| !name.eq_ignore_ascii_case("none");
        HostConfig {
            identity_files: identities
                .into_iter()
                .filter(none)
                .map(|f| tokens.path(f))
                .collect(),
            known_hosts: first.get("userknownhostsfile").map(|v| {
                v.iter()
                    .map(String::as_str)
                    .filter(none)
                    .map(|f| tokens.path(f))
                    .collect()
            }),
            proxy_jump: one("proxyjump")
                .filter(|j| none(&j.as_str()))
                .and_then(|j| jump(&j).ok()),
            hostname,
            user,
            port,
        }
    }
}

/// The values a path or name may take up.
struct Tokens<'a> {
    host: &'a str,
    original: &'a str,
    user: &'a str,
    port: u16,
    env: &'a Environment,
}

impl Tokens<'_> {
    fn path(&self, text: &str) -> PathBuf {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            let (token, after) =
                rest[at + 1..].split_at(rest[at + 1..].chars().next().map_or(0, char::len_utf8));
            match token {
                "h" => out.push_str(self.host),
                "n" => out.push_str(self.original),
                "r" => out.push_str(self.user),
                "p" => out.push_str(&self.port.to_string()),
                "u" => out.push_str(&self.env.user),
                "d" => out.push_str(&self.env.home.display().to_string()),
                "%" => out.push('%'),
                other => out.extend(["%", other]),
            }
            rest = after;
        }
        out.push_str(rest);
        at_home(&out, self.env)
    }
}

fn at_home(path: &str, env: &Environment) -> PathBuf {
    match path.strip_prefix("~/") {
        Some(rest) => env.home.join(rest),
        None => PathBuf::from(path),
    }
}

/// The files an `Include` names, in order; wildcards in the last part of the path. None that
/// exists is no fault.
fn included(pattern: &str, env: &Environment) -> Vec<PathBuf> {
    let mut path = at_home(pattern, env);
    if path.is_relative() {
        path = env.home.join(".ssh").join(path);
    }
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    if !name.contains(['*', '?']) {
        return path.exists().then_some(path).into_iter().collect();
    }
    let Ok(entries) = path
        .parent()
        .map_or_else(|| fs::read_dir("."), fs::read_dir)
    else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|e| {
            let file = e.file_name().to_string_lossy().into_owned();
            matches(&name, &file) && (!file.starts_with('.') || name.starts_with('.'))
        })
        .map(|e| e.path())
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests;
