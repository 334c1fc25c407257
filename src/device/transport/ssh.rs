//! SSH connections, by russh.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use russh::client::{self, Handle, Msg};
use russh::keys::PublicKey;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Disconnect};
use tokio::io::BufReader;
use tokio::net::TcpStream;

pub use super::auth::Keys;
use super::auth::log_in;
use super::guard::{Guard, GuardError, config};
use super::known_hosts::KnownHosts;
use crate::device::cli::screen::Screen;
use crate::device::cli::{Gone, Wire};
use crate::device::{DeviceError, Jump, Login};
use crate::pack::session::TerminalSpec;

/// One read of the socket: a configuration comes in packets far smaller than this.
const READ_BUFFER: usize = 16 * 1024;

/// Most a command on a host may print.
const EXEC_LIMIT: usize = 8 << 20;

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

    pub(super) fn failed(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> DeviceError {
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
        if let ChannelMsg::Data { data } = &message
            && output.len() < EXEC_LIMIT
        {
            output.extend_from_slice(data);
        }
        if let ChannelMsg::ExtendedData { data, .. } = &message
            && errors.len() < EXEC_LIMIT
        {
            errors.extend_from_slice(data);
        }
        if let ChannelMsg::ExitStatus { exit_status } = &message {
            status = Some(*exit_status);
        }
        if matches!(message, ChannelMsg::Close | ChannelMsg::Failure) {
            break;
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
