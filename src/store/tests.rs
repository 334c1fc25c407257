//! The store's promises, on real files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::*;
use crate::model::{
    Actor, ApplyMode, Decision, DriftCounts, HoldReason, Mode, Outcome, Plan, PlanId, Proof,
    StepKind, Undo,
};

const TTL: Duration = Duration::from_secs(60);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn open(dir: &TempDir) -> SqliteStore {
    let opened = SqliteStore::open(dir.path(), at(0)).unwrap();
    assert_eq!(opened.set_aside, None);
    opened.store
}

fn plan(device: &str) -> Plan {
    Plan {
        id: PlanId("p1".to_owned()),
        device: device.to_owned(),
        platform: "frr".to_owned(),
        pack: "pack".to_owned(),
        revision: "rev".to_owned(),
        base: Fingerprint::of([b"base".as_slice()]),
        expected: Fingerprint::of([b"expected".as_slice()]),
        mode: Mode::Merge,
        remediation: Vec::new(),
        rollback: Vec::new(),
        proof: Proof::Proved,
        rollback_proof: Proof::default(),
        hazards: Vec::new(),
        drift: DriftCounts::default(),
        diff: String::new(),
        ignored: Vec::new(),
        orphaned: Vec::new(),
        sections: Vec::new(),
        cause: None,
        checks: Vec::new(),
        undo: Undo::default(),
        apply: ApplyMode::Auto,
        deletes: (0, 0),
        decision: Decision::Ready,
    }
}

fn attempt(lease: &Lease, n: u32, started: Timestamp) -> Attempt {
    Attempt {
        id: AttemptId::new(started, n),
        device: lease.device.clone(),
        epoch: lease.epoch,
        revision: "rev".to_owned(),
        plan: PlanId("p1".to_owned()),
        body: plan(&lease.device),
        actor: Actor::User("ann".to_owned()),
        reason: "because".to_owned(),
        started,
        before: None,
        intended: None,
        after: None,
        steps: Vec::new(),
        outcome: None,
        detail: String::new(),
        finished: None,
    }
}

fn step(kind: StepKind) -> Step {
    Step {
        at: at(1),
        kind,
        note: "note".to_owned(),
        txn: None,
    }
}

fn claim(store: &SqliteStore, owner: &str, now: Timestamp) -> Option<Lease> {
    store.claim("r1", owner, TTL, now).unwrap()
}

/// What `kill -9` leaves behind: the files as they are, without a close.
fn killed(dir: &TempDir) -> TempDir {
    let copy = TempDir::new().unwrap();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !name.ends_with("-shm") {
            fs::copy(entry.path(), copy.path().join(name)).unwrap();
        }
    }
    copy
}

