//! The README's `curl` examples answer as printed there.
//!
//! An example stands in a ```console block: a line `$ curl …` (which goes on in the next line after a `\`), then the
//! answer up to the next command, a line of dots or the block's end. `127.0.0.1:8080` stands for the server's address.
//! Blanks and line breaks do not matter; `…` in an answer stands for what varies: times, hashes, scores, or what is too
//! long to print.

use std::process::Command;
use std::sync::Arc;

use libtest_mimic::Trial;

use super::fixtures::{Fixtures, Served};
use super::needs::{Need, root, trial};

/// The address that the README prints.
const PRINTED_ADDRESS: &str = "127.0.0.1:8080";

pub fn trials(fixtures: &Arc<Fixtures>) -> Vec<Trial> {
    let fixtures = Arc::clone(fixtures);
    vec![
        trial("readme/curl_answers", &[Need::Program("curl")], move || {
            curl_answers(fixtures.small());
        }),
        trial("readme/answers_are_compared", &[], answers_are_compared),
    ]
}

/// A command line and the answer below it.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    command: String,
    answer: String,
}

fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let (mut inside, mut continues, mut ours) = (false, false, false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside && line.trim() == "```console";
            ours = false;
        } else if inside && continues {
            let example = examples.last_mut().expect("a command was begun");
            example.command.push('\n');
            example.command.push_str(line);
            continues = line.ends_with('\\');
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            ours = command.starts_with("curl ");
            if ours {
                examples.push(Example {
                    command: command.to_owned(),
                    answer: String::new(),
                });
                continues = command.ends_with('\\');
            }
        } else if inside && ours {
            let example = examples.last_mut().expect("an answer follows a command");
            example.answer.push_str(line);
            example.answer.push('\n');
        }
    }
    examples
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}

/// Whether `found` is what is printed, where `…` stands for anything.
fn matches(printed: &str, found: &str) -> bool {
    let (printed, found) = (without_blanks(printed), without_blanks(found));
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

fn curl_answers(served: &Served) {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    let examples = examples(&readme);
    assert!(
        !examples.is_empty(),
        "README.md has no `$ curl …` in a ```console block"
    );
    let address = served.server.url().replace("http://", "");
    for example in examples {
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
}

fn answers_are_compared() {
    for (printed, found, same) in [
        ("{\"a\": 1}", "{\"a\":1}\n", true),
        ("{\"a\": 1}", "{\"a\":2}", false),
        ("{\"a\": …}", "{\"a\":2}", true),
        ("{\"a\": …}", "{\"b\":2}", false),
        ("{\"a\": …, \"b\": 1}", "{\"a\":2,\"b\":1}", true),
        ("{\"a\": …, \"b\": 1}", "{\"a\":2,\"b\":2}", false),
        ("…", "anything", true),
        ("1", "12", false),
    ] {
        assert_eq!(matches(printed, found), same, "{printed} and {found}");
    }
    let text = "```console\n$ ls\na\n$ curl -s x \\\n    -d y\n{\n}\n```\n$ curl no\n";
    let found = examples(text);
    let expected = Example {
        command: "curl -s x \\\n    -d y".to_owned(),
        answer: "{\n}\n".to_owned(),
    };
    assert_eq!(found, [expected]);
}
