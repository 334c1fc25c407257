//! The whole pipeline on four real routers, driven as a user would drive it.

use std::time::Duration;

use crate::lab::{Lab, ROUTERS};
use crate::world::{gate, wait_for};

const SOON: Duration = Duration::from_secs(30);

/// Changes the metric in a router's intended configuration.
fn set_metric(world: &crate::world::World, router: usize, metric: u32) {
    let path = format!("intent/configs/r{router}.cfg");
    let text = world.read(&path);
    let at = text.find(" set metric ").expect("a metric");
    let end = at + text[at..].find('\n').expect("a line");
    let changed = format!("{} set metric {metric}{}", &text[..at], &text[end..]);
    world.write(&path, &changed);
}

#[test]
fn in_line_after_a_first_apply_and_the_sessions_stay_up() {
    if !gate("frr: first apply") {
        return;
    }
    let lab = Lab::up();
    let world = lab.world("manual", "", "", "");
    for router in ROUTERS {
        set_metric(&world, router, 150);
    }
    world.commit("metric 150 everywhere");
    let before: Vec<u64> = ROUTERS.iter().map(|r| lab.times_established(*r)).collect();

    world.expect(3, &["plan", "--detailed-exitcode"]);
    world.expect(0, &["apply", "--yes"]);
    world.expect(0, &["plan", "--detailed-exitcode"]);

    for router in ROUTERS {
        let name = format!("r{router}");
        assert!(
            lab.running(router).contains(" set metric 150\n"),
            "{name} has the new metric"
        );
        let status = world.status(&name);
        assert_eq!(status["status"], "compliant", "{status}");
        assert_eq!(status["outcome"], "applied", "{status}");
        assert_eq!(lab.established(router), 2, "{name} lost a session");
    }
    let after: Vec<u64> = ROUTERS.iter().map(|r| lab.times_established(*r)).collect();
    assert_eq!(before, after, "a session was reset");
    let left: Vec<_> = ROUTERS
        .iter()
        .flat_map(|router| lab.temporary(*router))
        .collect();
    assert!(
        left.is_empty(),
        "the guards on the hosts are gone again: {left:?}"
    );
}

#[test]
fn a_refused_line_is_rolled_back_byte_for_byte() {
    if !gate("frr: refused line") {
        return;
    }
    let lab = Lab::up();
    let world = lab.world("manual", "", "", "");
    let path = "intent/configs/r1.cfg";
    let text = world.read(path).replace(
        " set metric 100\n",
        " set metric 120\n set extraordinary-thing 7\n",
    );
    world.write(path, &text);
    world.commit("a line FRR does not know");
    let before = lab.running(1);

    let output = world.run(&["apply", "--yes", "--filter", "name=r1"]);
    assert_eq!(
        output.status.code(),
        Some(1),
        "a rolled back change is our failure"
    );

    assert_eq!(
        lab.running(1),
        before,
        "running is byte for byte what it was"
    );
    let status = world.status("r1");
    assert_eq!(status["outcome"], "rolled_back", "{status}");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        shown.contains("set extraordinary-thing 7"),
        "the culprit is named"
    );
    // the same change is not tried again until something moves
    world.expect(6, &["apply", "--yes", "--filter", "name=r1"]);
}

