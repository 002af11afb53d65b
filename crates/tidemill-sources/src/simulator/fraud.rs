//! Frauds of the second and third scenario: what is compromised, until when, and which transactions it touches.

use std::collections::BTreeMap;

use rand::seq::index;

use super::day::{Draft, of_customer};
use super::profile::World;
use super::{Purpose, SimulatorSettings, random};

/// Terminals that are compromised anew each day.
const TERMINALS_A_DAY: usize = 2;
/// For how many days, the first included.
const TERMINAL_DAYS: u32 = 28;
/// Customers whose card is copied each day.
const CUSTOMERS_A_DAY: usize = 3;
/// For how many days, the first included.
const CUSTOMER_DAYS: u32 = 14;
/// One in so many of such a customer's transactions is a fraud.
const ONE_IN: usize = 3;
/// And so many times as large.
const TIMES: i64 = 5;

/// Who is compromised at present.
#[derive(Debug, Default)]
pub(super) struct Compromised {
    /// Terminals with the first day on which they are clean again.
    terminals: BTreeMap<u32, u32>,
    /// By day, customer and place: how many times the transaction was picked. A card can be copied twice.
    picked: BTreeMap<(u32, u32, u32), u32>,
}

impl Compromised {
    /// Picks the day's terminals and customers, and forgets what is over.
    pub(super) fn begin_day(&mut self, day: u32, settings: &SimulatorSettings, world: &World) {
        let mut numbers = random(settings.seed, Purpose::Compromise(day));
        self.terminals.retain(|_, clean_on| *clean_on > day);
        self.picked = self.picked.split_off(&(day, 0, 0));
        for terminal in sample(settings.terminals as usize, TERMINALS_A_DAY, &mut numbers) {
            self.terminals.insert(terminal as u32, day + TERMINAL_DAYS);
        }
        for customer in sample(settings.customers as usize, CUSTOMERS_A_DAY, &mut numbers) {
            self.pick_transactions(customer as u32, day, settings, world, &mut numbers);
        }
    }

    /// Looks ahead at what the customer will do, whatever day the run ends: a shorter run is the beginning of a longer one.
    fn pick_transactions(
        &mut self,
        customer: u32,
        from_day: u32,
        settings: &SimulatorSettings,
        world: &World,
        numbers: &mut impl rand::Rng,
    ) {
        let mut ahead = Vec::new();
        let mut of_day = Vec::new();
        for day in from_day..from_day + CUSTOMER_DAYS {
            of_customer(customer, day, settings, world, &mut of_day);
            ahead.extend(of_day.drain(..).map(|draft| (day, customer, draft.place)));
        }
        for place in index::sample(numbers, ahead.len(), ahead.len() / ONE_IN) {
            *self.picked.entry(ahead[place]).or_default() += 1;
        }
    }

    /// Marks a day's transactions. Later scenarios overwrite earlier ones.
    pub(super) fn apply(&self, day: u32, drafts: &mut [Draft]) {
        for draft in drafts {
            if self.terminals.contains_key(&draft.terminal) {
                draft.scenario = Some(2);
            }
            if let Some(times) = self.picked.get(&(day, draft.customer, draft.place)) {
                draft.cents *= TIMES.pow(*times);
                draft.scenario = Some(3);
            }
        }
    }
}

/// `wanted` different numbers below `count`, or all of them where there are fewer.
fn sample(count: usize, wanted: usize, numbers: &mut impl rand::Rng) -> Vec<usize> {
    index::sample(numbers, count, wanted.min(count)).into_vec()
}
