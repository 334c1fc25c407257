//! Times for people.

use jiff::Timestamp;

/// `3 s ago`, `12 min ago`, `5 h ago`, `2 d ago`, `in 4 min`.
pub(crate) fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - then.as_second();
    let (number, unit) = match seconds.unsigned_abs() {
        s @ 0..=119 => (s, "s"),
        s @ 120..=7199 => (s / 60, "min"),
        s @ 7200..=172_799 => (s / 3600, "h"),
        s => (s / 86_400, "d"),
    };
    if seconds < 0 {
        format!("in {number} {unit}")
    } else {
        format!("{number} {unit} ago")
    }
}

/// `2026-11-20 06:08:54Z`
pub(crate) fn clock(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_use_the_unit_a_person_would() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        for (then, text) in [
            ("2026-11-20T11:59:57Z", "3 s ago"),
            ("2026-11-20T11:48:00Z", "12 min ago"),
            ("2026-11-20T07:00:00Z", "5 h ago"),
            ("2026-11-17T12:00:00Z", "3 d ago"),
            ("2026-11-20T12:04:00Z", "in 4 min"),
        ] {
            assert_eq!(ago(then.parse().unwrap(), now), text);
        }
        assert_eq!(clock(now), "2026-11-20 12:00:00Z");
    }
}
