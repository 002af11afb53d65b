//! Single cuts, each where it once took too much.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::disk::{Disk, End, folder};
use super::world::{Over, Place, World};
use crate::log::batch::tests::{NO_PRODUCER, batch_of};
use crate::settings::Fsync;

/// Steps of the disk that no round takes.
const NEVER: usize = usize::MAX;

/// What is done between a start and an end.
type Work<'a> = &'a dyn Fn(&mut World) -> Result<(), Over>;

/// Rounds, each of which ends so after so many steps, or when its work is done; the broker is compared with what was
/// acknowledged at the start of the next.
fn check(fsync: Fsync, seed: u64, rounds: &[(End, usize, Work<'_>)]) {
    let dir = folder();
    let place = |round: usize| dir.path().join(round.to_string());
    std::fs::create_dir(place(0)).unwrap();
    let mut world = World::new(fsync);
    let mut disk: Option<Disk> = None;
    for (round, (end, steps, work)) in rounds.iter().enumerate() {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        match disk.take() {
            Some(killed) => killed.watch_on(&place(round + 1), *steps, *end, rng),
            None => Disk::watch(&place(round), &place(round + 1), *steps, *end, rng),
        }
        world.stand_on(&place(round));
        // Cut off or not, what follows is the same.
        let _ = world.start().and_then(|()| work(&mut world));
        let ended = Disk::end();
        world.end(*end, &place(round + 1));
        disk = Some(ended).filter(|_| *end == End::Kill);
    }
    world.stand_on(&place(rounds.len()));
    assert!(
        world.start().is_ok() && world.repeat().is_ok(),
        "nothing ends the last start"
    );
}

/// A start, and no more.
const NOTHING: Work<'_> = &|_| Ok(());

fn a() -> Place {
    ("a".to_owned(), 0)
}

/// Appends as many batches of two records, by the producer where there is one.
fn append(world: &mut World, count: usize) -> Result<(), Over> {
    for _ in 0..count {
        let producer = match world.producer_ids.last() {
            Some(id) => (*id, 0, world.next_sequence(&a(), *id)),
            None => NO_PRODUCER,
        };
        let value = format!("{} {}", world.known(&a()).end(), "x".repeat(80));
        world.append(&a(), batch_of(&[value.as_bytes(); 2], 1_000, producer))?;
    }
    Ok(())
}

#[test]
fn a_new_folder_keeps_its_identity() {
    check(Fsync::Never, 0, &[(End::BareCut, NEVER, NOTHING)]);
    for steps in 0..12 {
        check(
            Fsync::Never,
            0,
            &[(End::Kill, steps, NOTHING), (End::BareCut, NEVER, NOTHING)],
        );
    }
}

#[test]
fn a_new_segment_keeps_its_name() {
    let write = |world: &mut World| {
        world.create("a", 1)?;
        append(world, 1)?;
        world.flush()?;
        append(world, 9)
    };
    let write_and_flush = |world: &mut World| write(world).and_then(|()| world.flush());
    let write_and_restart = |world: &mut World| {
        world.create("a", 1)?;
        append(world, 1)?;
        world.restart()
    };
    check(Fsync::Always, 0, &[(End::BareCut, NEVER, &write)]);
    check(Fsync::Interval, 0, &[(End::BareCut, NEVER, &write_and_flush)]);
    check(Fsync::Never, 0, &[(End::BareCut, NEVER, &write_and_restart)]);
}

#[test]
fn a_log_that_is_gone_as_a_whole_is_told_of() {
    let write = |world: &mut World| {
        world.create("a", 1)?;
        append(world, 3)
    };
    for fsync in [Fsync::Interval, Fsync::Never] {
        check(fsync, 0, &[(End::BareCut, NEVER, &write)]);
    }
}

#[test]
fn what_a_kill_left_is_forced_before_it_counts_as_forced() {
    let write = |world: &mut World| {
        world.create("a", 1)?;
        append(world, 9)
    };
    check(
        Fsync::Interval,
        0,
        &[(End::Kill, NEVER, &write), (End::BareCut, NEVER, NOTHING)],
    );
    // A batch that was written and not acknowledged is acknowledged when it is sent again.
    let again = |world: &mut World| world.repeat();
    for steps in 20..40 {
        let write = |world: &mut World| {
            world.create("a", 1)?;
            world.new_producer()?;
            append(world, 9)
        };
        check(
            Fsync::Always,
            0,
            &[(End::Kill, steps, &write), (End::BareCut, NEVER, &again)],
        );
    }
}

#[test]
fn a_start_that_is_killed_leaves_the_loss_to_be_told_by_the_next() {
    let write = |world: &mut World| {
        world.create("a", 1)?;
        append(world, 2)?;
        world.flush()?;
        append(world, 3)
    };
    for steps in 0..20 {
        check(
            Fsync::Interval,
            0,
            &[(End::BareCut, NEVER, &write), (End::Kill, steps, NOTHING)],
        );
    }
}

#[test]
fn a_topic_that_a_kill_left_is_there_for_good() {
    let create = |world: &mut World| world.create("a", 1);
    let write = |world: &mut World| match world.topics.contains_key("a") {
        true => append(world, 1),
        false => Ok(()),
    };
    for steps in 5..25 {
        check(
            Fsync::Always,
            0,
            &[(End::Kill, steps, &create), (End::BareCut, NEVER, &write)],
        );
    }
}

#[test]
fn commits_keep_their_file() {
    let commit = |world: &mut World| {
        world.create("a", 1)?;
        world.commit(&a(), 0)
    };
    check(Fsync::Always, 0, &[(End::BareCut, NEVER, &commit)]);
    let flush = |world: &mut World| world.flush();
    check(
        Fsync::Interval,
        0,
        &[(End::Kill, NEVER, &commit), (End::BareCut, NEVER, &flush)],
    );
}

#[test]
fn a_group_does_not_stay_beyond_the_end_of_what_is_left() {
    let commit = |world: &mut World| {
        world.create("a", 1)?;
        append(world, 3)?;
        world.commit(&a(), 6)
    };
    for seed in 0..40 {
        check(Fsync::Interval, seed, &[(End::Cut, NEVER, &commit)]);
    }
}

#[test]
fn a_topic_takes_its_commits_with_it() {
    let commit = |world: &mut World| {
        world.create("a", 1)?;
        append(world, 3)?;
        world.commit(&a(), 6)?;
        world.flush()
    };
    for (fsync, end) in [(Fsync::Always, End::Kill), (Fsync::Interval, End::BareCut)] {
        for steps in 0..40 {
            let delete = |world: &mut World| world.delete("a");
            check(fsync, 0, &[(End::Kill, NEVER, &commit), (end, steps, &delete)]);
        }
    }
    let renew = |world: &mut World| {
        world.delete("a")?;
        world.create("a", 1)
    };
    check(
        Fsync::Interval,
        0,
        &[(End::Kill, NEVER, &commit), (End::BareCut, NEVER, &renew)],
    );
}

#[test]
fn a_segment_with_a_sidecar_is_on_disk() {
    let write = |world: &mut World| {
        world.create("a", 1)?;
        append(world, 12)?;
        world.flush()
    };
    for seed in 0..40 {
        check(Fsync::Never, seed, &[(End::Cut, NEVER, &write)]);
    }
    let write_and_restart = |world: &mut World| {
        world.create("a", 1)?;
        append(world, 12)?;
        world.restart()
    };
    check(Fsync::Never, 0, &[(End::BareCut, NEVER, &write_and_restart)]);
}

#[test]
fn a_clean_stop_forces_what_was_committed() {
    let commit = |world: &mut World| {
        world.create("a", 1)?;
        append(world, 3)?;
        world.commit(&a(), 6)?;
        world.restart()
    };
    check(Fsync::Never, 0, &[(End::BareCut, NEVER, &commit)]);
}

#[test]
fn a_producer_whose_log_is_gone_below_its_start_may_go_on_anywhere() {
    let write = |world: &mut World| {
        world.create("a", 1)?;
        world.new_producer()?;
        append(world, 1)?;
        world.flush()?;
        append(world, 4)?;
        world.trim(&a(), Some(8))
    };
    check(Fsync::Interval, 0, &[(End::BareCut, NEVER, &write)]);
}
