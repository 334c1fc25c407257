//! What the tests of this module share: the built-in packs.

use std::sync::{Arc, LazyLock};

use crate::pack::{Pack, Packs};

/// Loaded once: tests ask for a pack at every place the bytes are cut.
static PACKS: LazyLock<Packs> = LazyLock::new(|| Packs::builtin().expect("the built-in packs"));

pub(crate) fn pack(name: &str) -> Arc<Pack> {
    PACKS.get(name).expect("a built-in pack")
}

pub(crate) fn frr() -> Arc<Pack> {
    pack("frr")
}

pub(crate) fn ios() -> Arc<Pack> {
    pack("ios")
}
