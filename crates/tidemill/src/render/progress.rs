//! Progress on standard error: bars where the length is known, a spinner where it is not, nothing where nobody looks.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(100);

/// One long piece of work. Hidden where standard error is no terminal or the user wants it quiet.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Work of a known length, counted in `unit`.
    pub fn bar(quiet: bool, what: &str, unit: &str, length: u64) -> Progress {
        let bar = if visible(quiet) {
            ProgressBar::new(length)
        } else {
            ProgressBar::hidden()
        };
        let template =
            format!("{{prefix}} {{bar:30}} {{human_pos}}/{{human_len}} {unit} {{per_sec:.dim}} {{eta:.dim}} {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_prefix(what.to_owned());
        Progress { bar }
    }

    /// Work of unknown length.
    pub fn spinner(quiet: bool, what: &str) -> Progress {
        let bar = if visible(quiet) {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        if visible(quiet) {
            bar.enable_steady_tick(TICK);
        }
        bar.set_message(what.to_owned());
        Progress { bar }
    }

    /// How much is done.
    pub fn set(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// What is done right now.
    pub fn say(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
    }

    /// Takes it off the screen while something else is printed.
    pub fn hide_while(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Takes it off the screen.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn visible(quiet: bool) -> bool {
    !quiet && std::io::stderr().is_terminal()
}
