//! Where in a settings file a key stands.

use saphyr_parser::{Event, Parser, Span};

use super::problem::Problem;

/// An open mapping or sequence.
struct Level {
    /// Its key from the top, `a.b`.
    path: String,
    is_mapping: bool,
    /// The key whose value comes next, from the top.
    key: Option<(String, Span)>,
}

/// The problem with `file:line:column` before its key, where the file has that key.
pub(super) fn place(file: &str, text: &str, problem: Problem) -> Problem {
    match position(text, &problem.place) {
        Some((line, column)) => Problem {
            place: format!("{file}:{line}:{column}: {}", problem.place),
            ..problem
        },
        None => Problem {
            place: format!("{file}: {}", problem.place),
            ..problem
        },
    }
}

/// Line and column, from 1, of a key's plain value, or of the key itself.
fn position(text: &str, wanted: &str) -> Option<(usize, usize)> {
    let at = |span: Span| (span.start.line(), span.start.col() + 1);
    let mut levels: Vec<Level> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.ok()?;
        match event {
            Event::Scalar(value, ..) => {
                let Some(level) = levels.last_mut().filter(|level| level.is_mapping) else {
                    continue;
                };
                match level.key.take() {
                    Some((key, _)) if key == wanted => return Some(at(span)),
                    Some(_) => {}
                    None => level.key = Some((joined(&level.path, &value), span)),
                }
            }
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                let key = levels.last_mut().and_then(|level| level.key.take());
                if let Some((_, span)) = key.as_ref().filter(|(key, _)| key == wanted) {
                    return Some(at(*span));
                }
                levels.push(Level {
                    path: key.map(|(key, _)| key).unwrap_or_default(),
                    is_mapping: matches!(event, Event::MappingStart(..)),
                    key: None,
                });
            }
            Event::MappingEnd | Event::SequenceEnd => drop(levels.pop()),
            Event::Alias(_) => {
                levels.last_mut().and_then(|level| level.key.take());
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
    }
    None
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

#[cfg(test)]
mod tests {
    use super::position;

    #[test]
    fn keys_are_found_wherever_they_stand() {
        let text = "a: 1\nb:\n  c: {d: 5, e: [x, {d: 1}]}\n  f.g/h:\n    i: 6\n";
        for (key, place) in [
            ("a", Some((1, 4))),
            ("b", Some((2, 1))),
            ("b.c", Some((3, 3))),
            ("b.c.d", Some((3, 10))),
            ("b.f.g/h.i", Some((5, 8))),
            ("b.i", None),
        ] {
            assert_eq!(position(text, key), place, "{key}");
        }
    }
}
