//! What work costs.

use std::ops::{Add, AddAssign, Sub};
use std::time::{Duration, Instant};

/// Ticks per second of the CPU times in `/proc` (`USER_HZ`, the same on every Linux: see `proc_pid_stat(5)`).
const TICKS_PER_SECOND: u64 = 100;

/// What some work took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Time that passed.
    pub wall: Duration,
    /// CPU time of the whole process meanwhile, user and system, to 10 ms: also of what others did in it. Zero where the system
    /// does not tell.
    pub cpu: Duration,
}

impl Add for Spent {
    type Output = Spent;

    fn add(self, other: Spent) -> Spent {
        Spent {
            wall: self.wall + other.wall,
            cpu: self.cpu + other.cpu,
        }
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Spent) {
        *self = *self + other;
    }
}

impl Sub for Spent {
    type Output = Spent;

    /// Nothing where `other` is more.
    fn sub(self, other: Spent) -> Spent {
        Spent {
            wall: self.wall.saturating_sub(other.wall),
            cpu: self.cpu.saturating_sub(other.cpu),
        }
    }
}

/// Runs from its start.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch {
    begun: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Starts.
    pub fn start() -> Stopwatch {
        Stopwatch {
            begun: Instant::now(),
            cpu: process_cpu(),
        }
    }

    /// What was spent since the start.
    pub fn spent(&self) -> Spent {
        Spent {
            wall: self.begun.elapsed(),
            cpu: process_cpu().saturating_sub(self.cpu),
        }
    }
}

fn process_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    cpu_of(&stat).unwrap_or_default()
}

/// User and system time, the 14th and 15th field. The second is the name, which may hold blanks and ends with the last `)`.
fn cpu_of(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * (1_000 / TICKS_PER_SECOND)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_stands_after_the_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 123 45 0 0 20 0 1 0 100 0 0";
        assert_eq!(cpu_of(stat), Some(Duration::from_millis(1_680)));
        assert_eq!(cpu_of(""), None);
        assert_eq!(cpu_of("7 (x) S"), None);
    }
}
