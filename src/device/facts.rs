//! Typed facts out of a command's output. Pure.

use crate::model::Facts;
use crate::pack::GetterSpec;

/// What the getter's patterns find; what they do not find stays empty.
#[must_use]
pub fn read(getter: &GetterSpec, output: &str) -> Facts {
    let field = |name: &str| {
        getter
            .fields
            .get(name)
            .and_then(|patterns| patterns.iter().find_map(|known| known.text.find(output)))
            .unwrap_or_default()
            .to_owned()
    };
    Facts {
        vendor: String::new(),
        model: field("model"),
        version: field("version"),
        serial: field("serial"),
        hostname: field("hostname"),
        uptime: seconds(&field("uptime")),
    }
}

/// `2 weeks, 3 days, 4 hours, 5 minutes` in seconds.
fn seconds(text: &str) -> Option<u64> {
    let mut total = None;
    for part in text.split(',') {
        let mut words = part.split_whitespace();
        let count: u64 = words.next()?.parse().ok()?;
        let unit = match words.next()?.trim_end_matches('s') {
            "year" => 365 * 86_400,
            "week" => 7 * 86_400,
            "day" => 86_400,
            "hour" => 3600,
            "minute" => 60,
            "second" => 1,
            _ => return None,
        };
        total = Some(total.unwrap_or(0) + count * unit);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::tests::{frr, ios};

    #[test]
    fn facts_of_frr() {
        let facts = read(
            &frr().getters["facts"],
            "FRRouting 8.4.4 (r1) on Linux(6.18.44).\nCopyright\n",
        );
        assert_eq!(
            (
                facts.version.as_str(),
                facts.hostname.as_str(),
                facts.model.as_str()
            ),
            ("8.4.4", "r1", "Linux")
        );
        assert_eq!(facts.uptime, None);
    }

    #[test]
    fn facts_of_ios() {
        let text = "Cisco IOS Software, C2960X Software (C2960X-UNIVERSALK9-M), Version 15.2(2)E7, RELEASE SOFTWARE (fc3)\n\
            sw-1 uptime is 1 week, 2 days, 3 hours, 4 minutes\n\
            cisco WS-C2960X-48FPS-L (APM86XXX) processor (revision B0) with 524288K bytes of memory.\n\
            Processor board ID FOC1234X0AB\n\
            Model number                    : WS-C2960X-48FPS-L\n";
        let facts = read(&ios().getters["facts"], text);
        assert_eq!(facts.version, "15.2(2)E7");
        assert_eq!(facts.hostname, "sw-1");
        assert_eq!(facts.serial, "FOC1234X0AB");
        assert_eq!(facts.model, "WS-C2960X-48FPS-L");
        assert_eq!(facts.uptime, Some(9 * 86_400 + 3 * 3600 + 4 * 60));
    }
}
