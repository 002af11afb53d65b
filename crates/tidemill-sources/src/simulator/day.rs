//! What happens on one day, before fraud.

use rand::Rng as _;
use rand_distr::{Distribution as _, Normal, Poisson};

use super::profile::{Customer, World};
use super::{DAY_SECONDS, Purpose, SimulatorSettings, random};

/// Time of day: mean and standard deviation in seconds.
const TIME_OF_DAY: (f64, f64) = (43_200.0, 20_000.0);
/// An amount above this many cents is fraud of the first scenario.
const LARGE_CENTS: i64 = 22_000;

/// A transaction without its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Draft {
    pub second: u32,
    pub customer: u32,
    /// Its place among the customer's of this day, in the order in which they were made.
    pub place: u32,
    pub terminal: u32,
    pub cents: i64,
    pub scenario: Option<u8>,
}

/// All customers' transactions of a day, in the order of time; those of one second by customer.
pub(super) fn transactions(day: u32, settings: &SimulatorSettings, world: &World) -> Vec<Draft> {
    let mut all = Vec::new();
    for customer in 0..settings.customers {
        of_customer(customer, day, settings, world, &mut all);
    }
    all.sort_unstable_by_key(|draft| (draft.second, draft.customer, draft.place));
    all
}

/// Adds one customer's transactions of a day, in the order in which they are made.
pub(super) fn of_customer(customer: u32, day: u32, settings: &SimulatorSettings, world: &World, into: &mut Vec<Draft>) {
    let habits = &world.customers[customer as usize];
    if habits.terminals.is_empty() {
        return;
    }
    let drift = settings.drift_on(day);
    let daily = habits.daily * settings.rate * drift.map_or(1.0, |drift| drift.rate_factor);
    let amount_factor = drift.map_or(1.0, |drift| drift.amount_factor);
    let later = drift.map_or(0.0, |drift| f64::from(drift.later_seconds));
    let mut numbers = random(settings.seed, Purpose::CustomerDay(customer, day));
    // A mean of 0 is not a Poisson distribution, and means no transaction.
    let Ok(poisson) = Poisson::new(daily) else { return };
    let Ok(time_of_day) = Normal::new(TIME_OF_DAY.0 + later, TIME_OF_DAY.1) else {
        return;
    };
    let count = poisson.sample(&mut numbers) as u32;
    for place in 0..count {
        let second = time_of_day.sample(&mut numbers) as i64;
        let inside = 0 < second && second < DAY_SECONDS;
        // What falls outside the day does not happen.
        if !inside {
            continue;
        }
        let cents = amount_cents(habits, amount_factor, &mut numbers);
        let terminal = habits.terminals[numbers.random_range(0..habits.terminals.len())];
        into.push(Draft {
            second: second as u32,
            customer,
            place,
            terminal,
            cents,
            scenario: (cents > LARGE_CENTS).then_some(1),
        });
    }
}

fn amount_cents(habits: &Customer, factor: f64, numbers: &mut impl rand::Rng) -> i64 {
    let normal = Normal::new(habits.mean_amount, habits.deviation()).map(|normal| normal.sample(numbers));
    let amount = match normal {
        Ok(amount) if amount >= 0.0 => amount,
        _ => numbers.random_range(0.0..2.0 * habits.mean_amount),
    };
    (amount * factor * 100.0).round() as i64
}
