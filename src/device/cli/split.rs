//! Telling the outputs of several commands, sent in one go, apart.
//!
//! After each command a comment line is sent that nobody can have guessed, the mark. A
//! command's output is what stands between its own echo and the mark's, each behind a
//! prompt; so prompt-like text inside an output does no harm, however the bytes arrive.

/// What was sent: a command and the mark after it.
#[derive(Clone, Debug)]
pub struct Sent<'c> {
    /// The command.
    pub command: &'c str,
    /// The mark, with its comment character.
    pub mark: String,
}

/// The outputs of the commands, in order, or the command whose echo is missing.
///
/// # Errors
/// The command, when its echo or mark cannot be found.
pub fn outputs(
    text: &str,
    sent: &[Sent<'_>],
    is_prompt: &dyn Fn(&str) -> bool,
) -> Result<Vec<String>, String> {
    let mut found = Vec::with_capacity(sent.len());
    let mut start = 0;
    for (index, item) in sent.iter().enumerate() {
        let missing = || item.command.to_owned();
        let (line, after) =
            marked_line(&text[start..], &item.mark, is_prompt).ok_or_else(missing)?;
        let region = &text[start..start + line];
        let begin = after_echo(region, item.command, is_prompt).ok_or_else(missing)?;
        found.push(without_early_echoes(&region[begin..], &sent[index..]));
        start += after;
    }
    Ok(found)
}

/// Where the line `PROMPT mark` begins, and where the one after it begins. The last such
/// line counts: a terminal may echo what was sent early a first time by itself.
fn marked_line(text: &str, mark: &str, is_prompt: &dyn Fn(&str) -> bool) -> Option<(usize, usize)> {
    text.rmatch_indices(mark).find_map(|(at, _)| {
        let line = text[..at].rfind('\n').map_or(0, |n| n + 1);
        is_prompt(&text[line..at]).then(|| {
            let end = text[at..].find('\n').map_or(text.len(), |n| at + n + 1);
            (line, end)
        })
    })
}

/// Where the output after the line `PROMPT command` begins.
fn after_echo(region: &str, command: &str, is_prompt: &dyn Fn(&str) -> bool) -> Option<usize> {
    let mut at = 0;
    for line in region.split_inclusive('\n') {
        at += line.len();
        if let Some(prefix) = line.trim_end().strip_suffix(command)
            && is_prompt(prefix)
        {
            return Some(at);
        }
    }
    None
}

/// A terminal that echoes by itself while a command runs puts what was sent ahead into the
/// output, byte for byte; the marks give it away.
fn without_early_echoes(output: &str, sent: &[Sent<'_>]) -> String {
    let mut output = output.to_owned();
    for (index, item) in sent.iter().enumerate() {
        if !output.contains(item.mark.as_str()) {
            continue;
        }
        if index > 0 {
            output = output.replace(&format!("{}\n{}\n", item.command, item.mark), "");
        }
        output = output.replace(&format!("{}\n", item.mark), "");
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(text: &str) -> bool {
        matches!(text, "r1#" | "r1# ")
    }

    fn sent<'c>(commands: &[&'c str]) -> Vec<Sent<'c>> {
        let mark = |n| format!("!nk77-{n}");
        commands
            .iter()
            .enumerate()
            .map(|(n, command)| Sent {
                command,
                mark: mark(n),
            })
            .collect()
    }

    #[test]
    fn outputs_are_what_stands_between_echo_and_mark() {
        let text = "r1#show a\nA1\nr1#\nA2\nr1#!nk77-0\nr1#show b\nB\nr1#!nk77-1\nr1#";
        let got = outputs(text, &sent(&["show a", "show b"]), &prompt).unwrap();
        assert_eq!(got, ["A1\nr1#\nA2\n", "B\n"]);
    }

    #[test]
    fn early_echoes_vanish_from_the_output() {
        let text = "r1# show a\nip addr!nk77-0\nshow b\n!nk77-1\ness\nr1# !nk77-0\nr1# show b\nr1# !nk77-1\nr1# ";
        let got = outputs(text, &sent(&["show a", "show b"]), &prompt).unwrap();
        assert_eq!(got, ["ip address\n", ""]);
    }

    #[test]
    fn a_device_that_complains_about_the_mark_is_understood() {
        let text = "r1#show a\nA\nr1#!nk77-0\n% Unknown command !nk77-0\nr1#";
        assert_eq!(outputs(text, &sent(&["show a"]), &prompt).unwrap(), ["A\n"]);
    }

    #[test]
    fn a_missing_echo_names_the_command() {
        let text = "r1#shw a\nA\nr1#!nk77-0\nr1#";
        assert_eq!(
            outputs(text, &sent(&["show a"]), &prompt),
            Err("show a".to_owned())
        );
    }
}
