//! Plain tables: a name, and figures flush right.

use std::fmt;

/// Rows under a title and a head, as wide as they need to be.
#[derive(Clone, Debug)]
pub struct Table {
    title: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Returns a table without rows. The first column has no name.
    pub fn new(title: &str, columns: &[&str]) -> Self {
        let mut head = vec![String::new()];
        head.extend(columns.iter().map(|&column| column.to_owned()));
        Self {
            title: title.to_owned(),
            head,
            rows: Vec::new(),
        }
    }

    /// Appends a row of a name and one cell per column.
    pub fn row(&mut self, name: &str, cells: &[String]) {
        debug_assert_eq!(cells.len() + 1, self.head.len());
        let mut row = vec![name.to_owned()];
        row.extend_from_slice(cells);
        self.rows.push(row);
    }

    /// Returns the width of a column.
    fn width(&self, column: usize) -> usize {
        let rows = self.rows.iter().chain([&self.head]);
        rows.map(|row| row[column].chars().count()).max().unwrap_or(0)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        let widths: Vec<usize> = (0..self.head.len()).map(|column| self.width(column)).collect();
        // Without names of columns, there is no head.
        let head = Some(&self.head).filter(|head| head.iter().any(|name| !name.is_empty()));
        for row in head.into_iter().chain(&self.rows) {
            write!(f, "  {:<width$}", row[0], width = widths[0])?;
            for (cell, &width) in row.iter().zip(&widths).skip(1) {
                write!(f, "  {cell:>width$}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Returns `number` with a comma before each three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_flush_right_under_their_heads() {
        let mut table = Table::new("Times", &["median", "n"]);
        table.row("a", &["1.5 ns".into(), "12,345".into()]);
        table.row("long name", &["10.25 ns".into(), "1".into()]);
        let expected = "\
Times
               median       n
  a            1.5 ns  12,345
  long name  10.25 ns       1
";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn groups_have_three_digits() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (number, expected) in cases {
            assert_eq!(grouped(number), expected);
        }
    }
}