#[test]
fn files_are_for_the_owner_only() {
    let parent = TempDir::new().unwrap();
    let dir = parent.path().join("deep/state");
    let opened = SqliteStore::open(&dir, at(0)).unwrap();
    opened.store.set_meta("k", "v").unwrap();
    let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    let expected = [
        "state.lock",
        "state.sqlite",
        "state.sqlite-shm",
        "state.sqlite-wal",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_file_others_could_read_is_tightened() {
    let dir = TempDir::new().unwrap();
    drop(open(&dir));
    let path = dir.path().join("state.sqlite");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    drop(open(&dir));
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn commits_are_synchronous_and_go_to_a_write_ahead_log() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let db = store.connection();
    let mode: String = db
        .pragma_query_value(None, "journal_mode", |r| r.get(0))
        .unwrap();
    let sync: i64 = db
        .pragma_query_value(None, "synchronous", |r| r.get(0))
        .unwrap();
    assert_eq!((mode.as_str(), sync), ("wal", 2));
}

#[test]
fn two_processes_never_have_the_same_lease() {
    let dir = TempDir::new().unwrap();
    let (daemon, command) = (open(&dir), open(&dir));
    let first = claim(&daemon, "daemon", at(0)).unwrap();
    assert_eq!(claim(&command, "command", at(59)), None);
    // Run out: the other may have it, with a greater epoch.
    let second = claim(&command, "command", at(60)).unwrap();
    assert!(second.epoch > first.epoch);
    // Given back: at once.
    command.release(&second).unwrap();
    let third = claim(&daemon, "daemon", at(61)).unwrap();
    assert!(third.epoch > second.epoch);
}

#[test]
fn of_many_racing_claims_exactly_one_wins() {
    let dir = TempDir::new().unwrap();
    let stores: Vec<_> = (0..4).map(|_| open(&dir)).collect();
    for round in 0..20 {
        let device = format!("r{round}");
        let won: usize = std::thread::scope(|scope| {
            let racing: Vec<_> = stores
                .iter()
                .enumerate()
                .map(|(n, store)| {
                    let (device, owner) = (&device, format!("owner{n}"));
                    scope.spawn(move || store.claim(device, &owner, TTL, at(0)).unwrap())
                })
                .collect();
            racing.into_iter().filter_map(|t| t.join().unwrap()).count()
        });
        assert_eq!(won, 1);
    }
}

#[test]
fn a_process_that_overslept_its_lease_can_write_nothing() {
    let dir = TempDir::new().unwrap();
    let (sleeper, other) = (open(&dir), open(&dir));
    let old = claim(&sleeper, "sleeper", at(0)).unwrap();
    let begun = attempt(&old, 1, at(0));
    sleeper.begin(&old, &begun).unwrap();
    let new = claim(&other, "other", at(100)).unwrap();

    let record = DeviceRecord::default();
    let refusals = [
        sleeper.step(&old, &begun.id, &step(StepKind::Confirm)),
        sleeper.finish(&old, &begun),
        sleeper.begin(&old, &attempt(&old, 2, at(1))),
        sleeper.save_device(&old, &record),
        sleeper.renew(&old, TTL, at(101)).map(drop),
        sleeper.release(&old),
    ];
    for refusal in refusals {
        let lost = matches!(refusal, Err(StoreError::LeaseLost { ref device, epoch })
            if device == "r1" && epoch == old.epoch);
        assert!(lost, "{refusal:?}");
    }
    // The one who has it settles what the other left.
    other
        .step(&new, &begun.id, &step(StepKind::Settle))
        .unwrap();
}

#[test]
fn an_epoch_alone_is_not_enough() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let lease = claim(&store, "a", at(0)).unwrap();
    let forged = Lease {
        owner: "b".to_owned(),
        ..lease
    };
    assert!(
        store
            .save_device(&forged, &DeviceRecord::default())
            .is_err()
    );
}

#[test]
fn renewing_extends_and_never_shortens() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let lease = claim(&store, "a", at(0)).unwrap();
    let longer = store.renew(&lease, TTL * 10, at(10)).unwrap();
    assert_eq!(longer.until, at(610));
    assert_eq!(store.renew(&longer, TTL, at(20)).unwrap().until, at(610));
    assert_eq!(claim(&store, "b", at(100)), None);
    let late = store.renew(&longer, TTL, at(700));
    assert!(
        matches!(late, Err(StoreError::LeaseLost { .. })),
        "{late:?}"
    );
}

#[test]
fn the_leases_of_the_dead_end_with_them() {
    let dir = TempDir::new().unwrap();
    let dying = open(&dir);
    let old = claim(&dying, "dead", at(0)).unwrap();
    let living = open(&dir);
    assert_eq!(claim(&living, "living", at(1)), None, "it is alive still");
    drop((dying, living));
    let heir = open(&dir);
    let new = claim(&heir, "heir", at(1)).unwrap();
    assert!(new.epoch > old.epoch);
}

#[test]
fn the_journal_survives_kill_9_step_by_step() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let lease = claim(&store, "a", at(0)).unwrap();
    let begun = attempt(&lease, 1, at(0));
    store.begin(&lease, &begun).unwrap();
    let kinds = [StepKind::Prechecked, StepKind::Load, StepKind::Commit];
    for (n, kind) in kinds.into_iter().enumerate() {
        store.step(&lease, &begun.id, &step(kind)).unwrap();
        let after = killed(&dir);
        let left = open(&after).unfinished().unwrap();
        assert_eq!(left.len(), 1);
        let seen: Vec<_> = left[0].steps.iter().map(|s| s.kind).collect();
        assert_eq!(seen, kinds[..=n]);
        assert_eq!(left[0].body, begun.body);
    }
}