#[test]
fn a_router_killed_in_mid_apply_is_unknown_and_then_settled() {
    if !gate("frr: killed router") {
        return;
    }
    let lab = Lab::up();
    let world = lab.world("auto", "", "", "rollout: {enabled: false}");
    // a check that gets worse keeps the trial open while the router dies
    let hosts = world.read("intent/inventory/hosts.yaml").replace(
        "r1:\n",
        "r1:\n  data:\n    netkeel:\n      checks:\n        - {name: metric, command: show running-config, must: 'set metric 100'}\n",
    );
    world.write("intent/inventory/hosts.yaml", &hosts);
    world.commit("as it is");
    let before = lab.running(1);
    let others: Vec<String> = [2, 3, 4].iter().map(|r| lab.running(*r)).collect();
    let _daemon = world.start(&["run"]);
    wait_for("all in line", SOON, || {
        ROUTERS
            .iter()
            .all(|r| world.live(&format!("r{r}"))["status"] == "compliant")
            .then_some(())
    });

    set_metric(&world, 1, 177);
    world.commit("metric 177 on r1");
    wait_for("the change to be on trial", SOON, || {
        lab.running(1).contains("set metric 177").then_some(())
    });
    lab.kill(1);
    wait_for("r1 to be unknown", SOON, || {
        (world.live("r1")["status"] == "unknown").then_some(())
    });

    lab.start(1);
    let settled = wait_for("r1 to be settled", Duration::from_secs(60), || {
        let status = world.live("r1");
        (status["outcome"] == "rolled_back").then_some(status)
    });
    assert_eq!(settled["status"], "noncompliant", "{settled}");
    assert_eq!(lab.running(1), before, "r1 runs what it did before");
    for (router, was) in [2, 3, 4].into_iter().zip(others) {
        assert_eq!(lab.running(router), was, "r{router} was disturbed");
        assert_eq!(world.live(&format!("r{router}"))["status"], "compliant");
    }
}

#[test]
fn a_changed_host_key_is_refused_until_a_person_accepts_it() {
    if !gate("frr: host key") {
        return;
    }
    let lab = Lab::up();
    let world = lab.world("manual", "", "", "");
    world.commit("as it is");
    world.expect(0, &["plan"]);
    let known = std::fs::read_to_string(lab.known_hosts()).expect("known_hosts");
    lab.rekey(1);

    let output = world.run(&["run", "--once"]);
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(shown.contains("host key"), "it says what is wrong");
    let status = world.status("r1");
    assert_eq!(status["status"], "unknown", "{status}");
    assert_eq!(status["cause"], "hostkey", "{status}");
    assert_eq!(status["hold"], "hostkey", "{status}");
    assert_eq!(
        world.status("r2")["status"],
        "compliant",
        "the others are served"
    );
    let now = std::fs::read_to_string(lab.known_hosts()).expect("known_hosts");
    assert_eq!(now, known, "nothing was learnt by itself");

    world.expect(
        0,
        &[
            "accept",
            "host-key",
            "r1",
            "--why",
            "replaced in the rack",
            "--yes",
        ],
    );
    world.expect(0, &["run", "--once"]);
    assert_eq!(world.status("r1")["status"], "compliant");
}

#[test]
fn a_wrong_password_holds_the_device_and_stops_the_credential() {
    if !gate("frr: wrong password") {
        return;
    }
    let lab = Lab::up();
    let world = lab.world("manual", "", "", "");
    let wrong = world.dir.path().join("wrong");
    std::fs::write(&wrong, "not-the-password").expect("a file");
    std::os::unix::fs::chown(&wrong, None, None).expect("owner");
    restrict(&wrong);
    let settings = world.dir.path().join("netkeel.yaml");
    let text = std::fs::read_to_string(&settings).expect("settings");
    std::fs::write(
        &settings,
        text.replace(
            "/var/tmp/netkeel-lab/password",
            &wrong.display().to_string(),
        ),
    )
    .expect("settings");
    world.commit("as it is");

    world.run(&["run", "--once"]);
    world.run(&["run", "--once"]);
    let held = ROUTERS
        .iter()
        .filter(|r| world.status(&format!("r{r}"))["hold"] == "auth")
        .count();
    assert!(held >= 1, "a refused login holds its device");
    for router in ROUTERS {
        let status = world.status(&format!("r{router}"));
        assert_eq!(status["status"], "unknown", "{status}");
        assert_eq!(status["cause"], "auth", "{status}");
    }
    let refused: usize = ROUTERS
        .iter()
        .map(|r| {
            std::fs::read_to_string(format!("/var/tmp/netkeel-lab/r{r}/sshd.log"))
                .unwrap_or_default()
                .matches("Failed password")
                .count()
        })
        .sum();
    assert!(
        (1..=3).contains(&refused),
        "{refused} refused logins on four routers: nobody's account gets locked by us"
    );
}

fn restrict(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("mode");
}
