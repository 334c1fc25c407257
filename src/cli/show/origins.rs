//! Where lines came from, as text.

use std::fmt::Write as _;

use crate::cli::provenance::{Place, Source, Sourced};
use crate::cli::ui::Paint;
use crate::source::Written;

/// Widest line that the origins of others are lined up behind.
const WIDTH: usize = 72;

/// `intent/templates/ios.j2:3:1 (0123456789 Ann 2026-01-02)`
fn place(place: &Place, commit: bool) -> String {
    let mut text = place.at.to_string();
    if commit && let Some(written) = &place.written {
        let _ = write!(text, " ({})", by(written));
    }
    text
}

/// The commit's short hash, its author's name, its day.
fn by(written: &Written) -> String {
    match written {
        Written::NotCommitted => "not committed".to_owned(),
        Written::Commit(commit) => {
            let id = commit.id.get(..10).unwrap_or(&commit.id);
            let author = commit.author.split(" <").next().unwrap_or_default();
            let day = commit.time.strftime("%Y-%m-%d");
            format!("{id} {author} {day}")
        }
    }
}

/// The chain; who wrote it is said of its last place, the text itself.
fn chain(source: &Source) -> String {
    let last = source.chain.len().saturating_sub(1);
    let places = source.chain.iter().enumerate();
    let shown: Vec<String> = places.map(|(i, at)| place(at, i == last)).collect();
    shown.join(" > ")
}

fn values(source: &Source) -> impl Iterator<Item = String> + '_ {
    let one = |value: &crate::cli::provenance::Value| {
        format!("{} = {}", value.name, place(&value.place, true))
    };
    source.values.iter().map(one)
}

/// A text with the source of each line behind it.
pub(crate) fn lines(text: &str, sources: &[Source]) -> String {
    let width = text.lines().map(|line| line.chars().count()).max();
    let width = width.unwrap_or(0).min(WIDTH);
    let mut shown = String::new();
    for (i, line) in text.lines().enumerate() {
        let Some(source) = sources.get(i) else {
            let _ = writeln!(shown, "{line}");
            continue;
        };
        let parts: Vec<String> = std::iter::once(chain(source))
            .chain(values(source))
            .collect();
        let _ = writeln!(shown, "{line:width$}  ! {}", parts.join("; "));
    }
    shown
}

/// The lines of a plan that differ, each with its source.
pub(crate) fn changes(device: &str, changes: &[Sourced], paint: Paint) -> String {
    let mut text = String::new();
    if changes.is_empty() {
        return text;
    }
    let _ = writeln!(text, "{}: where it comes from", paint.bold(device));
    for change in changes {
        let path = change.path.join(" > ");
        if change.line.is_none() {
            let _ = writeln!(text, "  {}", paint.red(&format!("- {path}")));
            let _ = writeln!(text, "      {}", paint.dim("only on the device"));
            continue;
        }
        let sign = if change.kind == "reordered" { '~' } else { '+' };
        let _ = writeln!(text, "  {}", paint.green(&format!("{sign} {path}")));
        let _ = writeln!(text, "      {}", paint.dim(&chain(&change.source)));
        for value in values(&change.source) {
            let _ = writeln!(text, "      {}", paint.dim(&value));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::provenance::Value;
    use crate::model::Position;
    use crate::source::LineCommit;

    fn at(file: &str, line: usize, written: Option<Written>) -> Place {
        let file = file.to_owned();
        Place {
            at: Position {
                file,
                line,
                column: 1,
            },
            written,
        }
    }

    fn example() -> Source {
        let commit = Written::Commit(LineCommit {
            id: "0123456789abcdef".into(),
            author: "Ann <ann@example.net>".into(),
            time: "2026-01-02T03:04:05Z".parse().expect("a time"),
            summary: "name it".into(),
        });
        Source {
            chain: vec![at("a.j2", 2, None), at("b.j2", 7, Some(commit))],
            values: vec![Value {
                name: "host.name".into(),
                place: at("hosts.yaml", 1, Some(Written::NotCommitted)),
            }],
        }
    }

    #[test]
    fn each_line_says_where_it_came_from() {
        let plain = Source {
            chain: vec![at("a.j2", 1, None)],
            ..Source::default()
        };
        assert_eq!(
            lines("hostname r1\nend\n", &[example(), plain]),
            "hostname r1  ! a.j2:2:1 > b.j2:7:1 (0123456789 Ann 2026-01-02); \
             host.name = hosts.yaml:1:1 (not committed)\nend          ! a.j2:1:1\n"
        );
    }

    #[test]
    fn each_change_says_where_it_came_from() {
        let change = |kind, line| Sourced {
            kind,
            path: vec!["interface x".into(), "mtu 9000".into()],
            line,
            source: example(),
        };
        let all = [change("missing", Some(3)), change("extra", None)];
        assert_eq!(
            changes("r1", &all, Paint::PLAIN),
            "r1: where it comes from\n  + interface x > mtu 9000\n      a.j2:2:1 > b.j2:7:1 \
             (0123456789 Ann 2026-01-02)\n      host.name = hosts.yaml:1:1 (not committed)\n  \
             - interface x > mtu 9000\n      only on the device\n"
        );
        assert_eq!(changes("r1", &[], Paint::PLAIN), "");
    }
}
