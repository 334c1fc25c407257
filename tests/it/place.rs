//! One user's working place: simulated routers, a repository, settings, state; and the binary.

use std::io::{Read as _, Seek as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use netkeel::sim::{DeviceSpec, Faults, Fleet, FleetOptions, Pace, Platform};
use serde_json::Value;
use tokio::time::Instant;

/// Longest wait for something that has to happen.
const SOON: Duration = Duration::from_secs(30);

const IOS: &str = "\
hostname {name}
archive
 path flash:archive
interface Loopback0
 description mgmt
 ip address 10.255.0.1 255.255.255.255
interface GigabitEthernet0/1
 description to the core
 ip address 10.1.1.1 255.255.255.252
ntp server 10.9.0.1
end
";

const FRR: &str = "\
frr version 8.4.4
frr defaults traditional
hostname {name}
!
interface eth1
 description to the core
 ip address 10.1.1.2/30
exit
!
ip route 10.20.0.0/16 10.1.1.1
ip route 10.21.0.0/16 10.1.1.1
ip route 10.22.0.0/16 10.1.1.1
ip route 10.23.0.0/16 10.1.1.1
ip route 10.24.0.0/16 10.1.1.1
!
end
";

/// How a command ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The exit code is this, and the message names all of `words`.
    #[track_caller]
    pub(crate) fn is(self, code: i32, words: &[&str]) -> Self {
        let text = format!("{}{}", self.out, self.err);
        assert_eq!(self.code, code, "{text}");
        for word in words {
            assert!(text.contains(word), "`{word}` is missing in:\n{text}");
        }
        assert!(
            !text.contains("netkeel-sim"),
            "a password was shown:\n{text}"
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect(&self.out)
    }
}

/// The place. Everything in it ends with the test.
pub(crate) struct Place {
    dir: tempfile::TempDir,
    pub(crate) fleet: Fleet,
    /// Further lines of the settings, at top level.
    pub(crate) settings: String,
    /// Wraps the program, as `["sh", "-c", "ulimit …; exec \"$0\" \"$@\""]`.
    pub(crate) wrapper: Vec<String>,
}

impl Place {
    /// One IOS router `r1` and one FRR router `r2`, in line, both `apply: manual`.
    pub(crate) async fn two() -> Self {
        Self::with(&[("r1", Platform::Ios), ("r2", Platform::Frr)]).await
    }

    /// The same with the usual configuration for every named router.
    pub(crate) async fn with(devices: &[(&str, Platform)]) -> Self {
        let specs = devices.iter().map(|(name, platform)| {
            let config = match platform {
                Platform::Ios => IOS,
                Platform::Frr => FRR,
            };
            DeviceSpec::new(name, *platform, config)
        });
        let options = FleetOptions {
            pace: Pace::Real,
            start: "2026-03-01T10:00:00Z".parse::<Timestamp>().expect("a time"),
        };
        let fleet = Fleet::start(specs.collect(), options)
            .await
            .expect("a fleet");
        let place = Self {
            dir: tempfile::tempdir().expect("a folder"),
            fleet,
            settings: String::new(),
            wrapper: Vec::new(),
        };
        place.prepare();
        place
    }

    fn prepare(&self) {
        let known: Vec<String> = self
            .fleet
            .devices()
            .iter()
            .map(|d| format!("[{}]:{} {}", d.address, d.port, d.host_key))
            .collect();
        std::fs::write(self.path("known_hosts"), known.join("\n") + "\n").expect("known hosts");
        std::fs::create_dir_all(self.path("home")).expect("a home");
        git2::Repository::init_opts(
            self.repo(),
            git2::RepositoryInitOptions::new().initial_head("main"),
        )
        .expect("a repository");
        self.write(
            "intent/inventory/defaults.yaml",
            "username: netkeel\npassword: secret:login\n\
             data:\n  netkeel: {apply: manual, intent: 'intent/configs/{name}.cfg'}\n",
        );
        let mut hosts = String::new();
        for device in self.fleet.devices() {
            hosts.push_str(&self.host(&device.name, ""));
            let running = self.fleet.running(&device.name).expect("a configuration");
            self.write(&format!("intent/configs/{}.cfg", device.name), &running);
        }
        self.write("intent/inventory/hosts.yaml", &hosts);
        self.commit("in line");
    }

    /// The inventory entry of a device; `more` is put into it.
    pub(crate) fn host(&self, name: &str, more: &str) -> String {
        let device = self.fleet.device(name).expect("a device");
        format!(
            "{name}:\n  hostname: {}\n  port: {}\n  platform: {}\n{more}",
            device.address, device.port, device.platform
        )
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.path("repo")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// Writes a file of the working tree.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.repo().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, text).expect("a file");
    }

    /// Changes a file of the working tree.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.repo().join(path)).expect("a file");
        assert!(text.contains(from), "`{from}` is not in {path}:\n{text}");
        self.write(path, &text.replace(from, to));
    }

    /// Commits everything in the working tree.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.commit_on(message, false)
    }

    /// Puts a commit in place of the last one.
    pub(crate) fn amend(&self, message: &str) -> String {
        self.commit_on(message, true)
    }

    fn commit_on(&self, message: &str, amend: bool) -> String {
        let repo = git2::Repository::open(self.repo()).expect("the repository");
        let mut index = repo.index().expect("the index");
        index
            .add_all(["*"], git2::IndexAddOption::DEFAULT, None)
            .expect("add");
        index.update_all(["*"], None).expect("update");
        index.write().expect("write");
        let tree = repo
            .find_tree(index.write_tree().expect("tree"))
            .expect("tree");
        let who = git2::Signature::now("Ada", "ada@example.net").expect("signature");
        let head = repo.head().ok().and_then(|head| head.peel_to_commit().ok());
        if amend {
            let head = head.expect("a commit");
            return head
                .amend(
                    Some("HEAD"),
                    Some(&who),
                    Some(&who),
                    None,
                    Some(message),
                    Some(&tree),
                )
                .expect("amend")
                .to_string();
        }
        let parents: Vec<&git2::Commit<'_>> = head.iter().collect();
        repo.commit(Some("HEAD"), &who, &who, message, &tree, &parents)
            .expect("commit")
            .to_string()
    }

    fn save_settings(&self) {
        let mut text = format!(
            "repository: {{url: '{}', ref: main, poll: 1s}}\nstate: '{}'\n\
             ssh: {{known_hosts: '{}'}}\n",
            self.repo().display(),
            self.state().display(),
            self.path("known_hosts").display(),
        );
        for (key, default) in [
            ("run:", "run: {interval: 1h, retry_first: 200ms}\n"),
            ("secrets:", "secrets: {login: {env: LOGIN, to: all}}\n"),
        ] {
            if !self.settings.contains(key) {
                text.push_str(default);
            }
        }
        text.push_str(&self.settings);
        std::fs::write(self.path("netkeel.yaml"), text).expect("settings");
    }

    fn command(&self, folder: &Path, args: &[&str]) -> Command {
        self.save_settings();
        let program = env!("CARGO_BIN_EXE_netkeel");
        let mut command = match self.wrapper.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command
            .args(args)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("LOGNAME", "ada")
            .env("LOGIN", "netkeel-sim")
            .env("NETKEEL_SETTINGS", self.path("netkeel.yaml"))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command beside the repository: its branch is used.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.finish(self.command(self.dir.path(), args), args)
    }

    /// Runs a command in the working tree.
    pub(crate) fn run_in_tree(&self, args: &[&str]) -> Ran {
        self.finish(self.command(&self.repo(), args), args)
    }

    /// Runs a command that reads this from its standard input.
    pub(crate) fn run_typing(&self, typed: &str, args: &[&str]) -> Ran {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(typed.as_bytes()).expect("written");
        file.rewind().expect("rewound");
        let mut command = self.command(self.dir.path(), args);
        command.stdin(file);
        self.finish(command, args)
    }

    fn finish(&self, mut command: Command, args: &[&str]) -> Ran {
        let output = command.output().expect("netkeel starts");
        let ran = Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        };
        let line = args.join(" ");
        eprintln!("$ netkeel {line}  -> {}\n{}{}", ran.code, ran.out, ran.err);
        ran
    }

    /// Starts the daemon and waits until it serves.
    pub(crate) async fn daemon(&self, more: &[&str]) -> Daemon {
        let log = self.path("log");
        let file = std::fs::File::create(&log).expect("a log");
        let args = [&["run", "--listen", "127.0.0.1:0"], more].concat();
        let mut child = self
            .command(self.dir.path(), &args)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("netkeel starts");
        // Through a pipe: the log goes on when the daemon itself can write no file.
        let pipe = child.stderr.take().expect("the pipe");
        let pipe = Command::new("cat").stdin(pipe).stdout(file).spawn();
        let writer = pipe.expect("cat starts");
        let mut daemon = Daemon {
            child,
            writer,
            log,
            listen: None,
        };
        let listen = until("the address", || {
            let text = daemon.log();
            let (_, rest) = text.split_once("listening on http://")?;
            rest.lines().next()?.parse().ok()
        })
        .await;
        daemon.listen = Some(listen);
        daemon
    }
}