#[test]
fn an_attempt_ends_once_and_keeps_its_steps() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let lease = claim(&store, "a", at(0)).unwrap();
    let mut tried = attempt(&lease, 1, at(0));
    store.begin(&lease, &tried).unwrap();
    store
        .step(&lease, &tried.id, &step(StepKind::Load))
        .unwrap();
    tried.outcome = Some(Outcome::RolledBack);
    tried.finished = Some(at(9));
    store.finish(&lease, &tried).unwrap();
    assert_eq!(store.unfinished().unwrap(), []);
    let kept = store.attempt(&tried.id).unwrap().unwrap();
    assert_eq!((kept.outcome, kept.steps.len()), (tried.outcome, 1));
    assert!(store.finish(&lease, &tried).is_err(), "it ended already");
    assert!(
        store
            .step(&lease, &tried.id, &step(StepKind::Save))
            .is_err()
    );
    assert_eq!(store.attempt(&AttemptId("none".to_owned())).unwrap(), None);
}

#[test]
fn history_is_newest_first_and_of_one_device() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let lease = claim(&store, "a", at(0)).unwrap();
    let other = store.claim("r2", "a", TTL, at(0)).unwrap().unwrap();
    for n in 1..=3 {
        store
            .begin(&lease, &attempt(&lease, n, at(i64::from(n))))
            .unwrap();
    }
    store.begin(&other, &attempt(&other, 9, at(9))).unwrap();
    let started: Vec<_> = store
        .history("r1", 2)
        .unwrap()
        .iter()
        .map(|a| a.started)
        .collect();
    assert_eq!(started, [at(3), at(2)]);
}

#[test]
fn configurations_are_kept_once_and_only_changes_are_recorded() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let (a, b) = (
        store.put_config("a\n").unwrap(),
        store.put_config("b\n").unwrap(),
    );
    assert_eq!(store.put_config("a\n").unwrap(), a);
    assert_eq!(store.config(&a).unwrap().as_deref(), Some("a\n"));
    assert_eq!(store.config(&Fingerprint::from_hex("00")).unwrap(), None);
    for (second, hash) in [(1, &a), (2, &a), (3, &b), (3, &a)] {
        store
            .record_config("r1", ConfigKind::Running, hash, at(second))
            .unwrap();
    }
    let seen = store.config_history("r1", ConfigKind::Running, 9).unwrap();
    assert_eq!(seen, [(at(3), a.clone()), (at(3), b), (at(1), a)]);
    assert_eq!(
        store.config_history("r1", ConfigKind::Intended, 9).unwrap(),
        []
    );
}

#[test]
fn a_hold_is_replaced_and_released() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let hold = |reason| Hold {
        device: "r1".to_owned(),
        reason,
        note: "note".to_owned(),
        by: "ann".to_owned(),
        at: at(1),
        until_moved_from: None,
    };
    store.hold(&hold(HoldReason::Auth)).unwrap();
    store.hold(&hold(HoldReason::Manual)).unwrap();
    assert_eq!(store.holds().unwrap(), [hold(HoldReason::Manual)]);
    assert!(store.release_hold("r1", "bob", at(2)).unwrap());
    assert!(!store.release_hold("r1", "bob", at(3)).unwrap());
    assert_eq!(store.holds().unwrap(), []);
}

#[test]
fn device_records_come_back_by_name() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let mut record = DeviceRecord::default();
    for name in ["r2", "r1"] {
        let lease = store.claim(name, "a", TTL, at(0)).unwrap().unwrap();
        record.status.name = name.to_owned();
        record.reversals = vec![(at(1), "router bgp 65001".to_owned())];
        store.save_device(&lease, &record).unwrap();
    }
    assert_eq!(store.device("r1").unwrap(), Some(record));
    assert_eq!(store.device("r3").unwrap(), None);
    let names: Vec<_> = store
        .devices()
        .unwrap()
        .into_iter()
        .map(|d| d.status.name)
        .collect();
    assert_eq!(names, ["r1", "r2"]);
}

