//! Changes: the right way, one that cuts the controller off, one that is interrupted.

use std::time::Duration;

use tokio::time::Instant;

use super::story::{apply, compliant, expect};
use super::teller::Teller;
use super::world::{FASTER, World};
use crate::cli::error::{CliError, Result};
use crate::sim::Faults;

const DEFAULTS: &str = "intent/inventory/defaults.yaml";
const HOSTS: &str = "intent/inventory/hosts.yaml";

/// A change, the right way.
pub(super) async fn by_commit(teller: &mut Teller<'_>, world: &World) -> Result<()> {
    const ROUTER: &str = "edge-lon-2";
    teller.title("A commit changes the intent").await?;
    let edit = (
        HOSTS,
        "{name: Gi0/3, enabled: false}\n    neighbors:\n      - {name: core-lon-2",
        "{name: Gi0/3, description: to access-lon-2, address: 10.1.3.5/30}\n    neighbors:\n      - {name: core-lon-2",
    );
    world.commit("edge-lon-2: Gi0/3 goes to the new access switch", &[edit])?;
    teller.typed(
        "you",
        &["git commit -m 'edge-lon-2: Gi0/3 goes to the new access switch'"],
    )?;
    world
        .until(ROUTER, "the drift should be seen", |d| {
            d["status"] == "noncompliant"
        })
        .await?;
    let ran = world.netkeel(&format!("plan {ROUTER}")).await?;
    expect(
        "the plan should be proved",
        ran.text.contains("proved by replay"),
        &ran.text,
    )?;
    teller.output(&format!("netkeel plan {ROUTER}"), &ran.text)?;
    teller.read(2).await;
    apply(teller, world, ROUTER).await?;
    world
        .until(ROUTER, "it should be in line", compliant)
        .await?;
    journal(teller, world, ROUTER).await?;
    teller
        .seen("planned, shown, applied on trial, looked at over a second session, confirmed, saved")
}

/// Every step of the last attempt, as the journal has it.
async fn journal(teller: &mut Teller<'_>, world: &World, router: &str) -> Result<()> {
    const STEPS: [&str; 7] = [
        "load",
        "commit",
        "committed",
        "verify",
        "confirm",
        "confirmed",
        "save",
    ];
    let ran = world
        .netkeel(&format!("history {router} -v --limit 1"))
        .await?;
    let is_step = |line: &&str| line.split_whitespace().any(|word| STEPS.contains(&word));
    let lines: Vec<&str> = ran.text.lines().filter(is_step).collect();
    let whole = lines.len() >= STEPS.len();
    expect("the journal should have every step", whole, &ran.text)?;
    teller.output(&format!("netkeel history {router} -v"), &lines.join("\n"))
}

/// The controller cuts itself off; the router undoes that.
pub(super) async fn cut_off(teller: &mut Teller<'_>, world: &World) -> Result<()> {
    const ROUTER: &str = "edge-ams-1";
    teller
        .title("A commit that cuts the controller off")
        .await?;
    teller.say("edge-ams-1 is `apply: auto`: the controller carries commits out by itself.")?;
    let base = running(world, ROUTER)?;
    let armed = world.fleet.now();
    let edit = (DEFAULTS, ", 127.0.0.0/8]", "]");
    world.commit("tidy up the management networks", &[edit])?;
    teller.typed("you", &["git commit -m 'tidy up the management networks'"])?;
    teller.say("(the network the controller sits in was one of them)")?;
    changed(world, ROUTER, &base).await?;
    let unknown = world
        .until(ROUTER, "it should be unknown", |d| d["status"] == "unknown")
        .await?;
    teller.say(&format!(
        "the router is changed, and nobody gets in any more: {}",
        unknown["cause"]
    ))?;
    countdown(teller, world, ROUTER, &base, armed).await?;
    teller.say("the router has put its old configuration back by itself")?;
    let attempt = world.until_attempt(ROUTER, "rolled_back").await?;
    let device = world
        .until(ROUTER, "it should be read again", |d| {
            d["status"] != "unknown"
        })
        .await?;
    let same = running(world, ROUTER)? == base;
    expect("it should be equal to its base", same, &device.to_string())?;
    teller.say(&format!(
        "history: {}",
        attempt["detail"].as_str().unwrap_or_default()
    ))?;
    teller.seen(
        "unknown, then read again and equal to its base; this revision is not tried there again",
    )?;
    world.revert()?;
    teller.typed("you", &["git revert HEAD"])?;
    world.until_in_line().await
}

