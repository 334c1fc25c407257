//! Other people's clients against our simulator: OpenSSH's `ssh`, and Netmiko. What a real
//! device would give them is what they must get.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::world::{gate, wait_for};

/// Longest wait for a client to end.
const SOON: Duration = Duration::from_secs(60);

const IOS: &str = "\
hostname {name}
archive
 path flash:archive
interface Loopback0
 ip address 10.255.0.1 255.255.255.255
end
";
const FRR: &str = "\
frr version 8.4.4
frr defaults traditional
hostname {name}
!
interface lo
 ip address 10.255.0.1/32
exit
!
end
";

/// `netkeel sim` with one device, ended with the test.
struct Sim {
    dir: tempfile::TempDir,
    child: Child,
    device: Value,
}

impl Sim {
    fn start(platform: &str, listen: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let config = dir.path().join("config");
        std::fs::write(&config, if platform == "ios" { IOS } else { FRR }).expect("a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_netkeel"))
            .args([
                "sim",
                "--platform",
                platform,
                "--listen",
                listen,
                "--config",
            ])
            .arg(config)
            .stdout(Stdio::piped())
            .spawn()
            .expect("netkeel starts");
        let mut lines = BufReader::new(child.stdout.take().expect("the pipe")).lines();
        let mut line = || -> Value {
            let line = lines.next().expect("a line").expect("a line");
            serde_json::from_str(&line).expect("JSON")
        };
        let device = line();
        assert_eq!(line()["ready"], 1);
        let sim = Self { dir, child, device };
        sim.prepare();
        sim
    }

    /// Known hosts, and a program that answers `ssh`'s question for the password.
    fn prepare(&self) {
        let (address, port, key) = (self.text("address"), self.port(), self.text("host_key"));
        let known = format!("[{address}]:{port} {key}\n");
        std::fs::write(self.path("known_hosts"), known).expect("known hosts");
        let askpass = self.path("askpass");
        let script = format!("#!/bin/sh\necho '{}'\n", self.text("password"));
        std::fs::write(&askpass, script).expect("a script");
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&askpass, mode).expect("mode");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, key: &str) -> String {
        self.device[key].as_str().expect("a text").to_owned()
    }

    fn port(&self) -> String {
        self.device["port"].to_string()
    }

    /// OpenSSH's client, strict about the host key, with these words after the address.
    fn ssh(&self, options: &[&str], command: &[&str], typed: &str) -> Output {
        let known = format!("UserKnownHostsFile={}", self.path("known_hosts").display());
        let target = format!("{}@{}", self.text("username"), self.text("address"));
        let mut child = Command::new("ssh")
            .args(["-F", "none", "-p", &self.port(), "-o", &known])
            .args(["-o", "StrictHostKeyChecking=yes"])
            .args(["-o", "PubkeyAuthentication=no"])
            .args(options)
            .arg(target)
            .args(command)
            .env("SSH_ASKPASS", self.path("askpass"))
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env("DISPLAY", "none")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ssh starts");
        let mut input = child.stdin.take().expect("the pipe");
        input.write_all(typed.as_bytes()).expect("typed");
        drop(input);
        wait_for("the end of ssh", SOON, || child.try_wait().expect("wait"));
        child.wait_with_output().expect("the output")
    }

    /// Netmiko through `clients.py`.
    fn netmiko(&self, python: &Path, interface: &str) -> Value {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/clients.py");
        let output = Command::new(python)
            .arg(script)
            .args([self.text("address"), self.port()])
            .args([self.text("username"), self.text("password")])
            .arg(interface)
            .output()
            .expect("python starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{error}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[track_caller]
fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in:\n{text}");
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn openssh_talks_to_ios() {
    if !gate("clients::openssh_talks_to_ios") {
        return;
    }
    let sim = Sim::start("ios", "127.66.1.1:2222");
    let version = sim.ssh(&[], &["show version"], "");
    has(&said(&version), &["Cisco IOS Software"]);
    let typed = "terminal length 0\nconfigure terminal\ninterface Loopback0\n\
                 description by hand\nend\nshow running-config\nexit\n";
    let shell = sim.ssh(&["-tt"], &[], typed);
    has(
        &said(&shell),
        &[
            "Enter configuration commands, one per line.",
            "(config)#",
            "(config-if)#",
            " description by hand",
            "\r\nend\r\n",
        ],
    );
    let wrong = sim.ssh(
        &["-o", "NumberOfPasswordPrompts=1", "-l", "nobody"],
        &["show version"],
        "",
    );
    has(
        &String::from_utf8_lossy(&wrong.stderr),
        &["Permission denied"],
    );
    assert_eq!(wrong.status.code(), Some(255));
}

#[test]
fn openssh_talks_to_frr() {
    if !gate("clients::openssh_talks_to_frr") {
        return;
    }
    let sim = Sim::start("frr", "127.66.1.2:2222");
    let running = sim.ssh(&[], &["show running-config"], "");
    has(
        &said(&running),
        &["Current configuration:", "frr version", "\nend"],
    );
    assert_eq!(running.status.code(), Some(0));
    let wrong = sim.ssh(&[], &["show nothing"], "");
    has(&said(&wrong), &["% Unknown command"]);
    assert_eq!(wrong.status.code(), Some(1), "as `vtysh -c` ends");
    let typed = "configure terminal\ninterface lo\ndescription by hand\nend\n\
                 show running-config\nexit\n";
    let shell = sim.ssh(&["-tt"], &[], typed);
    has(&said(&shell), &["(config-if)# ", " description by hand"]);
}

#[test]
fn netmiko_reads_and_configures() {
    if !gate("clients::netmiko_reads_and_configures") {
        return;
    }
    let venv = std::env::var_os("NETKEEL_PEERS_VENV").expect("NETKEEL_PEERS_VENV");
    let python = Path::new(&venv).join("bin/python");
    for (platform, listen, interface, version, saved) in [
        (
            "ios",
            "127.66.1.3:2222",
            "Loopback0",
            "Cisco IOS Software",
            "[OK]",
        ),
        ("frr", "127.66.1.4:2222", "lo", "FRRouting 8.4", "[OK]"),
    ] {
        let sim = Sim::start(platform, listen);
        let seen = sim.netmiko(&python, interface);
        let text = |key: &str| seen[key].as_str().unwrap_or_default().to_owned();
        assert_eq!(text("prompt"), format!("{}#", sim.text("name")));
        has(&text("version"), &[version]);
        has(
            &text("before"),
            &[
                "Current configuration",
                &format!("hostname {}", sim.text("name")),
            ],
        );
        assert!(!text("before").contains("by netmiko"));
        has(&text("config"), &["(config-if)#", "description by netmiko"]);
        assert_eq!(seen["in_config_mode"], false);
        assert_eq!(
            seen["refused"], true,
            "{platform} refuses what it does not know"
        );
        has(&text("saved"), &[saved]);
        has(
            &text("after"),
            &[&format!("interface {interface}\n description by netmiko")],
        );
    }
}
