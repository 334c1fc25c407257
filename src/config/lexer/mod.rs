//! From text to nodes, by family. Literals come before comments everywhere. Nothing here
//! fails: a line that cannot be read is kept as such.

mod brace;
mod complete;
mod cut;
mod edit;
pub(super) mod elements;
mod file;
mod lines;
mod literal;
pub(super) mod markup;
mod paths;
pub(super) mod roles;
mod scan;
mod tree;
mod xml;

use super::build::Builder;
use super::spec::Family;
pub(crate) use scan::typed_words;

/// Deeper nesting than any platform has; further lines stay on this level.
pub(crate) const MAX_DEPTH: usize = 32;

/// Reads the builder's text.
pub(crate) fn run(builder: &mut Builder<'_, '_>) {
    match builder.dialect.family {
        Family::Indent | Family::Grammar => lines::run(builder),
        Family::Brace if paths::looks_like(builder.text, builder.dialect) => paths::run(builder),
        Family::Brace => brace::run(builder),
        Family::Edit => edit::run(builder),
        Family::Xml => xml::run(builder),
        Family::File => file::run(builder),
    }
    if builder.incomplete.is_none() {
        builder.incomplete = complete::why_not(builder.text, builder.dialect);
    }
}
