//! Configuration lines, grouped into what is typed at once. Pure.
//!
//! Most lines are typed one by one. A banner is several lines to us and one argument to the
//! device: its delimiter is chosen anew, because what a device displays (`^C`) is not what
//! can be typed.

use crate::pack::SessionSpec;

/// What is typed before the next prompt is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// One line.
    Line {
        /// Typed.
        text: String,
        /// Shown.
        shown: String,
    },
    /// Several lines that are one argument.
    Block {
        /// Typed.
        lines: Vec<String>,
        /// Shown: the first line.
        shown: String,
    },
}

impl Unit {
    /// How it may be shown.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self {
            Self::Line { shown, .. } | Self::Block { shown, .. } => shown,
        }
    }
}

/// Groups lines (open and sealed, one to one).
///
/// # Errors
/// A text whose end is missing, by its first line as it may be shown.
pub fn units(spec: &SessionSpec, lines: &[(&str, &str)]) -> Result<Vec<Unit>, String> {
    let mut units = Vec::with_capacity(lines.len());
    let mut at = 0;
    while let Some((text, shown)) = lines.get(at) {
        if let Some(start) = literal_start(spec, text) {
            let (block, used) = start.block(&lines[at..], shown)?;
            units.push(block);
            at += used;
        } else {
            units.push(Unit::Line {
                text: (*text).to_owned(),
                shown: (*shown).to_owned(),
            });
            at += 1;
        }
    }
    Ok(units)
}

struct Start<'a> {
    head: &'a str,
    delimiter: &'a str,
    rest: &'a str,
    choice: &'a str,
}

fn literal_start<'a>(spec: &'a SessionSpec, line: &'a str) -> Option<Start<'a>> {
    spec.literals.iter().find_map(|literal| {
        let found = literal.start.regex().captures(line)?;
        let (head, delimiter) = (found.name("head")?, found.name("delim")?);
        Some(Start {
            head: head.as_str(),
            delimiter: delimiter.as_str(),
            rest: &line[delimiter.end()..],
            choice: &literal.delimiters,
        })
    })
}

impl Start<'_> {
    fn block(&self, lines: &[(&str, &str)], shown: &str) -> Result<(Unit, usize), String> {
        let mut body = Vec::new();
        let mut text = self.rest;
        let mut used = 1;
        while !text.contains(self.delimiter) {
            body.push(text);
            text = lines
                .get(used)
                .map(|(text, _)| *text)
                .ok_or_else(|| format!("`{shown}` has no end"))?;
            used += 1;
        }
        body.push(text.split(self.delimiter).next().unwrap_or_default());
        let whole = body.join("\n");
        let free = self.choice.chars().find(|c| !whole.contains(*c));
        let free = free.ok_or_else(|| format!("`{shown}` contains every delimiter"))?;
        let lines = format!("{}{free}{whole}{free}", self.head)
            .split('\n')
            .map(str::to_owned)
            .collect();
        Ok((
            Unit::Block {
                lines,
                shown: shown.to_owned(),
            },
            used,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::tests::ios;

    fn grouped(lines: &[&str]) -> Result<Vec<Unit>, String> {
        let pairs: Vec<(&str, &str)> = lines.iter().map(|line| (*line, *line)).collect();
        units(&ios().session, &pairs)
    }

    fn block(lines: &[&str]) -> Unit {
        Unit::Block {
            lines: lines.iter().map(|l| (*l).to_owned()).collect(),
            shown: "banner motd ^C".to_owned(),
        }
    }

    #[test]
    fn a_banner_is_one_unit_with_a_delimiter_that_can_be_typed() {
        let got = grouped(&["banner motd ^C", "no ~ entry", "", "^C", "hostname r2"]).unwrap();
        assert_eq!(got.len(), 2);
        assert_eq!(got[0], block(&["banner motd ^", "no ~ entry", "", "^"]));
    }

    #[test]
    fn a_banner_on_one_line_ends_there() {
        let got = grouped(&["banner login #hello#", "end"]).unwrap();
        assert_eq!(
            got[0],
            Unit::Block {
                lines: vec!["banner login ~hello~".to_owned()],
                shown: "banner login #hello#".to_owned(),
            }
        );
    }

    #[test]
    fn a_banner_without_an_end_is_refused_before_anything_is_typed() {
        assert_eq!(
            grouped(&["banner motd ^C", "x"]),
            Err("`banner motd ^C` has no end".to_owned())
        );
    }
}
