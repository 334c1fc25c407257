//! Simulated devices in another process, a working place, CPU time, goals.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Signal, kill_process};

/// What was measured beside what was wanted.
#[derive(Default)]
pub(crate) struct Verdicts {
    goals: usize,
    missed: Vec<String>,
    slipped: Vec<String>,
}

impl Verdicts {
    /// Prints a figure beside its goal; three times the goal is a slip.
    pub(crate) fn goal(&mut self, what: &str, unit: &str, figure: f64, goal: f64) {
        self.goals += 1;
        let word = if figure <= goal { "met" } else { "MISSED" };
        println!("{what:<58} {figure:>9.2} {unit:<6} goal {goal} {unit}: {word}");
        if figure > goal {
            let missed = format!("{what}: {figure:.2} {unit}, goal {goal} {unit}");
            self.missed.push(missed);
        }
        if figure > goal * 3.0 {
            self.slipped.push(what.to_owned());
        }
    }

    /// As [`Self::goal`], where a miss is told and fails nothing: figures of a benchmark on
    /// shared machines.
    pub(crate) fn aim(&mut self, what: &str, unit: &str, figure: f64, goal: f64) {
        self.goal(what, unit, figure, goal);
        self.slipped.retain(|slipped| slipped != what);
    }

    /// Says once more which goals were missed, and fails the run if anything slipped.
    pub(crate) fn end(self) {
        println!(
            "\n-- {} of {} goals met",
            self.goals - self.missed.len(),
            self.goals
        );
        for missed in &self.missed {
            println!("MISSED: {missed}");
        }
        assert!(
            self.slipped.is_empty(),
            "more than three times the goal: {:?}",
            self.slipped
        );
    }
}

/// Prints a figure without a goal.
pub(crate) fn note(what: &str, unit: &str, figure: f64) {
    println!("{what:<58} {figure:>9.2} {unit}");
}

/// A Cisco IOS configuration of 500 lines (that count); the name is put in by the simulator.
pub(crate) fn config(metric: u32) -> String {
    let mut text = String::from(
        "version 15.9\nservice timestamps debug datetime msec\nhostname {name}\n!\n\
         archive\n path flash:archive\n!\nusername netkeel privilege 15 secret 0 bench\n!\n",
    );
    for n in 0..56 {
        let _ = write!(
            text,
            "interface GigabitEthernet{}/{}\n description link {n} of {{name}}\n \
             ip address 10.{}.{}.1 255.255.255.252\n ip ospf cost {}\n \
             ip access-group EDGE in\n no shutdown\n!\n",
            n / 8,
            n % 8,
            n / 250,
            n % 250,
            10 + n
        );
    }
    text.push_str("router ospf 1\n router-id 10.255.0.1\n passive-interface default\n!\n");
    text.push_str("ip access-list extended EDGE\n");
    for n in 1..=111 {
        let _ = writeln!(
            text,
            " {} permit tcp 192.0.2.0 0.0.0.255 host 10.9.0.{n} eq 443",
            n * 10
        );
    }
    text.push_str(" 2000 permit ip any any\n!\n");
    for n in 0..40 {
        let _ = writeln!(
            text,
            "ip route 172.16.{n}.0 255.255.255.0 10.0.{n}.2 {metric}"
        );
    }
    text.push_str("!\nline vty 0 4\n login local\n transport input ssh\n!\nend\n");
    text
}

/// `netkeel sim` in a process of its own.
pub(crate) struct Simulated {
    child: Child,
    /// One JSON object per device.
    pub(crate) devices: Vec<serde_json::Value>,
}

impl Simulated {
    pub(crate) fn start(dir: &Path, count: usize, listen: &str) -> Self {
        let file = dir.join("device.cfg");
        std::fs::write(&file, config(200)).expect("a configuration");
        let mut child = Command::new(env!("CARGO_BIN_EXE_netkeel"))
            .args([
                "sim",
                "--platform",
                "ios",
                "--count",
                &count.to_string(),
                "--listen",
                listen,
            ])
            .arg("--config")
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()
            .expect("netkeel sim starts");
        let mut devices = Vec::with_capacity(count);
        for line in BufReader::new(child.stdout.take().expect("its output")).lines() {
            let value: serde_json::Value =
                serde_json::from_str(&line.expect("a line")).expect("JSON");
            if value.get("ready").is_some() {
                break;
            }
            devices.push(value);
        }
        assert_eq!(devices.len(), count, "all devices are up");
        Self { child, devices }
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A repository, settings and known hosts for a simulated fleet.
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) listen: std::net::SocketAddr,
}

