//! Tables of text, as wide as the terminal at most.

use std::fmt;
use std::io::IsTerminal;

use comfy_table::{Cell, CellAlignment, ContentArrangement, TableComponent, presets};

/// Width of a table where there is no terminal to ask, in characters.
const WIDTH_WITHOUT_TERMINAL: u16 = 140;

/// A table that is printed at once. A column whose cells all read as numbers stands to the right.
#[derive(Debug)]
pub struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column heads.
    pub fn new<H: AsRef<str>>(heads: impl IntoIterator<Item = H>) -> Table {
        let heads = heads.into_iter().map(|head| head.as_ref().to_owned());
        Table {
            heads: heads.collect(),
            rows: Vec::new(),
        }
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
            .set_content_arrangement(ContentArrangement::Dynamic);
        for component in [TableComponent::HeaderLines, TableComponent::MiddleHeaderIntersections] {
            table.set_style(component, '─');
        }
        if !std::io::stdout().is_terminal() {
            table.set_width(WIDTH_WITHOUT_TERMINAL);
        }
        let alignments: Vec<CellAlignment> = (0..self.heads.len()).map(|column| self.alignment(column)).collect();
        let aligned = |row: &[String]| -> Vec<Cell> {
            row.iter()
                .zip(&alignments)
                .map(|(cell, alignment)| Cell::new(cell).set_alignment(*alignment))
                .collect()
        };
        table.set_header(aligned(&self.heads));
        for row in &self.rows {
            table.add_row(aligned(row));
        }
        // Trailing blanks would be the only difference between two outputs that read the same.
        let text: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        f.write_str(&text.join("\n"))
    }
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
             model       rows    share
            ───────────────────────────
             a      1,754,155   0.84 %
             bc             7"]]
        .assert_eq(&format!("\n{table}"));
    }
}
