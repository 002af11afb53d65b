//! Projects that several trials read: made once, by the first that needs them, and served until all are through.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use super::binary::{Running, say};
use super::needs::shared_data;

/// What the small project simulates: enough days for a training set with features of 30 days behind it.
pub const SIMULATED: [&str; 8] = [
    "simulate",
    "--days",
    "50",
    "--customers",
    "500",
    "--terminals",
    "1000",
    "--json",
];
/// All algorithms, the simplest first: version 1 to 4 of the small project.
pub const ALGORITHMS: [&str; 4] = ["logistic_regression", "decision_tree", "random_forest", "xgboost"];

/// The shared projects.
#[derive(Debug, Default)]
pub struct Fixtures {
    small: OnceLock<Served>,
    fraud: OnceLock<Served>,
}

/// A project behind a running server.
#[derive(Debug)]
pub struct Served {
    /// Ends before its folder goes.
    pub server: Running,
    /// The folder.
    pub project: Project,
}

/// A project in a folder of its own.
#[derive(Debug)]
pub struct Project {
    temp: TempDir,
}

impl Project {
    /// A copy of the flagship project.
    pub fn init() -> Project {
        let project = Project::empty();
        say(project.temp.path(), &["init", "fraud"]).ok();
        project
    }

    /// The same, with the small simulation landed.
    pub fn simulated() -> Project {
        let project = Project::init();
        say(&project.dir(), &SIMULATED).ok();
        project
    }

    /// A folder that can take a project.
    pub fn empty() -> Project {
        Project {
            temp: tempfile::tempdir().expect("a temporary folder can be made"),
        }
    }

    /// The project's folder.
    pub fn dir(&self) -> PathBuf {
        self.temp.path().join("fraud")
    }

    /// The folder around it.
    pub fn outside(&self) -> &Path {
        self.temp.path()
    }

    /// Changes a file of the project by replacing one text, which must be there.
    #[track_caller]
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.dir().join(file);
        let text = std::fs::read_to_string(&path).expect("the file is there");
        assert!(text.contains(from), "`{file}` has no `{from}`");
        std::fs::write(path, text.replacen(from, to, 1)).expect("the file can be written");
    }

    /// Writes a file of the project.
    pub fn write(&self, file: &str, text: &str) {
        let path = self.dir().join(file);
        let folder = path.parent().expect("a file lies in a folder");
        std::fs::create_dir_all(folder).expect("the folder can be made");
        std::fs::write(path, text).expect("the file can be written");
    }
}

impl Fixtures {
    /// The small simulation, landed; four algorithms trained, version 3 deployed and then version 4.
    pub fn small(&self) -> &Served {
        self.small.get_or_init(|| {
            let project = Project::simulated();
            let dir = project.dir();
            let server = Running::up(&dir);
            say(&dir, &["train", "fraud", "--algorithm", &ALGORITHMS.join(",")]).ok();
            say(&dir, &["deploy", "fraud", "3"]).ok();
            say(&dir, &["deploy", "fraud", "4"]).ok();
            Served { server, project }
        })
    }

    /// The published transactions, landed by a replay that was the whole house, and served by the next process.
    pub fn fraud(&self) -> &Served {
        self.fraud.get_or_init(|| {
            let project = Project::init();
            let dir = project.dir();
            say(&dir, &replay_args(&fraud_file())).ok();
            Served {
                // Views over all of it take longer than a query may on a machine that is busy, and the published rows are more than it returns.
                server: Running::start(
                    &dir,
                    &[
                        "--json",
                        "up",
                        "--set",
                        "clock.run=false",
                        "--set",
                        "engine.query_timeout=5m",
                        "--set",
                        "engine.query_rows=20000",
                    ],
                ),
                project,
            }
        })
    }
}

/// The published transactions.
pub fn fraud_file() -> String {
    shared_data().join("fraud_transactions.parquet").display().to_string()
}

/// `tidemill replay` of the published transactions.
pub fn replay_args(file: &str) -> [&str; 6] {
    [
        "replay",
        file,
        "--stream",
        "transactions",
        "--also",
        "labels=TRANSACTION_ID,TX_FRAUD@7d",
    ]
}
