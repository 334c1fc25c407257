//! Sessions against simulated devices over real sockets.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use netkeel::device::{
    Connector as _, DeviceError, HostKeyPolicy, Jump, Login, NextStep, Session, SshConnector,
    Target,
};
use netkeel::model::{
    ConfirmScope, Datastore, Fingerprint, Mode, SecretText, Txn, Undo, UndoArmed, UndoMethod,
};
use netkeel::pack::{Pack, Packs};
use netkeel::sim::{DeviceInfo, DeviceSpec, Faults, Fleet, FleetOptions, Pace, Platform, Refuse};

const IOS: &str = "\
hostname {name}
archive
 path flash:archive
interface Loopback0
 description mgmt
 ip address 10.255.0.1 255.255.255.255
end
";

const FRR: &str = "\
frr version 8.4.4
frr defaults traditional
hostname {name}
!
router bgp 65001
 bgp router-id 10.255.0.1
exit
!
end
";

fn pack(platform: Platform) -> Arc<Pack> {
    let packs = Packs::builtin().expect("the built-in packs");
    packs.get(platform.as_str()).expect("the platform's pack")
}

/// One simulated device, and everything to reach it with.
struct Lab {
    fleet: Fleet,
    info: DeviceInfo,
    target: Target,
    folder: tempfile::TempDir,
}

impl Lab {
    async fn new(platform: Platform, faults: Faults, pace: Pace) -> Self {
        let config = match platform {
            Platform::Ios => IOS,
            Platform::Frr => FRR,
        };
        Self::with(
            DeviceSpec {
                faults,
                ..DeviceSpec::new("r1", platform, config)
            },
            pace,
        )
        .await
    }

    async fn ios(faults: Faults) -> Self {
        Self::new(Platform::Ios, faults, Pace::Stepped).await
    }

    async fn with(spec: DeviceSpec, pace: Pace) -> Self {
        let platform = spec.platform;
        let start = "2026-03-01T10:00:00Z".parse::<Timestamp>().expect("a time");
        let fleet = Fleet::start(vec![spec], FleetOptions { pace, start })
            .await
            .expect("a fleet");
        let info = fleet.device("r1").expect("the device");
        let target = target(&info, pack(platform));
        let folder = tempfile::tempdir().expect("a folder");
        let lab = Self {
            fleet,
            info,
            target,
            folder,
        };
        std::fs::write(lab.known_hosts(), lab.info.known_hosts_line() + "\n").expect("known_hosts");
        lab
    }

    fn known_hosts(&self) -> PathBuf {
        self.folder.path().join("known_hosts")
    }

    fn connector(&self, policy: HostKeyPolicy) -> SshConnector {
        SshConnector::new(vec![self.known_hosts()], policy)
    }

    async fn try_session(&self) -> Result<Box<dyn Session>, DeviceError> {
        self.connector(HostKeyPolicy::Strict)
            .connect(&self.target)
            .await
    }

    async fn session(&self) -> Box<dyn Session> {
        self.try_session().await.expect("a session")
    }

    fn running(&self) -> String {
        self.fleet.running("r1").expect("running")
    }
}

fn target(info: &DeviceInfo, pack: Arc<Pack>) -> Target {
    Target {
        device: "r1".to_owned(),
        address: info.address.clone(),
        port: info.port,
        login: Login {
            username: info.username.clone(),
            password: Some(SecretText::new(info.password.clone())),
            ..Login::default()
        },
        pack,
        connect_timeout: Duration::from_secs(20),
        silence_timeout: Duration::from_secs(20),
        undo: Undo {
            method: UndoMethod::Auto,
            within: 300,
            shell_port: None,
        },
        jump: None,
    }
}

fn txn(commands: &[&str]) -> (Txn, Vec<SecretText>) {
    let own = |lines: &[&str]| lines.iter().map(|l| (*l).to_owned()).collect();
    let txn = Txn {
        id: "t1".to_owned(),
        device: "r1".to_owned(),
        mode: Mode::Merge,
        base: Fingerprint::default(),
        expected: Fingerprint::default(),
        commands: own(commands),
        rollback: Vec::new(),
        deadline: None,
        undo: UndoArmed::Nothing,
    };
    (txn, commands.iter().map(|l| SecretText::new(*l)).collect())
}

const CHANGE: &[&str] = &["interface Loopback0", "description changed", "exit"];

async fn commit(session: &mut dyn Session, lines: &[&str]) -> (Txn, Result<(), DeviceError>) {
    let (mut txn, open) = txn(lines);
    session
        .load(&txn, Mode::Merge, &open, &[])
        .await
        .expect("loaded");
    let result = session
        .commit(&mut txn, Duration::from_secs(90), "a change")
        .await;
    (txn, result)
}

