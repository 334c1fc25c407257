//! A commit of the intent repository.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One commit of the intent repository, or a working tree that is not committed yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The full commit hash; a working tree is `worktree-` and a hash of its contents. Empty
    /// (null in JSON) for a state from before the first revision.
    #[serde(with = "or_null")]
    pub id: String,
    /// The branch or tag it was resolved from.
    pub reference: String,
    /// Author as `Name <mail>`.
    pub author: String,
    /// When it was committed.
    pub time: Timestamp,
    /// First line of the message.
    pub summary: String,
}

impl Revision {
    /// The first 10 characters of the id, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        self.id.get(..10).unwrap_or(&self.id)
    }

    /// True for a working tree, from which nothing is ever applied by the daemon.
    #[must_use]
    pub fn is_worktree(&self) -> bool {
        self.id.starts_with("worktree-")
    }
}

/// The id of a revision in JSON: null where a state belongs to none.
pub(super) mod or_null {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(in crate::model) fn serialize<S: Serializer>(
        id: &str,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if id.is_empty() {
            serializer.serialize_none()
        } else {
            serializer.serialize_str(id)
        }
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<String, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or_default())
    }
}
