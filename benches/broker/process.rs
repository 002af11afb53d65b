//! The broker in a process of its own, and the CPU time that a process has used.

use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use tidemill_broker::{Broker, BrokerSettings};

/// Names the folder to serve, in the child's environment.
const SERVE: &str = "TIDEMILL_BENCH_SERVE";
/// Ticks of `/proc/PID/stat` in a second: the same on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;
/// Where `/proc/PID/stat` has the ticks in user and in kernel mode, counted after the name.
const USER_AT: usize = 11;
const KERNEL_AT: usize = 12;

/// A running broker: ours, or the one that the environment names.
pub struct BrokerProcess {
    address: String,
    pid: u32,
    /// Ours, with its folder.
    own: Option<(Child, tempfile::TempDir)>,
}

/// Serves a folder until the parent is gone, if this process was started for that.
pub fn serve_if_asked() -> Result<bool, Box<dyn Error>> {
    let Some(dir) = std::env::var_os(SERVE) else {
        return Ok(false);
    };
    tokio::runtime::Runtime::new()?.block_on(async {
        let settings = BrokerSettings {
            dir: dir.into(),
            port: Some(0),
            ..BrokerSettings::default()
        };
        let broker = Broker::start(settings).await?;
        println!("{}", broker.address());
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        broker.shutdown().await?;
        Ok(true)
    })
}

impl BrokerProcess {
    /// Starts our broker, unless `KAFKA_BOOTSTRAP` and `KAFKA_PID` name another.
    pub fn start() -> Result<BrokerProcess, Box<dyn Error>> {
        if let (Ok(address), Ok(pid)) = (std::env::var("KAFKA_BOOTSTRAP"), std::env::var("KAFKA_PID")) {
            return Ok(BrokerProcess {
                address,
                pid: pid.parse()?,
                own: None,
            });
        }
        let dir = tempfile::tempdir()?;
        let mut child = Command::new(std::env::current_exe()?)
            .env(SERVE, dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        let stdout = child.stdout.take().ok_or("the broker has no output")?;
        BufReader::new(stdout).read_line(&mut address)?;
        Ok(BrokerProcess {
            address: address.trim().to_owned(),
            pid: child.id(),
            own: Some((child, dir)),
        })
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }
}

impl Drop for BrokerProcess {
    fn drop(&mut self) {
        if let Some((child, _dir)) = &mut self.own {
            // Its input ends, and so does it.
            drop(child.stdin.take());
            if let Err(error) = child.wait() {
                eprintln!("the broker did not end: {error}");
            }
        }
    }
}

/// Seconds of CPU time that a process has used, in all its threads, in user and kernel mode.
pub fn cpu_seconds(pid: u32) -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold spaces; the fields are counted after it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| -> Result<f64, Box<dyn Error>> { Ok(fields.get(at).ok_or("no CPU time")?.parse()?) };
    Ok((ticks(USER_AT)? + ticks(KERNEL_AT)?) / TICKS_PER_SECOND)
}
