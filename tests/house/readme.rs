//! The README's `curl` examples answer as printed there.
//!
//! An example stands in a ```console block: a line `$ curl …`, which goes on in the next line after a `\` or inside quotes,
//! then the answer up to the next command or the block's end. The block before it holds the commands that make the
//! project and serve it; they are run as they stand. `127.0.0.1:8080` stands for the server's address. Blanks and line
//! breaks do not matter, nor does the value of `elapsed_ms`; `…` in an answer stands for anything.

use std::process::Command;

use libtest_mimic::Trial;

use super::binary::{Running, command};
use super::fixtures::Project;
use super::needs::{Need, root, trial};

/// The address that the README prints.
const PRINTED_ADDRESS: &str = "127.0.0.1:8080";
/// What serves the project; it runs until the examples are through.
const SERVE: &str = "tidemill up";

pub fn trials() -> Vec<Trial> {
    vec![
        trial("readme/curl_answers", &[Need::Program("curl")], curl_answers),
        trial("readme/answers_are_compared", &[], answers_are_compared),
    ]
}

/// A command line and the answer below it.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    command: String,
    answer: String,
}

/// The commands of each ```console block.
fn console_blocks(text: &str) -> Vec<Vec<Example>> {
    let mut blocks: Vec<Vec<Example>> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = !inside && line == "```console";
            if inside {
                blocks.push(Vec::new());
            }
            continue;
        }
        let Some(block) = blocks.last_mut().filter(|_| inside) else {
            continue;
        };
        match block.last_mut() {
            Some(example) if goes_on(&example.command) => {
                example.command.push('\n');
                example.command.push_str(line);
            }
            last => {
                if let Some(command) = line.strip_prefix("$ ") {
                    block.push(Example {
                        command: command.to_owned(),
                        answer: String::new(),
                    });
                } else if let Some(example) = last {
                    example.answer.push_str(line);
                    example.answer.push('\n');
                }
            }
        }
    }
    blocks
}

fn goes_on(command: &str) -> bool {
    let quote_open = command.matches('\'').count() % 2 == 1;
    quote_open || command.ends_with('\\')
}

/// What is compared: without blanks, and without how long it took.
fn comparable(text: &str) -> String {
    let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    let mut pieces = text.split("\"elapsed_ms\":");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        text + "\"elapsed_ms\":" + piece.trim_start_matches(|character: char| character.is_ascii_digit())
    })
}

/// Whether `found` is what is printed, where `…` stands for anything.
fn matches(printed: &str, found: &str) -> bool {
    let (printed, found) = (comparable(printed), comparable(found));
    let mut pieces = printed.split('…');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = found.strip_prefix(first) else {
        return false;
    };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, between)) = pieces.split_last() else {
        return rest.is_empty();
    };
    for piece in between {
        let Some((_, behind)) = rest.split_once(piece) else {
            return false;
        };
        rest = behind;
    }
    rest.ends_with(last)
}

/// Runs the commands that make the project, and serves it.
fn prepare(outside: &Project, commands: &[Example]) -> Running {
    let lines: Vec<&str> = commands.iter().map(|example| example.command.as_str()).collect();
    let (last, before) = lines.split_last().expect("commands come before the examples");
    assert_eq!(*last, SERVE, "the block before the examples ends by serving them");
    let name = lines[0]
        .strip_prefix("tidemill init ")
        .and_then(|rest| rest.split(' ').next());
    let name = name.unwrap_or_else(|| panic!("`{}` makes no project", lines[0]));
    // The shell finds the binary that is tested, and passes on its surroundings.
    let tidemill = command(outside.outside());
    let binary = std::path::Path::new(tidemill.get_program());
    let mut shell = Command::new("bash");
    shell.current_dir(outside.outside()).args(["-ec", &before.join("\n")]);
    for (name, value) in tidemill.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let folder = binary
        .parent()
        .expect("the binary lies in a folder")
        .as_os_str()
        .to_owned();
    let mut path = folder;
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let output = shell.env("PATH", path).output().expect("bash runs");
    assert!(
        output.status.success(),
        "{before:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Running::up(&outside.outside().join(name))
}

fn curl_answers() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    let blocks = console_blocks(&readme);
    let is_curl = |example: &Example| example.command.starts_with("curl ");
    let first = blocks.iter().position(|block| block.iter().any(is_curl));
    let first = first.expect("README.md has a ```console block with `$ curl …`");
    assert!(first > 0, "no block before the examples makes their project");
    let outside = Project::empty();
    let server = prepare(&outside, &blocks[first - 1]);
    let address = server.url().replace("http://", "");
    for example in blocks.iter().flatten().filter(|example| is_curl(example)) {
        assert!(
            !example.answer.trim().is_empty(),
            "no answer below `{}`",
            example.command
        );
        let command = example.command.replace(PRINTED_ADDRESS, &address);
        let output = Command::new("bash").args(["-c", &command]).output().expect("bash runs");
        let found = String::from_utf8_lossy(&output.stdout);
        assert!(
            matches(&example.answer, &found.replace(&address, PRINTED_ADDRESS)),
            "`{}` answers\n{found}{}\nand README.md prints\n{}",
            example.command,
            String::from_utf8_lossy(&output.stderr),
            example.answer
        );
    }
    server.stop();
}

fn answers_are_compared() {
    for (printed, found, same) in [
        ("{\"a\": 1}", "{\"a\":1}\n", true),
        ("{\"a\": 1}", "{\"a\":2}", false),
        ("{\"a\": …}", "{\"a\":2}", true),
        ("{\"a\": …}", "{\"b\":2}", false),
        ("{\"a\": …, \"b\": 1}", "{\"a\":2,\"b\":1}", true),
        ("{\"a\": …, \"b\": 1}", "{\"a\":2,\"b\":2}", false),
        ("{\"elapsed_ms\": 1, \"b\": 1}", "{\"elapsed_ms\":25,\"b\":1}", true),
        ("{\"elapsed_ms\": 1, \"b\": 1}", "{\"elapsed_ms\":25,\"b\":2}", false),
        ("…", "anything", true),
        ("1", "12", false),
    ] {
        assert_eq!(matches(printed, found), same, "{printed} and {found}");
    }
    let text =
        "```console\n$ tidemill up\n```\n```console\n$ curl x \\\n  -d 'y\nz'\n{\n}\n\n$ curl y\n1\n```\n$ curl no\n";
    let example = |command: &str, answer: &str| Example {
        command: command.to_owned(),
        answer: answer.to_owned(),
    };
    let expected = [
        vec![example("tidemill up", "")],
        vec![example("curl x \\\n  -d 'y\nz'", "{\n}\n\n"), example("curl y", "1\n")],
    ];
    assert_eq!(console_blocks(text), expected);
}
