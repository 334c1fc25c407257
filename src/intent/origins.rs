//! Reads origin marks out of a marked rendering, and carries origins over to the true text
//! where the two differ.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::marks::{Mark, Marks, marked_value};
use super::render::LineOrigin;

/// A marked rendering without its marks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stripped {
    /// The text.
    pub(super) text: String,
    /// One chain per line.
    pub(super) origins: Vec<LineOrigin>,
    /// The numbers of the variables in each line.
    pub(super) values: Vec<Vec<usize>>,
}

/// Where the text is being written from: who asked, and which line of text it is.
#[derive(Default)]
struct Frames {
    asked: Vec<(usize, Option<usize>)>,
    text: Option<usize>,
}

impl Frames {
    fn see(&mut self, mark: Mark) {
        match mark {
            Mark::Text(index) => match self.asked.last_mut() {
                Some((_, text)) => *text = Some(index),
                None => self.text = Some(index),
            },
            Mark::Enter(index) => self.asked.push((index, None)),
            Mark::High(_) | Mark::Low(_) => {}
            // A filter may have cut marks away: leaving ends everything entered since.
            Mark::Leave(index) => {
                if let Some(depth) = self.asked.iter().rposition(|(i, _)| *i == index) {
                    self.asked.truncate(depth);
                }
            }
        }
    }

    fn chain(&self, marks: &Marks) -> LineOrigin {
        let text = self.asked.last().map_or(self.text, |(_, text)| *text);
        let asked = self.asked.iter().map(|(index, _)| *index);
        asked
            .chain(text)
            .filter_map(|index| marks.place(index).cloned())
            .collect()
    }
}

/// Takes the marks out; the chain of a line is what stood before its first visible
/// character.
pub(super) fn strip(marked: &str, marks: &Marks) -> Stripped {
    let mut out = Stripped::default();
    let mut frames = Frames::default();
    let mut line = Line::default();
    for c in marked.chars() {
        if let Some(mark) = marks.read(c) {
            frames.see(mark);
            line.see(mark);
            continue;
        }
        out.text.push(c);
        line.any = true;
        if c == '\n' {
            std::mem::take(&mut line).end(&frames, marks, &mut out);
        } else if line.chain.is_none() && !c.is_whitespace() {
            line.chain = Some(frames.chain(marks));
        }
    }
    if line.any {
        line.end(&frames, marks, &mut out);
    }
    out
}

/// A line while it is being read.
#[derive(Default)]
struct Line {
    any: bool,
    chain: Option<LineOrigin>,
    values: Vec<usize>,
    high: Option<usize>,
}

impl Line {
    fn see(&mut self, mark: Mark) {
        let high = self.high.take();
        match (mark, high) {
            (Mark::High(digit), _) => self.high = Some(digit),
            // A filter may have cut off the first half.
            (Mark::Low(digit), Some(high)) => {
                let value = marked_value(high, digit);
                if !self.values.contains(&value) {
                    self.values.push(value);
                }
            }
            (Mark::Low(_) | Mark::Text(_) | Mark::Enter(_) | Mark::Leave(_), _) => {}
        }
    }

    fn end(self, frames: &Frames, marks: &Marks, out: &mut Stripped) {
        let chain = self.chain.unwrap_or_else(|| frames.chain(marks));
        out.origins.push(chain);
        out.values.push(self.values);
    }
}

/// Origins for the lines of `text` from a rendering that came out differently: equal lines
/// keep theirs, others take the chain of the line they stand for or follow, and no
/// variables.
pub(super) fn align(text: &str, other: &Stripped) -> (Vec<LineOrigin>, Vec<Vec<usize>>) {
    let ours: Vec<&str> = text.lines().collect();
    let theirs: Vec<&str> = other.text.lines().collect();
    let mut origins = Vec::with_capacity(ours.len());
    let mut values = Vec::with_capacity(ours.len());
    for op in capture_diff_slices(Algorithm::Myers, &theirs, &ours) {
        let (first, length) = match op {
            DiffOp::Delete { .. } => continue,
            DiffOp::Equal { old_index, len, .. } => (old_index, len),
            DiffOp::Insert {
                old_index, new_len, ..
            } => (old_index.saturating_sub(1), new_len),
            DiffOp::Replace {
                old_index, new_len, ..
            } => (old_index, new_len),
        };
        let limit = other.origins.len().saturating_sub(1);
        let grows = usize::from(!matches!(op, DiffOp::Insert { .. }));
        let equal = matches!(op, DiffOp::Equal { .. });
        for i in 0..length {
            let index = (first + i * grows).min(limit);
            origins.push(other.origins.get(index).cloned().unwrap_or_default());
            let known = other.values.get(index).filter(|_| equal);
            values.push(known.cloned().unwrap_or_default());
        }
    }
    (origins, values)
}

