//! Logging in to a real OpenSSH server, and the undo that a real shell holds.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use netkeel::device::transaction::host::HostUndo;
use netkeel::device::transport::ssh::{Keys, Trust};
use netkeel::device::{DeviceError, HostKeyPolicy, Jump, KnownHosts, Login, SshConnector, Target};
use netkeel::model::{SecretText, Undo, UndoMethod};
use netkeel::pack::Packs;
use netkeel::pack::transaction::HostUndoSpec;

use crate::world::{free_port, gate, wait_for};

const USER: &str = "netkeel-peer";
const PASSWORD: &str = "peer-pw-1";
const SOON: Duration = Duration::from_secs(20);

/// A program that stands for vtysh: its running configuration is a file.
const PROGRAM: &str = r#"#!/bin/sh
state=@STATE@
case $1 in
-c) cat "$state" ;;
-f) while read -r verb line; do
      case $verb in
      add) echo "$line" >> "$state" ;;
      del) grep -vxF -- "$line" "$state" > "$state.new"; cat "$state.new" > "$state" ;;
      esac
    done < "$2" ;;
esac
"#;

fn run(program: &str, args: &[&str]) {
    let output = Command::new(program)
        .args(args)
        .output()
        .expect("the program starts");
    assert!(
        output.status.success(),
        "{program} {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A server of our own, stopped when dropped.
struct Server {
    dir: tempfile::TempDir,
    port: u16,
}

impl Server {
    /// `more` is appended to its configuration.
    fn start(more: &str) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("mode");
        let server = Self {
            dir,
            port: free_port(),
        };
        if !Command::new("id")
            .arg(USER)
            .output()
            .expect("id")
            .status
            .success()
        {
            run("useradd", &["-m", "-s", "/bin/sh", USER]);
        }
        let login = format!("echo '{USER}:{PASSWORD}' | chpasswd");
        run("sh", &["-c", &login]);
        std::fs::create_dir_all("/run/sshd").expect("/run/sshd");
        for kind in ["ed25519", "ecdsa", "rsa"] {
            server.keygen(kind, kind, "");
        }
        server.keygen("hostkey", "ed25519", "");
        server.keygen("locked", "ed25519", "phrase");
        let keys: String = ["ed25519", "ecdsa", "rsa", "locked"]
            .iter()
            .map(|name| {
                std::fs::read_to_string(server.path(&format!("{name}.pub"))).expect("a key")
            })
            .collect();
        server.write("authorized", &keys);
        let host = std::fs::read_to_string(server.path("hostkey.pub")).expect("the host key");
        server.write(
            "known_hosts",
            &format!("[127.0.0.1]:{} {host}", server.port),
        );
        server.launch(more);
        server
    }

    fn launch(&self, more: &str) {
        let dir = self.dir.path().display();
        let config = format!(
            "ListenAddress 127.0.0.1:{}\nHostKey {dir}/hostkey\nPidFile {dir}/pid\n\
             AuthorizedKeysFile {dir}/authorized\nStrictModes no\nAllowUsers {USER}\n\
             LogLevel VERBOSE\nUseDNS no\n{more}\n",
            self.port
        );
        self.write("sshd_config", &config);
        let (file, log) = (self.path("sshd_config"), self.path("log"));
        run(
            "/usr/sbin/sshd",
            &[
                "-f",
                &file.display().to_string(),
                "-E",
                &log.display().to_string(),
            ],
        );
        wait_for("sshd", SOON, || self.path("pid").exists().then_some(()));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    fn keygen(&self, name: &str, kind: &str, phrase: &str) {
        let file = self.path(name).display().to_string();
        run("ssh-keygen", &["-q", "-t", kind, "-N", phrase, "-f", &file]);
    }

    fn connector(&self) -> SshConnector {
        SshConnector::new(vec![self.path("known_hosts")], HostKeyPolicy::Strict)
    }

    fn target(&self, login: Login) -> Target {
        let packs = Packs::builtin().expect("packs");
        Target {
            device: "peer".to_owned(),
            address: "127.0.0.1".to_owned(),
            port: self.port,
            login: Login {
                username: USER.to_owned(),
                ..login
            },
            pack: packs.get("frr").expect("frr"),
            connect_timeout: SOON,
            silence_timeout: SOON,
            undo: Undo {
                method: UndoMethod::Host,
                within: 60,
                shell_port: None,
            },
            jump: None,
        }
    }

    /// What a shell there says, or why there is none.
    async fn says(&self, target: &Target, command: &str) -> Result<String, DeviceError> {
        let link = self.connector().link(target).await?;
        let ran = link.exec(command, Vec::new()).await.expect("a command");
        link.close().await;
        Ok(ran.output)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(self.path("pid")) {
            run("kill", &[pid.trim()]);
        }
    }
}

fn by_password(password: &str) -> Login {
    Login {
        password: Some(SecretText::new(password)),
        ..Login::default()
    }
}

fn by_key(file: PathBuf, phrase: Option<&str>) -> Login {
    Login {
        key_file: Some(file),
        key_passphrase: phrase.map(SecretText::new),
        ..Login::default()
    }
}

#[tokio::test]
async fn every_kind_of_key_and_both_kinds_of_password_log_in() {
    if !gate("openssh login") {
        return;
    }
    let server = Server::start("UsePAM no\nPasswordAuthentication yes");
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let target = server.target(by_key(server.path(kind), None));
        assert_eq!(
            server.says(&target, "echo $((6*7))").await.expect(kind),
            "42\n"
        );
    }
    let locked = server.target(by_key(server.path("locked"), Some("phrase")));
    assert_eq!(
        server
            .says(&locked, "echo in")
            .await
            .expect("an encrypted key"),
        "in\n"
    );
    let locked = server.target(by_key(server.path("locked"), None));
    assert!(matches!(
        server.says(&locked, "true").await,
        Err(DeviceError::Credential { .. })
    ));
    let target = server.target(by_password(PASSWORD));
    assert_eq!(
        server.says(&target, "echo in").await.expect("a password"),
        "in\n"
    );
    let asking =
        Server::start("UsePAM yes\nPasswordAuthentication no\nKbdInteractiveAuthentication yes");
    let target = asking.target(by_password(PASSWORD));
    assert_eq!(
        asking.says(&target, "echo in").await.expect("a question"),
        "in\n"
    );
}

#[tokio::test]
async fn a_wrong_password_is_offered_once() {
    if !gate("openssh refusal") {
        return;
    }
    let plain =
        Server::start("UsePAM no\nPasswordAuthentication yes\nKbdInteractiveAuthentication yes");
    let refused = plain
        .says(&plain.target(by_password("wrong")), "true")
        .await;
    assert!(
        matches!(refused, Err(DeviceError::Auth { .. })),
        "{refused:?}"
    );
    let count = plain
        .log()
        .matches(&format!("Failed password for {USER}"))
        .count();
    assert_eq!(count, 1, "{}", plain.log());
    let asking =
        Server::start("UsePAM yes\nPasswordAuthentication no\nKbdInteractiveAuthentication yes");
    let refused = asking
        .says(&asking.target(by_password("wrong")), "true")
        .await;
    assert!(
        matches!(refused, Err(DeviceError::Auth { .. })),
        "{refused:?}"
    );
    let log = wait_for("the refusal in the log", SOON, || {
        Some(asking.log()).filter(|log| log.contains("Authentication failure"))
    });
    assert_eq!(log.matches("Authentication failure").count(), 1, "{log}");
}

#[tokio::test]
async fn a_host_in_between_is_checked_like_any_other() {
    if !gate("openssh jump") {
        return;
    }
    let far = Server::start("UsePAM no");
    let near = Server::start("UsePAM no\nAllowTcpForwarding yes");
    let mut target = far.target(by_key(far.path("ed25519"), None));
    let mut login = by_key(near.path("ed25519"), None);
    USER.clone_into(&mut login.username);
    target.jump = Some(Jump {
        address: "127.0.0.1".to_owned(),
        port: near.port,
        login,
    });
    let refused = far.says(&target, "true").await;
    assert!(
        matches!(&refused, Err(DeviceError::HostKey { .. })),
        "{refused:?}"
    );
    let known =
        |server: &Server| std::fs::read_to_string(server.path("known_hosts")).expect("keys");
    far.write("known_hosts", &(known(&far) + &known(&near)));
    assert_eq!(
        far.says(&target, "echo through").await.expect("both known"),
        "through\n"
    );
    assert!(near.log().contains("Accepted publickey"), "{}", near.log());
}

/// The undo of a host whose configuration is a file.
struct Host {
    server: Server,
    undo: HostUndo,
}

impl Host {
    fn new() -> Self {
        let server = Server::start("UsePAM no");
        let (state, program) = (server.path("state"), server.path("fakesh"));
        std::fs::write(&state, "hostname r1\n").expect("state");
        let script = PROGRAM.replace("@STATE@", &state.display().to_string());
        std::fs::write(&program, script).expect("program");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("mode");
        run(
            "chown",
            &[
                USER,
                &state.display().to_string(),
                &server.dir.path().display().to_string(),
            ],
        );
        let path = program.display();
        let spec = HostUndoSpec {
            program: path.to_string(),
            load: format!("{path} -f {{file}}"),
            running: format!("{path} -c"),
            since: None,
            evidence: None,
        };
        let trust = Trust {
            hosts: Arc::new(KnownHosts::new(vec![server.path("known_hosts")])),
            policy: HostKeyPolicy::Strict,
            keys: Keys::default(),
        };
        let target = server.target(by_key(server.path("ed25519"), None));
        Self {
            undo: HostUndo::new(target, Arc::new(trust), spec),
            server,
        }
    }

    fn state(&self) -> String {
        std::fs::read_to_string(self.server.path("state")).expect("state")
    }

    /// Arms the undo of a line and adds the line.
    async fn change(&self, within: u64) -> String {
        let back = [SecretText::new("del password hunter2")];
        let folder = self
            .undo
            .arm(&back, Duration::from_secs(within))
            .await
            .expect("armed");
        self.undo.check(&folder).await.expect("waiting");
        std::fs::write(
            self.server.path("state"),
            self.state() + "password hunter2\n",
        )
        .expect("state");
        folder
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[tokio::test]
async fn an_undo_on_the_host_is_confirmed_or_rolled_back_from_elsewhere() {
    if !gate("host undo") {
        return;
    }
    let host = Host::new();
    let folder = host.change(60).await;
    let at = Path::new(&folder);
    assert_eq!(mode(at), 0o700);
    assert!(
        std::fs::read_dir(at)
            .expect("files")
            .flatten()
            .all(|f| mode(&f.path()) == 0o600)
    );
    let listed = Command::new("ps")
        .args(["-eo", "args"])
        .output()
        .expect("ps")
        .stdout;
    assert!(!String::from_utf8_lossy(&listed).contains("hunter2"));
    let busy = host.undo.arm(&[], Duration::from_secs(60)).await;
    assert!(matches!(busy, Err(DeviceError::Busy { .. })), "{busy:?}");
    host.undo.confirm(&folder).await.expect("confirmed");
    assert!(!at.exists());
    assert!(host.undo.confirm(&folder).await.is_err());
    assert!(host.state().contains("hunter2"));
    std::fs::write(host.server.path("state"), "hostname r1\n").expect("state");
    let folder = host.change(60).await;
    host.undo.rollback(&folder).await.expect("rolled back");
    assert_eq!(host.state(), "hostname r1\n");
    assert!(!Path::new(&folder).exists());
}

#[tokio::test]
async fn an_undo_on_the_host_fires_by_itself_and_cannot_be_confirmed_then() {
    if !gate("host undo timer") {
        return;
    }
    let host = Host::new();
    let folder = host.change(1).await;
    wait_for("the undo", SOON, || {
        Path::new(&folder).join("done").exists().then_some(())
    });
    assert_eq!(host.state(), "hostname r1\n");
    assert!(host.undo.confirm(&folder).await.is_err());
    host.undo.rollback(&folder).await.expect("done already");
    assert!(!Path::new(&folder).exists());
}

#[tokio::test]
async fn a_killed_guard_is_noticed_and_its_undo_still_possible() {
    if !gate("host undo killed") {
        return;
    }
    let host = Host::new();
    let folder = host.change(60).await;
    let pid = std::fs::read_to_string(Path::new(&folder).join("pid")).expect("a process id");
    run("kill", &["-9", pid.trim()]);
    assert!(host.undo.check(&folder).await.is_err());
    host.undo
        .rollback(&folder)
        .await
        .expect("rolled back all the same");
    assert_eq!(host.state(), "hostname r1\n");
    std::fs::write(host.server.path("state"), "hostname r1\n").expect("state");
    let folder = host.change(60).await;
    std::fs::write(host.server.path("state"), "hostname other\n").expect("state");
    let half = host.undo.rollback(&folder).await;
    assert!(
        matches!(half, Err(DeviceError::HalfRestored { .. })),
        "{half:?}"
    );
    assert!(Path::new(&folder).exists());
    std::fs::remove_dir_all(&folder).expect("cleaned");
}
