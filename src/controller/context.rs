//! Everything the stages share: settings, packs, store, connections, the clock.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::credentials::Logins;
use crate::config::Sealer;
use crate::device::transport::ssh_config::{Environment, HostConfig, SshConfig};
use crate::device::{Connector, Jump, Login, Target};
use crate::evaluator::Evaluator;
use crate::model::{
    ConnectionOptions, Credential, Data, Device, SecretError, SecretName, SecretSource, SecretText,
    Store, StoreError,
};
use crate::pack::{Pack, Packs};
use crate::report::Reporter;
use crate::settings::Settings;

/// File in the state folder that holds the installation's sealing key.
const SEAL_KEY_FILE: &str = "seal.key";
/// Nornir's name for the connection whose options a session takes.
const CONNECTION: &str = "netkeel";

/// What every stage may use. One per process, behind an `Arc`.
pub struct Context {
    /// Our own settings.
    pub settings: Arc<Settings>,
    /// Platform packs.
    pub packs: Packs,
    /// State and history.
    pub store: Arc<dyn Store>,
    /// Makes sessions.
    pub connector: Arc<dyn Connector>,
    /// Which credentials have just been seen to work.
    pub logins: Logins,
    /// Values of named secrets.
    pub secrets: Arc<dyn SecretSource>,
    /// The OpenSSH client configuration that the settings name.
    pub ssh_config: Option<SshFile>,
    /// Renders in a child process.
    pub evaluator: Evaluator,
    /// Log and metrics.
    pub reporter: Reporter,
    /// Key of the sealed tokens, this installation's own.
    pub seal_key: [u8; 32],
    /// This process, as leases name it.
    pub owner: String,
    /// The shell's clock.
    pub now: fn() -> Timestamp,
}

/// A parsed OpenSSH client configuration, and whose.
pub struct SshFile {
    /// What it says.
    pub config: SshConfig,
    /// The user it is read for.
    pub env: Environment,
}

/// Why a device cannot even be connected to.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// No platform in the inventory.
    #[error("device `{0}` has no platform")]
    NoPlatform(String),
    /// A platform no pack knows.
    #[error("device `{device}`: no pack for platform `{platform}` (known: {known})")]
    UnknownPlatform {
        /// The device.
        device: String,
        /// What the inventory says.
        platform: String,
        /// What there is.
        known: String,
    },
    /// A platform whose configurations Netkeel only compares so far.
    #[error(
        "device `{device}`: Netkeel has no driver for `{platform}` yet; `netkeel config` compares its configurations"
    )]
    NoDriver {
        /// The device.
        device: String,
        /// The platform.
        platform: String,
    },
    /// No user to log in as.
    #[error("device `{0}` has no username")]
    NoUsername(String),
    /// A credential that cannot be had.
    #[error("device `{device}`: credential")]
    Secret {
        /// The device.
        device: String,
        /// Which, and why.
        #[source]
        source: SecretError,
    },
}

