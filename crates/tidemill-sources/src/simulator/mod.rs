//! Card transactions out of nothing: the transaction simulator of the *Fraud Detection Handbook* (Le Borgne, Siblini,
//! Lebichot, Bontempi, chapter 3), from its definition.
//!
//! Customers and terminals lie on a square of 100 × 100. A customer spends at the terminals nearby, by habits of its own.
//! Frauds come in three scenarios: large amounts; terminals that are compromised for 28 days; customers whose card was
//! copied, one third of whose transactions are five times as large for 14 days.
//!
//! Invariants: the same settings give the same transactions, and a shorter run is the beginning of a longer one: every
//! customer's day has random numbers of its own. Transactions come in the order of their time and ids.

mod batches;
mod day;
mod fraud;
mod profile;
mod settings;

use std::collections::VecDeque;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use tidemill_types::Micros;

pub(crate) use batches::SimulatedRows;
pub use settings::{DriftSwitch, InvalidSimulator, SimulatorSettings};

use fraud::Compromised;
use profile::World;

/// Seconds in a day.
pub(crate) const DAY_SECONDS: i64 = 86_400;

/// One card transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transaction {
    /// Its number, from 0, in the order of time.
    pub id: i64,
    /// When it happened, to the second.
    pub time: Micros,
    /// Days since the start.
    pub day: u32,
    /// Whose card it was.
    pub customer: u32,
    /// Where.
    pub terminal: u32,
    /// How much, in cents.
    pub cents: i64,
    /// Which fraud it was: 1 a large amount, 2 a compromised terminal, 3 a copied card.
    pub scenario: Option<u8>,
}

impl Transaction {
    /// How much, in the currency's unit.
    pub fn amount(&self) -> f64 {
        self.cents as f64 / 100.0
    }
}

/// Makes transactions, day by day.
#[derive(Debug)]
pub struct Simulator {
    settings: SimulatorSettings,
    world: World,
    compromised: Compromised,
    next_day: u32,
    next_id: i64,
    ready: VecDeque<Transaction>,
}

impl Simulator {
    /// A simulator at its first day. Places customers and terminals, which takes a moment.
    pub fn new(settings: SimulatorSettings) -> Result<Simulator, InvalidSimulator> {
        settings.check()?;
        Ok(Simulator {
            world: World::new(&settings),
            settings,
            compromised: Compromised::default(),
            next_day: 0,
            next_id: 0,
            ready: VecDeque::new(),
        })
    }

    /// The transactions of the next day; none after the last day. A day may be empty.
    pub fn next_day(&mut self) -> Option<Vec<Transaction>> {
        let day = self.next_day;
        if self.settings.days.is_some_and(|days| day >= days) {
            return None;
        }
        self.next_day += 1;
        self.compromised.begin_day(day, &self.settings, &self.world);
        let mut made = day::transactions(day, &self.settings, &self.world);
        self.compromised.apply(day, &mut made);
        let start = self.settings.start_seconds() + i64::from(day) * DAY_SECONDS;
        let finished = made.into_iter().map(|draft| {
            let id = self.next_id;
            self.next_id += 1;
            Transaction {
                id,
                time: Micros((start + i64::from(draft.second)) * 1_000_000),
                day,
                customer: draft.customer,
                terminal: draft.terminal,
                cents: draft.cents,
                scenario: draft.scenario,
            }
        });
        Some(finished.collect())
    }
}

impl Iterator for Simulator {
    type Item = Transaction;

    fn next(&mut self) -> Option<Transaction> {
        while self.ready.is_empty() {
            self.ready = self.next_day()?.into();
        }
        self.ready.pop_front()
    }
}

/// What random numbers are for. Each purpose and number has a stream of its own, so that nothing depends on the order in
/// which things are made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Terminal(u32),
    Customer(u32),
    /// What a customer does on a day.
    CustomerDay(u32, u32),
    /// Who is compromised on a day.
    Compromise(u32),
}

/// The random numbers for a purpose.
pub(crate) fn random(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut numbers = ChaCha8Rng::seed_from_u64(seed);
    numbers.set_stream(match purpose {
        Purpose::CustomerDay(customer, day) => u64::from(customer) << 32 | u64::from(day),
        // Customers are fewer than 2^29, so these never meet the ones above.
        Purpose::Terminal(number) => 1 << 61 | u64::from(number),
        Purpose::Customer(number) => 1 << 62 | u64::from(number),
        Purpose::Compromise(day) => 1 << 63 | u64::from(day),
    });
    numbers
}

#[cfg(test)]
mod tests;
