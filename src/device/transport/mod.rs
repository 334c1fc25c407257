//! Byte streams: SSH.
