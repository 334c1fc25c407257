//! SSH connections, by russh.

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use russh::client::{self, Config, GexParams, Handle, Msg};
use russh::keys::{Algorithm, PublicKey};
use russh::{
    Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Disconnect, Preferred, cipher, kex,
};
use tokio::io::BufReader;
use tokio::net::TcpStream;

pub use super::auth::Keys;
use super::auth::log_in;
use super::known_hosts::{KnownHosts, Verdict, fingerprint};
use crate::device::cli::screen::Screen;
use crate::device::cli::{Gone, Wire};
use crate::device::{DeviceError, Jump, Login};
use crate::pack::session::TerminalSpec;

/// One read of the socket: a configuration comes in packets far smaller than this.
const READ_BUFFER: usize = 16 * 1024;

/// A server that is silent is asked whether it is still there this often …
const KEEPALIVE: Duration = Duration::from_secs(20);

/// … and given up after this many questions without an answer.
const KEEPALIVE_MAX: usize = 3;

/// Most a command on a host may print.
const EXEC_LIMIT: usize = 8 << 20;

/// Key exchanges by cost: curve25519 is a third of ML-KEM's cost, ECDH far below classic
/// Diffie-Hellman, whose larger groups take russh tens of milliseconds.
const KEX: &[kex::Name] = &[
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::MLKEM768X25519_SHA256,
    kex::DH_G14_SHA256,
    kex::DH_GEX_SHA256,
    kex::DH_G15_SHA512,
    kex::DH_G16_SHA512,
    kex::DH_G17_SHA512,
    kex::DH_G18_SHA512,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];

/// AES-GCM has hardware behind it.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

/// What is done about a server that no file knows. A changed or revoked key is always
/// refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// Refuse.
    #[default]
    Strict,
    /// Note the key and go on.
    AcceptNew,
    /// Refuse every key: only look at it.
    Look,
}

/// The key a server showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenKey {
    /// The key.
    pub key: PublicKey,
    /// Its fingerprint, `SHA256:…`.
    pub fingerprint: String,
}

/// What is learnt of a server beside its answers.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Its version string, `SSH-2.0-…`.
    pub version: String,
    /// What it says before the login.
    pub banner: String,
    /// Its key.
    pub key: Option<SeenKey>,
}

/// What every connection of a process shares.
#[derive(Debug)]
pub struct Trust {
    /// Known servers.
    pub hosts: Arc<KnownHosts>,
    /// What is done about unknown ones.
    pub policy: HostKeyPolicy,
    /// Private keys.
    pub keys: Keys,
}

/// Whom to connect to.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<'a> {
    /// Inventory name, for errors.
    pub device: &'a str,
    /// Address.
    pub address: &'a str,
    /// TCP port.
    pub port: u16,
    /// Login.
    pub login: &'a Login,
    /// The host in between.
    pub jump: Option<&'a Jump>,
    /// Longest wait, for all of it.
    pub within: Duration,
}

impl Endpoint<'_> {
    fn shown(&self) -> String {
        super::known_hosts::host_name(self.address, self.port)
    }

    fn failed(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DeviceError {
        DeviceError::Connect {
            device: self.device.to_owned(),
            address: self.shown(),
            source: source.into(),
        }
    }

    fn refused(&self, error: GuardError) -> DeviceError {
        match error {
            GuardError::Ssh(source) => self.failed(source),
            GuardError::Files(source) => self.failed(source),
            GuardError::HostKey { fingerprint, why } => DeviceError::HostKey {
                device: self.device.to_owned(),
                address: self.shown(),
                fingerprint,
                why,
            },
        }
    }
}

/// A connection, logged in.
pub struct Link {
    handle: Handle<Guard>,
    jump: Option<Handle<Guard>>,
    seen: Arc<Mutex<Seen>>,
}

impl Link {
    /// A new TCP connection, key exchange, check of the host key, and login.
    ///
    /// # Errors
    /// `Connect`, `HostKey`, `Auth`, `Credential`.
    pub async fn open(to: &Endpoint<'_>, trust: &Trust) -> Result<Self, DeviceError> {
        tokio::time::timeout(to.within, Self::open_now(to, trust))
            .await
            .map_err(|_| {
                let why = format!("no answer within {} s", to.within.as_secs());
                to.failed(io::Error::new(io::ErrorKind::TimedOut, why))
            })?
    }

    async fn open_now(to: &Endpoint<'_>, trust: &Trust) -> Result<Self, DeviceError> {
        let (mut handle, jump, seen) = greet_by_jump(to, trust).await?;
        log_in(&mut handle, to.device, to.login, &trust.keys).await?;
        Ok(Self { handle, jump, seen })
    }