#[tokio::test]
async fn ios_is_read_whole_with_facts() {
    let lab = Lab::ios(Faults::default()).await;
    let mut session = lab.session().await;
    let text = session.config(Datastore::Running).await.unwrap();
    assert!(
        text.expose()
            .contains("\ninterface Loopback0\n description mgmt\n"),
        "{}",
        text.expose()
    );
    assert!(
        text.expose().trim_end().ends_with("\nend"),
        "{}",
        text.expose()
    );
    assert!(!text.expose().contains("!nk"), "{}", text.expose());
    assert!(
        session
            .config(Datastore::Startup)
            .await
            .unwrap()
            .expose()
            .contains("interface Loopback0")
    );
    let facts = session.facts().await.unwrap();
    assert_eq!(
        (facts.version.as_str(), facts.hostname.as_str()),
        ("15.9(3)M6", "r1")
    );
    assert!(!facts.serial.is_empty() && facts.uptime.is_some());
    assert_eq!(session.pending().await.unwrap(), None);
    let can = session.capabilities().clone();
    assert_eq!(
        (can.confirm, can.timer, can.attended_only),
        (ConfirmScope::AnySession, Some((60, 7200, 60)), None)
    );
    session.close().await;
}

#[tokio::test]
async fn hostile_output_changes_nothing_that_is_read() {
    let quiet = Lab::ios(Faults::default()).await;
    let plain = quiet
        .session()
        .await
        .config(Datastore::Running)
        .await
        .unwrap();
    for faults in [
        Faults {
            prompt_in_banner: true,
            ..Faults::default()
        },
        Faults {
            slow_ms: Some(1),
            ..Faults::default()
        },
        Faults {
            prompt_in_banner: true,
            slow_ms: Some(1),
            ..Faults::default()
        },
    ] {
        let lab = Lab::ios(faults.clone()).await;
        let read = lab
            .session()
            .await
            .config(Datastore::Running)
            .await
            .unwrap();
        assert_eq!(read.expose(), plain.expose(), "{faults:?}");
    }
}

#[tokio::test]
async fn ios_trial_is_confirmed_from_a_new_session_and_saved() {
    let lab = Lab::ios(Faults::default()).await;
    let mut first = lab.session().await;
    let (txn, result) = commit(first.as_mut(), CHANGE).await;
    result.unwrap();
    assert_eq!(txn.undo, UndoArmed::DeviceTimer);
    assert!(txn.deadline.is_some());
    assert!(lab.running().contains("description changed"));
    let mut second = lab.session().await;
    let pending = second.pending().await.unwrap().expect("pending");
    assert_eq!(pending.user.as_deref(), Some(lab.info.username.as_str()));
    second.confirm(&txn).await.unwrap();
    assert_eq!(second.pending().await.unwrap(), None);
    assert!(
        !lab.fleet
            .startup("r1")
            .unwrap()
            .contains("description changed")
    );
    second.save().await.unwrap();
    assert!(
        lab.fleet
            .startup("r1")
            .unwrap()
            .contains("description changed")
    );
    let error = second.confirm(&txn).await.unwrap_err();
    assert!(error.to_string().contains("no trial is pending"), "{error}");
}

#[tokio::test]
async fn ios_trial_is_ended_now_or_by_the_device() {
    let lab = Lab::ios(Faults::default()).await;
    let before = lab
        .session()
        .await
        .config(Datastore::Running)
        .await
        .unwrap();
    let mut first = lab.session().await;
    let (txn, result) = commit(first.as_mut(), CHANGE).await;
    result.unwrap();
    let mut second = lab.session().await;
    second.rollback(&txn).await.unwrap();
    assert!(lab.running().contains("description mgmt"));
    let (txn, result) = commit(first.as_mut(), CHANGE).await;
    result.unwrap();
    lab.fleet.step(Duration::from_secs(121));
    assert_eq!(second.pending().await.unwrap(), None);
    second.rollback(&txn).await.unwrap();
    let after = second.config(Datastore::Running).await.unwrap();
    let body = |text: &SecretText| {
        text.expose()
            .split_once("hostname")
            .map(|(_, b)| b.to_owned())
    };
    assert_eq!(body(&after), body(&before));
}

#[tokio::test]
async fn a_refused_line_stops_the_commit_and_leaves_the_timer_running() {
    let refuse = Refuse {
        line: 2,
        text: "% Invalid input detected at '^' marker.".to_owned(),
    };
    let lab = Lab::ios(Faults {
        refuse: Some(refuse),
        ..Faults::default()
    })
    .await;
    let mut session = lab.session().await;
    let (txn, result) = commit(session.as_mut(), CHANGE).await;
    let error = result.unwrap_err();
    assert!(
        matches!(&error, DeviceError::Refused { line, .. } if line == "description changed"),
        "{error:?}"
    );
    assert_eq!(error.next_step(), NextStep::Replan);
    assert_eq!(txn.undo, UndoArmed::DeviceTimer);
    session.rollback(&txn).await.unwrap();
    assert!(lab.running().contains("description mgmt"));
}

