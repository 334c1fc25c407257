//! The steps.

use serde_json::Value;

use super::changes::{by_commit, cut_off, killed};
use super::rails::{policy, secret, typo};
use super::teller::Teller;
use super::world::{Ran, World};
use crate::cli::error::{CliError, Result};

/// All of them, in order.
pub(super) async fn tell(teller: &mut Teller<'_>, world: &mut World) -> Result<()> {
    in_line(teller, world).await?;
    by_hand(teller, world).await?;
    by_commit(teller, world).await?;
    cut_off(teller, world).await?;
    killed(teller, world).await?;
    typo(teller, world).await?;
    policy(teller, world).await?;
    secret(teller, world).await
}

pub(super) fn compliant(device: &Value) -> bool {
    device["status"] == "compliant"
}

/// The story expects it; anything else ends it.
pub(super) fn expect(what: &str, is_so: bool, instead: &str) -> Result<()> {
    if is_so {
        return Ok(());
    }
    Err(CliError::failure(format!("{what}; instead:\n{instead}")))
}

/// Everything is as it should be.
async fn in_line(teller: &mut Teller<'_>, world: &World) -> Result<()> {
    teller
        .title("Seven routers and a repository: everything in line")
        .await?;
    world.until_in_line().await?;
    let ran = world.netkeel("status").await?;
    expect("status should end with 0", ran.code == Some(0), &ran.text)?;
    teller.output("netkeel status", &ran.text)?;
    teller.seen("every router runs what the repository says")
}

/// Drift, and who made it.
async fn by_hand(teller: &mut Teller<'_>, world: &World) -> Result<()> {
    const ROUTER: &str = "edge-lon-1";
    teller
        .title("Somebody swaps two lines of an access list by hand")
        .await?;
    let lines = [
        "ip access-list extended USERS-IN",
        "no 40",
        "25 permit udp any any eq domain",
        "do write memory",
    ];
    teller.typed(&format!("eve@{ROUTER}"), &lines)?;
    world
        .fleet
        .type_as_user(ROUTER, "eve", &lines)
        .map_err(CliError::failure)?;
    let device = world
        .until(ROUTER, "the drift should be seen", |d| {
            d["status"] == "noncompliant"
        })
        .await?;
    let drift = device["drift"]["reordered"].as_u64().unwrap_or(0);
    expect(
        "it should be a matter of order",
        drift > 0,
        &device.to_string(),
    )?;
    let ran = world.netkeel(&format!("plan {ROUTER}")).await?;
    teller.output(&format!("netkeel plan {ROUTER}"), &ran.text)?;
    expect(
        "the plan should say who",
        ran.text.contains("by eve"),
        &ran.text,
    )?;
    teller.seen("out of band, in the wrong order, by eve; this router is `apply: manual`, so a person decides")?;
    teller.read(2).await;
    apply(teller, world, ROUTER).await?;
    world
        .until(ROUTER, "it should be in line again", compliant)
        .await?;
    Ok(())
}

pub(super) async fn apply(teller: &mut Teller<'_>, world: &World, router: &str) -> Result<Ran> {
    let command = format!("apply {router} --yes");
    let ran = world.netkeel(&command).await?;
    let last = ran
        .text
        .lines()
        .filter(|line| line.contains(router) && line.contains("applied"));
    let last: Vec<&str> = last.collect();
    teller.output(&format!("netkeel {command}"), &last.join("\n"))?;
    expect(
        "it should be applied and confirmed",
        ran.code == Some(0) && ran.text.contains("confirmed"),
        &ran.text,
    )?;
    Ok(ran)
}
