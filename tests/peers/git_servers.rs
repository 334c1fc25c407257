//! Real Git servers over ssh and https feed the pipeline.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::world::{World, gate, wait_for};

const DIR: &str = "/var/tmp/netkeel-gitlab";
const SSH: &str = "ssh://netkeelgit@127.0.6.1:2222/var/tmp/netkeel-gitlab/repos/net.git";
const HTTPS: &str = "https://ci@127.0.6.1:8443/git/net.git";

struct Servers;

impl Servers {
    fn up() -> Self {
        script("up");
        Self
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        script("down");
    }
}

fn script(argument: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/lab/git-servers.sh");
    let output = Command::new(script)
        .arg(argument)
        .env("GITLAB", DIR)
        .output()
        .expect("bash");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A user whose settings follow one of the servers.
fn world(url: &str, repository: &str) -> World {
    let secrets = format!("secrets:\n  git_token:\n    file: {DIR}/token\n    to: {{git: true}}\n");
    let world = World::new(url, repository, &PathBuf::from("/dev/null"), &secrets);
    world.write(
        "intent/inventory/hosts.yaml",
        "---\nr1: {platform: frr, username: netops}\n",
    );
    world.commit("one router");
    push(&world);
    world
}

/// Pushes with Git itself, as a colleague would.
fn push(world: &World) {
    let ssh = format!(
        "ssh -i {DIR}/id_ed25519 -o IdentitiesOnly=yes -o UserKnownHostsFile={DIR}/known_hosts"
    );
    let output = Command::new("git")
        .args(["push", "--force", SSH, "main"])
        .current_dir(world.repo())
        .env("GIT_SSH_COMMAND", ssh)
        .output()
        .expect("git");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_repository_over_ssh_is_followed_and_its_host_key_checked() {
    if !gate("git: ssh") {
        return;
    }
    let _servers = Servers::up();
    let login = format!("  key_file: {DIR}/id_ed25519\n  known_hosts: {DIR}/known_hosts\n");
    let world = world(SSH, &login);
    assert!(world.expect(0, &["inventory", "--json"]).contains("r1"));

    let _daemon = world.start(&["run"]);
    wait_for("the first revision", Duration::from_secs(20), || {
        (world.live("r1")["name"] == "r1").then_some(())
    });
    world.write(
        "intent/inventory/hosts.yaml",
        "---\nr1: {platform: frr, username: netops}\nr9: {platform: frr, username: netops}\n",
    );
    world.commit("one more");
    push(&world);
    wait_for("the pushed revision", Duration::from_secs(20), || {
        (world.live("r9")["name"] == "r9").then_some(())
    });

    let settings = world.dir.path().join("netkeel.yaml");
    let text = std::fs::read_to_string(&settings).expect("settings");
    std::fs::write(
        &settings,
        text.replace("/known_hosts", "/wrong_known_hosts"),
    )
    .expect("settings");
    let output = world.run(&["inventory"]);
    assert_eq!(
        output.status.code(),
        Some(1),
        "a server with another key is not believed"
    );
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("key"),
        "it says why"
    );
}

#[test]
fn a_repository_over_https_with_a_token_and_its_certificate_checked() {
    if !gate("git: https") {
        return;
    }
    let _servers = Servers::up();
    let login = format!("  token: git_token\n  ca_file: {DIR}/ca.crt\n");
    let world = world(HTTPS, &login);
    assert!(world.expect(0, &["inventory", "--json"]).contains("r1"));

    let token = std::fs::read_to_string(format!("{DIR}/token")).expect("the token");
    let settings = world.dir.path().join("netkeel.yaml");
    let text = std::fs::read_to_string(&settings).expect("settings");
    std::fs::write(
        &settings,
        text.replace(&format!("  ca_file: {DIR}/ca.crt\n"), ""),
    )
    .expect("settings");
    let output = world.run(&["inventory"]);
    assert_eq!(
        output.status.code(),
        Some(1),
        "an unknown authority is not believed"
    );
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(shown.contains("certificate"), "it says why");
    assert!(!shown.contains(token.trim()), "the token is not shown");

    std::fs::write(&settings, &text).expect("settings");
    std::fs::write(format!("{DIR}/token"), "wrong").expect("the token");
    let output = world.run(&["inventory"]);
    assert_eq!(output.status.code(), Some(1), "a wrong token is refused");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("wrong\n"));
}
