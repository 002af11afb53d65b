//! When a position stands still, decided from what was heard and when.

use std::time::{Duration, Instant};

use tidemill_types::{KafkaPartition, NextOffset};

use super::Assignment;
use super::partitions::Partitions;
use crate::client::HeardPartition;
use crate::testing::topic;

const STALL_AFTER: Duration = Duration::from_mins(1);

fn reading(start: i64, now: Instant) -> Partitions {
    let assignment = Assignment {
        topic: topic("a"),
        partition: KafkaPartition(0),
        start: NextOffset(start),
    };
    Partitions::new(1, vec![assignment], now)
}

/// The end is reached, as records are.
fn reach(partitions: &mut Partitions, end: i64) {
    assert!(partitions.end_reached(0, Some(NextOffset(end))).is_empty());
}

/// Statistics of a client that last reached `end_reached`.
fn hear(partitions: &mut Partitions, end: i64, end_reached: i64, now: Instant) {
    let heard = HeardPartition {
        topic: "a".into(),
        partition: 0,
        log_start: 0,
        end,
        end_reached,
    };
    partitions.hear(&[heard], now);
}

fn take_end(partitions: &mut Partitions, end: i64, now: Instant) {
    partitions.take_ends(&[(topic("a"), KafkaPartition(0), NextOffset(end))], now);
}

fn stalled(partitions: &Partitions, now: Instant) -> Option<u64> {
    let stalled = partitions.stalled(STALL_AFTER, now);
    stalled.map(|status| status.lag().unwrap())
}

fn lag(partitions: &Partitions) -> Option<u64> {
    partitions.status()[0].lag()
}

#[test]
fn a_position_below_an_end_that_fetches_tell_is_stalled_after_the_limit() {
    let start = Instant::now();
    let mut partitions = reading(5, start);
    hear(&mut partitions, 9, -1001, start);
    let just_before = start + STALL_AFTER.saturating_sub(Duration::from_millis(1));
    assert_eq!(stalled(&partitions, just_before), None);
    assert_eq!(stalled(&partitions, start + STALL_AFTER), Some(4));
}

/// The end behind the markers is reached before the statistics tell it; each transaction moves it on.
#[test]
fn a_position_below_markers_of_transactions_is_at_the_end() {
    let mut now = Instant::now();
    let mut partitions = reading(5, now);
    reach(&mut partitions, 5);
    hear(&mut partitions, 5, 5, now);
    for end in [6, 7, 9] {
        reach(&mut partitions, end);
        hear(&mut partitions, end, end, now);
        assert_eq!(lag(&partitions), Some(0), "{end}");
        take_end(&mut partitions, end, now);
        now += STALL_AFTER;
        assert_eq!(stalled(&partitions, now), None, "{end}");
    }
    // A follower may be behind the broker that was read before, and after a pause the client forgets what it reached.
    hear(&mut partitions, 7, -1001, now);
    hear(&mut partitions, 9, -1001, now);
    assert_eq!(lag(&partitions), Some(0));
    assert_eq!(stalled(&partitions, now + STALL_AFTER), None);
    hear(&mut partitions, 10, 9, now);
    assert_eq!(lag(&partitions), Some(5), "there may be a record behind the markers");
}

/// They wait in the client's queue, with the word that the end is reached behind them; statistics go past them.
#[test]
fn records_that_statistics_overtake_are_not_read() {
    let start = Instant::now();
    let mut partitions = reading(5, start);
    reach(&mut partitions, 5);
    hear(&mut partitions, 9, 9, start);
    assert_eq!(lag(&partitions), Some(4));
    assert_eq!(
        stalled(&partitions, start + STALL_AFTER),
        None,
        "the client does what it can"
    );
    reach(&mut partitions, 9);
    assert_eq!(lag(&partitions), Some(0));
}

