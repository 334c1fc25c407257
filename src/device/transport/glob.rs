//! The small patterns of OpenSSH's files: `*`, `?` and, in lists, `!`.

/// Whether `text` matches `pattern` as a whole. Linear in practice: it goes back only to the
/// last star.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// Whether `text` matches a list: at least one pattern, and no negated one.
#[must_use]
pub fn matches_list<'p>(patterns: impl IntoIterator<Item = &'p str>, text: &str) -> bool {
    let mut found = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(not) if matches(not, text) => return false,
            Some(_) => {}
            None => found |= matches(pattern, text),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_question_marks_and_negation() {
        assert!(matches("*.example.net", "r1.example.net"));
        assert!(matches("10.0.?.*", "10.0.3.254"));
        assert!(!matches("10.0.?.*", "10.0.33.254"));
        assert!(matches("a*b*c", "aXbYbZc"));
        assert!(!matches("a", "ab"));
        assert!(matches_list(["*.net", "!bad.net"], "good.net"));
        assert!(!matches_list(["*.net", "!bad.net"], "bad.net"));
        assert!(!matches_list(["!bad.net"], "good.net"));
    }
}
