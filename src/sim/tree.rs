//! A configuration in force: lines and blocks of lines, in the order the device prints them.

/// One line and what stands under it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    /// The line without indentation. Several lines for a banner or a certificate.
    pub(super) text: String,
    /// What stands under it.
    pub(super) children: Vec<Self>,
}

impl Node {
    /// A line without children.
    pub(super) fn leaf(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            children: Vec::new(),
        }
    }

    /// The child with exactly this line.
    pub(super) fn child(&self, text: &str) -> Option<&Self> {
        self.children.iter().find(|c| c.text == text)
    }

    /// Whether a child with exactly this line stands here.
    pub(super) fn has(&self, text: &str) -> bool {
        self.child(text).is_some()
    }

    /// The first word-wise argument after `start` of the first child that begins with it.
    pub(super) fn value_of(&self, start: &str) -> Option<&str> {
        self.children
            .iter()
            .find_map(|c| c.text.strip_prefix(start)?.strip_prefix(' '))
    }

    /// The block reached by these headers.
    pub(super) fn at(&self, path: &[String]) -> Option<&Self> {
        path.iter()
            .try_fold(self, |node, header| node.child(header))
    }

    /// The block reached by these headers, to change it.
    pub(super) fn at_mut(&mut self, path: &[String]) -> Option<&mut Self> {
        path.iter().try_fold(self, |node, header| {
            node.children.iter_mut().find(|c| c.text == *header)
        })
    }

    /// Removes the children `gone` says, and how many those were.
    pub(super) fn remove(&mut self, mut gone: impl FnMut(&Self) -> bool) -> usize {
        let before = self.children.len();
        self.children.retain(|c| !gone(c));
        before - self.children.len()
    }

    /// Removes lines everywhere below (and at) this block.
    pub(super) fn remove_deep(&mut self, gone: &mut impl FnMut(&Self) -> bool) {
        self.children.retain(|c| !gone(c));
        for child in &mut self.children {
            child.remove_deep(gone);
        }
    }

    /// Reads a text by its indentation. `literal` says how a line opens a verbatim text.
    pub(super) fn read(text: &str, literal: fn(&str) -> Option<Until>) -> Self {
        let mut root = Self::default();
        let mut indents: Vec<usize> = Vec::new();
        let mut path: Vec<usize> = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let line = line.trim_end();
            let body = line.trim_start();
            if body.is_empty() || body.starts_with('!') || body == "end" || is_header(body) {
                continue;
            }
            let indent = line.len() - body.len();
            while indents.last().is_some_and(|open| *open >= indent) {
                indents.pop();
                path.pop();
            }
            if is_terminator(body) {
                continue;
            }
            let parent = descend(&mut root, &path);
            let whole = match literal(body) {
                Some(until) => until.take(body, &mut lines),
                None => body.to_owned(),
            };
            path.push(parent.children.len());
            indents.push(indent);
            parent.children.push(Self::leaf(whole));
        }
        root
    }
}

fn descend<'a>(root: &'a mut Node, path: &[usize]) -> &'a mut Node {
    path.iter().fold(root, |node, at| &mut node.children[*at])
}

fn is_header(line: &str) -> bool {
    line.starts_with("Building configuration") || line.starts_with("Current configuration")
}

/// Lines that only close a block.
pub(super) fn is_terminator(line: &str) -> bool {
    matches!(
        line,
        "exit"
            | "exit-address-family"
            | "exit-vrf"
            | "exit-peer-policy"
            | "exit-peer-session"
            | "exit-af-interface"
            | "exit-af-topology"
            | "exit-service-family"
    )
}

/// Where a verbatim text ends.
pub(super) enum Until {
    /// At the second occurrence of this text (a banner's delimiter).
    Delimiter(String),
    /// At a line that says just this.
    Line(&'static str),
}

impl Until {
    fn take(&self, first: &str, lines: &mut std::str::Lines<'_>) -> String {
        let mut whole = first.to_owned();
        if let Self::Delimiter(d) = self
            && first.matches(d.as_str()).count() > 1
        {
            return whole;
        }
        for line in lines.by_ref() {
            whole.push('\n');
            whole.push_str(line);
            let ended = match self {
                Self::Delimiter(d) => line.contains(d.as_str()),
                Self::Line(last) => line.trim() == *last,
            };
            if ended {
                break;
            }
        }
        whole
    }
}
