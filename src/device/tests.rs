//! What the tests of this module share: the built-in packs.

use std::sync::Arc;

use crate::pack::{Pack, Packs};

pub(crate) fn pack(name: &str) -> Arc<Pack> {
    let packs = Packs::builtin().expect("the built-in packs");
    packs.get(name).expect("a built-in pack")
}

pub(crate) fn frr() -> Arc<Pack> {
    pack("frr")
}

pub(crate) fn ios() -> Arc<Pack> {
    pack("ios")
}
