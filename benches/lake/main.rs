//! The cost of a commit over thousands of them, with maintenance running beside: `cargo bench -p tidemill-lake`.
//!
//! Every commit is a small flush: one file, one fence. Small files are optimized and old ones deleted by a task beside it,
//! checkpoints are begun by the commits themselves. Goal: the last hundred of 5,000 commits cost at most one and a half
//! times what the first hundred did, from when there is something to maintain. `COMMITS` says how many, `ROWS` how large, and
//! `TMPDIR` where: a disk that writes behind has its own ups and downs, a folder in memory has none.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use tidemill_lake::{Append, FenceUpdate, Lake, LakeLocation, LakeTable, MaintenanceRules, TableSpec};
use tidemill_types::TableName;

const COMMITS_DEFAULT: usize = 5_000;
const ROWS_DEFAULT: i64 = 100;
/// Commits at both ends that are compared.
const EDGE: usize = 100;
/// What the last may cost by what the first cost.
const RATIO_MAX: f64 = 1.5;
/// Commits before those that count: there is nothing to maintain yet.
const WARM_UP: usize = 2 * EDGE;
/// Commits between two looks of maintenance.
const COMMITS_PER_LOOK: i64 = 50;
/// How often it optimizes until it deletes.
const OPTIMIZES_PER_VACUUM: u64 = 10;

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("note", DataType::Utf8, true),
    ]))
}

fn append(commit: i64, rows: i64) -> Result<Append, Box<dyn Error>> {
    let ids = Int64Array::from_iter_values(commit * rows..(commit + 1) * rows);
    let notes: StringArray = (0..rows)
        .map(|row| Some(format!("row {row} of commit {commit}")))
        .collect();
    Ok(Append {
        batches: vec![RecordBatch::try_new(schema(), vec![Arc::new(ids), Arc::new(notes)])?],
        fences: vec![FenceUpdate {
            app_id: "bench/0".to_owned(),
            expected: (commit > 0).then_some(commit),
            next: commit + 1,
        }],
        ..Append::default()
    })
}

/// What maintenance came to.
#[derive(Debug, Default)]
struct Maintained {
    optimized: u64,
    vacuumed: u64,
    deleted: u64,
}

/// Looks after the table once, beside commits. What others were faster than is tried again the next time.
async fn maintain(table: LakeTable, mut so_far: Maintained) -> Maintained {
    let rules = MaintenanceRules {
        keep: Duration::from_secs(1),
        ..MaintenanceRules::default()
    };
    match table.optimize_if_due(&rules).await {
        Ok(done) => so_far.optimized += u64::from(done.is_some()),
        Err(error) => eprintln!("not optimized: {}", with_causes(&error)),
    }
    if so_far.optimized / OPTIMIZES_PER_VACUUM > so_far.vacuumed {
        so_far.vacuumed += 1;
        match table.vacuum(&rules, &BTreeSet::new()).await {
            Ok(done) => so_far.deleted += done.files,
            Err(error) => eprintln!("not vacuumed: {}", with_causes(&error)),
        }
    }
    so_far
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// What half of them cost at most: a checkpoint, or an optimize that has the cores just then, is not what a commit costs.
fn median_ms(times: &[Duration]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1e3
}

fn mean_ms(times: &[Duration]) -> f64 {
    times.iter().sum::<Duration>().as_secs_f64() * 1e3 / times.len().max(1) as f64
}

fn main() -> Result<(), Box<dyn Error>> {
    let number = |name: &str, default: usize| std::env::var(name).ok().map_or(Ok(default), |text| text.parse());
    // `cargo test --benches` only asks whether it runs.
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    let commits = number("COMMITS", if is_test { 2 * EDGE } else { COMMITS_DEFAULT })?;
    let rows = number("ROWS", ROWS_DEFAULT as usize)? as i64;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(commits, rows))
}

async fn run(commits: usize, rows: i64) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::TempDir::new()?;
    let lake = Lake::open(LakeLocation::folder(folder.path())?).await?;
    let spec = TableSpec {
        name: TableName::new("bench")?,
        schema: schema(),
        comment: "commits that are timed".to_owned(),
        partition_columns: Vec::new(),
    };
    let table = lake.create(spec).await?;
    let mut maintenance = tokio::spawn(maintain(table.clone(), Maintained::default()));
    let mut times = Vec::with_capacity(WARM_UP + commits);
    for commit in 0..(WARM_UP + commits) as i64 {
        let append = append(commit, rows)?;
        if commit % COMMITS_PER_LOOK == 0 {
            // It runs beside these fifty, and keeps up with them: the files stay few, as where commits are seconds apart.
            let so_far = maintenance.await?;
            maintenance = tokio::spawn(maintain(table.clone(), so_far));
        }
        let begun = Instant::now();
        table.commit(append).await?;
        times.push(begun.elapsed());
    }
    let Maintained { optimized, deleted, .. } = maintenance.await?;
    let unmaintained: Vec<Duration> = times.drain(..WARM_UP).take(EDGE).collect();
    let stats = table.stats().await?;
    println!("{:>10} {:>12} {:>12}", "commits", "mean ms", "median ms");
    for (number, thousand) in times.chunks(1_000).enumerate() {
        println!(
            "{:>10} {:>12.2} {:>12.2}",
            number * 1_000 + thousand.len(),
            mean_ms(thousand),
            median_ms(thousand)
        );
    }
    let edge = EDGE.min(times.len());
    let (first, last) = (&times[..edge], &times[times.len() - edge..]);
    let ratio = median_ms(last) / median_ms(first);
    println!(
        "first {edge}: median {:.2} ms, mean {:.2}; last {edge}: {:.2}, {:.2}; ratio of medians {ratio:.2} (goal {RATIO_MAX})",
        median_ms(first),
        mean_ms(first),
        median_ms(last),
        mean_ms(last)
    );
    println!(
        "the very first {EDGE}, with nothing to maintain: median {:.2} ms, mean {:.2}",
        median_ms(&unmaintained),
        mean_ms(&unmaintained)
    );
    println!(
        "{} rows in {} files; optimized {optimized} times, {deleted} files deleted",
        stats.rows, stats.files
    );
    let committed = (WARM_UP + commits) as u64 * rows as u64;
    if stats.rows != committed {
        return Err(format!("{} rows came back of {committed}", stats.rows).into());
    }
    if commits >= COMMITS_DEFAULT && ratio > RATIO_MAX {
        return Err(format!("a commit became {ratio:.2} times as expensive").into());
    }
    Ok(())
}
