//! The whole house, asked from outside: every trial runs the built binary as a user would, in a folder and on ports of
//! its own.
//!
//! What a trial lacks (the shared data, a server, a client) is named in its result, and the trial is counted as ignored.
//! Nothing here sleeps to let time pass: what a trial waits for, it asks for. Projects that several trials read are made
//! once, by the first that needs them.
//!
//! | variable | what it does |
//! |---|---|
//! | `TIDEMILL_SHARED` | the folder with the shared data; by default `../shared` beside the repository |
//! | `TIDEMILL_TEST_CLIENTS` | `1` runs the trials with clients and servers from PyPI too, which are fetched once |
//! | `TIDEMILL_TEST_KAFKA` | `1` runs the trials against Apache Kafka too, which is fetched once |
//! | `TIDEMILL_TEST_KILLS` | how often the loop is killed on its way; 3 by default |
//! | `TIDEMILL_TEST_SEED` | where those kills fall |

mod answers;
mod audit;
mod binary;
mod broken;
mod clients;
mod closed_loop;
mod data;
mod dead_letters;
mod deployments;
mod drift;
mod embedding;
mod fixtures;
mod fraud;
mod help;
mod http;
mod init;
mod kafka;
mod kills;
mod learning;
mod monitoring;
mod needs;
mod predictions;
mod prompt;
mod readme;
mod refusals;
mod s3;
mod same_answers;
mod scheduled;
mod settings;

use std::process::ExitCode;
use std::sync::Arc;

use fixtures::Fixtures;
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let fixtures = Arc::new(Fixtures::default());
    let mut trials = Vec::new();
    trials.extend(help::trials());
    trials.extend(init::trials());
    trials.extend(broken::trials());
    trials.extend(settings::trials());
    trials.extend(answers::trials(&fixtures));
    trials.extend(prompt::trials());
    trials.extend(dead_letters::trials());
    trials.extend(audit::trials());
    trials.extend(s3::trials());
    trials.extend(learning::trials(&fixtures));
    trials.extend(deployments::trials());
    trials.extend(predictions::trials());
    trials.extend(drift::trials(&fixtures));
    trials.extend(same_answers::trials());
    trials.extend(scheduled::trials());
    trials.extend(monitoring::trials());
    trials.extend(refusals::trials(&fixtures));
    trials.extend(readme::trials());
    trials.extend(embedding::trials());
    trials.extend(fraud::trials(&fixtures));
    trials.extend(kills::trials());
    trials.extend(closed_loop::trials());
    trials.extend(clients::trials());
    trials.extend(kafka::trials());
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Servers of the fixtures are children: they end with this value, not with the process.
    drop(fixtures);
    conclusion.exit_code()
}
