//! The prompt of `tidemill sql`, in a terminal that `script` makes: what is typed is answered, and a mistake ends nothing.

use std::process::Command;

use libtest_mimic::Trial;

use super::binary::{Running, command, finish};
use super::fixtures::Project;
use super::needs::{Need, trial};

const TYPED: &str = r"\d labels
select count(*) as payments,
  sum(TX_FRAUD) >= 0 as counted
from labels;
select nope from labels;
\nope
\timing off
\x
select 'a;b' as text, 2 as two; select 3 as three;
\format csv
select 4 as four;
\q
";

pub fn trials() -> Vec<Trial> {
    let needs: &[Need] = &[Need::Program("script")];
    vec![trial("sql/prompt", needs, answers_what_is_typed)]
}

fn answers_what_is_typed() {
    let project = Project::simulated();
    let alone = typed(&project);
    let up = Running::up(&project.dir());
    let beside = typed(&project);
    up.stop();
    for said in [&alone, &beside] {
        for line in [
            "labels (stream): What a payment turned out to be. Sent when that is known: seven days after the payment.",
            " TX_FRAUD            Int32",
            " payments   counted",
            "    47939   true",
            "error: there is no column `nope`",
            "error: there is no `\\nope`",
            "hint: \\? lists what there is",
            "─ row 1 ───",
            " text   a;b",
            " three   3",
            "four",
            "4",
        ] {
            let mut lines = said
                .lines()
                .map(|found| found.trim_start_matches("tidemill> ").trim_end());
            assert!(lines.any(|found| found == line), "no `{line}` in\n{said}");
        }
    }
    // The statement over three lines is one entry of the history, and both prompts wrote the same.
    let history = std::fs::read_to_string(project.dir().join(".tidemill/sql_history")).expect("it was kept");
    let kept = history
        .lines()
        .filter(|line| line.starts_with("select count(*) as payments"))
        .count();
    assert_eq!(kept, 2, "{history}");
}

/// What stands on the terminal after all was typed.
fn typed(project: &Project) -> String {
    let inner = command(&project.dir());
    let program = inner.get_program().to_string_lossy().into_owned();
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &format!("{program} sql"), "/dev/null"]);
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => terminal.env(name, value),
            None => terminal.env_remove(name),
        };
    }
    // A terminal that moves no cursor prints each line once.
    terminal.current_dir(project.dir()).env("TERM", "dumb");
    finish(terminal, &[], TYPED).ok().out()
}
