//! Columns that line up, whatever colours are in them.

/// A table in the making.
#[derive(Debug, Default)]
pub(crate) struct Table {
    titles: Vec<String>,
    rows: Vec<Vec<(String, usize)>>,
}

impl Table {
    /// A table with a first row of titles.
    pub(crate) fn new(titles: &[&str]) -> Self {
        let mut table = Self {
            titles: titles.iter().map(ToString::to_string).collect(),
            rows: Vec::new(),
        };
        table.row(titles.iter().map(|title| Self::plain(title)).collect());
        table
    }

    /// A cell as it is.
    pub(crate) fn plain(text: &str) -> (String, String) {
        (text.to_owned(), text.to_owned())
    }

    /// Adds a row of cells: what is printed, and the same without colours (its width).
    pub(crate) fn row(&mut self, cells: Vec<(String, String)>) {
        let cells = cells.into_iter();
        self.rows.push(
            cells
                .map(|(shown, plain)| (shown, plain.chars().count()))
                .collect(),
        );
    }

    /// The text without as many of the columns in `spare` as it takes to be at most `width`
    /// wide. They are named by their titles.
    pub(crate) fn within(mut self, width: Option<usize>, spare: &[&str]) -> String {
        for title in spare {
            if width.is_none_or(|width| self.width() <= width) {
                break;
            }
            if let Some(index) = self.titles.iter().position(|known| known == title) {
                self.titles.remove(index);
                self.rows
                    .iter_mut()
                    .filter(|row| index < row.len())
                    .for_each(|row| {
                        drop(row.remove(index));
                    });
            }
        }
        self.text()
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |i: usize| self.rows.iter().filter_map(|row| Some(row.get(i)?.1)).max();
        (0..columns).map(|i| widest(i).unwrap_or(0)).collect()
    }

    fn width(&self) -> usize {
        let widths = self.widths();
        widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)
    }

    /// The text; the last column is not padded.
    pub(crate) fn text(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (i, (shown, width)) in row.iter().enumerate() {
                line.push_str(shown);
                if i + 1 < row.len() {
                    line.extend(std::iter::repeat_n(' ', widths[i] - width + 2));
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn colours_do_not_count() {
        let mut table = Table::new(&["NAME", "X"]);
        table.row(vec![
            ("\u{1b}[31mr1\u{1b}[0m".into(), "r1".into()),
            Table::plain("a"),
        ]);
        table.row(vec![Table::plain("core-1"), Table::plain("")]);
        assert_eq!(
            table.text(),
            "NAME    X\n\u{1b}[31mr1\u{1b}[0m      a\ncore-1\n"
        );
    }

    #[test]
    fn spare_columns_make_room() {
        let table = || {
            let mut table = Table::new(&["NAME", "MORE", "X"]);
            table.row(["r1", "a long text", "a"].map(Table::plain).to_vec());
            table
        };
        let all = "NAME  MORE         X\nr1    a long text  a\n";
        assert_eq!(table().within(None, &["MORE"]), all);
        assert_eq!(table().within(Some(20), &["MORE"]), all);
        assert_eq!(table().within(Some(19), &["MORE"]), "NAME  X\nr1    a\n");
        assert_eq!(table().within(Some(3), &["MORE"]), "NAME  X\nr1    a\n");
    }
}
