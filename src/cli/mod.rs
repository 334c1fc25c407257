//! One file per command.

/// Parses the arguments, runs the command, says the exit code.
#[must_use]
pub fn main() -> std::process::ExitCode {
    if std::env::args().nth(1).as_deref() == Some(crate::evaluator::CHILD_ARG) {
        return crate::evaluator::child_main();
    }
    unimplemented!()
}
