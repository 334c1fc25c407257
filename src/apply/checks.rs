//! Checks before the change and before the confirm: worse than before means no confirm.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::RegexBuilder;

use crate::device::{DeviceError, Session};
use crate::model::{Check, CheckExpect};

/// Compiled size of one check's regex, in bytes: patterns come from the repository.
const PATTERN_LIMIT: usize = 1 << 20;
/// How often the checks are asked again while routing settles after a change.
const ROUND: Duration = Duration::from_secs(1);

/// Which checks held, by name.
pub(super) type Results = BTreeMap<String, bool>;

/// Whether an output satisfies a check. A pattern that does not compile never does.
pub(super) fn holds(expect: &CheckExpect, output: &str) -> bool {
    let (pattern, wanted) = match expect {
        CheckExpect::Must(pattern) => (pattern, true),
        CheckExpect::MustNot(pattern) => (pattern, false),
    };
    RegexBuilder::new(pattern)
        .multi_line(true)
        .size_limit(PATTERN_LIMIT)
        .build()
        .is_ok_and(|regex| regex.is_match(output) == wanted)
}

/// Runs every check once. A command the device refuses is a check that does not hold.
pub(super) async fn run(
    session: &mut dyn Session,
    checks: &[Check],
) -> Result<Results, DeviceError> {
    let mut results = Results::new();
    for check in checks {
        let held = match session.cli(&check.command).await {
            Ok(output) => holds(&check.expect, output.expose()),
            // `% BGP not active`: whatever was asked for is not to be seen
            Err(DeviceError::Refused { .. }) => false,
            Err(error) => return Err(error),
        };
        results.insert(check.name.clone(), held);
    }
    Ok(results)
}

/// Runs the checks until none is worse than before, or `patience` is over. Returns the
/// names of those that are.
pub(super) async fn settle(
    session: &mut dyn Session,
    checks: &[Check],
    before: &Results,
    patience: Duration,
) -> Result<Vec<String>, DeviceError> {
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        let worse = worse(before, &run(session, checks).await?);
        if worse.is_empty() || tokio::time::Instant::now() >= deadline {
            return Ok(worse);
        }
        tokio::time::sleep(ROUND).await;
    }
}

/// Checks that held before and do not now.
fn worse(before: &Results, after: &Results) -> Vec<String> {
    after
        .iter()
        .filter(|(name, held)| !**held && before.get(*name).copied().unwrap_or(true))
        .map(|(name, _)| name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_failed_before_is_not_worse() {
        let before = Results::from([("bgp".to_owned(), false), ("ntp".to_owned(), true)]);
        let after = Results::from([("bgp".to_owned(), false), ("ntp".to_owned(), false)]);
        assert_eq!(worse(&before, &after), ["ntp"]);
    }

    #[test]
    fn must_and_must_not() {
        assert!(holds(
            &CheckExpect::Must("^Estab".to_owned()),
            "a\nEstablished"
        ));
        assert!(!holds(&CheckExpect::Must("^Estab".to_owned()), "Idle"));
        assert!(holds(
            &CheckExpect::MustNot("Idle".to_owned()),
            "Established"
        ));
        assert!(!holds(
            &CheckExpect::MustNot("(".to_owned()),
            "a broken pattern never holds"
        ));
    }
}