impl Context {
    /// Runs a store call on a blocking thread.
    ///
    /// # Errors
    /// The store's.
    pub async fn store<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || call(&*store))
            .await
            .unwrap_or_else(|panic| {
                Err(StoreError::Read {
                    path: "store".to_owned(),
                    source: Box::new(panic),
                })
            })
    }

    /// The device's pack.
    ///
    /// # Errors
    /// No platform, or none we know.
    pub fn pack(&self, device: &Device) -> Result<Arc<Pack>, TargetError> {
        let platform = device
            .platform
            .as_deref()
            .ok_or_else(|| TargetError::NoPlatform(device.name.clone()))?;
        self.packs
            .get(platform)
            .ok_or_else(|| TargetError::UnknownPlatform {
                device: device.name.clone(),
                platform: platform.to_owned(),
                known: self.packs.names().join(", "),
            })
    }

    /// The device's pack, if Netkeel has a driver for it.
    ///
    /// # Errors
    /// As [`Self::pack`], or a platform that can only be compared.
    fn driven(&self, device: &Device) -> Result<Arc<Pack>, TargetError> {
        let pack = self.pack(device)?;
        if pack.driven {
            return Ok(pack);
        }
        Err(TargetError::NoDriver {
            device: device.name.clone(),
            platform: pack.name.clone(),
        })
    }

    /// How to reach and log in to a device.
    ///
    /// # Errors
    /// What is missing, by device.
    pub fn target(&self, device: &Device) -> Result<Target, TargetError> {
        let pack = self.driven(device)?;
        let options = device.connection_options.get(CONNECTION);
        let pick = |from: fn(&ConnectionOptions) -> Option<String>| options.and_then(from);
        let asked = asked_for(device);
        let found = self.resolved(&asked);
        let ssh = &self.settings.ssh;
        let username = pick(|o| o.username.clone())
            .or_else(|| device.username.clone())
            .or_else(|| ssh.username.clone())
            .or_else(|| found.as_ref().and_then(|host| host.user.clone()))
            .ok_or_else(|| TargetError::NoUsername(device.name.clone()))?;
        let login = Login {
            username,
            password: self.password(device)?,
            key_file: ssh
                .key_file
                .clone()
                .or_else(|| self.identity(found.as_ref())),
            key_passphrase: self.named(device, ssh.key_passphrase.as_ref())?,
            enable: self.enable(device, options)?,
        };
        let port = options.and_then(|o| o.port).or(device.port);
        Ok(Target {
            device: device.name.clone(),
            jump: self.jump(device, &login, found.as_ref()),
            port: port
                .or(found.as_ref().and_then(|host| host.port))
                .unwrap_or(22),
            address: found.map_or(asked, |host| host.hostname),
            login,
            pack,
            connect_timeout: self.settings.device.connect_timeout,
            silence_timeout: self.settings.device.silence_timeout,
            undo: device.keel.undo.clone(),
        })
    }

    /// What ssh_config says about a host.
    fn resolved(&self, asked: &str) -> Option<HostConfig> {
        let file = self.ssh_config.as_ref()?;
        Some(file.config.resolve(asked, &file.env))
    }

    /// The jump host of a device as limits count it: by address and port, whoever logs in
    /// there, and whether the inventory names it or ssh_config.
    pub(super) fn jump_host(&self, device: &Device) -> Option<String> {
        let found = self.resolved(&asked_for(device));
        let jump = self.jump(device, &Login::default(), found.as_ref())?;
        Some(format!("{}:{}", jump.address, jump.port))
    }

    /// A key that ssh_config names for this host; the usual ones of the user are not tried.
    fn identity(&self, found: Option<&HostConfig>) -> Option<PathBuf> {
        found?
            .identity_files
            .iter()
            .find(|path| path.is_file())
            .cloned()
    }

    /// The host in between: the inventory's (`extras.jump`), else ssh_config's.
    fn jump(&self, device: &Device, login: &Login, found: Option<&HostConfig>) -> Option<Jump> {
        match extra(device.connection_options.get(CONNECTION), "jump") {
            Some(text) => Some(jump(text, login)),
            None => {
                let file = self.ssh_config.as_ref()?;
                Some(file.config.jump(found?.proxy_jump.as_ref()?, &file.env))
            }
        }
    }

    fn password(&self, device: &Device) -> Result<Option<SecretText>, TargetError> {
        match credential(device) {
            None => Ok(None),
            Some(Credential::Plain(value)) => Ok(Some(value.clone())),
            Some(Credential::Named(name)) => self.named(device, Some(name)),
        }
    }

    /// The enable secret, a name under `extras.secret` (Netmiko's word for it).
    fn enable(
        &self,
        device: &Device,
        options: Option<&ConnectionOptions>,
    ) -> Result<Option<SecretText>, TargetError> {
        match extra(options, "secret").map(|text| (SecretName::from_reference(text), text)) {
            None => Ok(None),
            Some((None, plain)) => Ok(Some(SecretText::new(plain))),
            Some((Some(name), _)) => {
                let name = name.map_err(|source| secret_error(device, source))?;
                self.named(device, Some(&name))
            }
        }
    }

    fn named(
        &self,
        device: &Device,
        name: Option<&SecretName>,
    ) -> Result<Option<SecretText>, TargetError> {
        name.map(|name| self.secrets.resolve(name, &device.name, &device.all_groups))
            .transpose()
            .map_err(|source| secret_error(device, source))
    }

    /// A sealer that knows the secrets a text names, and the device's own login.
    ///
    /// # Errors
    /// A secret that is not to be had.
    pub fn sealer(&self, device: &Device, text: &str) -> Result<Sealer, SecretError> {
        let mut known = BTreeMap::new();
        for name in crate::model::placeholders(text) {
            let value = self
                .secrets
                .resolve(&name, &device.name, &device.all_groups)?;
            known.insert(name, value);
        }
        Ok(Sealer::new(self.seal_key, known))
    }
}

