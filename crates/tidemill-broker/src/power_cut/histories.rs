//! Histories that a seed chooses: rounds of what clients do, each of which ends at a random step.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::disk::{Disk, End, folder};
use super::world::{Over, Place, World};
use crate::log::batch::tests::{NO_PRODUCER, batch_of};
use crate::settings::Fsync;

const SEEDS: u64 = 500;
const ROUNDS_MAX: usize = 6;
/// Steps in a round: the disk is touched more often than this.
const STEPS_MAX: usize = 60;
const TOPICS: [&str; 3] = ["a", "b", "c"];
const PARTITIONS_MAX: i32 = 3;

/// Plays the history of each seed. A failure names the seed and what was done.
fn check(fsync: Fsync) {
    for seed in 0..SEEDS {
        let log = RefCell::new(Vec::new());
        let played = catch_unwind(AssertUnwindSafe(|| play(seed, fsync, &log)));
        if let Err(panic) = played {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or_default();
            panic!("seed {seed}, fsync = {fsync:?}: {text}\nafter {:#?}", log.borrow());
        }
    }
}

fn play(seed: u64, fsync: Fsync, log: &RefCell<Vec<String>>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let dir = folder();
    let place = |round: usize| dir.path().join(round.to_string());
    std::fs::create_dir(place(0)).unwrap();
    let mut world = World::new(fsync);
    let mut batches = 0;
    let mut disk: Option<Disk> = None;
    let rounds = rng.random_range(2..=ROUNDS_MAX);
    for round in 0..rounds {
        let end = *[End::Kill, End::BareCut, End::Cut].choose(&mut rng).unwrap();
        // Often early, so that starts are cut off too.
        let steps = *[5, 30, 200].choose(&mut rng).unwrap();
        let steps = rng.random_range(0..=steps);
        log.borrow_mut()
            .push(format!("round {round}: {end:?} after {steps} steps of the disk"));
        let of_disk = ChaCha8Rng::seed_from_u64(rng.random());
        match disk.take() {
            Some(killed) => killed.watch_on(&place(round + 1), steps, end, of_disk),
            None => Disk::watch(&place(round), &place(round + 1), steps, end, of_disk),
        }
        world.stand_on(&place(round));
        let over = work(&mut world, &mut rng, &mut batches, log);
        let ended = Disk::end();
        log.borrow_mut().push(if over.is_err() {
            "cut off".to_owned()
        } else {
            "ended".to_owned()
        });
        world.end(end, &place(round + 1));
        disk = Some(ended).filter(|_| end == End::Kill);
    }
    log.borrow_mut().push("the last start".to_owned());
    world.stand_on(&place(rounds));
    assert!(world.start().is_ok() && world.repeat().is_ok());
}

/// What clients do, until the disk is gone or they have done enough.
fn work(world: &mut World, rng: &mut ChaCha8Rng, batches: &mut u64, log: &RefCell<Vec<String>>) -> Result<(), Over> {
    world.start()?;
    world.repeat()?;
    for _ in 0..rng.random_range(0..STEPS_MAX) {
        let places = world.places();
        let place = places.choose(rng).cloned();
        let name = (*TOPICS.choose(rng).unwrap()).to_owned();
        let known = world.topics.get(&name).map(|topic| topic.partitions.len() as i32);
        let say = |what: String| log.borrow_mut().push(what);
        match (rng.random_range(0..100), place, known) {
            (0..56, Some(place), _) => {
                say(format!("append to {place:?}"));
                let batch = next_batch(world, rng, &place, batches);
                world.append(&place, batch)?;
            }
            (56..66, Some(place), _) => {
                let offset = rng.random_range(0..=world.known(&place).end());
                say(format!("commit {offset} of {place:?}"));
                world.commit(&place, offset)?;
            }
            (66..72, Some(place), _) => {
                let known = world.known(&place);
                let to = rng
                    .random_bool(0.5)
                    .then(|| rng.random_range(known.log_start..=known.end()));
                say(format!("trim {place:?} to {to:?}"));
                world.trim(&place, to)?;
            }
            (72..80, ..) => {
                say("flush".to_owned());
                world.flush()?;
            }
            (80..84, ..) => {
                say("restart".to_owned());
                world.restart()?;
            }
            (84..88, ..) => world.new_producer()?,
            (88..92, _, Some(_)) => {
                say(format!("delete {name}"));
                world.delete(&name)?;
            }
            (92..95, _, Some(partitions)) if partitions < PARTITIONS_MAX => {
                say(format!("grow {name}"));
                world.grow(&name, partitions + 1)?;
            }
            (.., None) => {
                say(format!("create {name}"));
                world.create(&name, rng.random_range(1..PARTITIONS_MAX))?;
            }
            _ => {
                say("repeat".to_owned());
                world.repeat()?;
            }
        }
        if Disk::is_over() {
            return Err(Over);
        }
    }
    Ok(())
}

/// A few records that were never sent before, from a producer or from nobody.
fn next_batch(world: &World, rng: &mut ChaCha8Rng, place: &Place, batches: &mut u64) -> Vec<u8> {
    *batches += 1;
    let value = format!("{batches} {}", "x".repeat(rng.random_range(0..120)));
    let values = vec![value.as_bytes(); rng.random_range(1..4)];
    let producer = match world.producer_ids.choose(rng) {
        Some(id) => (*id, 0, world.next_sequence(place, *id)),
        None => NO_PRODUCER,
    };
    batch_of(&values, 1_000, producer)
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_where_every_write_is_forced() {
    check(Fsync::Always);
}

#[test]
fn what_is_left_where_writes_are_forced_at_intervals_is_a_beginning_and_the_rest_is_told() {
    check(Fsync::Interval);
}

#[test]
fn what_is_left_where_nothing_is_forced_is_a_beginning_and_the_rest_is_told() {
    check(Fsync::Never);
}
