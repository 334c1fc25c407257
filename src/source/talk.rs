//! What a fetch is asked by libgit2 on its way, and what its failures mean.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

use git2::cert::Cert;
use git2::{CertificateCheckStatus, Cred, CredentialType, ErrorClass, ErrorCode, RemoteCallbacks};

use super::error::{HostKeyFault, SourceError};
use super::fetch::Job;
use super::known_hosts;
use super::url::{Address, Scheme};
use crate::model::SecretText;

/// Most bytes one fetch may receive.
const MAX_RECEIVED: usize = 4 << 30;
/// Most objects a pack may hold.
const MAX_OBJECTS: usize = 10_000_000;

/// The callbacks of one fetch, and what they learned.
pub(super) struct Talk<'a> {
    job: &'a Job,
    /// The repository fetched into.
    into: &'a Path,
    /// The first reason a callback had to stop.
    stopped: RefCell<Option<SourceError>>,
    /// Something secret was offered already: being asked again means it was refused.
    offered: Cell<bool>,
    /// The server answered: from now on failures may be those of our own disk.
    answered: Cell<bool>,
}

impl<'a> Talk<'a> {
    /// Before the first word.
    pub(super) fn new(job: &'a Job, into: &'a Path) -> Self {
        Self {
            job,
            into,
            stopped: RefCell::new(None),
            offered: Cell::new(false),
            answered: Cell::new(false),
        }
    }