    /// Looks at a server's key, and goes no further.
    ///
    /// # Errors
    /// `Connect`.
    pub async fn look(to: &Endpoint<'_>, hosts: &Arc<KnownHosts>) -> Result<SeenKey, DeviceError> {
        let trust = Trust {
            hosts: Arc::clone(hosts),
            policy: HostKeyPolicy::Look,
            keys: Keys::default(),
        };
        let seen = Arc::new(Mutex::new(Seen::default()));
        let work = async {
            let stream = TcpStream::connect((to.address, to.port))
                .await
                .map_err(|e| to.failed(e))?;
            greet(to, &trust, stream, &seen).await.map(drop)
        };
        let result = tokio::time::timeout(to.within, work).await;
        let key = seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .key
            .clone();
        match (key, result) {
            (Some(key), _) => Ok(key),
            (None, Ok(Err(error))) => Err(error),
            (None, _) => Err(to.failed(io::Error::from(io::ErrorKind::TimedOut))),
        }
    }

    /// What was learnt of the server.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A terminal with whatever the login starts.
    ///
    /// # Errors
    /// What SSH says.
    pub async fn shell(&self, terminal: &TerminalSpec) -> Result<SshWire, russh::Error> {
        let channel = self.handle.channel_open_session().await?;
        channel
            .request_pty(
                false,
                &terminal.kind,
                terminal.columns,
                terminal.rows,
                0,
                0,
                &[],
            )
            .await?;
        channel.request_shell(true).await?;
        let (reader, writer) = channel.split();
        Ok(SshWire { reader, writer })
    }

    /// One command on a channel of its own, with `input` as its standard input.
    ///
    /// # Errors
    /// What SSH says.
    pub async fn exec(&self, command: &str, input: Vec<u8>) -> Result<Ran, russh::Error> {
        let mut channel = self.handle.channel_open_session().await?;
        channel.exec(true, command).await?;
        if !input.is_empty() {
            channel.data_bytes(input).await?;
        }
        channel.eof().await?;
        Ok(collect(&mut channel).await)
    }

    /// Says good-bye. The task behind the connection ends by itself.
    pub async fn close(&self) {
        for handle in [Some(&self.handle), self.jump.as_ref()]
            .into_iter()
            .flatten()
        {
            if handle
                .disconnect(Disconnect::ByApplication, "", "")
                .await
                .is_err()
            {
                tracing::debug!("the connection was closed before the good-bye");
            }
        }
    }
}

/// What a command on a host came to.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
    /// Exit status, if the server told.
    pub status: Option<u32>,
}

async fn collect(channel: &mut Channel<Msg>) -> Ran {
    let (mut output, mut errors, mut status) = (Vec::new(), Vec::new(), None);
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } if output.len() < EXEC_LIMIT => {
                output.extend_from_slice(&data)
            }
            ChannelMsg::ExtendedData { data, .. } if errors.len() < EXEC_LIMIT => {
                errors.extend_from_slice(&data);
            }
            ChannelMsg::ExitStatus { exit_status } => status = Some(exit_status),
            ChannelMsg::Close | ChannelMsg::Failure => break,
            _ => {}
        }
    }
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran {
        output: text(output),
        errors: text(errors),
        status,
    }
}

/// A terminal's byte stream.
pub struct SshWire {
    reader: ChannelReadHalf,
    writer: ChannelWriteHalf<Msg>,
}

#[async_trait]
impl Wire for SshWire {
    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Gone> {
        self.writer.data_bytes(bytes).await.map_err(|_| Gone)
    }

    async fn receive(&mut self, screen: &mut Screen) -> Result<usize, Gone> {
        loop {
            match self.reader.wait().await {
                Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. }) => {
                    screen.feed(&data);
                    return Ok(data.len());
                }
                Some(ChannelMsg::Failure | ChannelMsg::Eof | ChannelMsg::Close) | None => {
                    return Err(Gone);
                }
                Some(_) => {}
            }
        }
    }

    async fn close(&mut self) {
        if self.writer.close().await.is_err() {
            tracing::debug!("the channel was closed before the good-bye");
        }
    }
}

type Greeted = (Handle<Guard>, Option<Handle<Guard>>, Arc<Mutex<Seen>>);

async fn greet_by_jump(to: &Endpoint<'_>, trust: &Trust) -> Result<Greeted, DeviceError> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let Some(jump) = to.jump else {
        let stream = tcp(to).await?;
        return Ok((greet(to, trust, stream, &seen).await?, None, seen));
    };
    let first = Endpoint {
        address: &jump.address,
        port: jump.port,
        login: &jump.login,
        jump: None,
        ..*to
    };
    let stream = tcp(&first).await?;
    let mut between = greet(&first, trust, stream, &Arc::default()).await?;
    log_in(&mut between, to.device, &jump.login, &trust.keys).await?;
    let channel = between
        .channel_open_direct_tcpip(to.address, u32::from(to.port), "127.0.0.1", 0)
        .await
        .map_err(|e| to.failed(e))?;
    let handle = greet(to, trust, channel.into_stream(), &seen).await?;
    Ok((handle, Some(between), seen))
}