/// A client keeps the statistics of a partition that it was given before.
#[test]
fn an_end_from_before_the_assignment_is_not_believed() {
    let start = Instant::now();
    let mut partitions = reading(500, start);
    hear(&mut partitions, 10, 10, start);
    assert!(!partitions.status()[0].at_end);
    reach(&mut partitions, 500);
    assert!(partitions.status()[0].at_end);
}

/// librdkafka stays with a broker that no longer leads, never fetches again, or reads a follower that follows no more.
#[test]
fn an_end_that_fetches_do_not_hear_of_is_a_stall() {
    let start = Instant::now();
    let asked = start + STALL_AFTER;
    for is_reached in [true, false] {
        let mut partitions = reading(5, start);
        if is_reached {
            reach(&mut partitions, 5);
            hear(&mut partitions, 5, 5, start);
        }
        let quiet = |at| partitions.quiet(STALL_AFTER, at).count();
        assert_eq!(quiet(start), 0, "something may just have come");
        assert_eq!(quiet(asked), 1);
        take_end(&mut partitions, 6, asked);
        let status = &partitions.status()[0];
        assert_eq!((status.end, status.at_end), (Some(NextOffset(6)), false));
        assert_eq!(stalled(&partitions, asked), None, "the next fetch may hear of it");
        // Asked for again, it is still the same stall.
        take_end(&mut partitions, 8, asked + STALL_AFTER / 2);
        assert_eq!(stalled(&partitions, asked + STALL_AFTER), Some(3));
    }
}

#[test]
fn an_end_that_fetches_hear_of_is_none() {
    let start = Instant::now();
    let late = start + STALL_AFTER * 2;
    let mut partitions = reading(5, start);
    reach(&mut partitions, 5);
    hear(&mut partitions, 5, 5, start);
    take_end(&mut partitions, 5, start);
    assert_eq!(stalled(&partitions, late), None, "all is read");
    take_end(&mut partitions, 7, late);
    reach(&mut partitions, 7);
    hear(&mut partitions, 7, 7, late);
    assert_eq!(stalled(&partitions, late + STALL_AFTER), None, "fetches tell it");
    assert_eq!(lag(&partitions), Some(0));
    take_end(&mut partitions, 9, late);
    take_end(&mut partitions, 7, late);
    let end = partitions.status()[0].end;
    assert_eq!(end, Some(NextOffset(7)), "what the leader said last counts");
}

#[test]
fn time_in_which_the_thread_waited_does_not_count_and_nothing_is_forgotten() {
    let start = Instant::now();
    let asked = start + STALL_AFTER;
    let mut partitions = reading(5, start);
    take_end(&mut partitions, 6, asked);
    partitions.wait(STALL_AFTER, asked + STALL_AFTER);
    assert_eq!(stalled(&partitions, asked + STALL_AFTER), None);
    assert_eq!(lag(&partitions), Some(1));
    assert_eq!(stalled(&partitions, asked + STALL_AFTER * 2), Some(1));
}

#[test]
fn a_client_that_was_replaced_in_vain_is_given_twice_the_time() {
    let mut now = Instant::now();
    let mut partitions = reading(5, now);
    let other = Assignment {
        topic: topic("a"),
        partition: KafkaPartition(1),
        start: NextOffset(0),
    };
    partitions.add(vec![other], now);
    hear(&mut partitions, 9, -1001, now);
    partitions.take_ends(&[(topic("a"), KafkaPartition(1), NextOffset(3))], now);
    for times in [1, 2, 4, 8, 16, 32, 64, 64] {
        let just_before = now + (STALL_AFTER * times).saturating_sub(Duration::from_millis(1));
        assert_eq!(stalled(&partitions, just_before), None);
        now += STALL_AFTER * times;
        assert_eq!(stalled(&partitions, now), Some(4));
        partitions.restart(now);
    }
    // What cures one gives it its first time back.
    hear(&mut partitions, 9, 9, now);
    assert_eq!(stalled(&partitions, now + STALL_AFTER * 64), Some(3));
}
