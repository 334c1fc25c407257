//! The `netkeel` program: an exit code, nothing else.

fn main() -> std::process::ExitCode {
    netkeel::cli::main()
}
