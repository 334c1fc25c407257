//! Where the resolved values of hosts were written: the same inheritance once more, for the
//! places alone.

use std::collections::BTreeMap;

use super::element::{Element, Kind, mapping};
use super::resolve::{Family, Written};
use super::{document, family};
use crate::intent::places::Places;
use crate::model::FileSet;

/// The places of the values of these hosts. Hosts that are broken or absent are left out:
/// [`super::load`] has said why.
#[must_use]
pub fn places(files: &FileSet, wanted: impl Fn(&str) -> bool) -> BTreeMap<String, Places> {
    let mut faults = Vec::new();
    let hosts = document(files, "hosts", &mut faults);
    let groups = document(files, "groups", &mut faults);
    let defaults = document(files, "defaults", &mut faults);
    let family = family(groups.as_ref(), defaults.as_ref(), &mut faults);
    let (Some(hosts), Some(family)) = (hosts, family) else {
        return BTreeMap::new();
    };
    let mut all = BTreeMap::new();
    for (key, body) in mapping(&hosts.root, "hosts.yaml", &mut faults) {
        let Some(name) = key.text().filter(|name| wanted(name)) else {
            continue;
        };
        let mut wrong = Vec::new();
        let host = Element::read(Kind::Host, name, &key.at, body, &mut wrong);
        if wrong.is_empty() {
            all.insert(name.to_owned(), of_host(&family, &host));
        }
    }
    all
}

fn of_host(family: &Family<'_>, host: &Element<'_>) -> Places {
    let written = family.written(host);
    let mut places = Places::default();
    fields(&mut places, host, &written);
    places.push_data(None);
    for (key, value) in &written.data {
        places.push_data(Some(&key.at));
        places.push_node(value);
    }
    places
}

/// The fields of a template's `host`, in the order of `render::host_fields`.
fn fields(places: &mut Places, host: &Element<'_>, written: &Written<'_>) {
    let [hostname, port, username, password, platform] = written.attributes;
    places.push_host(None);
    let single = [
        Some(&host.at),
        hostname.map(|n| &n.at),
        port.map(|n| &n.at),
        username.map(|n| &n.at),
        password.map(|n| &n.at),
        platform.map(|n| &n.at),
    ];
    for at in single {
        // The key, then the value.
        places.push_host(None);
        places.push_host(at);
    }
    let listed: Vec<_> = host.groups.iter().map(|(_, at)| *at).collect();
    let all: Vec<_> = written.all_groups.iter().collect();
    for list in [listed, all] {
        places.push_host(None);
        places.push_host(None);
        list.into_iter().for_each(|at| places.push_host(Some(at)));
    }
}
