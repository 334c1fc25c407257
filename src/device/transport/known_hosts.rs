//! The keys servers are known by, in OpenSSH's `known_hosts` files.
//!
//! Read: plain names, lists, wildcards and negation, `[host]:port`, IPv6, hashed names,
//! `@revoked`. A `@cert-authority` line is not understood; where one matches, the refusal
//! says so. Files are parsed once and again when they change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, HashAlg, PublicKey};
use sha1::Sha1;

use super::glob::matches_list;

/// What the files say about a server's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the known one.
    Known,
    /// The server is not known at all; the text says where was looked.
    Unknown(String),
    /// Another key is known, or this one is revoked; the text says which and where.
    Refused(String),
}

/// The known hosts of one or more files. The first is the one written to.
#[derive(Debug)]
pub struct KnownHosts {
    paths: Vec<PathBuf>,
    parsed: Mutex<BTreeMap<PathBuf, (Stamp, Arc<Parsed>)>>,
    writing: Mutex<()>,
}

/// Tells whether a file has changed: inode, size, time of change in seconds and nanoseconds.
type Stamp = (u64, u64, i64, i64);

/// The name of a server in a `known_hosts` file.
#[must_use]
pub fn host_name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 {
        host
    } else {
        format!("[{host}]:{port}")
    }
}

/// A key's fingerprint as OpenSSH prints it.
#[must_use]
pub fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

impl KnownHosts {
    /// These files; ones that do not exist are empty.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self {
            paths,
            parsed: Mutex::default(),
            writing: Mutex::default(),
        }
    }

    /// What the files say about `key` at `host:port`.
    ///
    /// # Errors
    /// A file that is there and cannot be read, by its path.
    pub fn judge(&self, host: &str, port: u16, key: &PublicKey) -> io::Result<Verdict> {
        let name = host_name(host, port);
        let mut known = Vec::new();
        let mut authority = None;
        for path in &self.paths {
            let file = self.parsed(path)?;
            for kept in file.about(&name) {
                let place = format!("{}:{}", path.display(), kept.line);
                let same = kept.key.key_data() == key.key_data();
                match kept.marker {
                    Some(Marker::Revoked) if same => {
                        return Ok(Verdict::Refused(format!("revoked at {place}")));
                    }
                    Some(Marker::Revoked) => {}
                    Some(Marker::CertAuthority) => authority = Some(place),
                    None => known.push((same, kept.key.clone(), place)),
                }
            }
        }
        Ok(self.weigh(&known, authority))
    }

    fn weigh(&self, known: &[(bool, PublicKey, String)], authority: Option<String>) -> Verdict {
        if known.iter().any(|(same, ..)| *same) {
            return Verdict::Known;
        }
        if !known.is_empty() {
            let others: Vec<String> = known
                .iter()
                .map(|(_, key, place)| {
                    format!("{} ({}) at {place}", fingerprint(key), key.algorithm())
                })
                .collect();
            return Verdict::Refused(format!("but the known one is {}", others.join(", ")));
        }
        let files: Vec<String> = self.paths.iter().map(|p| p.display().to_string()).collect();
        let mut why = format!("and the server is not known in {}", files.join(", "));
        if files.is_empty() {
            "and there is no known_hosts file".clone_into(&mut why);
        }
        if let Some(place) = authority {
            why = format!("{why} (the @cert-authority line at {place} is not supported)");
        }
        Verdict::Unknown(why)
    }

    /// The key types known for a server: to be asked for first, lest a server with several
    /// keys looks changed.
    ///
    /// # Errors
    /// A file that is there and cannot be read, by its path.
    pub fn algorithms(&self, host: &str, port: u16) -> io::Result<Vec<Algorithm>> {
        let name = host_name(host, port);
        let mut found = Vec::new();
        for path in &self.paths {
            for kept in self.parsed(path)?.about(&name) {
                let algorithm = kept.key.algorithm();
                if kept.marker.is_none() && !found.contains(&algorithm) {
                    found.push(algorithm);
                }
            }
        }
        Ok(found)
    }

    /// Adds a server to the first file, in one write.
    ///
    /// # Errors
    /// No file to write to, or it cannot be written.
    pub fn add(&self, host: &str, port: u16, key: &PublicKey) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.first()?;
        make_parent(path)?;
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .mode(0o600)
            .open(path)
            .map_err(|e| named(path, &e))?;
        let before = fs::read(path).map_err(|e| named(path, &e))?;
        let gap = if before.is_empty() || before.ends_with(b"\n") {
            ""
        } else {
            "\n"
        };
        let line = format!("{gap}{}\n", entry_line(host, port, key));
        file.write_all(line.as_bytes())
            .and_then(|()| file.sync_data())
            .map_err(|e| named(path, &e))
    }

    /// Makes `key` the one known key of a server: its other lines go, in every file.
    /// For a person's decision only.
    ///
    /// # Errors
    /// A file that cannot be written, or a pattern line that covers more than this server.
    pub fn replace(&self, host: &str, port: u16, key: &PublicKey) -> io::Result<()> {
        let name = host_name(host, port);
        for path in &self.paths {
            let file = self.parsed(path)?;
            let gone: BTreeSet<usize> = file
                .about(&name)
                .filter(|kept| kept.marker.is_none())
                .map(|kept| kept.line)
                .collect();
            if gone.is_empty() {
                continue;
            }
            let text = fs::read_to_string(path).map_err(|e| named(path, &e))?;
            let rewritten = without_host(&text, &gone, &name).map_err(|line| {
                io::Error::other(format!(
                    "{}:{line}: a pattern that also names other servers; edit it by hand",
                    path.display()
                ))
            })?;
            let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            write_beside(path, &rewritten).map_err(|e| named(path, &e))?;
        }
        self.add(host, port, key)
    }

    fn first(&self) -> io::Result<&PathBuf> {
        self.paths
            .first()
            .ok_or_else(|| io::Error::other("no known_hosts file is configured"))
    }

    fn parsed(&self, path: &Path) -> io::Result<Arc<Parsed>> {
        let meta = match fs::metadata(path) {
            Ok(meta) => meta,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Arc::default()),
            Err(e) => return Err(named(path, &e)),
        };
        let stamp = (meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec());
        let mut cache = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, parsed)) = cache.get(path)
            && *known == stamp
        {
            return Ok(Arc::clone(parsed));
        }
        let text = fs::read(path).map_err(|e| named(path, &e))?;
        let parsed = Arc::new(Parsed::read(&String::from_utf8_lossy(&text)));
        cache.insert(path.to_owned(), (stamp, Arc::clone(&parsed)));
        Ok(parsed)
    }
}

