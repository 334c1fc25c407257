//! One file per command.

/// Parses the arguments, runs the command, says the exit code.
#[must_use]
pub fn main() -> std::process::ExitCode {
    unimplemented!()
}