/// Waits until `done` gives a value, or panics with what was awaited.
pub(crate) async fn until<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    loop {
        looks.tick().await;
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {SOON:?} for {what}");
    }
}

/// A running `netkeel run`.
pub(crate) struct Daemon {
    child: Child,
    writer: Child,
    log: PathBuf,
    listen: Option<SocketAddr>,
}

impl Daemon {
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until the log contains this.
    pub(crate) async fn says(&self, text: &str) {
        until(&format!("`{text}` in the log"), || {
            self.log().contains(text).then_some(())
        })
        .await;
    }

    /// The body of a page.
    pub(crate) fn page(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.listen?).ok()?;
        stream.set_read_timeout(Some(SOON)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: netkeel\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer
            .split_once("\r\n\r\n")
            .map(|(_, body)| body.to_owned())
    }

    /// One device as `/api/v1/devices` has it.
    pub(crate) fn device(&self, name: &str) -> Value {
        let text = self.page("/api/v1/devices").unwrap_or_default();
        one(&serde_json::from_str(&text).unwrap_or_default(), name)
    }

    /// Waits until a device is like that.
    pub(crate) async fn waits(&self, name: &str, key: &str, value: &str) -> Value {
        let what = format!("`{name}` with {key} {value}");
        until(&what, || {
            let device = self.device(name);
            let is = device[key].as_str().unwrap_or("null") == value;
            is.then_some(device)
        })
        .await
    }

