//! A table in Markdown.

use std::fmt;

/// What stands where there is no figure.
const MISSING: &str = "-";

/// Rows of cells under a heading; all but the first column are aligned to the right.
#[derive(Clone, Debug)]
pub struct Table {
    columns: usize,
    text: String,
}

impl Table {
    /// Returns a table without rows.
    pub fn new<S: AsRef<str>>(heading: impl IntoIterator<Item = S>) -> Self {
        let mut table = Self {
            columns: 0,
            text: String::new(),
        };
        let heading: Vec<String> = heading.into_iter().map(|cell| cell.as_ref().to_owned()).collect();
        table.columns = heading.len();
        table.push(&heading);
        table.text += "|---|";
        table.text += &"---:|".repeat(table.columns - 1);
        table.text.push('\n');
        table
    }

    /// Appends a row.
    ///
    /// # Panics
    ///
    /// It has not as many cells as the heading.
    pub fn row(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        let row: Vec<String> = core::iter::once(name.to_owned()).chain(cells).collect();
        assert_eq!(row.len(), self.columns, "a row of {name}");
        self.push(&row);
    }

    fn push(&mut self, cells: &[String]) {
        self.text += &format!("| {} |\n", cells.join(" | "));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns a figure with so many decimals, or what stands where there is none.
pub fn cell(figure: Option<f64>, decimals: usize) -> String {
    figure.map_or_else(|| MISSING.to_owned(), |figure| format!("{figure:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_markdown_and_what_is_missing_is_a_dash() {
        let mut table = Table::new(["load", "ours", "theirs"]);
        table.row("boot", [cell(Some(0.7), 2), cell(None, 2)]);
        assert_eq!(
            table.to_string(),
            "| load | ours | theirs |\n|---|---:|---:|\n| boot | 0.70 | - |\n"
        );
    }
}
