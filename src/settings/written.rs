//! How a file writes what is not simply a field: secrets, and to whom they may go.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor, value::MapAccessDeserializer};

use super::types::{Permitted, SecretOrigin, SecretSettings};

/// A map that refuses the same key twice: YAML does not, and the last one would win unseen.
pub(super) fn unique_map<'de, D, K, V>(from: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + fmt::Display,
    V: Deserialize<'de>,
{
    struct Unique<K, V>(PhantomData<(K, V)>);
    impl<'de, K, V> Visitor<'de> for Unique<K, V>
    where
        K: Deserialize<'de> + Ord + fmt::Display,
        V: Deserialize<'de>,
    {
        type Value = BTreeMap<K, V>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a mapping")
        }
        fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = BTreeMap::new();
            while let Some(key) = map.next_key::<K>()? {
                if entries.contains_key(&key) {
                    return Err(A::Error::custom(format!("`{key}` is there twice")));
                }
                entries.insert(key, map.next_value()?);
            }
            Ok(entries)
        }
    }
    from.deserialize_any(Unique(PhantomData))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSecret {
    file: Option<PathBuf>,
    env: Option<String>,
    command: Option<Vec<String>>,
    to: Option<Permitted>,
}

impl<'de> Deserialize<'de> for SecretSettings {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = WrittenSecret::deserialize(from)?;
        let origin = match (written.file, written.env, written.command) {
            (Some(path), None, None) => SecretOrigin::File(path),
            (None, Some(name), None) => SecretOrigin::Env(name),
            (None, None, Some(words)) if !words.is_empty() => SecretOrigin::Command(words),
            (None, None, Some(_)) => return Err(D::Error::custom("`command` is empty")),
            (file, env, command) => {
                let count = [file.is_some(), env.is_some(), command.is_some()];
                return Err(D::Error::custom(format!(
                    "a secret has exactly one of `file`, `env` and `command`, not {}",
                    count.iter().filter(|given| **given).count()
                )));
            }
        };
        let to = written.to.ok_or_else(|| {
            D::Error::custom(
                "says not to whom it may be sent: `to: all`, or `to: {groups: [edge]}`",
            )
        })?;
        Ok(Self { origin, to })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenPermitted {
    hosts: Vec<String>,
    groups: Vec<String>,
    git: bool,
}

impl<'de> Deserialize<'de> for Permitted {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct To;
        impl<'de> Visitor<'de> for To {
            type Value = Permitted;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`all`, or a mapping with `hosts`, `groups`, `git`")
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Permitted, E> {
                if word == "all" {
                    return Ok(Permitted {
                        all: true,
                        ..Permitted::default()
                    });
                }
                Err(E::custom(format!(
                    "`to: {word}` is not known; there is `to: all`"
                )))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Permitted, A::Error> {
                let written = WrittenPermitted::deserialize(MapAccessDeserializer::new(map))?;
                let to = Permitted {
                    all: false,
                    hosts: written.hosts,
                    groups: written.groups,
                    git: written.git,
                };
                if to == Permitted::default() {
                    return Err(A::Error::custom("`to` permits nobody"));
                }
                Ok(to)
            }
        }
        from.deserialize_any(To)
    }
}
