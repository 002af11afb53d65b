//! Who spends and where: customers with their habits, terminals with their places.

use rand::Rng as _;

use super::{Purpose, SimulatorSettings, random};

/// The square's side.
const SIDE: f64 = 100.0;
/// A customer's mean amount.
const MEAN_AMOUNT: (f64, f64) = (5.0, 100.0);
/// A customer's mean number of transactions a day.
const DAILY: (f64, f64) = (0.0, 4.0);

/// A customer's habits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Customer {
    pub mean_amount: f64,
    pub daily: f64,
    /// The terminals nearby; a customer without one spends nothing.
    pub terminals: Vec<u32>,
}

/// All customers.
#[derive(Debug)]
pub(super) struct World {
    pub customers: Vec<Customer>,
}

impl Customer {
    /// Half of the mean.
    pub(super) fn deviation(&self) -> f64 {
        self.mean_amount / 2.0
    }
}

impl World {
    pub(super) fn new(settings: &SimulatorSettings) -> World {
        let places: Vec<(f64, f64)> = (0..settings.terminals)
            .map(|terminal| place(&mut random(settings.seed, Purpose::Terminal(terminal))))
            .collect();
        let customers = (0..settings.customers).map(|customer| {
            let mut numbers = random(settings.seed, Purpose::Customer(customer));
            let (x, y) = place(&mut numbers);
            let mean_amount = numbers.random_range(MEAN_AMOUNT.0..MEAN_AMOUNT.1);
            let daily = numbers.random_range(DAILY.0..DAILY.1);
            let near = |(tx, ty): &(f64, f64)| (tx - x).powi(2) + (ty - y).powi(2) < settings.radius.powi(2);
            let terminals = places.iter().enumerate().filter(|(_, place)| near(place));
            Customer {
                mean_amount,
                daily,
                terminals: terminals.map(|(terminal, _)| terminal as u32).collect(),
            }
        });
        World {
            customers: customers.collect(),
        }
    }
}

fn place(numbers: &mut impl rand::Rng) -> (f64, f64) {
    let x = numbers.random_range(0.0..SIDE);
    (x, numbers.random_range(0.0..SIDE))
}
