//! Understanding what a device answered. Pure.

use std::borrow::Cow;

use crate::pack::SessionSpec;

/// Longest part of an answer that goes into an error.
const SHOWN: usize = 400;

/// The first line by which the device refused, if it did.
#[must_use]
pub fn refusal<'a>(spec: &SessionSpec, answer: &'a str) -> Option<&'a str> {
    answer.lines().find(|line| is_refusal(spec, line))
}

/// The same for a reading command: only its first words count, for the rest is content.
#[must_use]
pub fn refused_read<'a>(spec: &SessionSpec, output: &'a str) -> Option<&'a str> {
    output
        .lines()
        .filter(|line| !line.trim_matches([' ', '^', '\t']).is_empty())
        .take(1)
        .find(|line| is_refusal(spec, line))
}

fn is_refusal(spec: &SessionSpec, line: &str) -> bool {
    !line.is_empty()
        && spec.refusals.iter().any(|known| known.text.is_match(line))
        && !spec.harmless.iter().any(|known| known.text.is_match(line))
        && !is_log_line(spec, line)
}

/// Whether a line is a log message that came in between.
#[must_use]
pub fn is_log_line(spec: &SessionSpec, line: &str) -> bool {
    line.contains('%')
        && spec
            .asynchronous
            .iter()
            .any(|known| known.text.is_match(line))
}

/// The output without the log messages that came in between.
#[must_use]
pub fn without_log_lines(spec: &SessionSpec, output: String) -> String {
    if !output.contains('%') || !output.lines().any(|line| is_log_line(spec, line)) {
        return output;
    }
    output
        .split_inclusive('\n')
        .filter(|line| !is_log_line(spec, line.trim_end_matches('\n')))
        .collect()
}

/// Bytes as text: UTF-8, otherwise Latin-1, so that nothing is lost.
#[must_use]
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

/// An answer as it goes into an error: one line, not too long.
#[must_use]
pub fn shorten(answer: &str) -> String {
    let words = answer
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && *line != "^")
        .collect::<Vec<_>>()
        .join(" / ");
    if words.chars().count() <= SHOWN {
        return words;
    }
    words.chars().take(SHOWN).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::device::tests::{frr, ios};

    #[test]
    fn refusals_are_told_from_warnings_and_log_lines() {
        let ios = Arc::clone(&ios().session);
        let log = "*Mar  1 00:01:02.123: %SYS-5-CONFIG_I: Configured from console by admin\n";
        assert_eq!(refusal(&ios, log), None);
        assert_eq!(refusal(&ios, "% Warning: use a stronger key\n"), None);
        assert_eq!(
            refusal(
                &ios,
                &format!("{log}   ^\n% Invalid input detected at '^' marker.\n")
            ),
            Some("% Invalid input detected at '^' marker.")
        );
        assert_eq!(
            refusal(&ios, "Command rejected: bad\n"),
            Some("Command rejected: bad")
        );
        assert_eq!(refusal(&ios, "% Something new\n"), Some("% Something new"));
        let frr = Arc::clone(&frr().session);
        assert_eq!(refusal(&frr, "The route-map 'OUT' does not exist.\n"), None);
        assert!(refusal(&frr, "% Unknown command: bogus\n").is_some());
        assert!(refusal(&frr, "% Configuration failed.\n\nError type: validation\n").is_some());
    }

    #[test]
    fn log_lines_are_taken_out_of_an_output_and_nothing_else() {
        let spec = Arc::clone(&ios().session);
        let text = "interface Gi1\n*Nov 20 06:00:01.5 UTC: %LINK-3-UPDOWN: Interface Gi2, changed state to up\n ip address 10.0.0.1\n%x\n";
        assert_eq!(
            without_log_lines(&spec, text.to_owned()),
            "interface Gi1\n ip address 10.0.0.1\n%x\n"
        );
    }

    #[test]
    fn only_the_beginning_of_a_read_can_refuse_it() {
        let spec = Arc::clone(&ios().session);
        assert!(refused_read(&spec, "   ^\n% Invalid input detected\n\n").is_some());
        assert!(refused_read(&spec, "banner motd ^C\n% Invalid input\n^C\n").is_none());
    }

    #[test]
    fn text_that_is_not_utf8_loses_nothing() {
        assert_eq!(decode(b"caf\xe9"), "caf\u{e9}");
    }
}