/// Damages the state file and returns what opening it then says.
fn damaged(damage: impl FnOnce(&Path)) -> (TempDir, Opened) {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    for n in 0..200 {
        store.put_config(&format!("{n}").repeat(500)).unwrap();
    }
    drop(store);
    damage(&dir.path().join("state.sqlite"));
    let opened = SqliteStore::open(dir.path(), at(7)).unwrap();
    (dir, opened)
}

fn check_set_aside(dir: &TempDir, opened: &Opened) {
    let name = opened.set_aside.clone().unwrap();
    assert_eq!(name, "state.sqlite.corrupt-20270115T080007Z");
    assert!(dir.path().join(&name).exists(), "nothing is deleted");
    let store = &opened.store;
    assert_eq!(
        store.set_aside_pending().unwrap().as_deref(),
        Some(name.as_str())
    );
    let accept = |subject: &str| {
        store
            .accept(&Acceptance {
                kind: AcceptanceKind::CorruptState,
                subject: subject.to_owned(),
                by: "ann".to_owned(),
                why: "disk replaced".to_owned(),
                at: at(8),
            })
            .unwrap();
    };
    accept("state.sqlite.corrupt-another");
    assert!(store.set_aside_pending().unwrap().is_some());
    accept(&name);
    assert_eq!(store.set_aside_pending().unwrap(), None);
}

#[test]
fn a_file_that_is_no_database_is_set_aside() {
    let (dir, opened) =
        damaged(|path| fs::write(path, "hello, I am not a database\n".repeat(99)).unwrap());
    check_set_aside(&dir, &opened);
}

#[test]
fn a_truncated_file_is_set_aside() {
    let (dir, opened) = damaged(|path| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    });
    check_set_aside(&dir, &opened);
}

#[test]
fn an_emptied_file_is_set_aside() {
    let (dir, opened) = damaged(|path| fs::write(path, "").unwrap());
    check_set_aside(&dir, &opened);
}

#[test]
fn a_file_with_a_scribbled_page_is_set_aside() {
    let (dir, opened) = damaged(|path| {
        let mut bytes = fs::read(path).unwrap();
        let from = bytes.len() / 2 / 4096 * 4096;
        bytes[from..from + 4096].fill(0xa5);
        fs::write(path, bytes).unwrap();
    });
    check_set_aside(&dir, &opened);
}

#[test]
fn a_foreign_database_is_set_aside() {
    let (dir, opened) = damaged(|path| {
        fs::remove_file(path).unwrap();
        let db = Connection::open(path).unwrap();
        db.execute_batch("CREATE TABLE theirs(x); PRAGMA user_version = 1")
            .unwrap();
    });
    check_set_aside(&dir, &opened);
}

#[test]
fn a_crash_while_setting_aside_is_not_forgotten() {
    let dir = TempDir::new().unwrap();
    fs::write(
        dir.path().join("state.sqlite.corrupt-20260101T000000Z"),
        "x",
    )
    .unwrap();
    fs::write(
        dir.path().join("state.sqlite.corrupt-20260101T000000Z-wal"),
        "x",
    )
    .unwrap();
    fs::write(dir.path().join("state.sqlite.new"), "half made").unwrap();
    let store = open(&dir);
    let pending = store.set_aside_pending().unwrap();
    assert_eq!(
        pending.as_deref(),
        Some("state.sqlite.corrupt-20260101T000000Z")
    );
}