/// One line that was understood.
#[derive(Debug)]
struct Kept {
    line: usize,
    marker: Option<Marker>,
    hosts: HostPatterns,
    key: PublicKey,
}

/// One file: lines by plain name, and those that must be tried one by one.
#[derive(Debug, Default)]
struct Parsed {
    kept: Vec<Kept>,
    plain: BTreeMap<String, Vec<usize>>,
    others: Vec<usize>,
}

impl Parsed {
    /// Lines that are not understood (old key types, faults) are passed over, as OpenSSH does.
    fn read(text: &str) -> Self {
        let mut file = Self::default();
        for (number, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let marked = usize::from(line.trim_start().starts_with('@'));
            let Some(words) = words.get(..marked + 3).filter(|w| !w[0].starts_with('#')) else {
                continue;
            };
            let Ok(entry) = words.join(" ").parse::<Entry>() else {
                continue;
            };
            file.keep(Kept {
                line: number + 1,
                marker: entry.marker().copied(),
                hosts: entry.host_patterns().clone(),
                key: entry.public_key().clone(),
            });
        }
        file
    }

    fn keep(&mut self, kept: Kept) {
        let index = self.kept.len();
        match &kept.hosts {
            HostPatterns::Patterns(names) if !names.iter().any(|n| n.contains(['*', '?', '!'])) => {
                for name in names {
                    self.plain
                        .entry(name.to_ascii_lowercase())
                        .or_default()
                        .push(index);
                }
            }
            HostPatterns::Patterns(_) | HostPatterns::HashedName { .. } => self.others.push(index),
        }
        self.kept.push(kept);
    }

    fn about<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f Kept> {
        let plain = self.plain.get(name).into_iter().flatten();
        let others = self
            .others
            .iter()
            .filter(|i| names(&self.kept[**i].hosts, name));
        plain.chain(others).map(|i| &self.kept[*i])
    }
}

fn names(hosts: &HostPatterns, name: &str) -> bool {
    match hosts {
        HostPatterns::Patterns(patterns) => {
            let lower: Vec<String> = patterns.iter().map(|p| p.to_ascii_lowercase()).collect();
            matches_list(lower.iter().map(String::as_str), name)
        }
        HostPatterns::HashedName { salt, hash } => {
            let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(salt) else {
                return false;
            };
            mac.update(name.as_bytes());
            mac.verify_slice(hash).is_ok()
        }
    }
}

fn entry_line(host: &str, port: u16, key: &PublicKey) -> String {
    let key = PublicKey::new(key.key_data().clone(), "");
    let text = key.to_openssh().unwrap_or_default();
    format!("{} {}", host_name(host, port), text.trim_end())
}

/// The text without the host on the given lines; a line that names others keeps those.
fn without_host(text: &str, lines: &BTreeSet<usize>, name: &str) -> Result<String, usize> {
    let mut out = String::with_capacity(text.len());
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if !lines.contains(&(number + 1)) {
            out.push_str(line);
            continue;
        }
        let hosts = line.split_whitespace().next().unwrap_or_default();
        if hosts.starts_with("|1|") {
            continue;
        }
        if hosts.contains(['*', '?']) {
            return Err(number + 1);
        }
        let left: Vec<&str> = hosts
            .split(',')
            .filter(|h| !h.eq_ignore_ascii_case(name))
            .collect();
        if !left.is_empty() {
            out.push_str(&line.replacen(hosts, &left.join(","), 1));
        }
    }
    Ok(out)
}

fn write_beside(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_data()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

fn make_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.exists() => fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|e| named(folder, &e)),
        _ => Ok(()),
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
