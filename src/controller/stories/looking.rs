//! When the loop looks, at what, and what it shows.

use std::collections::BTreeSet;

use super::world::*;
use crate::controller::schedule::Limits;
use crate::controller::{Look, RunOptions, trigger};
use crate::model::{ApplyMode, Compliance, DeviceRecord, HoldReason, Store as _};

fn names(devices: &[&str]) -> Look {
    Look::Devices(
        devices
            .iter()
            .map(|d| (*d).to_owned())
            .collect::<BTreeSet<_>>(),
    )
}

#[tokio::test(start_paused = true)]
async fn no_device_is_looked_at_before_the_first_revision() {
    let world = World::new(&["r1"]);
    world.edit(|w| w.source_error = Some("no such branch".to_owned()));
    let story = Story::begin(&world, RunOptions::default());
    story.after(5 * MINUTE).await;
    assert_eq!(world.count("pass"), 0);
    let why = story.handle.unready();
    assert_eq!(
        why.as_deref(),
        Some("no revision is resolved yet: no such branch")
    );
    assert!(story.metric("netkeel_git_sync_failures_total 10"));
    world.edit(|w| w.source_error = None);
    story.after(MINUTE).await;
    assert_eq!(story.handle.unready(), None);
    assert_eq!(story.status("r1").status, Compliance::Compliant);
}

#[tokio::test(start_paused = true)]
async fn a_repository_that_disappears_leaves_the_fleet_served() {
    let world = World::new(&[]);
    world.add("r1", ApplyMode::Observe);
    let story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    world.edit(|w| w.source_error = Some("gone".to_owned()));
    world.thing("r1", |t| t.runs = "by hand".to_owned());
    story.after(30 * MINUTE).await;
    assert_eq!(story.status("r1").status, Compliance::NonCompliant);
    assert_eq!(story.handle.unready(), None);
}