#[test]
fn a_damaged_file_in_use_is_left_where_it_is() {
    let dir = TempDir::new().unwrap();
    let _daemon = open(&dir);
    let path = dir.path().join("state.sqlite");
    fs::write(&path, "scribbled").unwrap();
    let refused = SqliteStore::open(dir.path(), at(1)).unwrap_err();
    assert!(matches!(refused, StoreError::Read { .. }), "{refused:?}");
    assert!(path.exists());
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store
        .connection()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    drop(store);
    let refused = SqliteStore::open(dir.path(), at(1)).unwrap_err();
    assert!(
        matches!(
            refused,
            StoreError::Newer {
                found: 99,
                known: 1,
                ..
            }
        ),
        "{refused:?}"
    );
    assert!(dir.path().join("state.sqlite").exists());
}

#[test]
fn a_record_of_a_later_version_is_an_error_not_a_guess() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store
        .connection()
        .execute(
            r#"INSERT INTO device VALUES ('r1', '{"v":2,"data":{}}')"#,
            [],
        )
        .unwrap();
    assert!(matches!(store.device("r1"), Err(StoreError::Read { .. })));
}

#[test]
fn a_full_disk_refuses_the_step_and_harms_nothing() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let lease = claim(&store, "a", at(0)).unwrap();
    let begun = attempt(&lease, 1, at(0));
    store.begin(&lease, &begun).unwrap();
    let pages: i64 = store
        .connection()
        .pragma_query_value(None, "page_count", |r| r.get(0))
        .unwrap();
    store
        .connection()
        .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
        .unwrap();
    let full = store.check_writable();
    assert!(matches!(full, Err(StoreError::Write { .. })), "{full:?}");
    let large = Step {
        note: "x".repeat(100_000),
        ..step(StepKind::Commit)
    };
    let refused = store.step(&lease, &begun.id, &large);
    assert!(
        matches!(refused, Err(StoreError::Write { .. })),
        "{refused:?}"
    );
    assert_eq!(store.unfinished().unwrap(), [begun], "reading goes on");
    drop(store);
    let store = open(&dir);
    assert_eq!(store.unfinished().unwrap().len(), 1);
    store.check_writable().unwrap();
}

#[test]
fn a_read_only_file_is_a_write_error_naming_it() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    store
        .connection()
        .pragma_update(None, "query_only", true)
        .unwrap();
    let refused = store.check_writable().unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("state.sqlite` cannot be written"),
        "{refused}"
    );
    assert!(store.holds().is_ok());
}

#[test]
fn a_folder_that_cannot_be_made_is_a_write_error() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let refused = SqliteStore::open(&dir.path().join("file/state"), at(0));
    assert!(
        matches!(refused, Err(StoreError::Write { .. })),
        "{refused:?}"
    );
}

#[test]
fn old_attempts_and_configurations_are_forgotten() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let lease = claim(&store, "a", at(0)).unwrap();
    let (old, new) = (
        store.put_config("old").unwrap(),
        store.put_config("new").unwrap(),
    );
    store
        .record_config("r1", ConfigKind::Running, &old, at(0))
        .unwrap();
    store
        .record_config("r1", ConfigKind::Running, &new, at(1))
        .unwrap();
    for n in 0..5 {
        let mut tried = attempt(&lease, n, at(i64::from(n)));
        store.begin(&lease, &tried).unwrap();
        store
            .step(&lease, &tried.id, &step(StepKind::Load))
            .unwrap();
        tried.finished = Some(at(60));
        store.finish(&lease, &tried).unwrap();
    }
    let keep = Retention {
        attempts: 2,
        ..Retention::default()
    };
    let later = at(3 * 365 * 86_400);
    let gone = store.forget_old(keep, later).unwrap();
    assert_eq!(
        (gone.attempts.len(), gone.seen.len(), gone.configs.len()),
        (3, 1, 1)
    );
    assert_eq!(store.history("r1", 9).unwrap().len(), 2);
    assert_eq!(store.config(&old).unwrap(), None);
    assert!(
        store.config(&new).unwrap().is_some(),
        "it is what the device has"
    );
    let steps: i64 = store
        .connection()
        .query_row("SELECT count(*) FROM step", [], |r| r.get(0))
        .unwrap();
    assert_eq!(steps, 2);
    assert_eq!(store.forget_old(keep, later).unwrap(), Forget::default());
}