#[tokio::test]
async fn a_second_trial_is_refused_as_busy() {
    let lab = Lab::ios(Faults::default()).await;
    let mut session = lab.session().await;
    commit(session.as_mut(), CHANGE).await.1.unwrap();
    let (txn, result) = commit(lab.session().await.as_mut(), CHANGE).await;
    assert!(
        matches!(result, Err(DeviceError::Busy { why, .. }) if why.contains(&lab.info.username))
    );
    assert_eq!(txn.undo, UndoArmed::Nothing);
}

#[tokio::test]
async fn without_the_archive_nothing_is_typed() {
    let spec = DeviceSpec::new("r1", Platform::Ios, "hostname {name}\nend\n");
    let lab = Lab::with(spec, Pace::Stepped).await;
    let mut session = lab.session().await;
    let (txn, result) = commit(session.as_mut(), &["interface Loopback7"]).await;
    assert!(
        matches!(result, Err(DeviceError::Prerequisite { what, .. }) if what.contains("path flash:archive"))
    );
    assert_eq!(txn.undo, UndoArmed::Nothing);
    assert!(!lab.running().contains("Loopback7"));
}

#[tokio::test]
async fn a_rollback_that_stops_half_way_is_said() {
    let lab = Lab::ios(Faults {
        rollback_aborts: true,
        ..Faults::default()
    })
    .await;
    let mut session = lab.session().await;
    let (txn, result) = commit(session.as_mut(), CHANGE).await;
    result.unwrap();
    let error = session.rollback(&txn).await.unwrap_err();
    assert!(
        matches!(error, DeviceError::HalfRestored { .. }),
        "{error:?}"
    );
    assert_eq!(error.next_step(), NextStep::Hold);
}

#[tokio::test]
async fn a_banner_is_typed_as_one_text() {
    let lab = Lab::ios(Faults::default()).await;
    let mut session = lab.session().await;
    let lines = [
        "banner motd ^C",
        "r1#",
        "  % not an error",
        "",
        "^C",
        "interface Loopback0",
        "description changed",
    ];
    let (_, result) = commit(session.as_mut(), &lines).await;
    result.unwrap();
    let text = session.config(Datastore::Running).await.unwrap();
    assert!(
        text.expose()
            .contains("banner motd ^C\nr1#\n  % not an error\n\n^C\n"),
        "{}",
        text.expose()
    );
    assert!(text.expose().contains("description changed"));
}

