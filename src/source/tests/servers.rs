//! Servers that say nothing, or never finish, or refuse.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use tokio::time::Instant;

use super::*;

/// A server of one kind of nastiness; stops when dropped.
struct Nasty {
    port: u16,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<usize>>,
}

impl Nasty {
    /// `answer` is sent at once on each connection, then `drip` every 20 ms.
    fn start(answer: &'static [u8], drip: Option<u8>) -> Self {
        init().expect("libgit2's limits");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        listener.set_nonblocking(true).expect("non-blocking");
        let (stop, stopped) = channel::<()>();
        let thread = std::thread::spawn(move || {
            let mut open: Vec<TcpStream> = Vec::new();
            let mut accepted = 0;
            let tick = Duration::from_millis(20);
            while stopped.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
                if let Ok((mut stream, _)) = listener.accept() {
                    accepted += 1;
                    stream.write_all(answer).unwrap_or_default();
                    open.push(stream);
                }
                for stream in &mut open {
                    if let Some(byte) = drip {
                        stream.write_all(&[byte]).unwrap_or_default();
                    }
                }
            }
            accepted
        });
        Self {
            port,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn stop(&mut self) -> usize {
        drop(self.stop.take());
        self.thread
            .take()
            .map_or(0, |t| t.join().expect("the server"))
    }
}

impl Drop for Nasty {
    fn drop(&mut self) {
        self.stop();
    }
}

fn patient(url: &str, folder: &TempDir, seconds: u64) -> Mirror {
    let spec = SourceSpec {
        timeout: Duration::from_secs(seconds),
        ..spec(url, &folder.path().join("mirror"))
    };
    Mirror::open(spec).expect("a mirror")
}

/// Refreshes against a server that never finishes: an error in time, then busy, then free.
fn never_finishes(url: &str, server: &mut Nasty) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut mirror = patient(url, &folder, 1);
    let begin = Instant::now();
    let shown = text(mirror.refresh(None));
    assert_eq!(shown, format!("`{url}` did not answer within 1 s"));
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
    assert!(matches!(
        mirror.refresh(None),
        Err(SourceError::Busy { .. })
    ));
    server.stop();
    let deadline = Instant::now() + Duration::from_secs(20);
    while matches!(mirror.refresh(None), Err(SourceError::Busy { .. })) {
        assert!(Instant::now() < deadline, "the thread never ended");
        std::thread::yield_now();
    }
}

#[test]
fn silent_servers() {
    for scheme in ["http", "https", "git", "ssh"] {
        let mut server = Nasty::start(b"", None);
        let url = format!("{scheme}://127.0.0.1:{}/net.git", server.port);
        never_finishes(&url, &mut server);
    }
}

#[test]
fn dripping_servers() {
    let head: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nX-Slow: ";
    for (scheme, answer, drip) in [
        ("http", head, b'a'),
        ("git", &b"fff0"[..], b'a'),
        ("ssh", &b""[..], b'a'),
    ] {
        let mut server = Nasty::start(answer, Some(drip));
        let url = format!("{scheme}://127.0.0.1:{}/net.git", server.port);
        never_finishes(&url, &mut server);
    }
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("https://carol:hunter2@127.0.0.1:{port}/net.git");
    let mut spec = spec(&url, &folder.path().join("mirror"));
    spec.auth.token = Some(crate::model::SecretText::new("hunter3"));
    let mut mirror = Mirror::open(spec).expect("a mirror");
    assert!(!format!("{mirror:?}").contains("hunter3"));
    let error = mirror.refresh(None).expect_err("no server");
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    let shown = format!("{error} {error:?}");
    assert!(
        !shown.contains("hunter") && !shown.contains("carol"),
        "{shown}"
    );
    assert!(shown.contains(&format!("https://127.0.0.1:{port}/net.git")));
}

/// Answers every request with one status until dropped; counts the requests.
fn http_status(status: &'static str) -> (u16, JoinHandle<usize>, Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    listener.set_nonblocking(true).expect("non-blocking");
    let (stop, stopped) = channel::<()>();
    let thread = std::thread::spawn(move || {
        let mut requests = 0;
        let tick = Duration::from_millis(5);
        while stopped.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
            let Ok((mut stream, _)) = listener.accept() else {
                continue;
            };
            stream.set_nonblocking(false).expect("blocking");
            let mut request = [0; 4096];
            if stream.read(&mut request).is_ok_and(|n| n > 0) {
                requests += 1;
            }
            let answer = format!(
                "HTTP/1.1 {status}\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).unwrap_or_default();
        }
        requests
    });
    (port, thread, stop)
}

#[test]
fn http_refusals_are_told_apart_and_not_repeated() {
    for (status, expected) in [
        ("401 Unauthorized", "wants a login: only tokens over https"),
        ("403 Forbidden", "refused the login"),
        ("404 Not Found", "there is no repository at"),
        ("500 Oops", "cannot fetch"),
    ] {
        let (port, server, stop) = http_status(status);
        let folder = tempfile::tempdir().expect("a folder");
        let mut spec = spec(
            &format!("http://127.0.0.1:{port}/x"),
            &folder.path().join("m"),
        );
        spec.auth.token = Some(crate::model::SecretText::new("hunter3"));
        let shown = text(Mirror::open(spec).expect("a mirror").refresh(None));
        assert!(shown.contains(expected), "{status}: {shown}");
        drop(stop);
        assert_eq!(server.join().expect("the server"), 1, "{status}");
    }
}
