//! Every command once, as a user runs it: text and JSON, in a pipe.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use netkeel::sim::Platform;
use serde_json::Value;

use crate::place::{Place, one};

/// What `status --json` and `/api/v1/devices` have of every device, null or not.
const STATUS_KEYS: [&str; 17] = [
    "name",
    "platform",
    "status",
    "since",
    "cause",
    "drift",
    "violations",
    "last_seen",
    "last_applied",
    "outcome",
    "apply",
    "hold",
    "detail",
    "site",
    "drift_since",
    "unsaved",
    "rules",
];

#[track_caller]
fn has_the_keys(document: &Value) {
    assert_eq!(document["schema"], 1);
    for key in ["revision", "generated_at", "devices"] {
        assert!(document.get(key).is_some(), "{key} in {document}");
    }
    for device in document["devices"].as_array().expect("a list") {
        for key in STATUS_KEYS {
            assert!(device.get(key).is_some(), "{key} in {device}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_commands_in_text_and_json() {
    let place = Place::two().await;
    place.run(&["inventory"]).is(0, &["r1", "r2", "2 hosts"]);
    let json = place.run(&["inventory", "--json", "r1"]).is(0, &[]).json();
    assert_eq!(json["hosts"]["r1"]["platform"], "ios");
    place.run(&["inventory", "-v"]).is(0, &["netkeel"]);
    place
        .run(&["render", "r2"])
        .is(0, &["ip route 10.20.0.0/16"]);
    let json = place.run(&["render", "r2", "--json"]).is(0, &[]).json();
    assert_eq!(json["schema"], 1);
    place
        .run(&["render", "r2", "--origins"])
        .is(0, &["intent/configs/r2.cfg:"]);
    let out = place.path("rendered").display().to_string();
    place.run(&["render", "--output", &out]).is(0, &[]);
    assert!(
        place.path("rendered").join("r1.cfg").exists()
            || place.path("rendered").join("r1").exists()
    );
    place
        .run(&["check"])
        .is(0, &["2 of 2 hosts rendered", "0 errors"]);
    assert_eq!(
        place.run(&["check", "--json"]).is(0, &[]).json()["schema"],
        1
    );
    let plan = place.run(&["plan", "--json"]).is(0, &[]).json();
    assert_eq!(plan["devices"][0]["plan"]["decision"], "unchanged");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        place.run(&["completions", shell]).is(0, &["netkeel"]);
    }
    place.run(&["--version"]).is(0, &["netkeel "]);
    place.run(&["--help"]).is(0, &["Exit codes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_document_has_every_key() {
    let place = Place::two().await;
    place.fleet.stop_device("r2").expect("r2");
    let json = place.run(&["run", "--once", "--json"]).is(0, &[]).json();
    has_the_keys(&json);
    let json = place.run(&["status", "--json"]).is(0, &[]).json();
    has_the_keys(&json);
    let r2 = one(&json, "r2");
    assert_eq!(r2["drift"], Value::Null);
    assert_eq!(r2["violations"], Value::Null);
    assert_eq!(r2["cause"], "unreachable");
    let daemon = place.daemon(&[]).await;
    daemon.waits("r1", "status", "compliant").await;
    let page = daemon.page("/api/v1/devices").expect("the page");
    has_the_keys(&serde_json::from_str(&page).expect("JSON"));
    assert!(daemon.page("/healthz").is_some());
    assert!(daemon.page("/readyz").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_password_is_a_finding_that_does_not_break_compliance() {
    let place = Place::two().await;
    let password = place.fleet.device("r1").expect("r1").password;
    let entry = place.host("r1", &format!("  password: {password}\n"));
    place.write(
        "intent/inventory/hosts.yaml",
        &(entry + &place.host("r2", "")),
    );
    place.commit("a plain password");
    place
        .run(&["check"])
        .is(0, &["netkeel-plain-secret", "1 violation"]);
    place
        .run(&["plan", "--fail-on", "low"])
        .is(4, &["r1: low netkeel-plain-secret (password)"]);
    let json = place.run(&["run", "--once", "--json"]).is(0, &[]).json();
    let r1 = one(&json, "r1");
    assert_eq!(r1["status"], "compliant");
    assert_eq!(r1["violations"], serde_json::json!({ "low": 1 }));
    assert_eq!(r1["rules"]["netkeel-plain-secret"], "low");
    assert_eq!(one(&json, "r2")["violations"], serde_json::json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_from_plan_to_rollback() {
    let place = Place::two().await;
    place.edit("intent/configs/r1.cfg", "to the core", "to the moon");
    place
        .run_in_tree(&["plan", "--detailed-exitcode"])
        .is(3, &["+ description to the moon"]);
    place.commit("a change");
    let plan = place.run(&["plan", "r1", "--json"]).is(0, &[]).json();
    let id = plan["devices"][0]["plan"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    place
        .run(&["apply", "r1"])
        .is(2, &["nothing was applied", "--yes"]);
    place
        .run(&["apply", "--plan", &id, "--yes", "--why", "ticket 7"])
        .is(0, &["r1: applied"]);
    place
        .run(&["apply", "--plan", &id, "--yes"])
        .is(1, &["stale"]);
    place
        .run(&["history", "r1"])
        .is(0, &["1 attempt", "by ada", "ticket 7"]);
    let history = place.run(&["history", "r1", "--json"]).is(0, &[]).json();
    let attempt = history["attempts"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    place
        .run(&[
            "history",
            "r1",
            "--diff",
            &format!("before:{attempt}"),
            "now",
        ])
        .is(0, &["to the core", "to the moon"]);
    place
        .run(&["history", "r1", "--show", &format!("before:{attempt}")])
        .is(0, &["to the core"]);
    place
        .run(&["history", "r1", "--show", "never"])
        .is(2, &["never"]);
    place
        .run(&["rollback", "r1", "--yes", "--why", "moon is closed"])
        .is(0, &["applied"]);
    assert!(
        place
            .fleet
            .running("r1")
            .expect("r1")
            .contains("to the core")
    );
    place.run(&["status"]).is(0, &["rolled_back"]);
    place
        .run(&["apply", "r1", "--yes"])
        .is(6, &["on hold (rolled_back)", "netkeel release r1"]);
    place.run(&["release", "r1"]).is(0, &["r1 is released"]);
    place.run(&["apply", "r1", "--yes"]).is(0, &["r1: applied"]);
    place
        .run(&["rollback", "r1", "--to", &attempt, "--yes"])
        .is(0, &[]);
    place
        .run(&["hold", "r2", "--reason", "line card", "--json"])
        .is(0, &["line card"]);
    place
        .run(&["release", "r2", "--json"])
        .is(0, &["\"schema\": 1", "line card"]);
    place
        .run(&["history", "r1", "--show", "now", "--json"])
        .is(0, &["\"configuration\": "]);
    place
        .run(&["history", "r1", "--diff", "now", "now", "--json"])
        .is(0, &["\"diff\": \"\""]);
    place
        .run(&["accept", "state", "--why", "x", "--json"])
        .is(0, &["\"accepted\": null"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_device_has_an_empty_first_plan() {
    let mut place = Place::with(&[("r1", Platform::Ios), ("r2", Platform::Frr)]).await;
    place
        .fleet
        .type_as_user(
            "r1",
            "eve",
            &[
                "enable secret 9 $9$abcdefgh$ijklmnop",
                "snmp-server community s3cretcommunity RO",
                "router bgp 65001",
                "neighbor 10.1.1.2 remote-as 65002",
                "neighbor 10.1.1.2 password 7 0822455D0A16",
            ],
        )
        .expect("r1 takes it");
    for name in ["r1", "r2"] {
        std::fs::remove_file(place.repo().join(format!("intent/configs/{name}.cfg")))
            .expect("gone");
    }
    let adopted = place
        .run_in_tree(&["adopt", "r1", "r2"])
        .is(0, &["r1:", "r2:", "secrets:"]);
    assert!(!adopted.out.contains("s3cretcommunity"));
    let text =
        std::fs::read_to_string(place.repo().join("intent/configs/r1.cfg")).expect("written");
    assert!(
        !text.contains("s3cretcommunity") && !text.contains("0822455D0A16"),
        "{text}"
    );
    // The lines it printed go into the settings as they are.
    let lines = adopted
        .out
        .lines()
        .skip_while(|line| !line.starts_with("Add to the settings"));
    let lines: Vec<&str> = lines
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .collect();
    assert!(lines.len() >= 3, "{}", adopted.out);
    place.settings = format!(
        "secrets:\n  login: {{env: LOGIN, to: all}}\n{}\n",
        lines.join("\n")
    );
    place
        .run_in_tree(&["plan", "--detailed-exitcode"])
        .is(0, &["2 devices in line"]);
    place.commit("adopted");
    place
        .run(&["plan", "--detailed-exitcode"])
        .is(0, &["2 devices in line"]);
    place
        .run_in_tree(&["adopt", "r1"])
        .is(2, &["is there already", "--overwrite"]);
    place.run_in_tree(&["adopt", "nobody"]).is(2, &["nobody"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn try_reads_a_router_and_writes_nothing() {
    let place = Place::two().await;
    for (name, platform) in [("r1", "ios"), ("r2", "frr")] {
        let before = place.fleet.running(name).expect("a device");
        let known = place.path("known_hosts").display().to_string();
        let device = place.fleet.device(name).expect("a device");
        let target = format!("netkeel@{}:{}", device.address, device.port);
        let args = ["try", &target, "--known-hosts", &known, "--password-stdin"];
        place
            .run_typing("netkeel-sim\n", &args)
            .is(0, &[platform, "nothing was written"]);
        let json = [&args[..], &["--json"]].concat();
        let understood = place.run_typing("netkeel-sim\n", &json).is(0, &[]).json();
        assert_eq!(understood["platform"], platform);
        place
            .run_typing("wrong\n", &args)
            .is(1, &["refused", &device.address]);
        assert_eq!(place.fleet.running(name).expect("a device"), before);
    }
    place
        .run(&["try", "netkeel@127.0.0.1:1"])
        .is(1, &["127.0.0.1"]);
    place.run(&["try", "@"]).is(2, &["USER@HOST"]);
    assert!(!place.state().exists());
}

#[test]
fn the_example_repository_checks_and_its_simulation_starts() {
    let dir = tempfile::tempdir().expect("a folder");
    let netkeel = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netkeel"));
        command
            .args(args)
            .current_dir(dir.path())
            .env("HOME", dir.path())
            .stdin(Stdio::null());
        command
    };
    let init = netkeel(&["init", "net"]).output().expect("starts");
    assert!(init.status.success(), "{init:?}");
    let check = netkeel(&["check"])
        .current_dir(dir.path().join("net"))
        .output()
        .expect("starts");
    assert!(check.status.success(), "{check:?}");
    let again = netkeel(&["init", "net"]).output().expect("starts");
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    let config = dir.path().join("r.cfg");
    std::fs::write(&config, "hostname {name}\nend\n").expect("a file");
    let config = config.display().to_string();
    let mut sim = netkeel(&[
        "sim",
        "--platform",
        "ios",
        "--count",
        "3",
        "--config",
        &config,
        "--listen",
        "127.77.1.1:22022",
    ])
    .stdout(Stdio::piped())
    .spawn()
    .expect("starts");
    let lines = BufReader::new(sim.stdout.take().expect("the pipe")).lines();
    let mut devices = Vec::new();
    for line in lines {
        let line: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        if line.get("ready").is_some() {
            assert_eq!(line["ready"], 3);
            break;
        }
        for key in [
            "name", "platform", "protocol", "address", "port", "username", "password", "host_key",
        ] {
            assert!(line.get(key).is_some(), "{key} in {line}");
        }
        devices.push(line["address"].clone());
    }
    sim.kill().expect("ends");
    sim.wait().expect("ends");
    assert_eq!(devices.len(), 3);
    assert_eq!(devices[2], "127.77.1.3");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_output_in_a_pipe_has_colours_unless_asked() {
    let place = Place::two().await;
    place.edit("intent/configs/r1.cfg", "to the core", "to the moon");
    place.commit("a change");
    for args in [
        &["plan"][..],
        &["run", "--once"],
        &["status"],
        &["history", "r1"],
        &["check"],
    ] {
        let ran = place.run(args).is(0, &[]);
        assert!(
            !ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'),
            "{}{}",
            ran.out,
            ran.err
        );
    }
    let ran = place.run(&["plan", "--color", "always"]).is(0, &[]);
    assert!(ran.out.contains('\u{1b}'));
    let ran = place.run(&["plan", "--color", "never"]).is(0, &[]);
    assert!(!ran.out.contains('\u{1b}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_decide_the_exit_code_by_severity() {
    let place = Place::two().await;
    let pack = "apiVersion: netkeel.dev/v1\nkind: PolicyPack\n\
        metadata: {name: ours, version: 1, owner: net}\n\
        rules:\n  - id: keepalives\n    title: Dead sessions end\n    severity: SEVERITY\n    \
        select: {platform: ios}\n    require: [{line: '^service tcp-keepalives-in$'}]\n    \
        message: add it\n";
    for (severity, code) in [("low", 0), ("high", 4)] {
        place.write("policies/ours.yaml", &pack.replace("SEVERITY", severity));
        place
            .run_in_tree(&["check"])
            .is(code, &["r1", "keepalives", severity]);
        place
            .run_in_tree(&["check", "--fail-on", "low"])
            .is(4, &["keepalives"]);
        place
            .run_in_tree(&["plan", "--fail-on", "never"])
            .is(0, &["keepalives"]);
        place.commit(severity);
        place.run(&["run", "--once"]).is(code, &[severity]);
        place.run(&["status"]).is(code, &[severity]);
    }
    // A safety limit is told before a broken rule, a wrong input before both.
    place.write("intent/configs/r1.cfg", "\n");
    place
        .run_in_tree(&["plan"])
        .is(6, &["empty_intent", "keepalives"]);
    place.write("policies/ours.yaml", "rules: 7\n");
    place
        .run_in_tree(&["check"])
        .is(2, &["policies/ours.yaml:1:"]);
}
