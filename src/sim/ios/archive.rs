//! The configuration archive and its revert timer.
//!
//! Texts from Cisco's command reference and from transcripts of real routers.

use std::time::Duration;

use jiff::Timestamp;

use super::super::model::{Model, Reply, Terminal};
use super::super::tree::Node;

/// The archive of one device.
#[derive(Debug, Default)]
pub(in crate::sim) struct Archive {
    /// Copies made since the device started.
    copies: Vec<String>,
    trial: Option<Trial>,
}

/// A change that undoes itself unless somebody confirms it.
#[derive(Debug)]
struct Trial {
    file: String,
    before: Node,
    user: String,
    armed: Timestamp,
    minutes: u64,
    idle: bool,
    deadline: Timestamp,
    warned: bool,
}

impl Archive {
    /// When something happens next.
    pub(in crate::sim) fn deadline(&self) -> Option<Timestamp> {
        self.trial.as_ref().map(|t| {
            if t.warned {
                t.deadline
            } else {
                minute_before(t.deadline)
            }
        })
    }

    /// The device restarts.
    pub(in crate::sim) fn forget(&mut self) {
        self.trial = None;
    }
}

fn minute_before(deadline: Timestamp) -> Timestamp {
    deadline
        .checked_sub(Duration::from_secs(60))
        .unwrap_or(deadline)
}

fn after(now: Timestamp, minutes: u64) -> Timestamp {
    now.checked_add(Duration::from_secs(minutes * 60))
        .unwrap_or(Timestamp::MAX)
}

/// The archive's `path`, if the configuration has one.
fn path(model: &Model) -> Option<String> {
    model
        .root
        .child("archive")?
        .value_of("path")
        .map(str::to_owned)
}

/// `configure terminal revert timer N`: makes the copy and starts the timer.
pub(super) fn arm(
    model: &mut Model,
    terminal: &Terminal,
    minutes: u64,
    idle: bool,
    now: Timestamp,
) -> Reply {
    let Some(path) = path(model) else {
        return Reply::refuse("%Please turn config archive on\n");
    };
    if model.archive.trial.is_some() {
        return Reply::refuse("%Rollback Confirmed Change is already pending\n");
    }
    let stamp = now
        .strftime("%b-%e-%H-%M-%S%.3f")
        .to_string()
        .replace(' ', "-");
    let file = format!("{path}-{stamp}-{}", model.archive.copies.len());
    model.archive.copies.push(file.clone());
    model.archive.trial = Some(Trial {
        file: file.clone(),
        before: model.root.clone(),
        user: terminal.user.clone(),
        armed: now,
        minutes,
        idle,
        deadline: after(now, minutes),
        warned: false,
    });
    model.log(
        now,
        &format!(
            "%ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_BACKUP: Backing up current running config to {file}"
        ),
    );
    model.log(now, &format!(
        "%ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_START_ABSTIMER: User: {}(Priv: {}, View: 0): Scheduled to rollback to config {file} in {minutes} minutes",
        terminal.user, terminal.privilege
    ));
    expire(model, now);
    Reply::say(format!(
        "Rollback Confirmed Change: Backing up current running config to {file}\n\n"
    ))
}

/// `configure confirm`.
pub(super) fn confirm(model: &mut Model, terminal: &Terminal, now: Timestamp) -> Reply {
    match model.archive.trial.take() {
        None => Reply::refuse("%No Rollback Confirmed Change pending\n\n"),
        Some(_) => {
            let text = format!(
                "%ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_CONFIRM: User: {}: Confirm the configuration change",
                terminal.user
            );
            model.log(now, &text);
            Reply::default()
        }
    }
}

/// `configure revert timer [idle] N`: the deadline moves.
pub(super) fn extend(
    model: &mut Model,
    terminal: &Terminal,
    minutes: u64,
    idle: bool,
    now: Timestamp,
) -> Reply {
    let Some(trial) = &mut model.archive.trial else {
        return Reply::refuse("%No Rollback Confirmed Change pending\n\n");
    };
    trial.user.clone_from(&terminal.user);
    (trial.minutes, trial.idle, trial.armed, trial.warned) = (minutes, idle, now, false);
    trial.deadline = after(now, minutes);
    Reply::default()
}

/// `configure revert now`.
pub(super) fn revert(model: &mut Model, now: Timestamp) -> Reply {
    let Some(trial) = model.archive.trial.take() else {
        return Reply::refuse("%No Rollback Confirmed Change pending\n\n");
    };
    let file = trial.file.clone();
    let whole = roll_back(model, trial, now);
    let end = if whole {
        "Total number of passes: 1\nRollback Done\n\n"
    } else {
        "Rollback aborted after 5 passes\nThe following commands are failed to apply to the IOS image.\n********\ninterface GigabitEthernet0/0\n********\n\n"
    };
    Reply::say(format!(
        "Rollback Confirmed Change: rolling to:{file}\n\n{end}"
    ))
}

/// Puts the archived copy into force; says whether all of it went.
fn roll_back(model: &mut Model, trial: Trial, now: Timestamp) -> bool {
    model.log(
        now,
        &format!(
            "%ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_ROLLBACK_START: Start rolling to: {}",
            trial.file
        ),
    );
    model.log(now, "Rollback:Acquired Configuration lock.");
    let whole = !model.faults.rollback_aborts;
    if whole {
        model.root = trial.before;
    } else {
        // Half way: the first half of the lines of each configuration.
        let half = model.root.children.len() / 2;
        let rest = trial.before.children.into_iter().skip(half);
        model.root.children.truncate(half);
        model.root.children.extend(rest);
    }
    model.changed = Some((now, trial.user));
    model.touch();
    whole
}

/// Lets the timer fire.
pub(in crate::sim) fn expire(model: &mut Model, now: Timestamp) {
    let Some(trial) = &mut model.archive.trial else {
        return;
    };
    if now >= trial.deadline {
        if let Some(trial) = model.archive.trial.take() {
            roll_back(model, trial, now);
        }
        return;
    }
    if !trial.warned && now >= minute_before(trial.deadline) {
        trial.warned = true;
        let text = format!(
            "%ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_WARNING_ABSTIMER: System will rollback to config {} in one minute. Enter \"configure confirm\" if you wish to keep what you've configured",
            trial.file
        );
        model.log(now, &text);
    }
}

/// `show archive config rollback timer`.
pub(super) fn show_timer(model: &Model) -> String {
    let Some(trial) = &model.archive.trial else {
        return "%No Rollback Confirmed Change pending\n\n".to_owned();
    };
    format!(
        "Time configured(or reconfigured): {}\nTimer type: {} timer\nTimer value: {} min\nUser: {}\n\n",
        trial.armed.strftime("%H:%M:%S UTC %a %b %-d %Y"),
        if trial.idle { "idle" } else { "absolute" },
        trial.minutes,
        trial.user
    )
}

/// `show archive`.
pub(super) fn show(model: &Model) -> String {
    use std::fmt::Write as _;
    let Some(path) = path(model) else {
        return "Archive feature not enabled\n\n".to_owned();
    };
    let copies = &model.archive.copies;
    let mut out = format!(
        "The maximum archive configurations allowed is 10.\nThe next archive file will be named {path}-<timestamp>-{}\n Archive #  Name\n",
        copies.len()
    );
    let first = copies.len().saturating_sub(10);
    for (at, file) in copies.iter().skip(first).enumerate() {
        let mark = if first + at + 1 == copies.len() {
            " <- Most Recent"
        } else {
            ""
        };
        let _unused = writeln!(out, "   {:<8} {file}{mark}", at + 1);
    }
    out
}
