//! Which lines of an intent a device does not have as they are: what `plan --origins` tells
//! the origin of.

use crate::config::{Cardinality, Dialect, Document, NodeId, OpKind, Scope, compare};
use crate::model::{Device, Manage};

/// One line that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// `missing`, `changed`, `reordered`, or `extra` for a line only the device has.
    pub(crate) kind: &'static str,
    /// The header lines above it and the line.
    pub(crate) path: Vec<String>,
    /// Its number in the intended text, from 1; none if that has no such line.
    pub(crate) number: Option<usize>,
}

/// Every line that differs, in the order of the difference.
pub(crate) fn changes(
    device: &Device,
    running: &Document,
    intended: &Document,
    dialect: &Dialect,
) -> Vec<Change> {
    let scope = Scope {
        full: device.keel.manage == Manage::Full,
        sections: device.keel.sections.clone(),
    };
    let mut all = Vec::new();
    for op in compare(running, intended, None, dialect, &scope).ops {
        let kind = match op.kind {
            OpKind::Add => "missing",
            OpKind::Remove => "extra",
            OpKind::Replace | OpKind::State => "changed",
            OpKind::Move => "reordered",
        };
        let atomic =
            |doc: &Document, id| doc.meaning(id, dialect).cardinality == Cardinality::Atomic;
        match (op.intended, op.running) {
            (Some(id), _) => {
                let deep =
                    op.kind == OpKind::Add || op.kind == OpKind::Replace && atomic(intended, id);
                collect(kind, intended, id, deep, &mut all);
            }
            (None, Some(id)) => all.push(Change {
                kind,
                path: path(running, id),
                number: None,
            }),
            (None, None) => {}
        }
    }
    all
}

fn collect(kind: &'static str, doc: &Document, id: NodeId, deep: bool, all: &mut Vec<Change>) {
    let number = usize::try_from(doc.line(id)).ok();
    // Where a line is a path, each of its words is a node: the last one says it whole.
    if number.is_some() && all.last().is_some_and(|last| last.number == number) {
        all.pop();
    }
    all.push(Change {
        kind,
        path: path(doc, id),
        number,
    });
    if deep {
        for child in doc.commands(Some(id)) {
            collect(kind, doc, *child, true, all);
        }
    }
}

fn path(doc: &Document, id: NodeId) -> Vec<String> {
    let above = doc.path(id).into_iter().map(str::to_owned);
    above.chain([doc.line_text(id).to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Keel;
    use crate::pack::Packs;

    #[test]
    fn every_line_that_differs_has_its_number() {
        let packs = Packs::builtin().unwrap();
        let dialect = &packs.get("ios").unwrap().dialect;
        let doc = |text| Document::parse(text, dialect);
        let running = doc(
            "hostname r1\ninterface Loopback0\n ip address 10.0.0.1 255.255.255.255\n!\nip http server\nend\n",
        );
        let intended = doc(
            "hostname r2\n!\ninterface Loopback0\n ip address 10.0.0.1 255.255.255.255\n!\ninterface Loopback1\n description new\n!\nend\n",
        );
        let device = Device {
            keel: Keel {
                manage: Manage::Full,
                ..Keel::default()
            },
            ..Device::default()
        };
        let found = changes(&device, &running, &intended, dialect);
        let shown: Vec<String> = found
            .iter()
            .map(|c| format!("{} {} {:?}", c.kind, c.path.join(" > "), c.number))
            .collect();
        assert_eq!(
            shown,
            [
                "changed hostname r2 Some(1)",
                "extra ip http server None",
                "missing interface Loopback1 Some(6)",
                "missing interface Loopback1 > description new Some(7)",
            ]
        );
    }
}
