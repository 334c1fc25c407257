//! The daemon: loop, schedule, worker, shutdown.
