//! Several refused logins in a row on one credential stop all logins with it, so that
//! nobody's account gets locked by us.

use std::collections::BTreeMap;

use super::context::Context;
use crate::device::Target;
use crate::model::{Credential, Device};

/// Store key of the counters, so that a restart does not forget them.
const META: &str = "refused_logins";

/// Names a credential without showing it: the user, and where the secret comes from.
pub(super) fn id(target: &Target, device: &Device) -> String {
    let from = match (&device.password, &target.login.key_file) {
        (_, Some(file)) => format!("key {}", file.display()),
        (Some(Credential::Named(name)), None) => format!("secret:{name}"),
        (Some(Credential::Plain(_)), None) => format!("password of {}", device.name),
        (None, None) => "agent".to_owned(),
    };
    format!("{} with {from}", target.login.username)
}

/// Why a credential is not used any more, if it is not.
pub(super) async fn stopped(ctx: &Context, credential: &str, limit: usize) -> Option<String> {
    let refused = read(ctx).await.get(credential).copied().unwrap_or(0);
    (refused >= limit).then(|| {
        format!(
            "no more logins as {credential}: refused {refused} times in a row (after mending \
             it: `netkeel release` any of its devices)"
        )
    })
}

/// Counts a refused login; a good one starts again at nought.
pub(super) async fn note(ctx: &Context, credential: &str, refused: bool, good: bool) {
    if !refused && !good {
        return;
    }
    let mut counts = read(ctx).await;
    let before = counts.get(credential).copied().unwrap_or(0);
    if good && before == 0 {
        return;
    }
    if good {
        counts.remove(credential);
    } else {
        counts.insert(credential.to_owned(), before + 1);
    }
    if let Ok(text) = serde_json::to_string(&counts) {
        // a counter that cannot be kept must not keep us from looking; the device is held anyway
        drop(ctx.store(move |store| store.set_meta(META, &text)).await);
    }
}

/// Forgets all refusals: a person has looked (`netkeel release`).
///
/// # Errors
/// The store's.
pub fn forget(store: &dyn crate::model::Store) -> Result<(), crate::model::StoreError> {
    store.set_meta(META, "{}")
}

async fn read(ctx: &Context) -> BTreeMap<String, usize> {
    ctx.store(|store| store.get_meta(META))
        .await
        .ok()
        .flatten()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}