/// The number of lines a text has, as origins count them.
pub(super) fn line_count(text: &str) -> usize {
    text.lines().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::intent::engine::Renderer;
    use crate::intent::render::{RenderDevice, RenderLimits};
    use crate::model::{Data, FileSet, IntentSource};

    /// A whitespace control before or behind a tag.
    fn control() -> impl Strategy<Value = &'static str> {
        prop_oneof![4 => Just(""), 2 => Just("-"), 1 => Just("+")]
    }

    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("word"),
            Just(" "),
            Just("   "),
            Just("\n"),
            Just("\n\n"),
            Just("\t"),
            Just(" indented\n"),
            Just("!\n"),
            Just("é"),
            Just("{ "),
            Just("%} "),
            Just("'\"")
        ];
        prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
    }

    fn leaf() -> impl Strategy<Value = String> {
        let tag = (control(), control(), 0..8_usize).prop_map(|(a, b, which)| match which {
            0 => format!("{{{{{a} x {b}}}}}"),
            1 => format!("{{{{{a} many {b}}}}}"),
            2 => format!("{{{{{a} m('}}}}') {b}}}}}"),
            3 => format!("{{{{{a} '' {b}}}}}"),
            4 => format!("{{%{a} include 'part.j2' {b}%}}"),
            5 => format!("{{%{a} set y = {{'a': {{}}}} {b}%}}"),
            6 => format!("{{#{a} a comment {{{{ x }}}} {b}#}}"),
            _ => format!("{{% raw {b}%}} {{{{ x }}}}\n  raw {{%{a} endraw %}}"),
        });
        prop_oneof![text(), tag]
    }

    fn template() -> impl Strategy<Value = String> {
        leaf().prop_recursive(4, 40, 4, |inner| {
            let body = prop::collection::vec(inner, 0..4).prop_map(|b| b.concat());
            (body, control(), control(), control(), control(), 0..5_usize).prop_map(
                |(body, a, b, c, d, which)| {
                    let (open, close) = [
                        ("if x", "endif"),
                        ("for i in [1, 2]", "endfor"),
                        ("set z", "endset"),
                        ("call wrap()", "endcall"),
                        ("filter upper", "endfilter"),
                    ][which];
                    let after = if which == 2 { "{{ z }}" } else { "" };
                    format!("{{%{a} {open} {b}%}}{body}{{%{c} {close} {d}%}}{after}")
                },
            )
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever the template: the marked rendering is the same text, with one origin
        /// for every line, and every line has at least one.
        #[test]
        fn marks_never_change_the_text(parts in prop::collection::vec(template(), 1..5)) {
            let library = "{% macro m(t) %}\n macro {{ t }}\n{% endmacro %}{% macro wrap() %}<{{ caller() }}>\n{% endmacro %}";
            let mut files = FileSet::new();
            files.insert("intent/templates/lib.j2", library);
            files.insert("intent/templates/part.j2", "part {{ x }}\n  more\n");
            let source = format!("{{% from 'lib.j2' import m, wrap %}}{}", parts.concat());
            files.insert("intent/templates/t.j2", source.as_str());
            let word = |s: &str| Data::Text(s.to_owned());
            let device = RenderDevice {
                name: "r1".to_owned(),
                source: IntentSource::Template("intent/templates/t.j2".to_owned()),
                host: Data::Map(Vec::new()),
                data: Data::Map(vec![
                    (word("x"), word("value")),
                    (word("many"), word("one\n\n two\n")),
                ]),
                places: None,
            };
            let renderer = Renderer::new(files, RenderLimits::default());
            let rendered = renderer.render(&device);
            prop_assert!(rendered.diagnostics.is_empty(), "{:?}\n{source}", rendered.diagnostics);
            let text = rendered.text.unwrap_or_default();
            prop_assert!(renderer.marks_agree(&device), "{source}");
            prop_assert_eq!(rendered.origins.len(), line_count(&text));
            for (line, origin) in text.lines().zip(&rendered.origins) {
                prop_assert!(line.trim().is_empty() || !origin.is_empty(), "{line}\n{source}");
            }
        }
    }

    #[test]
    fn a_text_that_came_out_differently_keeps_the_origins_of_equal_lines() {
        let at = |line| {
            vec![crate::model::Position {
                file: "t".to_owned(),
                line,
                column: 1,
            }]
        };
        let other = Stripped {
            text: "a\nlength 9\nb\nc\n".to_owned(),
            origins: vec![at(1), at(2), at(3), at(4)],
            values: vec![vec![1], vec![2], vec![3], vec![4]],
        };
        let (origins, values) = align("a\nlength 5\nnew\nb\n", &other);
        assert_eq!(origins, [at(1), at(2), at(3), at(3)]);
        // A line that came out differently may be made of something else.
        assert_eq!(values, [vec![1], vec![], vec![], vec![3]]);
        assert_eq!(align("", &other).0, Vec::<LineOrigin>::new());
        assert_eq!(align("x\n", &Stripped::default()).0, [Vec::new()]);
    }
}