/// What a device is logged in to with, if not with a key.
pub(super) fn credential(device: &Device) -> Option<&Credential> {
    let options = device.connection_options.get(CONNECTION);
    options
        .and_then(|o| o.password.as_ref())
        .or(device.password.as_ref())
}

fn secret_error(device: &Device, source: SecretError) -> TargetError {
    TargetError::Secret {
        device: device.name.clone(),
        source,
    }
}

/// A text of `connection_options.netkeel.extras`. Never a path on the controller's host:
/// the inventory is open to whoever can open a pull request.
pub(super) fn extra<'a>(options: Option<&'a ConnectionOptions>, key: &str) -> Option<&'a str> {
    options
        .and_then(|o| o.extras.as_ref())
        .and_then(|data| data.get(key))
        .and_then(Data::as_text)
}

/// Reads `[user@]host[:port]`; without a user it is the device's own login.
fn jump(text: &str, login: &Login) -> Jump {
    let (user, place) = text
        .split_once('@')
        .map_or((None, text), |(u, p)| (Some(u), p));
    let (host, port) = match place.rsplit_once(':').map(|(h, p)| (h, p.parse())) {
        Some((host, Ok(port))) if !host.contains(':') || host.ends_with(']') => (host, port),
        Some(_) | None => (place, 22),
    };
    let mut login = login.clone();
    if let Some(user) = user {
        user.clone_into(&mut login.username);
    }
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    Jump {
        address,
        port,
        login,
    }
}

/// The name a device is reached by, before ssh_config has its say.
fn asked_for(device: &Device) -> String {
    let options = device.connection_options.get(CONNECTION);
    let asked = options.and_then(|o| o.hostname.as_deref());
    asked.unwrap_or_else(|| device.address()).to_owned()
}

/// Reads the installation's sealing key from the state folder, making it (mode 0600) at the
/// first start. Two processes starting at once agree on one.
///
/// # Errors
/// When the folder cannot be used, or the file is not a key.
pub fn seal_key(state: &Path) -> std::io::Result<[u8; 32]> {
    use std::io::Write as _;
    let path = state.join(SEAL_KEY_FILE);
    match std::fs::read(&path) {
        Ok(bytes) => return to_key(&path, &bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let key: [u8; 32] = rand::random();
    let mut file = tempfile::NamedTempFile::new_in(state)?; // mode 0600
    file.write_all(&key)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(key),
        Err(_) => to_key(&path, &std::fs::read(&path)?),
    }
}

fn to_key(path: &Path, bytes: &[u8]) -> std::io::Result<[u8; 32]> {
    bytes.try_into().map_err(|_| {
        std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            format!("{} is not a key of 32 bytes", path.display()),
        )
    })
}

/// This process, as leases name it: host, process id, something random.
#[must_use]
pub fn owner_name() -> String {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    format!(
        "{host}:{}:{:08x}",
        std::process::id(),
        rand::random::<u32>()
    )
}
