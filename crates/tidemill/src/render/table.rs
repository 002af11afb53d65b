//! Tables of text, as wide as the terminal at most.

use std::io::IsTerminal;

use comfy_table::{Cell, CellAlignment, ContentArrangement, presets};

/// Width of a table where there is no terminal to ask, in characters.
const WIDTH_WITHOUT_TERMINAL: u16 = 120;

/// A table that is printed at once. Cells that read as numbers stand to the right.
#[derive(Debug)]
pub struct Table {
    table: comfy_table::Table,
}

impl Table {
    /// A table with these column heads.
    pub fn new<H: AsRef<str>>(heads: impl IntoIterator<Item = H>) -> Table {
        let mut table = comfy_table::Table::new();
        table
            .load_preset(presets::UTF8_HORIZONTAL_ONLY)
            .set_content_arrangement(ContentArrangement::Dynamic);
        if !std::io::stdout().is_terminal() {
            table.set_width(WIDTH_WITHOUT_TERMINAL);
        }
        table.set_header(heads.into_iter().map(|head| Cell::new(head.as_ref())));
        Table { table }
    }

    /// Adds a row.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let cells = cells.into_iter().map(|cell| {
            let text = cell.as_ref();
            let alignment = if reads_as_number(text) {
                CellAlignment::Right
            } else {
                CellAlignment::Left
            };
            Cell::new(text).set_alignment(alignment)
        });
        self.table.add_row(cells);
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.table.fmt(f)
    }
}

fn reads_as_number(text: &str) -> bool {
    let bare = text.trim_end_matches([' ', '%']).replace(',', "");
    !bare.is_empty() && bare.parse::<f64>().is_ok()
}
