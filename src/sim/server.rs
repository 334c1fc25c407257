//! A real SSH server in front of one model.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::{MethodKind, MethodSet, Preferred, kex, server};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::console::Console;
use super::gate::{GatedStream, Gates, lock};
use super::model::Model;
use super::reach::admitted;
use super::session::{Handler, Piece};
use super::spec::Platform;

/// One device and its connections.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) model: Arc<Mutex<Model>>,
    pub(super) gates: Arc<Gates>,
    pub(super) clock: Arc<Clock>,
    /// Tells the fleet's timer that a deadline moved.
    pub(super) timer: Arc<Notify>,
    pub(super) monitors: Mutex<Vec<mpsc::Sender<Piece>>>,
    /// Numbers connections and sessions.
    pub(super) next: AtomicU64,
}

impl Station {
    pub(super) fn new(model: Model, clock: Arc<Clock>, timer: Arc<Notify>) -> Self {
        let gates = Arc::new(Gates::new());
        gates.look_again(model.generation());
        Self {
            model: Arc::new(Mutex::new(model)),
            gates,
            clock,
            timer,
            monitors: Mutex::default(),
            next: AtomicU64::new(1),
        }
    }

    /// Does something with the model, then lets connections and terminals see what came of
    /// it.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Model, jiff::Timestamp) -> T) -> T {
        let mut model = lock(&self.model);
        let before = model.deadline();
        let out = act(&mut model, self.clock.now());
        let (generation, after, logs) = (model.generation(), model.deadline(), model.take_logs());
        drop(model);
        self.gates.look_again(generation);
        if before != after {
            self.timer.notify_one();
        }
        if !logs.is_empty() {
            // A terminal that does not read loses log lines, as on the real device.
            let send = |m: &mpsc::Sender<Piece>| {
                let lost = |l: &String| m.try_send(Piece::Data(Console::log(l), None)).is_err();
                let _full = logs.iter().any(lost);
                !m.is_closed()
            };
            lock(&self.monitors).retain(send);
        }
        out
    }

    /// Accepts connections until told to stop.
    pub(super) async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        config: Arc<server::Config>,
        stop: CancellationToken,
    ) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok((tcp, peer)) => {
                        let station = self.clone();
                        connections.spawn(station.connection(tcp, peer, config.clone()));
                    }
                    // Out of descriptors: wait for one to come back.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
        self.gates.cut_all();
    }

    async fn connection(
        self: Arc<Self>,
        tcp: TcpStream,
        peer: SocketAddr,
        config: Arc<server::Config>,
    ) {
        let peer = peer.ip();
        if !admitted(&lock(&self.model), peer) {
            return;
        }
        let _ignored = tcp.set_nodelay(true);
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let stream = GatedStream::new(tcp, (id, peer), self.gates.clone(), self.model.clone());
        let handler = Handler::new(self.clone(), peer);
        if let Ok(session) = server::run_stream(config, stream, handler).await {
            // How a connection ends is the client's business, not an error of ours.
            let _ended = session.await;
        }
    }
}

/// Settings of a device's SSH server.
pub(super) fn config(key: PrivateKey, platform: Platform) -> Arc<server::Config> {
    let greeting = match platform {
        Platform::Ios => "SSH-2.0-Cisco-1.25",
        Platform::Frr => "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3",
    };
    let preferred = Preferred {
        // What routers offer, and a third cheaper than the post-quantum default.
        kex: std::borrow::Cow::Borrowed(&[
            kex::CURVE25519,
            kex::CURVE25519_PRE_RFC_8731,
            kex::ECDH_SHA2_NISTP256,
            kex::EXTENSION_SUPPORT_AS_SERVER,
            kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
        ]),
        ..Preferred::DEFAULT
    };
    Arc::new(server::Config {
        server_id: russh::SshId::Standard(greeting.into()),
        methods: MethodSet::from(&[MethodKind::PublicKey, MethodKind::Password][..]),
        auth_rejection_time: Duration::from_millis(20),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key],
        preferred,
        window_size: 256 * 1024,
        channel_buffer_size: 4,
        inactivity_timeout: None,
        max_auth_attempts: 3,
        ..server::Config::default()
    })
}
