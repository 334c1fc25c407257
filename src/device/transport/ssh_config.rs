//! OpenSSH's `ssh_config`, as far as connecting to a device needs it: `Host` patterns,
//! `HostName`, `User`, `Port`, `IdentityFile`, `UserKnownHostsFile`, `ProxyJump`, `Include`.
//!
//! As in OpenSSH, the first value found counts (identity files add up), keywords are
//! case-insensitive, and `Match` blocks other than `Match all` are passed over with a note.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::glob::{matches, matches_list};

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
            match keyword.as_str() {
                "host" => {
                    here = when.to_vec();
                    here.push(values);
                    self.begin(&here);
                }
                "match" => {
                    here = when.to_vec();
                    if !values.iter().all(|v| v.eq_ignore_ascii_case("all")) {
                        self.notes.push(format!(
                            "{}:{}: `Match` is not supported, its block is passed over",
                            path.display(),
                            number + 1
                        ));
                        here.push(Vec::new());
                    }
                    self.begin(&here);
                }
                "include" => {
                    if depth >= DEPTH {
                        return Err(fault("too many nested includes".to_owned()));
                    }
                    for file in values.iter().flat_map(|v| included(v, env)) {
                        self.read_into(&file, env, &here, depth + 1)?;
                    }
                    self.begin(&here);
                }
                _ => {
                    check(&keyword, &values).map_err(fault)?;
                    if let Some(block) = self.blocks.last_mut() {
                        block.settings.push((keyword, values));
                    }
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, when: &[Vec<String>]) {
        self.blocks.push(Block {
            when: when.to_vec(),
            settings: Vec::new(),
        });
    }

    /// What holds for a host, by the name a person gives.
    #[must_use]
    pub fn resolve(&self, host: &str, env: &Environment) -> HostConfig {
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

/// Values that would be misunderstood in silence.
fn check(keyword: &str, values: &[String]) -> Result<(), String> {
    let Some(value) = values.first() else {
        return Err(format!("`{keyword}` has no value"));
    };
    match keyword {
        "port" if value.parse::<u16>().is_err() => Err(format!("`{value}` is not a port")),
        "proxyjump" => jump(value).map(drop),
        _ => Ok(()),
    }
}

fn jump(value: &str) -> Result<JumpName, String> {
    if value.eq_ignore_ascii_case("none") {
        return Ok(JumpName {
            user: None,
            host: String::new(),
            port: None,
        });
    }
    if value.contains(',') {
        return Err("more than one host in `ProxyJump` is not supported".to_owned());
    }
    let value = value.strip_prefix("ssh://").unwrap_or(value);
    let (user, place) = match value.rsplit_once('@') {
        Some((user, place)) => (Some(user.to_owned()), place),
        None => (None, value),
    };
    let (host, port) = split_port(place)?;
    Ok(JumpName { user, host, port })
}

/// `host`, `host:port`, `[v6]:port`, or a bare IPv6 address.
fn split_port(place: &str) -> Result<(String, Option<u16>), String> {
    let port = |text: &str| {
        text.parse()
            .map(Some)
            .map_err(|_| format!("`{text}` is not a port"))
    };
    if let Some(rest) = place.strip_prefix('[') {
        let (host, after) = rest
            .split_once(']')
            .ok_or_else(|| format!("`{place}` lacks a `]`"))?;
        let number = after.strip_prefix(':').map_or(Ok(None), port)?;
        return Ok((host.to_owned(), number));
    }
    match place.split_once(':') {
        Some((host, number)) if !number.contains(':') => Ok((host.to_owned(), port(number)?)),
        _ => Ok((place.to_owned(), None)),
    }
}

/// A line's keyword, in lower case, and its values; quotes keep blanks together.
fn words(line: &str) -> Result<Option<(String, Vec<String>)>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let end = line
        .find(|c: char| c.is_whitespace() || c == '=')
        .unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    let mut values = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in rest.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '#' if !quoted && word.is_none() => break,
            c if c.is_whitespace() && !quoted => values.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    if quoted {
        return Err("a quote is not closed".to_owned());
    }
    values.extend(word);
    Ok(Some((keyword.to_ascii_lowercase(), values)))
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
mod tests {
    use super::*;

    fn env() -> Environment {
        Environment {
            home: PathBuf::from("/home/ann"),
            user: "ann".to_owned(),
        }
    }

    fn resolved(text: &str, host: &str) -> HostConfig {
        SshConfig::parse(text, &env())
            .unwrap()
            .resolve(host, &env())
    }

    #[test]
    fn the_first_value_counts_and_identities_add_up() {
        let text = "Host r1\n  HostName 10.0.0.1\n  Port=2222\n  User \"net ops\"\n  IdentityFile ~/.ssh/r1\n\
                    Host r* !r9\n  Port 22\n  User other\n  IdentityFile /keys/%r-%h\n  UserKnownHostsFile ~/kh /etc/kh\n\
                    Host *\n  ProxyJump admin@bastion:2200\n";
        let r1 = resolved(text, "r1");
        assert_eq!(r1.hostname, "10.0.0.1");
        assert_eq!(r1.port, Some(2222));
        assert_eq!(r1.user.as_deref(), Some("net ops"));
        assert_eq!(
            r1.identity_files,
            [
                PathBuf::from("/home/ann/.ssh/r1"),
                PathBuf::from("/keys/net ops-10.0.0.1")
            ]
        );
        assert_eq!(
            r1.known_hosts,
            Some(vec![
                PathBuf::from("/home/ann/kh"),
                PathBuf::from("/etc/kh")
            ])
        );
        let jump = r1.proxy_jump.unwrap();
        assert_eq!(
            (jump.user.as_deref(), jump.host.as_str(), jump.port),
            (Some("admin"), "bastion", Some(2200))
        );
        let r9 = resolved(text, "r9");
        assert_eq!((r9.hostname.as_str(), r9.port, r9.user), ("r9", None, None));
    }

    #[test]
    fn values_before_any_host_hold_for_all_and_come_first() {
        let r = resolved("User root # really\nHost *\nUser other\n", "x");
        assert_eq!(r.user.as_deref(), Some("root"));
    }

    #[test]
    fn proxy_jump_none_and_ipv6() {
        let text = "Host a\nProxyJump none\nHost *\nProxyJump [2001:db8::1]:22\n";
        assert_eq!(resolved(text, "a").proxy_jump, None);
        let jump = resolved(text, "b").proxy_jump.unwrap();
        assert_eq!((jump.host.as_str(), jump.port), ("2001:db8::1", Some(22)));
        assert!(SshConfig::parse("ProxyJump a,b\n", &env()).is_err());
    }

    #[test]
    fn match_blocks_are_passed_over_with_a_note() {
        let config =
            SshConfig::parse("Match exec \"true\"\nUser bad\nMatch all\nPort 2\n", &env()).unwrap();
        assert_eq!(config.notes().len(), 1);
        let r = config.resolve("x", &env());
        assert_eq!((r.user, r.port), (None, Some(2)));
    }

    #[test]
    fn faults_name_file_and_line() {
        let error = SshConfig::parse("Host x\nPort many\n", &env()).unwrap_err();
        assert_eq!(error.to_string(), "ssh_config:2: `many` is not a port");
        assert!(SshConfig::parse("User \"x\n", &env()).is_err());
    }

    #[test]
    fn includes_are_read_in_order_under_the_block_they_stand_in() {
        let dir = tempfile::tempdir().unwrap();
        let env = Environment {
            home: dir.path().to_owned(),
            user: "ann".to_owned(),
        };
        fs::create_dir_all(dir.path().join(".ssh/conf.d")).unwrap();
        let write =
            |name: &str, text: &str| fs::write(dir.path().join(".ssh").join(name), text).unwrap();
        write("conf.d/2.conf", "Port 2\n");
        write("conf.d/1.conf", "Host r1\nPort 1\n");
        write("config", "Host r*\nInclude conf.d/*.conf\nUser u\n");
        let config = SshConfig::read(&dir.path().join(".ssh/config"), &env, false).unwrap();
        assert_eq!(config.resolve("r1", &env).port, Some(1));
        assert_eq!(config.resolve("r2", &env).port, Some(2));
        assert_eq!(config.resolve("r2", &env).user.as_deref(), Some("u"));
        assert_eq!(config.resolve("x1", &env).port, None);
        write("loop", "Include loop\n");
        assert!(SshConfig::read(&dir.path().join(".ssh/loop"), &env, false).is_err());
    }
}
