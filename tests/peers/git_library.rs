//! The source module against OpenSSH and nginx with git-http-backend: who may log in, whose
//! key and certificate are believed, and what is said when not.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use netkeel::model::SecretText;
use netkeel::source::{GitAuth, HostKeyFault, Mirror, SourceError, SourceSpec};

const DIR: &str = "/var/tmp/netkeel-gitlib";
const SSH: &str = "ssh://netkeelgit@127.0.6.1:2222/var/tmp/netkeel-gitlib/repos/net.git";
const HTTPS: &str = "https://ci@127.0.6.1:8443/git/net.git";

struct Servers;

impl Servers {
    fn up() -> Self {
        script("up");
        let filled = run(
            Command::new("bash")
                .arg("-euc")
                .arg(
                    "git init -q -b main work; cd work; git config user.name A; git config user.email a@a; \
                     echo 'r1: {}' > hosts.yaml; git add .; git commit -qm one; \
                     git push -q ../repos/net.git main; chown -R netkeelgit ../repos",
                )
                .current_dir(DIR),
        );
        assert!(filled.is_ok(), "{filled:?}");
        Self
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        script("down");
    }
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

fn script(argument: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/lab/git-servers.sh");
    let done = run(Command::new(script).arg(argument).env("GITLAB", DIR));
    assert!(done.is_ok(), "{done:?}");
}

fn fetch(url: &str, auth: GitAuth) -> Result<String, SourceError> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut mirror = Mirror::open(SourceSpec {
        url: url.to_owned(),
        reference: "main".to_owned(),
        mirror: folder.path().join("mirror"),
        timeout: Duration::from_secs(20),
        auth,
        max_file: 1 << 20,
        max_total: 1 << 20,
    })?;
    let revision = mirror.refresh(None)?.revision;
    let files = mirror.files(&revision.id)?;
    Ok(files.text("hosts.yaml").unwrap_or_default().to_owned())
}

fn key(known_hosts: &str) -> GitAuth {
    GitAuth {
        key_file: Some(format!("{DIR}/id_ed25519").into()),
        known_hosts: Some(format!("{DIR}/{known_hosts}").into()),
        ..GitAuth::default()
    }
}

fn token(token: &str) -> GitAuth {
    GitAuth {
        token: Some(SecretText::new(token)),
        ca_file: Some(format!("{DIR}/ca.crt").into()),
        ..GitAuth::default()
    }
}

fn left_out() -> bool {
    let out = std::env::var_os("NETKEEL_PEERS").is_none();
    if out {
        assert!(std::env::var_os("CI").is_none(), "NETKEEL_PEERS is not set");
    }
    out
}

#[test]
fn openssh_and_nginx() {
    if left_out() {
        return;
    }
    let _servers = Servers::up();
    ssh_hosts();
    ssh_logins();
    ssh_passphrases();
    https();
}

fn ssh_hosts() {
    assert_eq!(fetch(SSH, key("known_hosts")).expect("fetched"), "r1: {}\n");

    let plain = format!("{DIR}/known_hosts");
    fs::copy(&plain, format!("{DIR}/hashed")).expect("copied");
    let hashed = run(Command::new("ssh-keygen")
        .args(["-q", "-H", "-f"])
        .arg(format!("{DIR}/hashed")));
    assert!(hashed.is_ok(), "{hashed:?}");
    let text = fs::read_to_string(format!("{DIR}/hashed")).expect("read");
    assert!(text.starts_with("|1|"), "{text}");
    assert_eq!(fetch(SSH, key("hashed")).expect("fetched"), "r1: {}\n");

    let changed = fetch(SSH, key("wrong_known_hosts")).expect_err("another key");
    assert!(
        matches!(&changed, SourceError::HostKey { host, fault: HostKeyFault::Changed { line: 1 } } if host == "[127.0.6.1]:2222"),
        "{changed}"
    );
    fs::write(format!("{DIR}/empty"), "").expect("written");
    let unknown = fetch(SSH, key("empty")).expect_err("nobody known");
    let fault = matches!(
        unknown,
        SourceError::HostKey {
            fault: HostKeyFault::Unknown,
            ..
        }
    );
    assert!(fault, "{unknown}");
    let absent = fetch(SSH, key("absent")).expect_err("no file");
    assert!(
        absent.to_string().contains("absent cannot be read"),
        "{absent}"
    );
}

