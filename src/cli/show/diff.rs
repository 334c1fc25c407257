//! Diffs. One direction everywhere: `-` is on the device now, `+` is what we would write.

use similar::TextDiff;

use crate::cli::ui::Paint;

/// Colours the lines of a diff.
pub(crate) fn painted(diff: &str, paint: Paint) -> String {
    let mut text = String::new();
    for line in diff.lines() {
        let line = match line.chars().next() {
            Some('-') => paint.red(line),
            Some('+') => paint.green(line),
            Some('@') => paint.cyan(line),
            Some(_) | None => line.to_owned(),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// A plain text diff of two stored configurations, three lines around each change.
pub(crate) fn unified(old: &str, new: &str, names: (&str, &str)) -> String {
    TextDiff::from_lines(old, new)
        .unified_diff()
        .context_radius(3)
        .header(names.0, names.1)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_differ_in_nothing() {
        assert_eq!(unified("a\n", "a\n", ("A", "B")), "");
        let diff = unified("a\nb\n", "a\nc\n", ("A", "B"));
        assert_eq!(diff, "--- A\n+++ B\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
        assert_eq!(painted(&diff, Paint::PLAIN), diff);
    }
}
