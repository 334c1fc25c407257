//! What the tests of this module share: the built-in packs' sections.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::pack::{GetterSpec, SessionSpec, TransactionSpec};

/// A pack file, as far as this module reads it.
#[derive(Deserialize)]
struct Raw {
    session: SessionSpec,
    transaction: TransactionSpec,
    getters: BTreeMap<String, GetterSpec>,
}

/// The sections of a pack that this module reads.
pub(crate) struct Sections {
    pub(crate) session: Arc<SessionSpec>,
    pub(crate) transaction: TransactionSpec,
    pub(crate) getters: BTreeMap<String, GetterSpec>,
}

fn sections(text: &str) -> Sections {
    let raw: Raw = serde_yaml::from_str(text).expect("a built-in pack");
    Sections {
        session: Arc::new(raw.session),
        transaction: raw.transaction,
        getters: raw.getters,
    }
}

pub(crate) fn frr() -> Sections {
    sections(include_str!("../pack/packs/frr.yaml"))
}

pub(crate) fn ios() -> Sections {
    sections(include_str!("../pack/packs/ios.yaml"))
}

/// A whole pack, with a dialect that knows nothing.
pub(crate) fn pack(name: &str) -> Arc<crate::pack::Pack> {
    let sections = match name {
        "ios" => ios(),
        _ => frr(),
    };
    Arc::new(crate::pack::Pack {
        name: name.to_owned(),
        aliases: Vec::new(),
        vendor: String::new(),
        hash: crate::model::Fingerprint::default(),
        dialect: Arc::default(),
        session: sections.session,
        transaction: sections.transaction,
        getters: sections.getters,
    })
}
