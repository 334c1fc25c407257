//! How a child ended, in words.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::Signal;

use crate::intent::RenderLimits;

/// Longest piece of a child's own words that is shown.
const WORDS: usize = 200;

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It could not be started.
    NotStarted(String),
    /// Its wall-clock time was over.
    Time,
    /// It wanted to say too much.
    Output,
    /// It went away, nobody knows why.
    Gone,
    /// It went away: how, and what it said last.
    Died(ExitStatus, String),
}

impl Ending {
    /// Why a device has no text.
    pub(super) fn of_device(&self, path: &str, limits: &RenderLimits) -> String {
        format!("rendering `{path}` {}", self.how(limits))
    }

    /// Why no child could be had.
    pub(super) fn of_start(&self, limits: &RenderLimits) -> String {
        match self {
            Self::NotStarted(why) => format!("the renderer could not be started: {why}"),
            Self::Time | Self::Output | Self::Gone | Self::Died(..) => {
                format!("reading the repository's files {}", self.how(limits))
            }
        }
    }

    fn how(&self, limits: &RenderLimits) -> String {
        match self {
            Self::NotStarted(why) => format!("could not be started: {why}"),
            Self::Time => format!("was ended by the time limit of {} s", limits.wall_seconds),
            Self::Output => format!(
                "was ended by the output limit of {}",
                bytes(limits.max_output)
            ),
            Self::Gone => "was ended: the renderer went away".to_owned(),
            Self::Died(status, words) => died(*status, words, limits),
        }
    }
}

fn died(status: ExitStatus, words: &str, limits: &RenderLimits) -> String {
    let signal = status.signal().and_then(Signal::from_named_raw);
    if words.contains("memory allocation of") || words.contains("capacity overflow") {
        return format!("was ended by the memory limit of {}", bytes(limits.memory));
    }
    if signal == Some(Signal::XCPU) {
        return format!(
            "was ended by the CPU time limit of {} s",
            limits.cpu_seconds
        );
    }
    if words.contains("overflowed its stack") || signal == Some(Signal::SEGV) {
        return "was ended because it nests too deeply".to_owned();
    }
    let last: String = words.trim().chars().take(WORDS).collect();
    format!("failed in the renderer itself ({status}): {last}")
}

/// `512 MiB`.
fn bytes(n: u64) -> String {
    if n >= 1 << 20 && n.is_multiple_of(1 << 20) {
        format!("{} MiB", n >> 20)
    } else {
        format!("{n} bytes")
    }
}
