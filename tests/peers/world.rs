//! What the peer tests share: the binary as a user would run it, a repository, HTTP.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tokio::time::Instant;

/// Whether the peers are there; says so once if not.
pub(crate) fn gate(test: &str) -> bool {
    let there = std::env::var_os("NETKEEL_PEERS").is_some();
    if !there {
        eprintln!("{test}: left out (needs root and the packages tests/run installs)");
    }
    there
}

/// Waits until `done` gives a value, or panics with what was awaited.
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut done: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} for {what}");
        pause();
    }
}

/// Between two looks at something that another process does.
fn pause() {
    drop(TcpListener::bind("127.0.0.1:0").map(|listener| {
        // accept with a time-out would need threads; a short poll of our own socket will do
        listener.set_nonblocking(true).expect("non-blocking");
        std::thread::park_timeout(Duration::from_millis(50));
    }));
}

/// A TCP port nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// One user's working place: a repository, settings, state; and the binary.
pub(crate) struct World {
    /// Everything below here goes when the test ends.
    pub(crate) dir: tempfile::TempDir,
    /// Address of the daemon's pages.
    pub(crate) listen: SocketAddr,
}

impl World {
    /// An empty repository and settings that name the lab's login. `more` is appended to the
    /// settings (YAML at top level).
    pub(crate) fn new(url: &str, repository: &str, known_hosts: &Path, more: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let listen = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let repo = dir.path().join("repo");
        git2::Repository::init_opts(
            &repo,
            git2::RepositoryInitOptions::new().initial_head("main"),
        )
        .expect("a repository");
        let url = if url.is_empty() {
            repo.display().to_string()
        } else {
            url.to_owned()
        };
        let settings = format!(
            "repository:\n  url: {url}\n  ref: main\n  poll: 1s\n{repository}\n\
             state: {state}\nssh:\n  known_hosts: {known}\n\
             run:\n  listen: {listen}\n  interval: 3s\n  retry_first: 1s\n{more}\n",
            state = dir.path().join("state").display(),
            known = known_hosts.display(),
        );
        std::fs::write(dir.path().join("netkeel.yaml"), settings).expect("settings");
        Self { dir, listen }
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    /// Writes a file of the working tree.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.repo().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, text).expect("a file");
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.repo().join(path)).expect("a file")
    }

    /// Commits everything in the working tree; the id.
    pub(crate) fn commit(&self, message: &str) -> String {
        let repo = git2::Repository::open(self.repo()).expect("the repository");
        let mut index = repo.index().expect("the index");
        index
            .add_all(["*"], git2::IndexAddOption::DEFAULT, None)
            .expect("add");
        index.write().expect("write");
        let tree = repo
            .find_tree(index.write_tree().expect("tree"))
            .expect("tree");
        let who = git2::Signature::now("Ada", "ada@example.net").expect("signature");
        let parent = repo.head().ok().and_then(|head| head.peel_to_commit().ok());
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        repo.commit(Some("HEAD"), &who, &who, message, &tree, &parents)
            .expect("commit")
            .to_string()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netkeel"));
        command
            .args(args)
            .arg("--settings")
            .arg(self.dir.path().join("netkeel.yaml"))
            .current_dir(self.dir.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let output = self.command(args).output().expect("netkeel starts");
        eprintln!(
            "$ netkeel {}  -> {:?}\n{}{}",
            args.join(" "),
            output.status.code(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    /// Runs a command that must exit with this code; its standard output.
    pub(crate) fn expect(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(
            output.status.code(),
            Some(code),
            "netkeel {}",
            args.join(" ")
        );
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Starts a command and leaves it running.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.path().join("log"))
            .expect("a log");
        let child = self
            .command(args)
            .stdout(log.try_clone().expect("the log"))
            .stderr(log)
            .spawn()
            .expect("netkeel starts");
        Running {
            child,
            log: self.dir.path().join("log"),
        }
    }

    /// One device of `status --json`.
    pub(crate) fn status(&self, device: &str) -> serde_json::Value {
        let output = self
            .command(&["status", "--json"])
            .output()
            .expect("netkeel starts");
        let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        one(&all, device)
    }

    /// One device of `/api/v1/devices` of the running daemon.
    pub(crate) fn live(&self, device: &str) -> serde_json::Value {
        let text = get(self.listen, "/api/v1/devices").unwrap_or_default();
        one(&serde_json::from_str(&text).unwrap_or_default(), device)
    }

    /// The daemon's metrics.
    pub(crate) fn metrics(&self) -> String {
        get(self.listen, "/metrics").unwrap_or_default()
    }
}

fn one(all: &serde_json::Value, device: &str) -> serde_json::Value {
    let found = all["devices"].as_array().and_then(|devices| {
        devices
            .iter()
            .find(|candidate| candidate["name"] == device)
            .cloned()
    });
    found.unwrap_or_default()
}

/// A process that is ended with the test.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!(
                "-- log:\n{}",
                std::fs::read_to_string(&self.log).unwrap_or_default()
            );
        }
    }
}

/// A plain HTTP GET; the body.
pub(crate) fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: netkeel\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    if head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked")
    {
        return Some(unchunk(body));
    }
    Some(body.to_owned())
}

fn unchunk(body: &str) -> String {
    let mut rest = body;
    let mut whole = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let Ok(size) = usize::from_str_radix(size.trim(), 16) else {
            break;
        };
        if size == 0 || after.len() < size {
            break;
        }
        whole.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
    }
    whole
}
