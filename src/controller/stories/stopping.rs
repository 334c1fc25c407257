//! How the loop ends.

use super::world::*;
use crate::controller::{Ended, RunOptions};
use crate::model::{Outcome, Store as _};

/// A loop in the middle of a change that takes ten seconds.
async fn in_mid_change(options: RunOptions) -> Story {
    let world = World::fleet_of(3);
    let story = Story::begin(&world, options);
    story.after(MINUTE).await;
    story.push("b").await;
    story.after(5 * SECOND).await;
    assert_eq!((world.count("change "), world.count("changed")), (1, 0));
    story
}

#[tokio::test(start_paused = true)]
async fn the_first_signal_lets_changes_finish_and_starts_no_others() {
    let mut story = in_mid_change(RunOptions::default()).await;
    let before = story.world.count("pass");
    story.stop.ask();
    assert_eq!(story.ended().await, Ok(Ended::Stopped));
    assert_eq!(story.world.said("changed"), ["changed r000: applied"]);
    assert_eq!(story.world.count("pass"), before);
    let written = story.store.get_meta("rollout").unwrap();
    let progress = r#"{"revision":"b","succeeded":1,"stopped":null}"#;
    assert_eq!(written.as_deref(), Some(progress), "for the next start");
}

#[tokio::test(start_paused = true)]
async fn the_second_signal_drops_them_and_names_them() {
    let mut story = in_mid_change(RunOptions::default()).await;
    story.stop.ask();
    story.after(SECOND).await;
    story.stop.ask();
    let dropped = Ended::Dropped(vec!["r000".to_owned()]);
    assert_eq!(story.ended().await, Ok(dropped));
    assert_eq!(story.world.count("changed"), 0);
}

#[tokio::test(start_paused = true)]
async fn so_does_the_end_of_the_grace() {
    let options = RunOptions {
        grace: 2 * SECOND,
        ..RunOptions::default()
    };
    let mut story = in_mid_change(options).await;
    story.stop.ask();
    let dropped = Ended::Dropped(vec!["r000".to_owned()]);
    assert_eq!(story.ended().await, Ok(dropped));
}

#[tokio::test(start_paused = true)]
async fn passes_that_only_look_hold_up_nobody() {
    let world = World::new(&["slow"]);
    world.thing("slow", |t| t.look = 60 * MINUTE);
    let mut story = Story::begin(&world, RunOptions::default());
    story.after(MINUTE).await;
    let asked = tokio::time::Instant::now();
    story.stop.ask();
    assert_eq!(story.ended().await, Ok(Ended::Stopped));
    assert!(asked.elapsed() < 10 * SECOND);
}

fn once() -> RunOptions {
    RunOptions {
        once: true,
        ..RunOptions::default()
    }
}

#[tokio::test(start_paused = true)]
async fn once_means_one_look_at_each_device() {
    let world = World::fleet_of(5);
    world.mood("r003", Mood::Unreachable);
    let mut story = Story::begin(&world, once());
    assert_eq!(story.ended().await, Ok(Ended::Once));
    assert_eq!((world.count("refresh"), world.count("pass")), (1, 5));
    assert_eq!(story.handle.status().devices.len(), 5);
    assert_eq!(story.status("r003").cause.as_deref(), Some("unreachable"));
}

#[tokio::test(start_paused = true)]
async fn once_follows_the_rollout_to_its_end() {
    let world = World::fleet_of(8);
    world.edit(|w| w.revision = "b".to_owned());
    let mut story = Story::begin(&world, once());
    assert_eq!(story.ended().await, Ok(Ended::Once));
    assert_eq!(world.count("changed"), 8);
}

#[tokio::test(start_paused = true)]
async fn once_ends_where_the_rollout_stops() {
    let world = World::fleet_of(8);
    world.edit(|w| w.revision = "b".to_owned());
    world.mood("r000", Mood::Fails(Outcome::RolledBack));
    let mut story = Story::begin(&world, once());
    assert_eq!(story.ended().await, Ok(Ended::Once));
    assert_eq!(world.count("change "), 1);
}

#[tokio::test(start_paused = true)]
async fn once_without_a_repository_is_an_error_that_names_it() {
    let world = World::fleet_of(1);
    world.edit(|w| w.source_error = Some("no such branch".to_owned()));
    let mut story = Story::begin(&world, once());
    let error = story.ended().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the repository cannot be looked at: no such branch"
    );
}
