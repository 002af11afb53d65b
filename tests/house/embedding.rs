//! The page that docs/embedding.md shows runs: tidemill inside another program.

use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::expect;
use libtest_mimic::{Completion, Trial};

use super::binary::{finish, say};
use super::needs::root;

pub fn trials() -> Vec<Trial> {
    vec![Trial::ignorable_test("embedding/the_page_runs", || Ok(the_page_runs()))]
}

/// Cargo puts examples beside the binaries, in a folder of their own; `cargo test --workspace` builds both.
fn example() -> Option<PathBuf> {
    let example = Path::new(env!("CARGO_BIN_EXE_tidemill"))
        .with_file_name("examples")
        .join("embed");
    example.is_file().then_some(example)
}

fn the_page_runs() -> Completion {
    let Some(example) = example() else {
        return Completion::ignored_with("`cargo build -p tidemill --example embed` makes it");
    };
    let temp = tempfile::tempdir().expect("a temporary folder can be made");
    let project = temp.path().join("machines");
    copy(&root().join("examples/embed"), &project);
    let mut command = Command::new(example);
    command.arg(&project).current_dir(temp.path());
    let said = finish(command, &[], "").ok();
    expect![[r#"
        m06: 100.0 °C
        m17: 100.0 °C
        m07: 100.0 °C
        by version 1: hot 0.985, calm 0.000
        learnt from 2024-10-09T00:00:00Z to 2024-10-16T00:00:00Z and then from 2024-10-16T00:00:00Z to 2024-10-23T00:00:00Z
    "#]]
    .assert_eq(&said.out());
    // What the program left is a project like any other.
    let versions = say(
        &project,
        &["sql", "-f", "csv", "select count(*) as n from model_versions"],
    )
    .ok();
    assert_eq!(versions.out(), "n\n2\n");
    Completion::Completed
}

/// Copies a project, without the state of whoever ran it in its own folder.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("the example is there").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_file() {
            std::fs::copy(entry.path(), target).expect("a file can be copied");
        } else if entry.file_name() != ".tidemill" {
            copy(&entry.path(), &target);
        }
    }
}
