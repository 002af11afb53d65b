//! What a trial needs beside the binary, and the reason that is given when it is not there.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Trial};

/// Something that not every machine has.
#[derive(Debug, Clone, Copy)]
pub enum Need {
    /// The published data sets.
    SharedData,
    /// A program on the path.
    Program(&'static str),
    /// Leave to fetch clients and servers from PyPI.
    Clients,
    /// Leave to start Apache Kafka, which is fetched on first use.
    Kafka,
}

impl Need {
    /// Why the trial cannot run, if it cannot.
    fn missing(self) -> Option<String> {
        match self {
            Need::SharedData => {
                let folder = shared_data();
                let there = folder.join("fraud_transactions.parquet").is_file();
                (!there).then(|| format!("no shared data in {} (TIDEMILL_SHARED)", folder.display()))
            }
            Need::Program(name) => {
                let found = Command::new("sh")
                    .args(["-c", &format!("command -v {name}")])
                    .stdout(Stdio::null())
                    .status();
                (!found.is_ok_and(|status| status.success())).then(|| format!("`{name}` is not installed"))
            }
            Need::Clients => {
                let wanted = std::env::var("TIDEMILL_TEST_CLIENTS").is_ok_and(|value| value == "1");
                (!wanted).then(|| "clients and servers of others are fetched with TIDEMILL_TEST_CLIENTS=1".to_owned())
            }
            Need::Kafka => {
                let wanted = std::env::var("TIDEMILL_TEST_KAFKA").is_ok_and(|value| value == "1");
                (!wanted).then(|| "Apache Kafka is started with TIDEMILL_TEST_KAFKA=1".to_owned())
            }
        }
    }
}

/// A trial that runs where everything it needs is there, and is reported as ignored with the reason elsewhere.
pub fn trial(name: impl Into<String>, needs: &'static [Need], run: impl FnOnce() + Send + 'static) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Some(reason) = needs.iter().find_map(|need| need.missing()) {
            return Ok(Completion::ignored_with(reason));
        }
        run();
        Ok(Completion::Completed)
    })
}

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the crate lies two folders below the root")
}

/// The folder of the published data sets.
pub fn shared_data() -> PathBuf {
    let shared = std::env::var_os("TIDEMILL_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    shared.join("data")
}
