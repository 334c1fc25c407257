//! One SSH connection: logins, shells, exec requests.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use russh::server::{self, Auth, ChannelOpenHandle, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::console::{Console, Output};
use super::gate::lock;
use super::reach::may_log_in;
use super::server::Station;
use super::spec::Platform;

/// Pieces of output waiting on one terminal that has a writer of its own.
const OUTBOX: usize = 64;
/// Bytes of one piece when output is slow.
const PIECE: usize = 16;

/// What a terminal's own writer has to do.
pub(super) enum Piece {
    /// Send bytes; with a pause, in small pieces.
    Data(Vec<u8>, Option<Duration>),
    /// Say good-bye.
    Close(u32),
}

/// What one connection does.
pub(super) struct Handler {
    station: Arc<Station>,
    peer: IpAddr,
    user: String,
    pty: bool,
    sessions: Vec<(ChannelId, Console)>,
    /// Set once a terminal's output goes through a writer of its own.
    outbox: Option<mpsc::Sender<Piece>>,
    tasks: JoinSet<()>,
}

impl Drop for Handler {
    fn drop(&mut self) {
        for (_, console) in &self.sessions {
            lock(&self.station.model).logout(&console.terminal);
        }
    }
}

fn refused() -> Auth {
    Auth::Reject {
        proceed_with_methods: None,
        partial_success: false,
    }
}

impl Handler {
    pub(super) fn new(station: Arc<Station>, peer: IpAddr) -> Self {
        Self {
            station,
            peer,
            user: String::new(),
            pty: false,
            sessions: Vec::new(),
            outbox: None,
            tasks: JoinSet::new(),
        }
    }

    /// The writer of this connection; made when first needed.
    fn writer(&mut self, channel: ChannelId, session: &Session) -> mpsc::Sender<Piece> {
        if let Some(outbox) = &self.outbox {
            return outbox.clone();
        }
        let (sender, mut receiver) = mpsc::channel(OUTBOX);
        let handle = session.handle();
        self.tasks.spawn(async move {
            while let Some(piece) = receiver.recv().await {
                match piece {
                    Piece::Data(bytes, None) => {
                        let _gone = handle.data(channel, bytes).await;
                    }
                    Piece::Data(bytes, Some(pause)) => {
                        for part in bytes.chunks(PIECE) {
                            let _gone = handle.data(channel, part.to_vec()).await;
                            tokio::time::sleep(pause).await;
                        }
                    }
                    Piece::Close(status) => {
                        let _gone = handle.exit_status_request(channel, status).await;
                        let _gone = handle.eof(channel).await;
                        let _gone = handle.close(channel).await;
                    }
                }
            }
        });
        self.outbox = Some(sender.clone());
        sender
    }

    async fn send(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
        bytes: Vec<u8>,
    ) -> Result<(), russh::Error> {
        let slow = lock(&self.station.model)
            .faults
            .slow_ms
            .map(Duration::from_millis);
        if slow.is_none() && self.outbox.is_none() {
            return session.data(channel, bytes);
        }
        let writer = self.writer(channel, session);
        let _gone = writer.send(Piece::Data(bytes, slow)).await;
        Ok(())
    }

    async fn close(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
        status: u32,
    ) -> Result<(), russh::Error> {
        if let Some(writer) = &self.outbox {
            let _gone = writer.send(Piece::Close(status)).await;
            return Ok(());
        }
        session.exit_status_request(channel, status)?;
        session.eof(channel)?;
        session.close(channel)
    }

    async fn after(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
        out: Output,
    ) -> Result<(), russh::Error> {
        if out.cut {
            return Err(russh::Error::Disconnect);
        }
        if !out.bytes.is_empty() {
            self.send(channel, session, out.bytes).await?;
        }
        if out.close {
            self.close(channel, session, 0).await?;
        }
        Ok(())
    }

    /// Runs the lines of an exec request, up to the first refused one.
    fn execute(&mut self, channel: ChannelId, command: &str) -> (String, u32, bool) {
        let station = self.station.clone();
        station.with(|model, now| {
            model.tick(now);
            let mut terminal =
                model.login(u64::from(u32::from(channel)) << 32, &self.user, self.peer);
            terminal.length = 0;
            let mut text = String::new();
            let mut failed = false;
            let mut cut = false;
            for line in command.lines() {
                let reply = model.line(&mut terminal, line, now);
                text.push_str(&reply.text);
                (failed, cut) = (reply.failed, reply.cut);
                if failed || cut || reply.close {
                    break;
                }
            }
            model.logout(&terminal);
            let ios = model.spec().platform == Platform::Ios;
            let text = if ios {
                format!("\n{text}").replace('\n', "\r\n")
            } else {
                text
            };
            (text, u32::from(failed && !ios), cut)
        })
    }
}

impl server::Handler for Handler {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let mut model = lock(&self.station.model);
        model.logins += 1;
        if may_log_in(&model, user) && model.spec().password == password {
            user.clone_into(&mut self.user);
            return Ok(Auth::Accept);
        }
        Ok(refused())
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        let model = lock(&self.station.model);
        let known = model.spec().authorized_keys.iter().any(|line| {
            russh::keys::PublicKey::from_openssh(line)
                .is_ok_and(|k| k.key_data() == key.public_key.key_data())
        });
        if known && may_log_in(&model, user) {
            user.clone_into(&mut self.user);
            return Ok(Auth::Accept);
        }
        Ok(refused())
    }

    async fn channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(russh::Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.pty = true;
        session.channel_success(channel)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        let id = self.station.next.fetch_add(1, Ordering::Relaxed);
        let (bytes, console) = self.station.with(|model, _| {
            let terminal = model.login(id, &self.user, self.peer);
            let mut console = Console::new(model, terminal, self.pty);
            (console.start(model), console)
        });
        self.sessions.push((channel, console));
        self.send(channel, session, bytes).await
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        let command = String::from_utf8_lossy(data).into_owned();
        let (text, status, cut) = self.execute(channel, &command);
        if cut {
            return Err(russh::Error::Disconnect);
        }
        self.send(channel, session, text.into_bytes()).await?;
        self.close(channel, session, status).await
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let station = self.station.clone();
        let Some((_, console)) = self.sessions.iter_mut().find(|(c, _)| *c == channel) else {
            return Ok(());
        };
        let watched = console.terminal.monitor;
        let out = station.with(|model, now| console.feed(model, data, now));
        if console.terminal.monitor && !watched {
            let writer = self.writer(channel, session);
            lock(&station.monitors).push(writer);
        }
        self.after(channel, session, out).await
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.sessions.iter().any(|(c, _)| *c == channel) {
            self.close(channel, session, 0).await?;
        }
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(at) = self.sessions.iter().position(|(c, _)| *c == channel) {
            let (_, console) = self.sessions.remove(at);
            lock(&self.station.model).logout(&console.terminal);
        }
        Ok(())
    }
}