impl Place {
    pub(crate) fn new(devices: &[serde_json::Value]) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let place = Self {
            dir,
            listen: ([127, 0, 0, 1], port).into(),
        };
        place.write_all(devices);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write_all(&self, devices: &[serde_json::Value]) {
        let text =
            |value: &serde_json::Value, key: &str| value[key].as_str().expect("text").to_owned();
        let mut known = String::new();
        let mut hosts = String::from("---\n");
        for device in devices {
            let (address, key) = (text(device, "address"), text(device, "host_key"));
            let _ = writeln!(known, "[{address}]:{} {key}", device["port"]);
            let _ = writeln!(
                hosts,
                "{}: {{hostname: {}, port: {}}}",
                text(device, "name"),
                text(device, "address"),
                device["port"]
            );
        }
        std::fs::write(self.path("known_hosts"), known).expect("known_hosts");
        std::fs::write(self.path("password"), text(&devices[0], "password")).expect("a password");
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(
            self.path("password"),
            std::fs::Permissions::from_mode(0o600),
        )
        .expect("mode");
        let defaults = format!(
            "platform: ios\nusername: {}\npassword: secret:device_password\n\
             data:\n  netkeel:\n    intent: {{template: intent/templates/device.j2}}\n",
            text(&devices[0], "username")
        );
        self.write("intent/inventory/hosts.yaml", &hosts);
        self.write("intent/inventory/defaults.yaml", &defaults);
        self.set_metric(200);
        let settings = format!(
            "repository: {{url: {repo}, ref: main, poll: 30s}}\nstate: {state}\n\
             ssh: {{known_hosts: {known}}}\nlimits: {{concurrency: 128, per_site: 1000}}\n\
             secrets:\n  device_password: {{file: {password}, to: all}}\n\
             run: {{listen: '{listen}', interval: 1h}}\nlog: {{level: warn}}\n",
            repo = self.path("repo").display(),
            state = self.path("state").display(),
            known = self.path("known_hosts").display(),
            password = self.path("password").display(),
            listen = self.listen,
        );
        std::fs::write(self.path("netkeel.yaml"), settings).expect("settings");
    }

    /// The template gives every device the same configuration but for its name.
    pub(crate) fn set_metric(&self, metric: u32) {
        let template = config(metric).replace("{name}", "{{ host.name }}");
        self.write("intent/templates/device.j2", &template);
        self.commit();
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path("repo").join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, text).expect("a file");
    }

    fn commit(&self) {
        let path = self.path("repo");
        let repo = git2::Repository::open(&path).unwrap_or_else(|_| {
            let mut options = git2::RepositoryInitOptions::new();
            git2::Repository::init_opts(&path, options.initial_head("main")).expect("a repository")
        });
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
        repo.commit(Some("HEAD"), &who, &who, "change", &tree, &parents)
            .expect("commit");
    }

    pub(crate) fn netkeel(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netkeel"));
        command
            .args(args)
            .arg("--settings")
            .arg(self.path("netkeel.yaml"))
            .current_dir(self.dir.path());
        command
    }
}

/// User and system time of this process, or of its ended children, with what they started.
#[derive(Clone, Copy)]
pub(crate) enum Whose {
    Mine,
    Children,
}

/// CPU time so far.
pub(crate) fn cpu(whose: Whose) -> Duration {
    let file = std::fs::read_to_string("/proc/self/stat").expect("/proc");
    let fields: Vec<&str> = file
        .rsplit_once(") ")
        .expect("a name in brackets")
        .1
        .split_whitespace()
        .collect();
    // proc(5): utime is field 14, counted from the process id; the name and id are cut off here
    let at = match whose {
        Whose::Mine => 11,
        Whose::Children => 13,
    };
    let ticks: u64 =
        fields[at].parse::<u64>().expect("ticks") + fields[at + 1].parse::<u64>().expect("ticks");
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}

/// Peak memory of a process, in MiB; of this one without an id.
pub(crate) fn peak_mib(process: Option<u32>) -> f64 {
    let who = process.map_or_else(|| "self".to_owned(), |id| id.to_string());
    let status = std::fs::read_to_string(format!("/proc/{who}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap_or_default();
    let kib: f64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0.0);
    kib / 1024.0
}

/// Asks a daemon to end and waits for that.
pub(crate) fn end(mut child: Child) {
    let id = i32::try_from(child.id()).expect("a process id");
    if let Some(process) = rustix::process::Pid::from_raw(id) {
        kill_process(process, Signal::TERM).expect("a signal");
    }
    drop(child.wait());
}
