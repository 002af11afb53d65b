//! The whole house dies three times while the published transactions come in, and loses nothing.

use std::path::Path;

use libtest_mimic::Trial;

use super::binary::{Running, say, wait_for};
use super::fixtures::{Project, fraud_file, replay_args};
use super::fraud::holds_the_published_file;
use super::needs::{Need, trial};

/// Decides where the kills fall.
const SEED: u64 = 20_180_401;
/// Deaths on the way.
const KILLS: u64 = 3;
/// About what the broker's log of the published transactions and labels takes.
const BROKER_BYTES: u64 = 530_000_000;

pub fn trials() -> Vec<Trial> {
    vec![trial(
        format!("fraud/killed_three_times/seed_{SEED}"),
        &[Need::SharedData],
        killed_three_times,
    )]
}

fn killed_three_times() {
    let project = Project::init();
    let dir = project.dir();
    let broker = dir.join(".tidemill/broker");
    let file = fraud_file();
    let args = replay_args(&file);
    for point in points(SEED, KILLS, BROKER_BYTES) {
        let mut house = Running::spawn(&dir, &args);
        wait_for(&format!("{point} bytes in the broker"), || {
            assert!(
                house.ended().is_none(),
                "it ended before {point} bytes: {}",
                house.log()
            );
            (folder_bytes(&broker) >= point).then_some(())
        });
        house.kill();
    }
    say(&dir, &args).ok();
    holds_the_published_file(&project);
}

/// Bytes of all files below a folder; files may come and go meanwhile.
pub fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let bytes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

/// A point in each of `count` equal parts of `whole`, but for the last tenth; the same for the same seed.
pub fn points(seed: u64, count: u64, whole: u64) -> impl Iterator<Item = u64> {
    let part = whole * 9 / 10 / count;
    let mut state = seed;
    let draw = move |at: u64| {
        // SplitMix64, after Steele, Lea and Flood.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        at * part + (mixed ^ (mixed >> 31)) % part
    };
    (0..count).map(draw)
}
