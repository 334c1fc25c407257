//! One file per transaction method.
