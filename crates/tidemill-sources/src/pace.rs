//! How fast a replay goes: event time over wall time.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use tidemill_types::Micros;

use crate::StopFlag;

/// The longest single sleep: a stop is heard that late at most.
const SLEEP_MAX: Duration = Duration::from_millis(50);

/// Event time over wall time: 1 is as it happened, 3600 an hour a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As fast as the cluster takes it.
    Max,
    /// So many times as fast as it happened; above 0.
    Times(f64),
}

/// A text that is no speed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a speed: write `max`, or how many times as fast as it happened, as 1 or 3600")]
pub struct InvalidSpeed(pub String);

impl FromStr for Speed {
    type Err = InvalidSpeed;
    fn from_str(text: &str) -> Result<Speed, InvalidSpeed> {
        if text == "max" {
            return Ok(Speed::Max);
        }
        match text.strip_suffix('x').unwrap_or(text).parse::<f64>() {
            Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
            _ => Err(InvalidSpeed(text.chars().take(40).collect())),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Speed::Max => f.pad("max"),
            Speed::Times(times) => write!(f, "{times}x"),
        }
    }
}

/// Where a replay's waiting comes from.
pub trait Sleeper: Send {
    /// Time since some fixed moment; never goes back.
    fn elapsed(&self) -> Duration;

    /// Lets `time` pass.
    fn sleep(&mut self, time: Duration);
}

/// Waits on the wall clock.
#[derive(Debug)]
pub struct WallSleeper(Instant);

impl Default for WallSleeper {
    fn default() -> Self {
        WallSleeper(Instant::now())
    }
}

impl Sleeper for WallSleeper {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// Holds records back until their time has come.
pub(crate) struct Pace {
    speed: Speed,
    sleeper: Box<dyn Sleeper>,
    /// The first record's time, and when it was sent.
    began: Option<(Micros, Duration)>,
    /// The sleeper's time at the last look: most records need no new one.
    last_look: Duration,
}

impl Pace {
    pub(crate) fn new(speed: Speed, sleeper: Box<dyn Sleeper>) -> Pace {
        Pace {
            speed,
            sleeper,
            began: None,
            last_look: Duration::ZERO,
        }
    }

    /// Time since the sleeper's beginning.
    pub(crate) fn elapsed(&self) -> Duration {
        self.sleeper.elapsed()
    }

    /// Returns when it is time for a record that was known at `known`, or when it is asked to stop.
    pub(crate) fn wait_for(&mut self, known: Micros, stop: &StopFlag) {
        let Speed::Times(times) = self.speed else { return };
        let (first, began) = if let Some(began) = self.began {
            began
        } else {
            self.last_look = self.sleeper.elapsed();
            *self.began.insert((known, self.last_look))
        };
        let after_micros = known.0.saturating_sub(first.0).max(0) as f64 / times;
        // Beyond the longest duration it never comes, which a stop ends.
        let due =
            Duration::try_from_secs_f64(after_micros / 1e6).map_or(Duration::MAX, |after| began.saturating_add(after));
        while self.last_look < due && !stop.is_stopped() {
            self.last_look = self.sleeper.elapsed();
            if self.last_look < due {
                self.sleeper.sleep(due.saturating_sub(self.last_look).min(SLEEP_MAX));
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A sleeper whose time passes only by sleeping.
    #[derive(Clone, Default)]
    pub(crate) struct Dreamer(pub(crate) Arc<Mutex<Duration>>);

    impl Sleeper for Dreamer {
        fn elapsed(&self) -> Duration {
            *self.0.lock().unwrap()
        }
        fn sleep(&mut self, time: Duration) {
            *self.0.lock().unwrap() += time;
        }
    }

    #[test]
    fn speeds_read_and_print() {
        for (text, speed) in [
            ("max", Speed::Max),
            ("1", Speed::Times(1.0)),
            ("3600x", Speed::Times(3600.0)),
        ] {
            assert_eq!(text.parse(), Ok(speed));
        }
        assert_eq!(Speed::Times(3600.0).to_string(), "3600x");
        for text in ["", "0", "-1", "fast", "inf", "NaN"] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
    }

    fn check(speed: Speed, known_seconds: &[i64], expected_millis: &[u128]) {
        let dreamer = Dreamer::default();
        let mut pace = Pace::new(speed, Box::new(dreamer.clone()));
        let sent = known_seconds.iter().map(|seconds| {
            pace.wait_for(Micros(seconds * 1_000_000), &StopFlag::default());
            dreamer.elapsed().as_millis()
        });
        assert_eq!(sent.collect::<Vec<_>>(), expected_millis);
    }

    #[test]
    fn event_time_passes_as_fast_as_asked() {
        check(Speed::Max, &[0, 3600], &[0, 0]);
        check(Speed::Times(1.0), &[100, 101, 101, 103], &[0, 1_000, 1_000, 3_000]);
        check(Speed::Times(3600.0), &[0, 3600, 7200], &[0, 1_000, 2_000]);
    }

    #[test]
    fn a_stop_ends_the_longest_wait() {
        let stop = StopFlag::default();
        stop.stop();
        let mut pace = Pace::new(Speed::Times(1e-9), Box::new(Dreamer::default()));
        pace.wait_for(Micros(0), &stop);
        pace.wait_for(Micros(i64::MAX), &stop);
    }
}
