//! A TCP stream through which packets pass only while the device is reachable.
//!
//! While it is not, nothing is read and nothing is written: the peer sees silence, no end
//! and no reset, as with a router whose access list drops the packets. When the device is
//! reachable again everything goes on, as TCP's retransmissions would make it.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::model::Model;
use super::reach::reachable;

/// Locks; a panic in one session does not spoil the device for the others.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connections of one device and what decides about them.
#[derive(Debug)]
pub(super) struct Gates {
    /// Copy of the model's generation, so that an idle poll takes no lock.
    generation: AtomicU64,
    /// Connections of an earlier epoch are dead.
    epoch: AtomicU64,
    streams: Mutex<BTreeMap<u64, Arc<Wakers>>>,
}

#[derive(Debug, Default)]
struct Wakers {
    read: Mutex<Option<Waker>>,
    write: Mutex<Option<Waker>>,
}

impl Gates {
    pub(super) fn new() -> Self {
        Self {
            generation: AtomicU64::new(u64::MAX),
            epoch: AtomicU64::new(0),
            streams: Mutex::default(),
        }
    }

    /// The configuration may have changed: every connection looks again.
    pub(super) fn look_again(&self, generation: u64) {
        if self.generation.swap(generation, Ordering::AcqRel) != generation {
            self.wake();
        }
    }

    /// Ends every connection.
    pub(super) fn cut_all(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.wake();
    }

    /// How many connections there are.
    pub(super) fn count(&self) -> usize {
        lock(&self.streams).len()
    }

    fn wake(&self) {
        for wakers in lock(&self.streams).values() {
            for slot in [&wakers.read, &wakers.write] {
                if let Some(waker) = lock(slot).take() {
                    waker.wake();
                }
            }
        }
    }
}

/// What a connection may do now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Shut,
    Dead,
}

/// A connection behind the gate.
pub(super) struct GatedStream {
    tcp: TcpStream,
    id: u64,
    peer: IpAddr,
    gates: Arc<Gates>,
    model: Arc<Mutex<Model>>,
    wakers: Arc<Wakers>,
    epoch: u64,
    /// The generation last looked at, and what came of it.
    seen: (u64, bool),
}

impl GatedStream {
    pub(super) fn new(
        tcp: TcpStream,
        (id, peer): (u64, IpAddr),
        gates: Arc<Gates>,
        model: Arc<Mutex<Model>>,
    ) -> Self {
        let wakers = Arc::new(Wakers::default());
        lock(&gates.streams).insert(id, wakers.clone());
        let epoch = gates.epoch.load(Ordering::Acquire);
        let open = reachable(&lock(&model), peer);
        let seen = (gates.generation.load(Ordering::Acquire), open);
        Self {
            tcp,
            id,
            peer,
            gates,
            model,
            wakers,
            epoch,
            seen,
        }
    }

    fn state(&mut self) -> State {
        if self.gates.epoch.load(Ordering::Acquire) != self.epoch {
            return State::Dead;
        }
        let generation = self.gates.generation.load(Ordering::Acquire);
        if self.seen.0 != generation {
            self.seen = (generation, reachable(&lock(&self.model), self.peer));
        }
        if self.seen.1 {
            State::Open
        } else {
            State::Shut
        }
    }

    /// Notes who to wake, then looks.
    fn pass(&mut self, cx: &Context<'_>, read: bool) -> Poll<io::Result<()>> {
        let slot = if read {
            &self.wakers.read
        } else {
            &self.wakers.write
        };
        let mut waker = lock(slot);
        if !waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        drop(waker);
        match self.state() {
            State::Open => Poll::Ready(Ok(())),
            State::Shut => Poll::Pending,
            State::Dead => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }
}

impl Drop for GatedStream {
    fn drop(&mut self) {
        lock(&self.gates.streams).remove(&self.id);
    }
}

impl AsyncRead for GatedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        std::task::ready!(self.pass(cx, true))?;
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for GatedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.pass(cx, false))?;
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.pass(cx, false))?;
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
