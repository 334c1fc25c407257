//! Carries out one plan on one session.