#[tokio::test]
async fn less_than_privilege_15_is_incomplete() {
    let lab = Lab::ios(Faults {
        privilege: Some(7),
        ..Faults::default()
    })
    .await;
    let error = match lab.try_session().await {
        Ok(mut session) => session.config(Datastore::Running).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(
        matches!(&error, DeviceError::Incomplete { why, .. } if why.contains("privilege")),
        "{error:?}"
    );
}

#[tokio::test]
async fn enable_leads_to_privilege_15_where_the_login_does_not() {
    let spec = DeviceSpec {
        privilege: 1,
        enable: Some("s3cret".to_owned()),
        ..DeviceSpec::new("r1", Platform::Ios, IOS)
    };
    let mut lab = Lab::with(spec, Pace::Stepped).await;
    lab.target.login.enable = Some(SecretText::new("s3cret"));
    let text = lab
        .session()
        .await
        .config(Datastore::Running)
        .await
        .unwrap();
    assert!(text.expose().contains("interface Loopback0"));
    lab.target.login.enable = Some(SecretText::new("wrong"));
    assert!(
        matches!(lab.try_session().await, Err(DeviceError::Auth { username, .. }) if username == "enable")
    );
}

#[tokio::test]
async fn a_refused_login_is_one_connection_and_no_retry() {
    let mut lab = Lab::ios(Faults::default()).await;
    lab.target.login.password = Some(SecretText::new("wrong"));
    let error = lab.try_session().await.err().expect("refused");
    assert!(matches!(error, DeviceError::Auth { .. }), "{error:?}");
    assert_eq!(error.next_step(), NextStep::Hold);
    lab.target.login.password = None;
    let error = lab.try_session().await.err().expect("nothing to offer");
    assert!(matches!(error, DeviceError::Credential { .. }), "{error:?}");
}

#[tokio::test]
async fn host_keys_are_strict_learnt_on_request_and_never_changed() {
    let mut lab = Lab::ios(Faults::default()).await;
    std::fs::write(lab.known_hosts(), "").unwrap();
    let error = lab.try_session().await.err().expect("unknown");
    assert!(
        matches!(&error, DeviceError::HostKey { fingerprint, why, .. }
        if fingerprint.starts_with("SHA256:") && why.contains("not known")),
        "{error:?}"
    );
    let lax = lab.connector(HostKeyPolicy::AcceptNew);
    lax.connect(&lab.target)
        .await
        .expect("learnt")
        .close()
        .await;
    lab.session().await.close().await;
    let old = lax.look(&lab.target).await.unwrap();
    lab.fleet.rekey("r1").await.unwrap();
    let new = lax.look(&lab.target).await.unwrap();
    let error = lax.connect(&lab.target).await.err().expect("changed");
    let text = error.to_string();
    assert!(matches!(error, DeviceError::HostKey { .. }), "{error:?}");
    assert!(
        text.contains(&old.fingerprint) && text.contains(&new.fingerprint),
        "{text}"
    );
    lax.known_hosts()
        .replace(&lab.target.address, lab.target.port, &new.key)
        .unwrap();
    lab.session().await.close().await;
}

#[tokio::test]
async fn a_dropped_verb_poisons_the_session() {
    let mut lab = Lab::ios(Faults {
        stall_at: Some(4),
        ..Faults::default()
    })
    .await;
    lab.target.silence_timeout = Duration::from_secs(60);
    let mut session = lab.session().await;
    let read = session.config(Datastore::Running);
    assert!(
        tokio::time::timeout(Duration::from_millis(500), read)
            .await
            .is_err()
    );
    let error = session.config(Datastore::Running).await.unwrap_err();
    assert!(matches!(error, DeviceError::Poisoned { .. }), "{error:?}");
    session.close().await;
}

#[tokio::test]
async fn a_session_leaves_no_connection_behind_closed_or_dropped() {
    let lab = Lab::ios(Faults::default()).await;
    let (closed, dropped) = (lab.session().await, lab.session().await);
    assert_eq!(lab.fleet.connections("r1").unwrap(), 2);
    closed.close().await;
    drop(dropped);
    let gone = async {
        while lab.fleet.connections("r1").unwrap() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .expect("both are gone");
}

#[tokio::test]
async fn a_lost_connection_is_lost_and_the_armed_undo_is_known() {
    let lab = Lab::ios(Faults {
        drop_at_line: Some(2),
        ..Faults::default()
    })
    .await;
    let mut session = lab.session().await;
    let (txn, result) = commit(session.as_mut(), CHANGE).await;
    assert!(
        matches!(result, Err(DeviceError::Lost { .. })),
        "{result:?}"
    );
    assert_eq!(txn.undo, UndoArmed::DeviceTimer);
}

#[tokio::test]
async fn nothing_listening_is_a_failed_connection() {
    let mut lab = Lab::ios(Faults::default()).await;
    lab.fleet.stop_device("r1").unwrap();
    lab.target.connect_timeout = Duration::from_secs(5);
    let error = lab.try_session().await.err().expect("no connection");
    assert!(matches!(error, DeviceError::Connect { .. }), "{error:?}");
    let gone = Jump {
        address: "127.0.0.1".to_owned(),
        port: lab.info.port,
        login: lab.target.login.clone(),
    };
    lab.target.jump = Some(gone);
    assert!(matches!(
        lab.try_session().await,
        Err(DeviceError::Connect { .. })
    ));
}

#[tokio::test]
async fn frr_without_a_shell_is_attended_and_undone_by_commands() {
    let lab = Lab::new(Platform::Frr, Faults::default(), Pace::Stepped).await;
    let mut session = lab.session().await;
    assert!(
        session
            .capabilities()
            .attended_only
            .as_ref()
            .is_some_and(|why| why.contains("shell"))
    );
    let before = session.config(Datastore::Running).await.unwrap();
    let (txn, result) = commit(
        session.as_mut(),
        &[
            "router bgp 65001",
            "neighbor 192.0.2.1 remote-as 65002",
            "exit",
        ],
    )
    .await;
    result.unwrap();
    assert_eq!(txn.undo, UndoArmed::Attended);
    assert!(lab.running().contains("neighbor 192.0.2.1"));
    assert!(matches!(
        session.rollback(&txn).await,
        Err(DeviceError::Unsupported { .. })
    ));
    let back: Vec<SecretText> = [
        "no router bgp 65009",
        "router bgp 65001",
        "no neighbor 192.0.2.1 remote-as 65002",
    ]
    .map(SecretText::new)
    .into();
    let first = session.lines(&back).await;
    assert!(
        matches!(first, Err(DeviceError::Refused { .. }) | Ok(())),
        "{first:?}"
    );
    let after = session.config(Datastore::Running).await.unwrap();
    assert_eq!(after.expose(), before.expose());
    session.save().await.unwrap();
    assert_eq!(session.facts().await.unwrap().version, "8.4.4");
}
