//! Netkeel's own settings: defaults < file < environment < flags -> one checked `Settings`.
//!
//! * [`Settings`] is the whole of it, every field with its meaning, unit and default;
//! * `load` finds the file and lays the layers over each other, `check` looks at the result;
//! * `units` reads `15m` and `8MiB`; `problem` says what is wrong and where;
//! * [`SettingsSecrets`] turns the name of a secret into its value for those that may
//!   have it.
//!
//! "Config" always means a device's configuration; these are settings.

mod check;
mod load;
mod problem;
mod secrets;
mod types;
mod units;
mod written;

#[cfg(test)]
mod tests;

pub use load::{
    Environment, Layers, Overrides, ProcessEnvironment, SYSTEM_FILE, VARIABLES, WORKING_FILE,
};
pub use problem::{Problem, SettingsError, closest};
pub use secrets::SettingsSecrets;
pub use types::{
    ApplySettings, DeviceSettings, HostKeys, LimitSettings, LogFormat, LogSettings, Permitted,
    RailSettings, RenderSettings, RepositorySettings, RolloutSettings, RunSettings, SaveUnsaved,
    SecretOrigin, SecretSettings, Settings, SshSettings,
};
pub use units::{format_bytes, format_duration, parse_bytes, parse_duration};
