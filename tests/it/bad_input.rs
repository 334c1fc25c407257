//! Bad input and bad luck, as a user meets them: each gives the documented exit code and one
//! message that names the culprit; nothing is lost, and the rest of the fleet is served.

use crate::place::{Place, faults, one, until};
use netkeel::sim::Platform;

const HOSTS: &str = "intent/inventory/hosts.yaml";

#[tokio::test(flavor = "multi_thread")]
async fn yaml_that_is_none_is_named_by_file_line_and_column() {
    let place = Place::two().await;
    place.write(HOSTS, "r1:\n  hostname: [10.0.0.1\nr2: {}\n");
    place
        .run_in_tree(&["check"])
        .is(2, &["error:", "intent/inventory/hosts.yaml:3:"]);
    place
        .run_in_tree(&["inventory"])
        .is(2, &["intent/inventory/hosts.yaml:3:"]);
    place
        .run_in_tree(&["plan"])
        .is(2, &["intent/inventory/hosts.yaml:3:"]);
    // The branch is as it was.
    place.run(&["plan"]).is(0, &["2 devices in line"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_is_not_usable_leaves_the_last_good_one() {
    let place = Place::two().await;
    place.run(&["run", "--once"]).is(0, &["2 compliant"]);
    place.write(HOSTS, "r1:\n  hostname: [10.0.0.1\nr2: {}\n");
    place.commit("broken");
    place
        .run(&["run", "--once"])
        .is(2, &["intent/inventory/hosts.yaml:3:"]);
    place
        .run(&["status"])
        .is(2, &["2 compliant", "intent/inventory/hosts.yaml:3:"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_host_leaves_out_that_host_only() {
    let place = Place::two().await;
    for (more, words) in [
        ("  groups: [egde]\n", ["hosts.yaml:9:", "egde"]),
        (
            "  data: {netkeel: {aply: auto}}\n",
            ["hosts.yaml:9:", "aply"],
        ),
        ("  plattform: frr\n", ["hosts.yaml:9:", "plattform"]),
        (
            "  data: {netkeel: {apply: sometimes}}\n",
            ["hosts.yaml:9:", "sometimes"],
        ),
    ] {
        let hosts = format!("{}{}", place.host("r1", ""), place.host("r2", more));
        place.write(HOSTS, &hosts);
        place
            .run_in_tree(&["check"])
            .is(2, &["r2", words[0], words[1], "1 of 2 hosts rendered"]);
        place.run_in_tree(&["plan"]).is(
            2,
            &["1 device in line: r1", "r2: unknown (intent)", words[0]],
        );
    }
    place.commit("a wrong host");
    place
        .run(&["run", "--once", "--strict-data"])
        .is(2, &["r2"]);
    let status = place.run(&["status", "--json"]).json();
    assert_eq!(one(&status, "r1")["status"], "compliant");
    assert_eq!(one(&status, "r2")["cause"], "intent");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_platform_is_named() {
    let place = Place::two().await;
    place.edit(HOSTS, "platform: frr", "platform: junoss");
    place.run_in_tree(&["check"]).is(2, &["r2", "junoss"]);
    place.run_in_tree(&["plan"]).is(
        2,
        &["1 device in line: r1", "r2: unknown (intent)", "junoss"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_fails_its_device_and_says_where() {
    let place = Place::two().await;
    let hosts = format!(
        "{}{}",
        place.host("r1", ""),
        place.host(
            "r2",
            "  data: {netkeel: {intent: intent/templates/r2.j2}}\n"
        )
    );
    place.write(HOSTS, &hosts);
    for (template, words) in [
        (
            "hostname r2\n{% if x %}\n",
            ["intent/templates/r2.j2:", "r2"],
        ),
        (
            "hostname r2\nntp {{ ntp_server }}\n",
            ["intent/templates/r2.j2:2", "ntp_server"],
        ),
        (
            "hostname r2\n{{ 'x' | nofilter }}\n",
            ["intent/templates/r2.j2:2", "nofilter"],
        ),
        ("{{ secret('nobody') }}\n", ["nobody", "r2"]),
        (
            "{% include 'intent/templates/other.j2' %}\n",
            ["other.j2", "r2"],
        ),
    ] {
        place.write("intent/templates/r2.j2", template);
        place.run_in_tree(&["plan"]).is(
            2,
            &[
                "1 device in line: r1",
                "r2: unknown (intent)",
                words[0],
                words[1],
            ],
        );
    }
    place.write(
        "intent/templates/r2.j2",
        "hostname r2\nntp {{ ntp_server }}\n",
    );
    place
        .run_in_tree(&["render", "r2"])
        .is(2, &["intent/templates/r2.j2:2", "ntp_server"]);
    place.run_in_tree(&["render", "r1"]).is(0, &["hostname r1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_bomb_fails_the_device_it_is_for() {
    let place = Place::two().await;
    let hosts = format!(
        "{}{}",
        place.host("r1", ""),
        place.host(
            "r2",
            "  data: {netkeel: {intent: intent/templates/bomb.j2}}\n"
        )
    );
    place.write(HOSTS, &hosts);
    place.write(
        "intent/templates/bomb.j2",
        "{{ ('x' * 100000000) ~ ('y' * 900000000) }}\n",
    );
    place
        .run_in_tree(&["check"])
        .is(2, &["r2", "1 of 2 hosts rendered"]);
    place
        .run_in_tree(&["plan"])
        .is(2, &["1 device in line: r1", "r2: unknown (intent)"]);
    place.commit("a bomb");
    place.run(&["run", "--once"]).is(2, &["r2"]);
    assert_eq!(
        one(&place.run(&["status", "--json"]).json(), "r1")["status"],
        "compliant"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_template_is_stopped() {
    let place = Place::two().await;
    let hosts = format!(
        "{}{}",
        place.host("r1", ""),
        place.host(
            "r2",
            "  data: {netkeel: {intent: intent/templates/loop.j2}}\n"
        )
    );
    place.write(HOSTS, &hosts);
    let endless = "{% for a in range(10000) %}{% for b in range(10000) %}{% for c in range(10000) %}{% endfor %}{% endfor %}{% endfor %}\n";
    place.write("intent/templates/loop.j2", endless);
    place.run_in_tree(&["plan"]).is(
        2,
        &["1 device in line: r1", "r2: unknown (intent)", "loop.j2"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_device_is_unknown_and_the_others_are_served() {
    let place = Place::two().await;
    place.fleet.stop_device("r2").expect("r2");
    place
        .run(&["plan"])
        .is(0, &["1 device in line: r1", "r2: unknown (unreachable)"]);
    place.run(&["plan", "--strict-data"]).is(5, &["r2"]);
    place
        .run(&["run", "--once"])
        .is(0, &["1 compliant", "1 unknown"]);
    place.run(&["run", "--once", "--strict-data"]).is(5, &[]);
    place
        .run(&["status", "--strict-data"])
        .is(5, &["r2", "unreachable"]);
    place
        .run(&["apply", "--yes", "--strict-data"])
        .is(5, &["nothing to apply", "r2: unknown"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_holds_the_device_and_is_tried_once() {
    let place = Place::two().await;
    place
        .fleet
        .set_faults("r2", faults(|f| f.refuse_login = true))
        .expect("r2");
    place
        .run(&["run", "--once"])
        .is(0, &["1 compliant", "1 unknown"]);
    let logins = place.fleet.logins("r2").expect("r2");
    assert_eq!(logins, 1, "one refused login");
    for _ in 0..3 {
        place.run(&["run", "--once"]).is(0, &[]);
        place
            .run(&["plan"])
            .is(0, &["r2: unknown (auth)", "netkeel release r2"]);
    }
    assert_eq!(place.fleet.logins("r2").expect("r2"), 1, "not tried again");
    let held = one(&place.run(&["status", "--json"]).json(), "r2");
    assert_eq!(held["hold"], "auth");
    // Put right by a person.
    place.fleet.set_faults("r2", faults(|_| {})).expect("r2");
    place
        .run(&["release", "--all-refused"])
        .is(0, &["r2 is released"]);
    place.run(&["plan"]).is(0, &["2 devices in line"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_refused_logins_stop_the_credential() {
    let names = ["r1", "r2", "r3", "r4", "r5", "r6"].map(|name| (name, Platform::Frr));
    // all are looked at at once, as always
    let place = Place::with(&names).await;
    for (name, _) in names {
        place
            .fleet
            .set_faults(name, faults(|f| f.refuse_login = true))
            .expect("a device");
    }
    place.run(&["run", "--once"]).is(0, &["6 unknown"]);
    let tried: usize = names
        .iter()
        .map(|(n, _)| place.fleet.logins(n).expect("a device"))
        .sum();
    assert_eq!(
        tried, 3,
        "logins with a credential that was refused three times stop"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_has_to_be_there_and_permitted() {
    let mut place = Place::two().await;
    place.settings = "secrets: {other: {env: LOGIN, to: all}}\n".to_owned();
    place.run(&["plan"]).is(
        2,
        &["login", "r1: unknown (intent)", "r2: unknown (intent)"],
    );
    place.settings = "secrets: {login: {env: LOGIN, to: {hosts: [r1]}}}\n".to_owned();
    place.run(&["plan"]).is(
        2,
        &["1 device in line: r1", "r2: unknown (intent)", "login"],
    );
    place.settings = "secrets: {login: {env: NOT_SET, to: all}}\n".to_owned();
    place.run(&["plan"]).is(2, &["NOT_SET", "login", "r1"]);
    place.settings = "secrets: {login: {file: /nowhere/at/all, to: all}}\n".to_owned();
    place
        .run(&["plan"])
        .is(2, &["/nowhere/at/all", "login", "r1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_checked_with_file_line_and_column() {
    let mut place = Place::two().await;
    for (settings, words) in [
        (
            "rails: {contested_aftr: 3}\n",
            ["netkeel.yaml:6:9", "contested_after"],
        ),
        ("run2: 1\n", ["netkeel.yaml:6:1", "run"]),
        (
            "device: {connect_timeout: soon}\n",
            ["netkeel.yaml:6:", "soon"],
        ),
        (
            "limits: {concurrency: 0}\n",
            ["netkeel.yaml:6:", "concurrency"],
        ),
        ("log: [\n", ["netkeel.yaml:", ""]),
    ] {
        place.settings = settings.to_owned();
        place.run(&["plan"]).is(2, &["error:", words[0], words[1]]);
        place.run(&["run", "--once"]).is(2, &[words[0]]);
        place.run(&["status"]).is(2, &[words[0]]);
    }
    place.settings = String::new();
    place
        .run(&["plan", "--settings", "/nowhere.yaml"])
        .is(2, &["/nowhere.yaml"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_2_and_says_what_is_meant() {
    let place = Place::two().await;
    place
        .run(&["plan", "--filter", "platform=ios and"])
        .is(2, &["--filter"]);
    place
        .run(&["plan", "--filter", "platform=ios && site=lon"])
        .is(2, &["--filter"]);
    for line in [
        "release r1",
        "hold r1 --reason x",
        "history r1",
        "adopt r1",
        "rollback r1 --yes",
        "accept host-key r1 --why x",
    ] {
        let mut args: Vec<&str> = line.split(' ').collect();
        args.extend(["--filter", "name=other"]);
        place.run(&args).is(2, &["`--filter` has no effect"]);
    }
    place
        .run(&["plan", "r11"])
        .is(2, &["`r11` is not in the inventory", "did you mean `r1`"]);
    place.run(&["plan", "--ref", "mian"]).is(2, &["mian"]);
    place
        .run(&["plan", "--repo", "/nowhere"])
        .is(2, &["/nowhere"]);
    place.run(&["plna"]).is(2, &["plan"]);
    place.run(&["status"]).is(2, &["there is no state yet"]);
    place
        .run(&["status", "--state", "/nowhere"])
        .is(2, &["no state", "/nowhere"]);
    place.run(&["rollback", "r1", "--yes"]).is(2, &["r1"]);
    place.run(&["history", "nobody"]).is(2, &["nobody"]);
    place.run(&["release", "nobody"]).is(2, &["nobody"]);
    place.run(&["sim", "/nowhere"]).is(2, &["/nowhere"]);
    place.run(&["run", "--interval", "often"]).is(2, &["often"]);
    place
        .run(&["accept", "deletion", "0000", "--why", "x", "--yes"])
        .is(1, &["stale"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_set_aside_and_applies_wait_for_a_person() {
    let place = Place::two().await;
    place.run(&["run", "--once"]).is(0, &["2 compliant"]);
    std::fs::write(
        place.state().join("state.sqlite"),
        "this is no database, but long enough to be read as one",
    )
    .expect("damage");
    for name in ["state.sqlite-wal", "state.sqlite-shm"] {
        drop(std::fs::remove_file(place.state().join(name)));
    }
    place
        .run(&["run", "--once"])
        .is(0, &["damaged", "2 compliant", "accept state"]);
    place.edit("intent/configs/r1.cfg", "to the core", "to the moon");
    place.commit("a change");
    place.run(&["plan"]).is(0, &["to the moon"]);
    place
        .run(&["apply", "--yes"])
        .is(6, &["set aside", "accept state"]);
    assert!(
        place
            .fleet
            .running("r1")
            .expect("r1")
            .contains("to the core")
    );
    // The damaged file is kept.
    let kept = std::fs::read_dir(place.state())
        .expect("the folder")
        .filter_map(Result::ok)
        .any(|entry| {
            std::fs::read_to_string(entry.path())
                .is_ok_and(|text| text.starts_with("this is no database"))
        });
    assert!(kept);
    place
        .run(&["accept", "state", "--why", "disk replaced"])
        .is(2, &["nothing was accepted", "--yes"]);
    place
        .run(&["accept", "state", "--why", "disk replaced", "--yes"])
        .is(0, &["accepted by ada"]);
    place.run(&["apply", "--yes"]).is(0, &["r1: applied"]);
    assert!(
        place
            .fleet
            .running("r1")
            .expect("r1")
            .contains("to the moon")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_applies_and_not_the_looking() {
    let mut place = Place::two().await;
    place.run(&["run", "--once"]).is(0, &["2 compliant"]);
    place.edit("intent/configs/r1.cfg", "to the core", "to the moon");
    place.commit("a change");
    place.run(&["plan"]).is(0, &["to the moon"]);
    // No file can grow: as on a full disk, every write of the journal fails.
    place.wrapper = ["sh", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]
        .map(str::to_owned)
        .to_vec();
    place
        .run(&["apply", "--yes"])
        .is(1, &["state", "cannot be written"]);
    assert!(
        place
            .fleet
            .running("r1")
            .expect("r1")
            .contains("to the core")
    );
    let looked = place.run(&["plan"]);
    assert!(looked.out.contains("to the moon"), "observation goes on");
    place.wrapper.clear();
    place.run(&["status"]).is(0, &["r1"]);
    place.run(&["apply", "--yes"]).is(0, &["r1: applied"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_on_a_full_disk_goes_on_looking_and_does_not_act() {
    let mut place = Place::two().await;
    place.edit("intent/inventory/defaults.yaml", "manual", "auto");
    place.commit("auto");
    place.settings = "run: {interval: 1s, retry_first: 200ms}\n".to_owned();
    place.wrapper = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""]
        .map(str::to_owned)
        .to_vec();
    let daemon = place.daemon(&[]).await;
    daemon.waits("r1", "status", "compliant").await;
    daemon.files_may_grow(false);
    let by_hand = ["interface Loopback0", "description hers"];
    place
        .fleet
        .type_as_user("r1", "eve", &by_hand)
        .expect("r1 takes it");
    daemon.waits("r1", "status", "noncompliant").await;
    daemon.says("cannot be written").await;
    // Two more passes over it change nothing.
    for _ in 0..2 {
        let seen = daemon.device("r1")["last_seen"].clone();
        until("another look", || {
            (daemon.device("r1")["last_seen"] != seen).then_some(())
        })
        .await;
    }
    assert!(place.fleet.running("r1").expect("r1").contains("hers"));
    daemon.files_may_grow(true);
    daemon.waits("r1", "status", "compliant").await;
    assert!(!place.fleet.running("r1").expect("r1").contains("hers"));
    place.wrapper.clear();
    place
        .run(&["history", "r1"])
        .is(0, &["applied", "by daemon"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_disappears_is_reported_and_the_fleet_is_served() {
    let mut place = Place::two().await;
    place.settings = "run: {interval: 1s, retry_first: 200ms}\n".to_owned();
    let daemon = place.daemon(&[]).await;
    daemon.waits("r1", "status", "compliant").await;
    let away = place.path("away");
    std::fs::rename(place.repo(), &away).expect("moved away");
    daemon.says("repo").await;
    until("the metric of the failure", || {
        let metrics = daemon.page("/metrics")?;
        let failures = metrics
            .lines()
            .find_map(|line| line.strip_prefix("netkeel_git_sync_failures_total "))?;
        (failures != "0").then_some(())
    })
    .await;
    place
        .fleet
        .type_as_user("r2", "eve", &["interface eth1", "description hers"])
        .expect("r2");
    daemon.waits("r2", "status", "noncompliant").await;
    std::fs::rename(&away, place.repo()).expect("moved back");
    let id = place.commit("after the break");
    until("the new revision", || {
        daemon.page("/api/v1/devices")?.contains(&id).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_branch_stops_applies_until_accepted() {
    let place = Place::two().await;
    place.edit("intent/configs/r1.cfg", "to the core", "to the moon");
    place.commit("one");
    place.run(&["run", "--once"]).is(0, &["1 noncompliant"]);
    place.edit("intent/configs/r1.cfg", "to the moon", "to the sun");
    let id = place.amend("another");
    place
        .run(&["plan"])
        .is(6, &["rewritten_branch", "accept branch"]);
    place
        .run(&["apply", "--yes"])
        .is(6, &["rewritten", "accept branch"]);
    assert!(
        place
            .fleet
            .running("r1")
            .expect("r1")
            .contains("to the core")
    );
    place
        .run(&["accept", "branch", "--why", "agreed", "--yes"])
        .is(0, &["accepted", &id]);
    place.run(&["apply", "--yes"]).is(0, &["r1: applied"]);
    assert!(
        place
            .fleet
            .running("r1")
            .expect("r1")
            .contains("to the sun")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_intent_and_a_large_deletion_are_refused_until_accepted() {
    let place = Place::two().await;
    place.write("intent/configs/r1.cfg", "\n");
    place.commit("oops");
    place.run(&["plan", "r1"]).is(6, &["r1", "empty_intent"]);
    place
        .run(&["apply", "r1", "--yes"])
        .is(6, &["empty_intent"]);
    assert!(
        place
            .fleet
            .running("r1")
            .expect("r1")
            .contains("ntp server")
    );
    for net in 20..25 {
        let route = format!("ip route 10.{net}.0.0/16 10.1.1.1\n");
        place.edit("intent/configs/r2.cfg", &route, "");
    }
    place.commit("less");
    place
        .run(&["apply", "r2", "--yes", "--attended"])
        .is(6, &["large_deletion", "accept deletion"]);
    assert!(place.fleet.running("r2").expect("r2").contains("ip route"));
    let plan = place.run(&["plan", "r2", "--json"]).json();
    let id = plan["devices"][0]["plan"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    place
        .run(&["accept", "deletion", &id, "r2", "--why", "moved", "--yes"])
        .is(0, &["accepted by ada"]);
    place
        .run(&["apply", "r2", "--plan", &id, "--yes", "--attended"])
        .is(0, &["r2: applied"]);
    assert!(!place.fleet.running("r2").expect("r2").contains("ip route"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_host_key_is_refused_and_held() {
    let mut place = Place::two().await;
    place.fleet.rekey("r2").await.expect("another key");
    place
        .run(&["run", "--once", "--strict-data"])
        .is(5, &["1 compliant", "1 unknown"]);
    let held = one(&place.run(&["status", "--json"]).json(), "r2");
    assert_eq!(
        (&held["cause"], &held["hold"]),
        (&"hostkey".into(), &"hostkey".into())
    );
    place
        .run(&["accept", "host-key", "r2", "--why", "new board", "--yes"])
        .is(0, &["SHA256:", "accepted"]);
    place.run(&["plan"]).is(0, &["2 devices in line"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_beside_a_daemon_is_safe() {
    let place = Place::two().await;
    let mut daemon = place.daemon(&[]).await;
    daemon.waits("r1", "status", "compliant").await;
    place.edit("intent/configs/r1.cfg", "to the core", "to the moon");
    place.commit("a change");
    daemon.waits("r1", "status", "noncompliant").await;
    place.run(&["apply", "--yes"]).is(0, &["r1: applied"]);
    place
        .run(&["hold", "r2", "--reason", "line card"])
        .is(0, &["r2 is on hold"]);
    daemon.signal("HUP");
    daemon.waits("r1", "status", "compliant").await;
    daemon.waits("r2", "hold", "hold").await;
    daemon.signal("INT");
    assert_eq!(daemon.ends().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_use_is_named() {
    let place = Place::two().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    place
        .run(&["run", "--listen", &address])
        .is(1, &["cannot listen on", &address]);
}
