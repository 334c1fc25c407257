//! The one session engine for every SSH CLI.
