//! Who may import whom, and that the tree keeps its own rules.
