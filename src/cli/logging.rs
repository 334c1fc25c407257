//! Log lines on standard error, as text or JSON.

use tracing_subscriber::EnvFilter;

use super::error::{CliError, Result};
use crate::settings::{LogFormat, LogSettings};

/// Starts logging. `quiet` is for commands at a terminal, where only warnings matter unless
/// a person asks for more with `-v`.
pub(crate) fn start(settings: &LogSettings, verbose: u8, quiet: bool) -> Result<()> {
    let filter = EnvFilter::try_new(directives(&settings.level, verbose, quiet))
        .map_err(|e| CliError::usage(format!("log.level `{}`: {e}", settings.level)))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    let started = match settings.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // Started already: by an earlier test in this process. The first one goes on.
    drop(started);
    Ok(())
}

fn directives(level: &str, verbose: u8, quiet: bool) -> String {
    match verbose {
        0 if quiet && level == "info" => "warn".to_owned(),
        0 => level.to_owned(),
        1 => "info".to_owned(),
        2 => "info,netkeel=debug".to_owned(),
        _ => "debug,netkeel=trace".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::directives;

    #[test]
    fn commands_are_quiet_and_the_daemon_is_not() {
        assert_eq!(directives("info", 0, true), "warn");
        assert_eq!(directives("info", 0, false), "info");
        assert_eq!(
            directives("netkeel::device=debug", 0, true),
            "netkeel::device=debug"
        );
        assert_eq!(directives("info", 2, true), "info,netkeel=debug");
    }
}