/// The running configuration without the lines where the router says when it was changed.
pub(super) fn running(world: &World, router: &str) -> Result<String> {
    Ok(without_notes(
        &world.fleet.running(router).map_err(CliError::failure)?,
    ))
}

fn without_notes(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('!')).collect();
    lines.join("\n")
}

/// Waits until the router runs something else.
async fn changed(world: &World, router: &str, base: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while running(world, router)? == base {
        if Instant::now() > deadline {
            return Err(CliError::failure(format!(
                "{router} should have been changed"
            )));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

async fn countdown(
    teller: &mut Teller<'_>,
    world: &World,
    router: &str,
    base: &str,
    armed: jiff::Timestamp,
) -> Result<()> {
    const UNDO: i64 = 300;
    let deadline = Instant::now() + Duration::from_secs(45);
    teller.say(&format!(
        "its own timer runs; {FASTER} times faster than yours, as said:"
    ))?;
    while running(world, router)? != base {
        if Instant::now() > deadline {
            teller.tick_end()?;
            return Err(CliError::failure(format!(
                "{router} should have undone the change"
            )));
        }
        let gone = world.fleet.now().duration_since(armed).as_secs();
        teller.tick(&format!(
            "undo in {:3} s of the router's time",
            (UNDO - gone).max(0)
        ))?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    teller.tick_end()
}

/// The controller dies in the middle of a trial.
pub(super) async fn killed(teller: &mut Teller<'_>, world: &mut World) -> Result<()> {
    const ROUTER: &str = "edge-ams-1";
    teller
        .title("The controller is killed in the middle of a trial")
        .await?;
    let base = running(world, ROUTER)?;
    // The router answers slowly, so that there is a middle to hit.
    let slow = Faults {
        slow_ms: Some(15),
        ..Faults::default()
    };
    world
        .fleet
        .set_faults(ROUTER, slow)
        .map_err(CliError::failure)?;
    let edit = (
        HOSTS,
        "description: users, address: 10.20.2.1",
        "description: users of Amsterdam, address: 10.20.2.1",
    );
    world.commit("edge-ams-1: say whose users", &[edit])?;
    teller.typed("you", &["git commit -m 'edge-ams-1: say whose users'"])?;
    changed(world, ROUTER, &base).await?;
    world.kill_controller().await?;
    teller.typed("you", &["kill -9 $(pidof netkeel)"])?;
    world
        .fleet
        .set_faults(ROUTER, Faults::default())
        .map_err(CliError::failure)?;
    teller.say("the change was made and is not confirmed; the router's timer runs on")?;
    world.start_controller().await?;
    teller.say("the controller starts again and finds the open attempt in its journal")?;
    let attempt = world.until_attempt(ROUTER, "rolled_back").await?;
    let id = attempt["id"].as_str().unwrap_or_default();
    let before = stored(world, &format!("history {ROUTER} --show before:{id}")).await?;
    let after = stored(world, &format!("history {ROUTER} --show {id}")).await?;
    expect(
        "it should be equal to its base",
        !before.is_empty() && before == after,
        &after,
    )?;
    world.until_in_line().await?;
    let ran = world
        .netkeel(&format!("history {ROUTER} --limit 2"))
        .await?;
    teller.output(&format!("netkeel history {ROUTER}"), &attempts(&ran.text))?;
    teller.seen("settled first: undone, read again, equal to its base; then done anew")
}

/// A stored configuration without the lines where the router says when it was changed.
async fn stored(world: &World, command: &str) -> Result<String> {
    let ran = world.netkeel(command).await?;
    expect(
        "it should be in the history",
        ran.code == Some(0),
        &ran.text,
    )?;
    let start = ran.text.find("\nversion ").unwrap_or(0);
    Ok(without_notes(&ran.text[start..]))
}

/// The attempts of a history, without the list of configurations.
fn attempts(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .take_while(|line| !line.contains("seen:"))
        .skip(2)
        .collect();
    lines.join("\n")
}