async fn tcp(to: &Endpoint<'_>) -> Result<BufReader<TcpStream>, DeviceError> {
    let stream = TcpStream::connect((to.address, to.port))
        .await
        .map_err(|e| to.failed(e))?;
    // Nagle's algorithm with delayed acknowledgements costs 40 ms a session.
    stream.set_nodelay(true).map_err(|e| to.failed(e))?;
    Ok(BufReader::with_capacity(READ_BUFFER, stream))
}

async fn greet<S>(
    to: &Endpoint<'_>,
    trust: &Trust,
    stream: S,
    seen: &Arc<Mutex<Seen>>,
) -> Result<Handle<Guard>, DeviceError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let known = trust
        .hosts
        .algorithms(to.address, to.port)
        .map_err(|e| to.failed(e))?;
    let guard = Guard {
        host: to.address.to_owned(),
        port: to.port,
        hosts: Arc::clone(&trust.hosts),
        policy: trust.policy,
        seen: Arc::clone(seen),
    };
    client::connect_stream(config(&known, to)?, stream, guard)
        .await
        .map_err(|error| to.refused(error))
}

fn config(known: &[Algorithm], to: &Endpoint<'_>) -> Result<Arc<Config>, DeviceError> {
    // 2048 bits are what routers have; russh's own default would refuse them.
    let gex = GexParams::new(2048, 2048, 8192).map_err(|e| to.failed(e))?;
    let preferred = Preferred {
        kex: Cow::Borrowed(KEX),
        cipher: Cow::Borrowed(CIPHERS),
        key: key_order(known),
        ..Preferred::DEFAULT
    };
    Ok(Arc::new(Config {
        preferred,
        gex,
        nodelay: true,
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVE_MAX,
        ..Config::default()
    }))
}

/// The types a server is known by come first; RSA keys are known by one name and signed with
/// by three.
fn key_order(known: &[Algorithm]) -> Cow<'static, [Algorithm]> {
    if known.is_empty() {
        return Preferred::DEFAULT.key;
    }
    let is_known = |a: &Algorithm| known.iter().any(|k| k == a || both_rsa(k, a));
    let (mut first, rest): (Vec<Algorithm>, Vec<Algorithm>) =
        Preferred::DEFAULT.key.iter().cloned().partition(is_known);
    first.extend(rest);
    Cow::Owned(first)
}

fn both_rsa(a: &Algorithm, b: &Algorithm) -> bool {
    matches!((a, b), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }))
}

/// Judges the server's key before anything secret is sent.
struct Guard {
    host: String,
    port: u16,
    hosts: Arc<KnownHosts>,
    policy: HostKeyPolicy,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug)]
enum GuardError {
    Ssh(russh::Error),
    Files(io::Error),
    HostKey { fingerprint: String, why: String },
}

impl From<russh::Error> for GuardError {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

impl Guard {
    fn judge(&self, key: &PublicKey) -> Result<(), GuardError> {
        let verdict = self
            .hosts
            .judge(&self.host, self.port, key)
            .map_err(GuardError::Files)?;
        match (verdict, self.policy) {
            (_, HostKeyPolicy::Look) => Err(refuse(key, "only looked at".to_owned())),
            (Verdict::Known, _) => Ok(()),
            (Verdict::Unknown(_), HostKeyPolicy::AcceptNew) => self
                .hosts
                .add(&self.host, self.port, key)
                .map_err(GuardError::Files),
            (Verdict::Unknown(why) | Verdict::Refused(why), _) => Err(refuse(key, why)),
        }
    }

    fn note(&self, write: impl FnOnce(&mut Seen)) {
        write(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn refuse(key: &PublicKey, why: String) -> GuardError {
    GuardError::HostKey {
        fingerprint: fingerprint(key),
        why,
    }
}

impl client::Handler for Guard {
    type Error = GuardError;

    async fn check_server_key(
        &mut self,
        shown: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, GuardError> {
        let key = shown.public_key();
        let seen = SeenKey {
            fingerprint: fingerprint(&key),
            key: key.clone(),
        };
        self.note(|s| s.key = Some(seen));
        self.judge(&key).map(|()| true)
    }

    async fn auth_banner(
        &mut self,
        banner: &str,
        _session: &mut client::Session,
    ) -> Result<(), GuardError> {
        self.note(|s| banner.clone_into(&mut s.banner));
        Ok(())
    }

    async fn kex_done(
        &mut self,
        _secret: Option<&[u8]>,
        _names: &russh::Names,
        session: &mut client::Session,
    ) -> Result<(), GuardError> {
        let version = String::from_utf8_lossy(session.remote_sshid())
            .trim_end()
            .to_owned();
        self.note(|s| s.version = version);
        Ok(())
    }
}
