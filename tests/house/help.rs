//! Every command's help has examples, and a mistyped command is told what was meant.

use libtest_mimic::Trial;

use super::binary::say;
use super::needs::trial;

const COMMANDS: [&str; 26] = [
    "init",
    "validate",
    "config",
    "up",
    "broker",
    "simulate",
    "replay",
    "sql",
    "features",
    "check",
    "train",
    "runs",
    "models",
    "deploy",
    "rollback",
    "predict",
    "predictions",
    "drift",
    "performance",
    "monitors",
    "triggers",
    "clock",
    "dead-letters",
    "ingest",
    "status",
    "demo",
];

pub fn trials() -> Vec<Trial> {
    vec![
        trial("help/has_examples", &[], has_examples),
        trial("help/lists_every_command", &[], lists_every_command),
        trial("help/wrong_use_ends_with_2", &[], wrong_use_ends_with_2),
    ]
}

fn has_examples() {
    let here = std::env::temp_dir();
    for command in COMMANDS {
        let help = say(&here, &[command, "--help"]).ok().out();
        let (_, examples) = help
            .split_once("Examples:")
            .unwrap_or_else(|| panic!("`tidemill {command} --help` has no examples\n{help}"));
        assert!(
            examples.contains(&format!("tidemill {command}")),
            "the examples of `{command}` do not show it\n{examples}"
        );
    }
}

fn lists_every_command() {
    let help = say(&std::env::temp_dir(), &["--help"]).ok().out();
    let listed: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // What a command does can go on in a second line, which stands deeper.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(listed, COMMANDS, "{help}");
}

fn wrong_use_ends_with_2() {
    for args in [
        &["frob"][..],
        &["train"],
        &["predict", "fraud"],
        &["replay", "x.parquet"],
        &["--set"],
    ] {
        let said = say(&std::env::temp_dir(), args).ends(2);
        assert!(said.err.starts_with("error: "), "{}", said.err);
    }
}
