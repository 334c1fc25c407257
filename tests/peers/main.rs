//! The same code against real software: FRR behind OpenSSH, Git servers, Prometheus,
//! Nornir; and other people's clients against our simulator.
//!
//! These tests need root and Debian packages; `tests/run` installs them and sets
//! `NETKEEL_PEERS=1`. Without that every test here says that it was left out.

#![expect(
    clippy::print_stderr,
    reason = "what is left out, and what a failed test saw, is said"
)]

mod clients;
mod frr;
mod git_library;
mod git_servers;
mod lab;
mod nornir;
mod openssh;
mod prometheus;
mod world;