fn ssh_logins() {
    let stranger = GitAuth {
        key_file: Some(format!("{DIR}/otherkey").into()),
        ..key("known_hosts")
    };
    let refused = fetch(SSH, stranger).expect_err("not in authorized_keys");
    assert!(
        matches!(refused, SourceError::LoginRefused { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("of `netkeelgit`"), "{refused}");
    let no_key = GitAuth {
        key_file: Some("/nonexistent/key".into()),
        ..key("known_hosts")
    };
    let no_key = fetch(SSH, no_key).expect_err("no key");
    assert!(no_key.to_string().contains("/nonexistent/key"), "{no_key}");

    let gone =
        fetch(&SSH.replace("net.git", "other.git"), key("known_hosts")).expect_err("no such");
    assert!(gone.to_string().contains("other.git"), "{gone}");
}

fn ssh_passphrases() {
    let locked = format!("{DIR}/locked");
    let made = run(Command::new("ssh-keygen").args([
        "-q",
        "-t",
        "ed25519",
        "-N",
        "open sesame",
        "-f",
        &locked,
    ]));
    assert!(made.is_ok(), "{made:?}");
    let both = format!("cat {DIR}/*.pub > {DIR}/authorized_keys");
    assert!(run(Command::new("bash").args(["-c", &both])).is_ok());
    let with = |passphrase: &str| GitAuth {
        key_file: Some(locked.clone().into()),
        key_passphrase: Some(SecretText::new(passphrase)),
        ..key("known_hosts")
    };
    assert_eq!(
        fetch(SSH, with("open sesame")).expect("fetched"),
        "r1: {}\n"
    );
    let wrong = fetch(SSH, with("open barley")).expect_err("a wrong passphrase");
    assert!(!format!("{wrong} {wrong:?}").contains("barley"), "{wrong}");
}

fn https() {
    let good = fs::read_to_string(format!("{DIR}/token")).expect("the token");
    let good = good.trim();
    // Before the authority is trusted: that lasts for the rest of the process.
    let no_ca = GitAuth {
        ca_file: None,
        ..token(good)
    };
    let unknown = fetch(HTTPS, no_ca).expect_err("an unknown authority");
    assert!(
        matches!(unknown, SourceError::Certificate { .. }),
        "{unknown}"
    );
    assert!(
        !format!("{unknown} {unknown:?}").contains(good),
        "{unknown}"
    );

    assert_eq!(fetch(HTTPS, token(good)).expect("fetched"), "r1: {}\n");
    let inside = HTTPS.replace(
        "ci@",
        &format!("ci:{}@", good.replace('+', "%2B").replace('/', "%2F")),
    );
    assert_eq!(
        fetch(&inside, GitAuth::default()).expect("fetched"),
        "r1: {}\n"
    );

    let refused = fetch(HTTPS, token("barley")).expect_err("a wrong token");
    assert!(
        matches!(refused, SourceError::LoginRefused { .. }),
        "{refused}"
    );
    assert!(
        !format!("{refused} {refused:?}").contains("barley"),
        "{refused}"
    );
    let none = fetch(HTTPS, GitAuth::default()).expect_err("no token");
    assert!(matches!(none, SourceError::NoLogin { .. }), "{none}");
    let gone = fetch(&HTTPS.replace("net.git", "other.git"), token(good)).expect_err("no such");
    assert!(matches!(gone, SourceError::Vanished { .. }), "{gone}");
    let name =
        fetch(&HTTPS.replace("127.0.6.1", "localhost"), token(good)).expect_err("nobody there");
    assert!(name.to_string().contains("localhost"), "{name}");
}
