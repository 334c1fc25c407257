//! Rules that hold without any pack.

use crate::model::{Device, Finding, Severity, Verdict};

/// Ids that begin so are Netkeel's own.
pub(super) const PREFIX: &str = "netkeel-";
/// A device's secret stands in the repository as a plain value.
pub const PLAIN_SECRET: &str = "netkeel-plain-secret";

/// What the built-in rules find wrong with a device; nothing is said of what is well.
pub(super) fn findings(device: &Device) -> Vec<Finding> {
    let plain = device.plain_secrets();
    if plain.is_empty() {
        return Vec::new();
    }
    vec![Finding {
        rule: PLAIN_SECRET.to_owned(),
        severity: Severity::Low,
        verdict: Verdict::Fail,
        message: "a secret stands in the inventory as a plain value: write `secret:NAME`, define \
                  NAME in the settings, and change the secret"
            .to_owned(),
        place: Some(plain.join(", ")),
    }]
}
