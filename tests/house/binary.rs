//! The binary as a child process: run to its end, or left running until it is told to stop.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest wait for anything that a trial waits for.
const WAIT_MAX: Duration = Duration::from_mins(2);
/// Between two times of asking.
const ASK_INTERVAL: Duration = Duration::from_millis(20);

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    args: String,
    /// Its exit code.
    pub code: i32,
    /// Its standard output, byte by byte.
    pub bytes: Vec<u8>,
    /// Its standard error.
    pub err: String,
}

impl Said {
    /// Holds that the command ended well.
    #[track_caller]
    pub fn ok(self) -> Said {
        self.ends(0)
    }

    /// Holds that the command ended with this exit code.
    #[track_caller]
    pub fn ends(self, code: i32) -> Said {
        let (args, found) = (&self.args, self.code);
        assert!(
            found == code,
            "`tidemill {args}` ended with {found}, not {code}\n{}{}",
            self.out(),
            self.err
        );
        self
    }

    /// Its standard output.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Its standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("`tidemill {}` printed no JSON: {error}\n{}", self.args, self.out()))
    }
}

/// A command in a folder, with ports of its own and none of this process's settings.
pub fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TIDEMILL_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(dir)
        .env("TIDEMILL_BROKER__PORT", "0")
        .env("TIDEMILL_SERVER__ADDRESS", "127.0.0.1:0")
        .env("TIDEMILL_LOG", "error");
    command
}

/// Runs `tidemill ARGS` in `dir`.
pub fn say(dir: &Path, args: &[&str]) -> Said {
    finish(command(dir), args, "")
}

/// Runs `tidemill ARGS` in `dir` with this standard input.
pub fn say_with_input(dir: &Path, args: &[&str], input: &str) -> Said {
    finish(command(dir), args, input)
}

/// Runs a prepared command.
pub fn finish(mut command: Command, args: &[&str], input: &str) -> Said {
    let mut child = command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("standard input is piped");
    // A command that does not read its input may be gone by now.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("the binary ends");
    Said {
        args: args.join(" ").chars().take(200).collect(),
        code: output.status.code().unwrap_or(-1),
        bytes: output.stdout,
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Asks again until the answer is there.
#[track_caller]
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < WAIT_MAX, "waited {WAIT_MAX:?} for {what}");
        std::thread::park_timeout(ASK_INTERVAL);
    }
}

/// A child that runs until it is told to stop, or until this value is gone.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: PathBuf,
    /// What it printed first, as JSON.
    pub announced: Value,
}

impl Running {
    /// Runs `tidemill ARGS` in `dir` and waits for its first line, which must be JSON.
    #[track_caller]
    pub fn start(dir: &Path, args: &[&str]) -> Running {
        let mut running = Running::spawn(dir, args);
        let stdout = running.child.stdout.take().expect("standard output is piped");
        let mut first = String::new();
        BufReader::new(stdout)
            .read_line(&mut first)
            .expect("standard output can be read");
        running.announced = serde_json::from_str(&first)
            .unwrap_or_else(|_| panic!("`tidemill {}` said `{first}`\n{}", args.join(" "), running.log()));
        running
    }

    /// Runs `tidemill ARGS` in `dir` and waits for nothing.
    pub fn spawn(dir: &Path, args: &[&str]) -> Running {
        let log = tempfile::Builder::new()
            .prefix("tidemill-log-")
            .tempfile()
            .and_then(|file| file.keep().map_err(Into::into))
            .expect("a log can be made");
        let child = command(dir)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log.1).expect("the log can be written"))
            .spawn()
            .expect("the binary starts");
        Running {
            child,
            log: log.1,
            announced: Value::Null,
        }
    }

    /// `tidemill up` in `dir`, without the event clock: versions and deployments are what a trial makes them.
    #[track_caller]
    pub fn up(dir: &Path) -> Running {
        Running::start(dir, &["--json", "up", "--set", "clock.run=false"])
    }

    /// `http://` and the server's address.
    #[track_caller]
    pub fn url(&self) -> String {
        format!("http://{}", self.text("address"))
    }

    /// The broker's address.
    #[track_caller]
    pub fn bootstrap(&self) -> String {
        self.text("bootstrap")
    }

    #[track_caller]
    fn text(&self, key: &str) -> String {
        let text = self.announced[key].as_str();
        text.unwrap_or_else(|| panic!("{} has no `{key}`", self.announced))
            .to_owned()
    }

    /// What it wrote to standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// SIGSTOP: it stands still and keeps what it holds.
    #[track_caller]
    pub fn suspend(&self) {
        self.signal("-STOP");
    }

    #[track_caller]
    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "{signal} was not sent");
    }

    /// SIGKILL, as when the machine runs out of memory.
    pub fn kill(mut self) {
        self.child.kill().expect("a child can be killed");
    }

    /// SIGTERM, as an operating system stops a service; holds that it ends well.
    #[track_caller]
    pub fn stop(mut self) {
        self.signal("-TERM");
        let status = wait_for("the end after SIGTERM", || self.ended());
        assert!(status.success(), "{status} after SIGTERM\n{}", self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail for a child that has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.log);
    }
}
