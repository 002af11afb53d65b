//! Made-up machines: what their sensors say every hour, and whether they fail.

use std::ops::Range;

use serde::Serialize;
use tidemill::Micros;

const MACHINES: i64 = 20;
const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
/// The first day, counted from the epoch.
const FIRST_DAY: i64 = 20_000;

/// What a machine's sensors said.
#[derive(Serialize)]
pub struct Reading {
    id: i64,
    at: Micros,
    machine: String,
    temperature: f64,
    vibration: f64,
}

/// Whether the machine of a reading failed.
#[derive(Serialize)]
pub struct Failure {
    id: i64,
    failed: i32,
}

/// Records, each with when it was known.
pub type Known<T> = Vec<(Micros, T)>;

/// The readings of these days, known at once, and what became of the machines, known a day later.
pub fn watched(days: Range<i64>) -> (Known<Reading>, Known<Failure>) {
    let (mut readings, mut failures) = (Vec::new(), Vec::new());
    for hour in days.start * 24..days.end * 24 {
        for machine in 0..MACHINES {
            let id = hour * MACHINES + machine;
            let at = Micros::of_day(FIRST_DAY).plus(hour * HOUR);
            let temperature = 60.0 + 40.0 * chance(2 * id);
            let vibration = 2.0 + 5.0 * chance(2 * id + 1);
            let failed = i32::from(temperature + 4.0 * vibration + 20.0 * chance(-id) > 118.0);
            readings.push((
                at,
                Reading {
                    id,
                    at,
                    machine: format!("m{machine:02}"),
                    temperature,
                    vibration,
                },
            ));
            failures.push((at.plus(DAY), Failure { id, failed }));
        }
    }
    (readings, failures)
}

/// A number from 0 to 1 that looks like chance and is the same every time.
fn chance(seed: i64) -> f64 {
    let mixed = seed.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64 / (1_u64 << 53) as f64
}
