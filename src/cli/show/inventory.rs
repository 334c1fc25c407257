//! Resolved hosts.

use serde_json::{Value, json};
use std::fmt::Write as _;

use super::{Table, count};
use crate::cli::ui::Paint;
use crate::model::{ConnectionOptions, Credential, Device, IntentSource};

/// One line per host; with `verbose` all its data too.
/// On a terminal of `width` columns the least important ones are left out until it fits.
pub(crate) fn hosts(
    devices: &[&Device],
    paint: Paint,
    verbose: bool,
    width: Option<usize>,
) -> String {
    let mut table = Table::new(&[
        "NAME", "ADDRESS", "PLATFORM", "SITE", "APPLY", "INTENT", "GROUPS",
    ]);
    for device in devices {
        let address = match device.port {
            Some(port) => format!("{}:{port}", device.address()),
            None => device.address().to_owned(),
        };
        table.row(
            [
                device.name.as_str(),
                &address,
                device.platform.as_deref().unwrap_or("-"),
                device.keel.site.as_deref().unwrap_or("-"),
                device.keel.apply.as_str(),
                &intent(device),
                &device.all_groups.join(","),
            ]
            .iter()
            .map(|cell| Table::plain(cell))
            .collect(),
        );
    }
    let mut text = table.within(width, &["GROUPS", "INTENT", "SITE"]);
    if verbose {
        for device in devices {
            let _ = writeln!(text, "{} {}", paint.bold(&device.name), device.data);
        }
    }
    let _ = writeln!(text, "{}", count(devices.len(), "host"));
    text
}

fn intent(device: &Device) -> String {
    match &device.keel.intent {
        Some(IntentSource::Template(path) | IntentSource::File(path)) => path.clone(),
        None => "-".to_owned(),
    }
}

/// The same as data. A plain password in the repository is said to be there, not shown.
pub(crate) fn json(devices: &[&Device]) -> Value {
    let hosts: serde_json::Map<String, Value> = devices
        .iter()
        .map(|device| (device.name.clone(), host(device)))
        .collect();
    json!({ "schema": 1, "hosts": hosts })
}

fn host(device: &Device) -> Value {
    let options: serde_json::Map<String, Value> = device
        .connection_options
        .iter()
        .map(|(plugin, options)| (plugin.clone(), connection(options)))
        .collect();
    json!({
        "name": device.name,
        "hostname": device.hostname,
        "port": device.port,
        "username": device.username,
        "password": device.password.as_ref().map(Credential::shown),
        "platform": device.platform,
        "groups": device.groups,
        "all_groups": device.all_groups,
        "data": device.data.to_json(),
        "connection_options": options,
        "netkeel": device.keel,
    })
}

fn connection(options: &ConnectionOptions) -> Value {
    json!({
        "hostname": options.hostname,
        "port": options.port,
        "username": options.username,
        "password": options.password.as_ref().map(Credential::shown),
        "platform": options.platform,
        "extras": options.extras.as_ref().map(crate::model::Data::to_json),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SecretText;

    #[test]
    fn a_plain_password_is_not_printed() {
        let device = Device {
            name: "r1".into(),
            password: Some(Credential::Plain(SecretText::new("hunter2"))),
            all_groups: vec!["edge".into(), "lon".into()],
            port: Some(2222),
            ..Device::default()
        };
        let shown = format!(
            "{}{}",
            hosts(&[&device], Paint::PLAIN, true, None),
            json(&[&device])
        );
        assert!(!shown.contains("hunter2"));
        assert!(shown.contains("(plain value)"));
        assert!(
            shown.contains("r1    r1:2222  -         -     observe  -       edge,lon\n"),
            "{shown}"
        );
    }
}
