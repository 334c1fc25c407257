//! What `netkeel sim` does.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::Timestamp;

use super::clock::Pace;
use super::fleet::{Fleet, FleetOptions};
use super::info::SimError;
use super::inventory::{counted, load_directory};
use super::spec::{DeviceSpec, Platform};

/// Arguments of `netkeel sim`.
#[derive(Clone, Debug)]
pub struct Arguments {
    /// A directory of devices; then only `listen` and `clock` matter besides.
    pub directory: Option<PathBuf>,
    /// `ios` or `frr`.
    pub platform: Option<String>,
    /// How many devices.
    pub count: u32,
    /// Their configuration; `{name}` and `{n}` in it are replaced.
    pub config: Option<PathBuf>,
    /// Address of the first device; the others count up.
    pub listen: SocketAddr,
    /// How many times faster the devices' clock runs.
    pub clock: f64,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            directory: None,
            platform: None,
            count: 1,
            config: None,
            listen: SocketAddr::from(([127, 1, 0, 1], 2222)),
            clock: 1.0,
        }
    }
}

/// Starts the devices, prints one JSON line for each and a last one `{"ready":N}`. The
/// devices run until the returned fleet is dropped or shut down.
///
/// # Errors
/// Arguments that make no sense, a file that cannot be read, an address in use.
pub async fn run(
    arguments: &Arguments,
    start: Timestamp,
    out: &mut dyn Write,
) -> Result<Fleet, SimError> {
    if !arguments.clock.is_finite() || arguments.clock <= 0.0 {
        return Err(SimError::Usage(format!(
            "the clock cannot run {} times as fast",
            arguments.clock
        )));
    }
    let specs = match &arguments.directory {
        Some(directory) => load_directory(directory, arguments.listen)?,
        None => replicas(arguments)?,
    };
    let fleet = Fleet::start(
        specs,
        FleetOptions {
            pace: Pace::Times(arguments.clock),
            start,
        },
    )
    .await?;
    print(&fleet, out).map_err(SimError::Output)?;
    Ok(fleet)
}

fn print(fleet: &Fleet, out: &mut dyn Write) -> std::io::Result<()> {
    let devices = fleet.devices();
    for device in &devices {
        writeln!(out, "{}", serde_json::to_string(device)?)?;
    }
    writeln!(out, "{}", serde_json::json!({ "ready": devices.len() }))?;
    out.flush()
}

/// Many devices from one configuration.
fn replicas(arguments: &Arguments) -> Result<Vec<DeviceSpec>, SimError> {
    let usage = |why: &str| SimError::Usage(why.to_owned());
    let name = arguments
        .platform
        .as_deref()
        .ok_or_else(|| usage("give --platform, or a directory"))?;
    let platform = Platform::named(name)
        .ok_or_else(|| usage(&format!("cannot simulate `{name}`: ios or frr")))?;
    let text = match &arguments.config {
        Some(path) => std::fs::read_to_string(path).map_err(|e| SimError::File {
            path: path.display().to_string(),
            why: e.to_string(),
        })?,
        None => default_config(platform).to_owned(),
    };
    (1..=arguments.count)
        .map(|n| {
            let name = format!("{name}{n}");
            let mut spec = DeviceSpec::new(&name, platform, &text.replace("{n}", &n.to_string()));
            spec.listen = counted(arguments.listen, n - 1)?;
            Ok(spec)
        })
        .collect()
}

/// A small configuration for a device that was given none.
fn default_config(platform: Platform) -> &'static str {
    match platform {
        Platform::Ios => {
            "version 15.9\nhostname {name}\n!\narchive\n path flash:archive\n!\ninterface Loopback0\n description mgmt\n ip address 10.255.0.1 255.255.255.255\n!\nline vty 0 4\n login local\n transport input ssh\n!\nend\n"
        }
        Platform::Frr => {
            "frr version 8.4.4\nfrr defaults traditional\nhostname {name}\nservice integrated-vtysh-config\n!\ninterface lo\n description mgmt\n ip address 10.255.0.1/32\nexit\n!\nend\n"
        }
    }
}
