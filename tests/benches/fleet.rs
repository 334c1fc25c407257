//! How fast, beside the goals: `cargo bench --bench fleet`.
//!
//! 1. a sweep of 1,000 simulated devices in another process (500-line configurations), once
//!    with the library alone (connect, fetch, seal, parse, compare) and once as the whole
//!    product (`netkeel run --once`: Git, rendering, store, all of it);
//! 2. from a push to a local repository to the drift status of 100 devices;
//! 3. parse, compare and plan of large configurations.
//!
//! Figures on shared machines are noisy: CPU per device is the steady one. What was missed is
//! said again at the end; a goal missed by more than three times fails the run, so that a slip
//! is noticed.

#![expect(clippy::print_stdout, reason = "this program's output is its purpose")]

mod engine;
mod mix;
mod support;
mod sweep;

use support::Verdicts;

fn main() {
    // `cargo test` runs benches too, with other arguments; measures are for `cargo bench`
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut verdicts = Verdicts::default();
    engine::run(&mut verdicts);
    sweep::library(&mut verdicts);
    sweep::product(&mut verdicts);
    sweep::push(&mut verdicts);
    verdicts.end();
}
