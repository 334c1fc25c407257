//! What the exit code of every command means. Part of the interface: scripts rely on it.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | ran, and nothing at or above `--fail-on` |
//! | 1 | Netkeel failed |
//! | 2 | usage or invalid input (flags, settings, inventory, templates, policies) |
//! | 3 | drift or changes, only with `--detailed-exitcode` |
//! | 4 | a policy is violated at or above `--fail-on` |
//! | 5 | data is missing or stale, only with `--strict-data` |
//! | 6 | a safety limit refused |
//! | 130 | interrupted |
//!
//! Where several apply, the first of 2, 1, 6, 4, 5, 3 is told.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exit {
    /// 0: ran, nothing at or above `--fail-on`.
    #[default]
    Fine,
    /// 1: our failure.
    Failure,
    /// 2: usage or invalid input.
    Usage,
    /// 3: drift or changes, with `--detailed-exitcode`.
    Changes,
    /// 4: a policy is violated.
    Violation,
    /// 5: data missing or stale, with `--strict-data`.
    Data,
    /// 6: a safety limit refused.
    Refused,
    /// 130: interrupted.
    Interrupted,
}

impl Exit {
    /// Every code, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::Fine,
        Self::Failure,
        Self::Usage,
        Self::Changes,
        Self::Violation,
        Self::Data,
        Self::Refused,
        Self::Interrupted,
    ];

    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Changes => 3,
            Self::Violation => 4,
            Self::Data => 5,
            Self::Refused => 6,
            Self::Interrupted => 130,
        }
    }

    /// One line for people.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Fine => "ran, and nothing at or above --fail-on",
            Self::Failure => "Netkeel failed",
            Self::Usage => "usage or invalid input",
            Self::Changes => "drift or changes, only with --detailed-exitcode",
            Self::Violation => "a policy is violated at or above --fail-on",
            Self::Data => "data is missing or stale, only with --strict-data",
            Self::Refused => "a safety limit refused",
            Self::Interrupted => "interrupted",
        }
    }

    /// The more telling of two: interrupted, then 2, 1, 6, 4, 5, 3.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if other.weight() > self.weight() {
            other
        } else {
            self
        }
    }

    fn weight(self) -> u8 {
        match self {
            Self::Interrupted => 7,
            Self::Usage => 6,
            Self::Failure => 5,
            Self::Refused => 4,
            Self::Violation => 3,
            Self::Data => 2,
            Self::Changes => 1,
            Self::Fine => 0,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The table for `netkeel --help`.
pub(super) const HELP: &str = "\
Exit codes (where several apply, the first of 2, 1, 6, 4, 5, 3):
  0    ran, and nothing at or above --fail-on
  1    Netkeel failed
  2    usage or invalid input
  3    drift or changes, only with --detailed-exitcode
  4    a policy is violated at or above --fail-on
  5    data is missing or stale, only with --strict-data
  6    a safety limit refused
  130  interrupted

Start with `netkeel try user@router`: it reads once, writes nothing, and
shows what Netkeel understands of a device. `netkeel demo` shows everything
on simulated ones.";

#[cfg(test)]
mod tests {
    use super::{Exit, HELP};

    #[test]
    fn several_reasons_are_told_in_the_order_of_the_table() {
        let order = [2_u8, 1, 6, 4, 5, 3, 0];
        for (i, stronger) in order.iter().enumerate() {
            for weaker in &order[i..] {
                let find = |code: u8| Exit::ALL.into_iter().find(|e| e.code() == code).unwrap();
                assert_eq!(find(*weaker).and(find(*stronger)).code(), *stronger);
                assert_eq!(find(*stronger).and(find(*weaker)).code(), *stronger);
            }
        }
    }

    #[test]
    fn the_help_and_the_documentation_have_every_code() {
        let documentation = include_str!("../../docs/commands.md");
        for exit in Exit::ALL {
            let line = format!("  {:<4} {}", exit.code(), exit.meaning());
            assert!(HELP.contains(&line), "{line}");
            let row = format!(
                "| {} | {}",
                exit.code(),
                exit.meaning().replace("--fail-on", "`--fail-on`")
            );
            let row = row
                .replace("--detailed-exitcode", "`--detailed-exitcode`")
                .replace("--strict-data", "`--strict-data`");
            assert!(
                documentation.contains(&row),
                "docs/commands.md lacks: {row}"
            );
        }
    }
}
