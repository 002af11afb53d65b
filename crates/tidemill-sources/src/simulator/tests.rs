use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn small(seed: u64) -> SimulatorSettings {
    SimulatorSettings {
        customers: 500,
        terminals: 1_000,
        radius: 10.0,
        days: Some(40),
        seed,
        ..SimulatorSettings::default()
    }
}

fn run(settings: SimulatorSettings) -> Vec<Transaction> {
    Simulator::new(settings).unwrap().collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

#[test]
fn the_same_seed_gives_the_same_transactions() {
    assert_eq!(run(small(7)), run(small(7)));
    assert_ne!(run(small(7)), run(small(8)));
}

#[test]
fn a_shorter_run_is_the_beginning_of_a_longer_one() {
    let long = run(small(3));
    let short = run(SimulatorSettings {
        days: Some(9),
        ..small(3)
    });
    assert_eq!(short, long[..short.len()]);
    assert!(
        short.iter().any(|t| t.scenario == Some(3)),
        "frauds that look ahead are among them"
    );
}

#[test]
fn transactions_come_in_the_order_of_time_and_number() {
    let all = run(small(1));
    for (place, pair) in all.windows(2).enumerate() {
        assert!(pair[0].time <= pair[1].time, "{pair:?}");
        assert_eq!(pair[0].id, place as i64);
        assert_eq!(pair[1].id, place as i64 + 1);
    }
    let first_day = SimulatorSettings::default().start.day();
    for t in &all {
        assert_eq!(t.time.day() - first_day, i64::from(t.day));
        assert!(t.cents >= 0 && t.customer < 500 && t.terminal < 1_000, "{t:?}");
    }
}

/// The handbook's world: two transactions a customer and day less those that fall outside the day, a mean amount of
/// 52.50, less than one in a hundred a fraud.
#[test]
fn counts_amounts_and_frauds_are_the_handbooks() {
    let settings = SimulatorSettings {
        days: Some(60),
        seed: 1,
        ..SimulatorSettings::default()
    };
    let all = run(settings);
    let daily = all.len() as f64 / 60.0;
    assert!((9_300.0..10_100.0).contains(&daily), "{daily} a day");
    let amount = mean(all.iter().map(Transaction::amount));
    assert!((50.0..57.0).contains(&amount), "mean amount {amount}");
    let noon = mean(all.iter().map(|t| t.time.as_seconds().rem_euclid(DAY_SECONDS) as f64));
    assert!((42_800.0..43_600.0).contains(&noon), "mean time of day {noon}");
    // The first four weeks fill up with compromised terminals, so the share is taken after them.
    let later: Vec<_> = all.iter().filter(|t| t.day >= 28).collect();
    let share = later.iter().filter(|t| t.scenario.is_some()).count() as f64 / later.len() as f64;
    assert!((0.006..0.011).contains(&share), "share of frauds {share}");
}

#[test]
fn large_amounts_are_frauds_of_the_first_scenario() {
    for t in run(small(5)) {
        assert!(t.cents <= 22_000 || t.scenario.is_some(), "{t:?}");
        assert!(t.scenario != Some(1) || t.cents > 22_000, "{t:?}");
    }
}

#[test]
fn compromised_terminals_stay_so_for_four_weeks() {
    let all = run(small(2));
    // Every transaction of the terminal of a second-scenario fraud on that day is a fraud.
    let compromised: BTreeSet<(u32, u32)> = all
        .iter()
        .filter(|t| t.scenario == Some(2))
        .map(|t| (t.day, t.terminal))
        .collect();
    assert!(!compromised.is_empty());
    for t in &all {
        let at_compromised = compromised.contains(&(t.day, t.terminal));
        assert!(!at_compromised || t.scenario.is_some(), "{t:?}");
    }
    // Two new ones a day: after four weeks some 56 of them at any time.
    let seen_late: BTreeSet<u32> = compromised
        .iter()
        .filter(|(day, _)| *day == 39)
        .map(|(_, terminal)| *terminal)
        .collect();
    assert!(seen_late.len() <= 56, "{}", seen_late.len());
}

#[test]
fn copied_cards_spend_five_times_as_much_on_one_in_three() {
    let (all, honest) = (run(small(4)), World::new(&small(4)));
    let mut by_customer: BTreeMap<u32, usize> = BTreeMap::new();
    for t in all.iter().filter(|t| t.scenario == Some(3)) {
        *by_customer.entry(t.customer).or_default() += 1;
        let mut drafts = Vec::new();
        day::of_customer(t.customer, t.day, &small(4), &honest, &mut drafts);
        let before = drafts
            .iter()
            .any(|draft| (1..=3).any(|n| draft.cents * 5_i64.pow(n) == t.cents));
        assert!(before, "{t:?}");
    }
    assert!(by_customer.len() > 20, "{} customers", by_customer.len());
}

#[test]
fn drift_changes_amounts_and_habits_from_its_day_on() {
    let drift = DriftSwitch {
        from_day: 20,
        amount_factor: 2.0,
        rate_factor: 0.5,
        later_seconds: 10_800,
    };
    let (before, after) = (
        run(small(6)),
        run(SimulatorSettings {
            drift: Some(drift),
            ..small(6)
        }),
    );
    // Cards that are copied shortly before the switch are followed past it, so the last days before may differ.
    let untouched = |all: &[Transaction]| all.iter().filter(|t| t.day < 7).copied().collect::<Vec<_>>();
    assert_eq!(untouched(&before), untouched(&after));
    let late = |all: &[Transaction]| all.iter().filter(|t| t.day >= 20).copied().collect::<Vec<_>>();
    let (before, after) = (late(&before), late(&after));
    let counts = after.len() as f64 / before.len() as f64;
    assert!((0.42..0.55).contains(&counts), "count × {counts}");
    let amount = |all: &[Transaction]| mean(all.iter().filter(|t| t.scenario != Some(3)).map(Transaction::amount));
    let amounts = amount(&after) / amount(&before);
    assert!((1.85..2.15).contains(&amounts), "amounts × {amounts}");
    let hour = |all: &[Transaction]| mean(all.iter().map(|t| t.time.as_seconds().rem_euclid(DAY_SECONDS) as f64));
    assert!(hour(&after) - hour(&before) > 4_000.0);
}

#[test]
fn settings_that_make_no_world_are_refused() {
    let check = |change: &dyn Fn(&mut SimulatorSettings), setting: &str| {
        let mut settings = small(0);
        change(&mut settings);
        assert_eq!(Simulator::new(settings).unwrap_err().setting, setting);
    };
    check(&|s| s.customers = 0, "customers");
    check(&|s| s.terminals = 0, "terminals");
    check(&|s| (s.customers, s.terminals) = (1_000_000, 1_000_000), "customers");
    check(&|s| s.radius = f64::NAN, "radius");
    check(&|s| s.rate = 0.0, "rate");
    check(&|s| s.start = Micros(1), "start");
    check(
        &|s| {
            s.drift = Some(DriftSwitch {
                from_day: 0,
                amount_factor: -1.0,
                rate_factor: 1.0,
                later_seconds: 0,
            });
        },
        "drift.amount_factor",
    );
}