#[tokio::test(start_paused = true)]
async fn a_push_reaches_the_status_of_a_hundred_devices_within_two_seconds() {
    let world = World::fleet_of(100);
    world.edit(|w| {
        w.devices
            .values_mut()
            .for_each(|d| d.view.apply = ApplyMode::Observe);
    });
    let story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    story.push("b").await;
    story.after(2 * SECOND).await;
    let status = story.handle.status();
    assert_eq!(status.revision.as_deref(), Some("b"));
    let drifting = status
        .devices
        .iter()
        .filter(|d| d.status == Compliance::NonCompliant);
    assert_eq!(drifting.count(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_triggers_is_one_pass() {
    let world = World::new(&["r1", "r2"]);
    let story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    let (before, other) = (world.count("pass r1"), world.count("pass r2"));
    for _ in 0..20 {
        story.wish(names(&["r1", "nobody"])).await;
        story.after(5 * MS).await;
    }
    story.after(10 * SECOND).await;
    assert_eq!(world.count("pass r1"), before + 1);
    assert_eq!(world.count("pass r2"), other, "nobody asked for it");
}

#[tokio::test(start_paused = true)]
async fn a_trigger_during_a_pass_leads_to_one_more_and_never_to_two_at_once() {
    let world = World::new(&["r1"]);
    world.thing("r1", |t| t.look = 10 * SECOND);
    let story = Story::begin(&world, RunOptions::default());
    story.after(5 * SECOND).await;
    assert_eq!(world.count("pass r1"), 1);
    for _ in 0..3 {
        story.wish(Look::Fleet).await;
        story.after(SECOND).await;
    }
    // The story itself fails if two were under way at once.
    story.after(MINUTE).await;
    assert_eq!(world.count("pass r1"), 2);
}

#[tokio::test(start_paused = true)]
async fn every_device_is_looked_at_once_per_interval() {
    let world = World::fleet_of(20);
    let story = Story::begin(&world, RunOptions::default());
    story.after(15 * 40 * MINUTE).await;
    for n in 0..20 {
        let passes = world.count(&format!("pass r{n:03}"));
        assert!(
            (37..=44).contains(&passes),
            "r{n:03}: {passes} in 40 intervals"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn limits_hold_for_a_site_and_in_all() {
    let world = World::fleet_of(60);
    world.edit(|w| {
        for (n, thing) in w.devices.values_mut().enumerate() {
            let site = if n < 40 { "lon" } else { "par" };
            thing.view.site = Some(site.to_owned());
        }
    });
    let limits = Limits {
        total: 10,
        site: 6,
        jump: 8,
    };
    let options = RunOptions {
        limits,
        ..RunOptions::default()
    };
    let story = Story::begin(&world, options);
    story.after(MINUTE).await;
    let most = world.edit(|w| w.most.clone());
    assert_eq!((most["all"], most["lon"]), (10, 6));
    assert_eq!(world.count("pass"), 60);
    assert!(story.metric("netkeel_workers_limit 10"));
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_device_is_tried_later_and_later_and_disturbs_nobody() {
    let world = World::new(&["down", "up"]);
    world.mood("down", Mood::Unreachable);
    let story = Story::begin(&world, RunOptions::default());
    story.after(8 * MINUTE).await;
    // At 0, then after about 1, 3 and 7 minutes.
    assert_eq!(world.count("pass down"), 4);
    assert_eq!(story.status("down").status, Compliance::Unknown);
    assert_eq!(story.status("down").cause.as_deref(), Some("unreachable"));
    assert_eq!(story.status("up").status, Compliance::Compliant);
    world.mood("down", Mood::Well);
    story.after(10 * MINUTE).await;
    assert_eq!(story.status("down").status, Compliance::Compliant);
}

#[tokio::test(start_paused = true)]
async fn a_verdict_too_old_is_unknown_and_its_series_are_absent() {
    let world = World::new(&["r1"]);
    let story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    assert!(story.metric(r#"netkeel_device_compliant{device="r1"} 1"#));
    world.thing("r1", |t| t.look = 10_000 * MINUTE);
    story.after(40 * MINUTE).await;
    let status = story.status("r1");
    assert_eq!(
        (status.status, status.cause.as_deref()),
        (Compliance::Unknown, Some("stale"))
    );
    assert!(
        !story
            .reporter
            .metrics_text()
            .contains("netkeel_device_compliant{")
    );
    assert!(story.metric(r#"netkeel_device_data_known{device="r1"} 0"#));
}

#[tokio::test(start_paused = true)]
async fn a_panic_holds_that_device_and_no_other_until_released() {
    let world = World::new(&["bad", "good"]);
    world.mood("bad", Mood::Panics);
    let story = Story::begin(&world, RunOptions::default());
    story.after(60 * MINUTE).await;
    assert_eq!(world.count("pass bad"), 1);
    assert!(world.count("pass good") > 3);
    let status = story.status("bad");
    assert_eq!(
        (status.status, status.hold.as_deref()),
        (Compliance::Unknown, Some("panic"))
    );
    assert_eq!(status.detail.as_deref(), Some("index out of bounds on bad"));
    assert!(story.metric("netkeel_panics_total 1"));
    let holds = story.store.holds().unwrap();
    assert_eq!((holds.len(), holds[0].reason), (1, HoldReason::Panic));
    world.mood("bad", Mood::Well);
    assert!(story.release("bad"));
    story.after(10 * SECOND).await;
    let status = story.status("bad");
    assert_eq!((status.status, status.hold), (Compliance::Compliant, None));
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_is_never_tried_again_on_its_own() {
    let world = World::new(&[]);
    world.add("r1", ApplyMode::Observe);
    world.mood("r1", Mood::Auth);
    let story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    // The worker's hold may come late or be lost: that alone must not lead to a retry.
    story.wish(Look::Fleet).await;
    story.push("b").await;
    story.after(600 * MINUTE).await;
    assert_eq!(world.count("pass r1"), 1);
    story.hold("r1", HoldReason::Auth);
    story.after(10 * SECOND).await;
    assert_eq!(story.status("r1").hold.as_deref(), Some("auth"));
    world.mood("r1", Mood::Well);
    assert!(story.release("r1"));
    story.after(10 * SECOND).await;
    assert_eq!(world.count("pass r1"), 2);
}

#[tokio::test(start_paused = true)]
async fn devices_come_and_go_with_the_inventory() {
    let world = World::new(&["r1", "r2"]);
    let story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    world.edit(|w| w.devices.remove("r1"));
    world.add("r3", ApplyMode::Observe);
    story.push("a2").await;
    story.after(MINUTE).await;
    let names: Vec<_> = story
        .handle
        .status()
        .devices
        .iter()
        .map(|d| d.name.clone())
        .collect();
    assert_eq!(names, ["r2", "r3"]);
    let passes = world.count("pass r1");
    story.after(60 * MINUTE).await;
    assert_eq!(world.count("pass r1"), passes);
    assert!(!story.reporter.metrics_text().contains("device=\"r1\""));
}

#[tokio::test(start_paused = true)]
async fn a_device_whose_intent_is_broken_is_not_looked_at_and_says_why() {
    let world = World::new(&["r1", "r2"]);
    world.thing("r1", |t| {
        t.view.broken = Some("r1.j2:3: undefined".to_owned());
    });
    let story = Story::begin(&world, RunOptions::default());
    story.after(60 * MINUTE).await;
    assert_eq!(world.count("pass r1"), 0);
    assert_eq!(
        story.status("r1").detail.as_deref(),
        Some("r1.j2:3: undefined")
    );
    assert_eq!(story.status("r2").status, Compliance::Compliant);
}

#[tokio::test(start_paused = true)]
async fn a_name_in_the_trigger_file_is_looked_at_within_seconds() {
    let world = World::new(&["r1", "r2"]);
    let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let file = dir.path().join(trigger::FILE);
    let options = RunOptions {
        trigger_file: Some(file.clone()),
        ..RunOptions::default()
    };
    let story = Story::begin_in(dir, &world, options);
    story.after(MINUTE).await;
    let (r1, r2) = (world.count("pass r1"), world.count("pass r2"));
    std::fs::write(&file, "r1\n").unwrap();
    story.after(3 * SECOND).await;
    assert_eq!(
        (world.count("pass r1"), world.count("pass r2")),
        (r1 + 1, r2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_forgets_neither_since_nor_last_seen() {
    let world = World::new(&["r1"]);
    let story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    let mut record = DeviceRecord {
        status: story.status("r1"),
        ..DeviceRecord::default()
    };
    let since: jiff::Timestamp = "2025-06-01T00:00:00Z".parse().unwrap();
    record.status.since = Some(since);
    let lease = story
        .store
        .claim("r1", "worker", MINUTE, story.now())
        .unwrap()
        .unwrap();
    story.store.save_device(&lease, &record).unwrap();
    let dir = story.kill().await;
    let story = Story::begin_in(dir, &world, RunOptions::default());
    story.after(MINUTE).await;
    assert_eq!(story.status("r1").since, Some(since));
}
