//! Tables of text, as wide as the terminal at most.

use std::fmt;
use std::io::IsTerminal;

use comfy_table::{Cell, CellAlignment, ContentArrangement, TableComponent, presets};

/// What stands around a cell, in characters.
const COLUMN_PADDING: usize = 3;
/// The column that says that there are more, in characters.
const MORE_WIDTH: usize = 3;

/// A table that is printed at once. A column whose cells all read as numbers stands to the right.
#[derive(Debug)]
pub struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
    /// What shows the columns that do not fit.
    rest_by: &'static str,
}

impl Table {
    /// A table with these column heads.
    pub fn new<H: AsRef<str>>(heads: impl IntoIterator<Item = H>) -> Table {
        let heads = heads.into_iter().map(|head| head.as_ref().to_owned());
        Table {
            heads: heads.collect(),
            rows: Vec::new(),
            rest_by: "--json",
        }
    }

    /// Says what shows the columns that do not fit, beside a wider terminal; by default `--json`.
    pub fn rest_shown_by(self, rest_by: &'static str) -> Table {
        Table { rest_by, ..self }
    }

    /// Adds a row.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows
            .push(cells.into_iter().map(|cell| cell.as_ref().to_owned()).collect());
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The columns that fit into so many characters: all, or the first ones.
    fn columns_within(&self, width: usize) -> Vec<usize> {
        let of_column = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            widest.max(self.heads[column].chars().count()) + COLUMN_PADDING
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(of_column).collect();
        if widths.iter().sum::<usize>() <= width {
            return (0..self.heads.len()).collect();
        }
        let mut used = MORE_WIDTH;
        let mut fits = |column_width: &&usize| {
            used += **column_width;
            used <= width
        };
        let count = widths.iter().take_while(|width| fits(width)).count().max(1);
        (0..count).collect()
    }

    fn alignment(&self, column: usize) -> CellAlignment {
        let mut cells = self
            .rows
            .iter()
            .filter_map(|row| row.get(column))
            .filter(|cell| !cell.is_empty())
            .peekable();
        if cells.peek().is_some() && cells.all(|cell| reads_as_number(cell)) {
            CellAlignment::Right
        } else {
            CellAlignment::Left
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = comfy_table::Table::new();
        table
            .load_preset(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        for component in [TableComponent::HeaderLines, TableComponent::MiddleHeaderIntersections] {
            table.set_style(component, '─');
        }
        // Numbers and ids are never broken over lines: what does not fit is left out as a whole column. Whoever reads the
        // text with a program gets all of it.
        // A terminal that does not know its width says that it has none.
        let width = table
            .width()
            .filter(|width| *width > 0 && std::io::stdout().is_terminal());
        let shown = match width {
            Some(width) => self.columns_within(usize::from(width)),
            None => (0..self.heads.len()).collect(),
        };
        let left_out = self.heads.len() - shown.len();
        let cells = |row: &[String]| -> Vec<Cell> {
            let mut cells: Vec<Cell> = shown
                .iter()
                .map(|column| {
                    let text = row.get(*column).map_or("", String::as_str);
                    Cell::new(text).set_alignment(self.alignment(*column))
                })
                .collect();
            if left_out > 0 {
                cells.push(Cell::new("…"));
            }
            cells
        };
        table.set_header(cells(&self.heads));
        for row in &self.rows {
            table.add_row(cells(row));
        }
        // Trailing blanks would be the only difference between two outputs that read the same.
        let mut text: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        if left_out > 0 {
            let columns = if left_out == 1 { "column" } else { "columns" };
            text.push(format!(
                " … {left_out} more {columns}; a wider terminal or {} shows them",
                self.rest_by
            ));
        }
        f.write_str(&text.join("\n"))
    }
}

/// Characters of a line of the terminal; what a file gets fits one of the usual width.
pub fn terminal_width() -> usize {
    const USUAL: usize = 80;
    let width = comfy_table::Table::new()
        .width()
        .filter(|width| *width > 0 && std::io::stdout().is_terminal());
    width.map_or(USUAL, usize::from)
}

fn reads_as_number(text: &str) -> bool {
    let bare = text.trim_end_matches([' ', '%']).replace(',', "");
    bare == "–" || (!bare.is_empty() && bare.parse::<f64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_of_their_column() {
        let mut table = Table::new(["model", "rows", "share"]);
        table.row(["a", "1,754,155", "0.84 %"]);
        table.row(["bc", "7", ""]);
        expect_test::expect![[r"
             model        rows    share
            ────────────────────────────
             a       1,754,155   0.84 %
             bc              7"]]
        .assert_eq(&table.to_string());
        assert_eq!(table.columns_within(29), [0, 1, 2]);
        assert_eq!(table.columns_within(28), [0, 1]);
        assert_eq!(table.columns_within(5), [0]);
    }
}