    /// The callbacks, for as many steps as need them.
    pub(super) fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks.credentials(|url, user, allowed| self.credentials(url, user, allowed));
        callbacks.certificate_check(|certificate, _| self.certificate(certificate));
        callbacks.transfer_progress(|progress| {
            self.progress(progress.received_bytes(), progress.total_objects())
        });
        callbacks.sideband_progress(|_| !self.job.expired());
        callbacks.update_tips(|_, _, _| !self.job.expired());
        callbacks
    }

    /// The server has answered.
    pub(super) fn connected(&self) {
        self.answered.set(true);
    }

    fn stop(&self, why: SourceError) -> git2::Error {
        let message = why.to_string();
        self.stopped.borrow_mut().get_or_insert(why);
        git2::Error::new(ErrorCode::User, ErrorClass::Callback, message)
    }

    /// An error once the deadline has come.
    pub(super) fn still_wanted(&self) -> Result<(), git2::Error> {
        if self.job.expired() {
            return Err(self.stop(self.job.timed_out()));
        }
        Ok(())
    }

    fn progress(&self, bytes: usize, objects: usize) -> bool {
        if bytes > MAX_RECEIVED || objects > MAX_OBJECTS {
            drop(self.stop(SourceError::TooLarge {
                url: self.shown(),
                why: format!("{objects} objects, {bytes} bytes so far"),
            }));
            return false;
        }
        self.still_wanted().is_ok()
    }

    fn shown(&self) -> String {
        self.job.address.shown.clone()
    }

    fn credentials(
        &self,
        url: &str,
        user: Option<&str>,
        allowed: CredentialType,
    ) -> Result<Cred, git2::Error> {
        self.still_wanted()?;
        let address = &self.job.address;
        let same = |asked: Address| asked.host == address.host && asked.scheme == address.scheme;
        if !Address::parse(url).is_ok_and(same) {
            return Err(self.no_login("another server asks for it, after a redirect"));
        }
        let auth = &self.job.auth;
        let name = auth.username.as_deref().or(user).unwrap_or("git");
        if allowed.is_username() {
            return Cred::username(name);
        }
        if self.offered.replace(true) {
            // A user name in an https address may be a token: it is not shown.
            let shown = auth.username.as_deref();
            let ssh = (address.scheme == Scheme::Ssh).then_some(name);
            return Err(self.stop(SourceError::LoginRefused {
                url: self.shown(),
                user: shown.or(ssh).map(str::to_owned),
            }));
        }
        if allowed.is_ssh_key() {
            return self.key(name);
        }
        if allowed.is_user_pass_plaintext() && address.scheme == Scheme::Https {
            return match &auth.token {
                Some(token) => Cred::userpass_plaintext(name, token.expose()),
                None => Err(self.no_login("no token or password is set")),
            };
        }
        Err(self.no_login("only tokens over https and keys over ssh are offered"))
    }

    fn key(&self, name: &str) -> Result<Cred, git2::Error> {
        let auth = &self.job.auth;
        let Some(key) = &auth.key_file else {
            return Cred::ssh_key_from_agent(name)
                .map_err(|_| self.no_login("no key file is set, and there is no ssh agent"));
        };
        if let Err(source) = std::fs::File::open(key) {
            let path = key.clone();
            return Err(self.stop(SourceError::Folder { path, source }));
        }
        let passphrase = auth.key_passphrase.as_ref().map(SecretText::expose);
        Cred::ssh_key(name, None, key, passphrase)
    }

    fn no_login(&self, why: &str) -> git2::Error {
        self.stop(SourceError::NoLogin {
            url: self.shown(),
            why: why.to_owned(),
        })
    }

    fn certificate(&self, shown: &Cert<'_>) -> Result<CertificateCheckStatus, git2::Error> {
        let Some(host_key) = shown.as_hostkey() else {
            // https: libgit2's own check against the certificate authorities decides.
            return Ok(CertificateCheckStatus::CertificatePassthrough);
        };
        let address = &self.job.address;
        let name = known_hosts::host_name(&address.host, address.port);
        let checked = known_lines(self.job.auth.known_hosts.as_deref()).and_then(|text| {
            known_hosts::check(&text, &name, host_key.hostkey().unwrap_or_default())
        });
        match checked {
            Ok(()) => Ok(CertificateCheckStatus::CertificateOk),
            Err(fault) => Err(self.stop(SourceError::HostKey { host: name, fault })),
        }
    }

    /// What a failure means: what a callback said first, else what libgit2 says.
    pub(super) fn verdict(&self, error: &git2::Error) -> SourceError {
        if let Some(stopped) = self.stopped.take() {
            return stopped;
        }
        if self.job.expired() || error.code() == ErrorCode::Timeout {
            return self.job.timed_out();
        }
        let url = self.shown();
        let message = self.clean(error.message());
        match (error.code(), error.class()) {
            (ErrorCode::Certificate, _) | (_, ErrorClass::Ssl) => {
                SourceError::Certificate { url, why: message }
            }
            (ErrorCode::Auth, _) => SourceError::LoginRefused {
                url,
                user: self.job.auth.username.clone(),
            },
            _ if message.contains("status code: 401") || message.contains("status code: 403") => {
                SourceError::LoginRefused {
                    url,
                    user: self.job.auth.username.clone(),
                }
            }
            _ if message.contains("status code: 404") => SourceError::Vanished { url },
            _ if message.contains("No space left") => SourceError::Folder {
                path: self.into.to_owned(),
                source: std::io::ErrorKind::StorageFull.into(),
            },
            // Into an empty mirror: then it is the local repository that cannot be read.
            (_, class) if is_storage(class) && self.answered.get() && !self.is_new() => {
                SourceError::Damaged {
                    path: self.into.to_owned(),
                    why: message,
                }
            }
            _ => SourceError::Unreachable { url, why: message },
        }
    }

    /// Whether a mirror is made anew.
    fn is_new(&self) -> bool {
        self.into != self.job.mirror
    }

    /// A message without anything secret in it, on one line.
    fn clean(&self, message: &str) -> String {
        let auth = &self.job.auth;
        let address = &self.job.address;
        let user = address
            .user
            .as_deref()
            .filter(|_| address.scheme == Scheme::Https);
        let secrets = [
            auth.token.as_ref().map(SecretText::expose),
            auth.key_passphrase.as_ref().map(SecretText::expose),
            address.password.as_deref(),
            user,
        ];
        let mut text = message.replace(&address.url, &address.shown);
        for secret in secrets.into_iter().flatten().filter(|s| s.len() > 2) {
            text = text.replace(secret, "***");
        }
        text.chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(300)
            .collect()
    }
}

/// Failures of what is on our disk, not of the server.
fn is_storage(class: ErrorClass) -> bool {
    matches!(
        class,
        ErrorClass::Odb
            | ErrorClass::Object
            | ErrorClass::Zlib
            | ErrorClass::Reference
            | ErrorClass::Repository
            | ErrorClass::Config
            | ErrorClass::Tree
            | ErrorClass::Tag
            | ErrorClass::Os
            | ErrorClass::Filesystem
    )
}

/// The text of the given file, or of the user's and the system's.
fn known_lines(file: Option<&Path>) -> Result<String, HostKeyFault> {
    if let Some(path) = file {
        return std::fs::read_to_string(path)
            .map_err(|_| HostKeyFault::NoFile(path.display().to_string()));
    }
    let own = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".ssh/known_hosts"));
    let system = PathBuf::from("/etc/ssh/ssh_known_hosts");
    let texts: Vec<String> = own
        .into_iter()
        .chain([system])
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect();
    Ok(texts.join("\n"))
}