    /// Sends a signal by number.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .expect("kill");
        assert!(sent.success());
    }

    /// As on a full disk: no file can be written to any further. SIGXFSZ has to be ignored.
    pub(crate) fn files_may_grow(&self, grow: bool) {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let limit = Rlimit {
            current: if grow { None } else { Some(0) },
            maximum: None,
        };
        prlimit(pid, Resource::Fsize, limit).expect("the limit is set");
    }

    /// Waits for the end; the exit code.
    pub(crate) async fn ends(&mut self) -> i32 {
        let child = &mut self.child;
        until("the daemon's end", || {
            child
                .try_wait()
                .expect("wait")
                .map(|s| s.code().unwrap_or(-1))
        })
        .await
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(self.writer.wait());
        if std::thread::panicking() {
            eprintln!("-- the daemon's log:\n{}", self.log());
        }
    }
}

/// One device of a status document.
pub(crate) fn one(all: &Value, name: &str) -> Value {
    let devices = all["devices"].as_array().cloned().unwrap_or_default();
    devices
        .into_iter()
        .find(|device| device["name"] == name)
        .unwrap_or_default()
}

/// No faults but these.
pub(crate) fn faults(set: impl FnOnce(&mut Faults)) -> Faults {
    let mut faults = Faults::default();
    set(&mut faults);
    faults
}
