//! Makes sessions over SSH.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::cli::{Engine, SessionLog};
use super::session::CliSession;
use super::transaction;
use super::transaction::host::HostUndo;
use super::transport::ssh::{Endpoint, Keys, Link, SeenKey, Trust};
use super::transport::{HostKeyPolicy, KnownHosts};
use super::{Connector, DeviceError, Session, Target};
use crate::model::{Capabilities, ConfirmScope};

/// How long it is remembered whether a login yields a shell on the host. Arming the undo
/// finds out anew in any case.
const REMEMBER_SHELL: Duration = Duration::from_secs(3600);

/// Smallest, largest and step of an undo on the host, in seconds.
const HOST_TIMER: (u64, u64, u64) = (1, 86_400, 1);

/// Which login at which host.
type ShellKey = (String, u16, Option<u16>, String);

/// What was found there, and when: why there is no undo, or `None`.
type ShellSeen = (Instant, Option<String>);

/// Connects over SSH. One for the whole process: files and keys are read once.
#[derive(Debug)]
pub struct SshConnector {
    trust: Arc<Trust>,
    log_dir: Option<PathBuf>,
    shells: Mutex<BTreeMap<ShellKey, ShellSeen>>,
}

impl SshConnector {
    /// `known_hosts`: these files, the first is written to.
    #[must_use]
    pub fn new(known_hosts: Vec<PathBuf>, policy: HostKeyPolicy) -> Self {
        Self {
            trust: Arc::new(Trust {
                hosts: Arc::new(KnownHosts::new(known_hosts)),
                policy,
                keys: Keys::default(),
            }),
            log_dir: None,
            shells: Mutex::default(),
        }
    }

    /// Writes a log of every session into this folder, one file per device.
    #[must_use]
    pub fn with_session_logs(mut self, folder: PathBuf) -> Self {
        self.log_dir = Some(folder);
        self
    }

    /// The known servers.
    #[must_use]
    pub fn known_hosts(&self) -> &KnownHosts {
        &self.trust.hosts
    }

    /// The key a device shows now, without logging in or trusting it: what a person looks at
    /// before accepting it with [`KnownHosts::replace`].
    ///
    /// # Errors
    /// `Connect`.
    pub async fn look(&self, target: &Target) -> Result<SeenKey, DeviceError> {
        Link::look(&endpoint(target), &self.trust.hosts).await
    }

    /// A connection, logged in, without a CLI.
    ///
    /// # Errors
    /// As [`Link::open`].
    pub async fn link(&self, target: &Target) -> Result<Link, DeviceError> {
        Link::open(&endpoint(target), &self.trust).await
    }

    async fn capabilities(
        &self,
        target: &Target,
        link: &Link,
    ) -> Result<Capabilities, DeviceError> {
        let spec = &target.pack.transaction;
        let startup = target.pack.session.read.startup.is_some();
        let mut can = transaction::capabilities(spec, target.undo.method, startup);
        let Some(host) = spec.host_undo.as_ref().filter(|_| wants_host(target)) else {
            return Ok(can);
        };
        let undo = HostUndo::new(target.clone(), Arc::clone(&self.trust), host.clone());
        can.attended_only = self.shell(target, &undo, link).await;
        if can.attended_only.is_none() {
            can.timer = Some(HOST_TIMER);
            can.confirm = ConfirmScope::AnySession;
        }
        Ok(can)
    }

    async fn shell(&self, target: &Target, undo: &HostUndo, link: &Link) -> Option<String> {
        let key = (
            target.address.clone(),
            target.port,
            target.undo.shell_port,
            target.login.username.clone(),
        );
        let remembered = self
            .shells
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if let Some((at, why)) = remembered
            && at.elapsed() < REMEMBER_SHELL
        {
            return why;
        }
        match undo.probe(link).await {
            Ok(why) => {
                self.shells
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(key, (Instant::now(), why.clone()));
                why
            }
            // The device can be read all the same; next time may be better.
            Err(error) => Some(format!("no shell login on the host: {error}")),
        }
    }

    fn log(&self, target: &Target) -> Option<SessionLog> {
        let name: String = target
            .device
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        let path = self.log_dir.as_ref()?.join(format!("{name}.log"));
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path);
        match file {
            Ok(file) => Some(SessionLog::new(Box::new(file))),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "no session log");
                None
            }
        }
    }
}

/// Whether an undo on the host is to be looked for.
fn wants_host(target: &Target) -> bool {
    use crate::model::UndoMethod::{Auto, Device, Host, None as Nothing};
    target.pack.transaction.timer.is_none()
        && match target.undo.method {
            Auto | Host => true,
            Device | Nothing => false,
        }
}

fn endpoint(target: &Target) -> Endpoint<'_> {
    Endpoint {
        device: &target.device,
        address: &target.address,
        port: target.port,
        login: &target.login,
        jump: target.jump.as_ref(),
        within: target.connect_timeout,
    }
}

#[async_trait]
impl Connector for SshConnector {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Session>, DeviceError> {
        let link = self.link(target).await?;
        let spec = Arc::clone(&target.pack.session);
        let wire = link
            .shell(&spec.terminal)
            .await
            .map_err(|source| DeviceError::Connect {
                device: target.device.clone(),
                address: format!("{}:{}", target.address, target.port),
                source: Box::new(source),
            })?;
        let mut engine = Engine::new(&target.device, Box::new(wire), spec, target.silence_timeout);
        if let Some(mut log) = self.log(target) {
            log.note(&format!(
                "connected to {} port {}",
                target.address, target.port
            ));
            engine.log_to(log);
        }
        for secret in [&target.login.password, &target.login.key_passphrase]
            .into_iter()
            .flatten()
        {
            engine.redactor().learn(secret);
        }
        if let Some(secret) = &target.login.enable {
            engine.enable_with(secret.clone());
        }
        engine.start().await?;
        let capabilities = self.capabilities(target, &link).await?;
        Ok(Box::new(CliSession::new(
            target.clone(),
            engine,
            Some(link),
            Arc::clone(&self.trust),
            capabilities,
        )))
    }
}
