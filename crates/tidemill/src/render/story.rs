//! A story told as it happens: chapters, sentences, and the SQL to look closer.

use std::io::Write;

use super::Table;

/// Tells on standard output, line by line.
#[derive(Debug, Default)]
pub struct Story {
    chapter: usize,
}

impl Story {
    /// A new story.
    pub fn new() -> Story {
        Story::default()
    }

    /// Opens a chapter.
    pub fn chapter(&mut self, title: &str) {
        self.chapter += 1;
        Self::print(&format!("\n{}. {title}\n", self.chapter));
    }

    /// A sentence.
    pub fn say(text: impl AsRef<str>) {
        Self::print(&format!("   {}\n", text.as_ref()));
    }

    /// A command to look closer with.
    pub fn look(command: &str) {
        Self::print(&format!("   ▸ {command}\n"));
    }

    /// A table, indented.
    pub fn table(table: &Table) {
        for line in table.to_string().lines() {
            Self::print(&format!(
                "   {line}
"
            ));
        }
    }

    fn print(text: &str) {
        let mut out = std::io::stdout().lock();
        // A reader that went away is no reason to stop the work.
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    }
}
