//! Who is changed, in which order, and what stops that.

use tokio::time::Instant;

use super::world::*;
use crate::controller::schedule::Limits;
use crate::controller::{Look, RunOptions};
use crate::model::{
    Acceptance, AcceptanceKind, ApplyMode, Compliance, HoldReason, Outcome, Store as _,
};

#[tokio::test(start_paused = true)]
async fn a_revision_goes_to_one_device_then_to_growing_batches() {
    let world = World::fleet_of(12);
    let story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    story.push("b").await;
    story.after(10 * MINUTE).await;
    assert_eq!(world.count("changed"), 12);
    // Each batch begins when the one before has ended.
    let log = world.edit(|w| w.log.clone());
    let (mut running, mut sizes, mut batch) = (0, Vec::new(), 0);
    for (_, text) in log.iter().filter(|(_, text)| text.starts_with("change")) {
        if text.starts_with("changed") {
            running -= 1;
        } else {
            running += 1;
            batch += 1;
        }
        if running == 0 {
            sizes.push(std::mem::take(&mut batch));
        }
    }
    assert_eq!(sizes, [1, 4, 7]);
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_stops_the_revision_and_looking_goes_on() {
    for outcome in [
        Outcome::RolledBack,
        Outcome::Failed,
        Outcome::Unknown,
        Outcome::Refused,
    ] {
        let world = World::fleet_of(8);
        let story = Story::begin(&world, RunOptions::default());
        story.after(MINUTE).await;
        world.mood("r002", Mood::Fails(outcome));
        story.push("b").await;
        story.after(60 * MINUTE).await;
        // The first, and the batch of four in which it happened.
        assert_eq!(world.count("change "), 5, "{outcome:?}");
        assert!(story.metric("netkeel_rollout_stopped 1"));
        assert!(world.count("pass r007 stopped") > 2);
        assert_eq!(story.status("r007").status, Compliance::NonCompliant);
        // The branch moves on: it begins anew.
        world.mood("r002", Mood::Well);
        story.push("c").await;
        story.after(60 * MINUTE).await;
        assert_eq!(world.count("changed"), 5 + 8);
        assert!(story.metric("netkeel_rollout_stopped 0"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stopped_revision_stays_stopped_after_kill_9() {
    let world = World::fleet_of(3);
    let story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    world.mood("r000", Mood::Fails(Outcome::RolledBack));
    story.push("b").await;
    story.after(MINUTE).await;
    assert_eq!(world.count("change "), 1);
    let dir = story.kill().await;
    let story = Story::begin_in(dir, &world, RunOptions::default());
    story.after(60 * MINUTE).await;
    assert_eq!(world.count("change "), 1);
    assert!(story.metric("netkeel_rollout_stopped 1"));
}

#[tokio::test(start_paused = true)]
async fn only_automatic_devices_are_changed() {
    let world = World::new(&["auto"]);
    world.add("looked", ApplyMode::Observe);
    world.add("manual", ApplyMode::Manual);
    let story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    story.push("b").await;
    story.after(60 * MINUTE).await;
    assert_eq!(world.said("changed"), ["changed auto: applied"]);
    assert_eq!(world.count("pass manual may"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_changed_by_hand_is_put_back_one_device_at_a_time() {
    let world = World::fleet_of(3);
    let story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    world.edit(|w| {
        w.devices
            .values_mut()
            .for_each(|d| d.runs = "by hand".to_owned());
    });
    story.wish(Look::Fleet).await;
    story.after(MINUTE).await;
    let said = world.said("change");
    let pairs: Vec<_> = said
        .chunks(2)
        .map(|pair| pair[1].starts_with("changed"))
        .collect();
    assert_eq!((said.len(), pairs), (6, vec![true; 3]), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_left_is_settled_before_anything_is_applied() {
    let world = World::fleet_of(3);
    world.edit(|w| {
        w.revision = "b".to_owned();
        w.open = vec![left_behind("r001", "b")];
        w.doubt_until = Some(Instant::now() + 3 * MINUTE);
    });
    let story = Story::begin(&world, RunOptions::default());
    story.after(2 * MINUTE).await;
    assert_eq!(world.said("settle")[0], "settle r001");
    assert_eq!(story.status("r001").cause.as_deref(), Some("in_doubt"));
    assert!(
        world.count("pass r000") > 0,
        "others are looked at meanwhile"
    );
    assert_eq!(world.count("change "), 0);
    story.after(10 * MINUTE).await;
    let settled = world.last("settled r001").unwrap();
    let log = world.edit(|w| w.log.clone());
    let mut changes = log.iter().filter(|(_, text)| text.starts_with("change "));
    assert!(changes.next().unwrap().0 >= settled);
    assert_eq!(world.count("changed"), 3);
}

#[tokio::test(start_paused = true)]
async fn an_old_attempt_in_doubt_holds_up_nobody_else() {
    let world = World::fleet_of(2);
    world.edit(|w| {
        w.revision = "b".to_owned();
        w.open = vec![left_behind("gone", "a")];
        w.devices
            .insert("gone".to_owned(), w.devices["r000"].clone());
        w.doubt_until = Some(Instant::now() + 10_000 * MINUTE);
    });
    let _story = Story::begin(&world, RunOptions::default());
    tokio::time::sleep(5 * MINUTE).await;
    assert!(
        world
            .said("changed")
            .contains(&"changed r000: applied".to_owned())
    );
    assert!(
        world
            .said("changed")
            .contains(&"changed r001: applied".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_be_written_stops_applies_and_not_looking() {
    let world = World::fleet_of(2);
    let story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    world.edit(|w| w.stopped = Some("disk full".to_owned()));
    story.after(2 * MINUTE).await;
    story.push("b").await;
    story.after(60 * MINUTE).await;
    assert_eq!(world.count("change "), 0);
    assert_eq!(story.status("r000").status, Compliance::NonCompliant);
    assert!(story.metric("netkeel_applies_stopped 1"));
    world.edit(|w| w.stopped = None);
    story.after(2 * MINUTE).await;
    assert_eq!(world.count("changed"), 2);
    assert!(story.metric("netkeel_applies_stopped 0"));
}

#[tokio::test(start_paused = true)]
async fn a_rewritten_branch_stops_applies_until_accepted() {
    let world = World::fleet_of(1);
    let story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    world.edit(|w| w.rewritten = Some("a".to_owned()));
    story.push("x").await;
    story.after(30 * MINUTE).await;
    assert_eq!(world.count("change "), 0);
    assert!(world.count("pass r000 stopped") > 0);
    world.edit(|w| w.rewritten = None);
    story.after(2 * MINUTE).await;
    assert_eq!(world.count("changed"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_state_file_set_aside_stops_applies_until_a_person_accepts() {
    let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
    std::fs::write(dir.path().join("state.sqlite"), "damaged").unwrap();
    let world = World::fleet_of(1);
    world.edit(|w| w.revision = "b".to_owned());
    let story = Story::begin_in(dir, &world, RunOptions::default());
    story.after(30 * MINUTE).await;
    assert_eq!(world.count("change "), 0);
    assert_eq!(story.status("r000").status, Compliance::NonCompliant);
    let acceptance = Acceptance {
        kind: AcceptanceKind::CorruptState,
        subject: story.store.set_aside_pending().unwrap().unwrap(),
        by: "ann".to_owned(),
        why: "new disk".to_owned(),
        at: story.now(),
    };
    story.store.accept(&acceptance).unwrap();
    story.after(2 * MINUTE).await;
    assert_eq!(world.count("changed"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_held_device_is_looked_at_and_not_changed() {
    let world = World::fleet_of(2);
    let story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    story.hold("r000", HoldReason::Manual);
    story.after(10 * SECOND).await;
    story.push("b").await;
    story.after(30 * MINUTE).await;
    assert_eq!(world.said("changed"), ["changed r001: applied"]);
    assert!(world.count("pass r000 hold") > 0);
    assert_eq!(story.status("r000").hold.as_deref(), Some("hold"));
    story.release("r000");
    story.after(MINUTE).await;
    assert_eq!(world.count("changed r000"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_between_permission_and_pass_does_not_lose_the_device() {
    let world = World::fleet_of(1);
    let options = RunOptions {
        limits: Limits {
            total: 1,
            ..Limits::default()
        },
        ..RunOptions::default()
    };
    let story = Story::begin(&world, options);
    story.after(MINUTE).await;
    world.edit(|w| w.stopped = Some("disk full".to_owned()));
    story.push("b").await;
    story.after(70 * SECOND).await;
    assert_eq!(world.count("change "), 0);
    world.edit(|w| w.stopped = None);
    story.after(10 * SECOND).await;
    world.edit(|w| w.stopped = Some("disk full again".to_owned()));
    story.after(MINUTE).await;
    world.edit(|w| w.stopped = None);
    story.after(MINUTE).await;
    assert_eq!(world.count("changed"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_change_goes_before_the_looks_that_wait() {
    let world = World::fleet_of(200);
    for n in 1..200 {
        world.thing(&format!("r{n:03}"), |t| t.view.apply = ApplyMode::Observe);
    }
    let options = RunOptions {
        limits: Limits {
            total: 2,
            ..Limits::default()
        },
        ..RunOptions::default()
    };
    let story = Story::begin(&world, options);
    story.after(MINUTE).await;
    story.push("b").await;
    story.after(3 * SECOND).await;
    assert_eq!(world.count("change r000"), 1);
    assert!(world.count("pass") < 200 + 100);
}

#[tokio::test(start_paused = true)]
async fn a_failure_under_the_old_revision_does_not_stop_the_new_one() {
    let world = World::fleet_of(2);
    let story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    world.mood("r000", Mood::Fails(Outcome::RolledBack));
    story.push("b").await;
    story.after(5 * SECOND).await;
    assert_eq!(world.said("change "), ["change r000 to b"]);
    world.mood("r000", Mood::Well);
    story.push("c").await;
    story.after(10 * MINUTE).await;
    assert!(story.metric("netkeel_rollout_stopped 0"));
    assert_eq!(world.count("changed r001: applied"), 1);
}
