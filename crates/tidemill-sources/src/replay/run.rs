//! Running a replay: topics made, last records read, lanes merged, everything acknowledged.

use std::sync::Arc;
use std::time::Duration;

use tidemill_kafka::{Admin, Producer};
use tidemill_types::Micros;

use super::lane::{Lane, Next, Taken};
use super::mark::{LastSeen, SourceMark};
use super::report::{Progress, ReplayReport};
use super::resume::{Resume, decide};
use super::{LanePlan, Replay, topic_configs};
use crate::pace::Pace;
use crate::rows::RowSource;
use crate::{Sleeper, SourceError, Speed, StopFlag};

/// How long the last records may take to be acknowledged.
const FLUSH_TIMEOUT: Duration = Duration::from_mins(3);
/// Records between two reports at full speed.
const PROGRESS_RECORDS: u64 = 4_096;
/// Time between two reports at a lower one.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

impl Replay {
    /// Runs it to its end, or until `stop` says so. Makes topics that are missing. Rows that are in the topics from a run
    /// before are not sent again. `producer` is best made with [`producer_limits`](super::producer_limits).
    ///
    /// `progress` is called now and then from another thread. Two runs into the same topics at once would send rows twice.
    pub async fn run(
        self,
        producer: &Producer,
        admin: &Admin,
        sleeper: Box<dyn Sleeper>,
        progress: impl FnMut(&Progress) + Send + 'static,
        stop: &StopFlag,
    ) -> Result<ReplayReport, SourceError> {
        let (mark, resume) = self.look(admin).await?;
        let run = Run {
            total: self.rows.map(|rows| rows * self.lanes.len() as u64),
            source: self.source,
            lanes: self.lanes,
            producer: producer.clone(),
            pace: Pace::new(self.speed, sleeper),
            paced: self.speed != Speed::Max,
            mark: SourceMark {
                pass: resume.pass,
                ..mark
            },
            stop: stop.clone(),
        };
        let ran = tokio::task::spawn_blocking(move || run.run(resume, progress)).await;
        ran.unwrap_or(Err(SourceError::Ended))
    }

    /// Makes missing topics, and finds out where to go on.
    async fn look(&self, admin: &Admin) -> Result<(SourceMark, Resume), SourceError> {
        let mut partitions = Vec::with_capacity(self.lanes.len());
        for lane in &self.lanes {
            admin
                .ensure_topic(&lane.topic, lane.partitions, &topic_configs())
                .await?;
            partitions.push(admin.partitions(&lane.topic).await?);
        }
        let counts: Vec<usize> = partitions.iter().map(Vec::len).collect();
        let mark = self.mark(counts).await?;
        let mut lasts = Vec::with_capacity(self.lanes.len());
        for (lane, partitions) in self.lanes.iter().zip(&partitions) {
            let mut of_lane = Vec::with_capacity(partitions.len());
            for partition in partitions {
                let last = admin.last_record(&lane.topic, *partition).await?;
                of_lane.push(LastSeen::of(last.as_ref(), &mark));
            }
            lasts.push(of_lane);
        }
        let resume = decide(&lasts, self.again).map_err(|foreign| SourceError::ForeignRecords {
            topic: self.lanes[foreign.lane].topic.clone(),
            partition: partitions[foreign.lane][foreign.partition],
            source_mark: foreign.source_mark,
        })?;
        Ok((mark, resume))
    }

    /// The mark of these rows replayed this way: other rows, columns, delays or numbers of partitions make another one.
    async fn mark(&self, partitions: Vec<usize>) -> Result<SourceMark, SourceError> {
        let source = Arc::clone(&self.source);
        let lanes: Vec<String> = self.lanes.iter().zip(partitions).map(lane_text).collect();
        let marked = tokio::task::spawn_blocking(move || Ok(SourceMark::of(&source.identity()?, &lanes.join("\n"))));
        marked.await.unwrap_or(Err(SourceError::Ended))
    }
}

/// What decides which record a row becomes.
fn lane_text((lane, partitions): (&LanePlan, usize)) -> String {
    let columns = lane.encoded.iter();
    let columns: Vec<_> = columns
        .map(|column| format!("{} {}", column.field.name, column.field.kind.as_str()))
        .collect();
    format!(
        "{} {} {partitions} {} {:?} {} {}",
        lane.stream,
        lane.topic,
        lane.delay,
        lane.key,
        lane.time_column,
        columns.join(",")
    )
}

struct Run {
    source: Arc<dyn RowSource>,
    lanes: Vec<LanePlan>,
    total: Option<u64>,
    producer: Producer,
    pace: Pace,
    paced: bool,
    mark: SourceMark,
    stop: StopFlag,
}

impl Run {
    fn run(mut self, resume: Resume, mut progress: impl FnMut(&Progress)) -> Result<ReplayReport, SourceError> {
        let began = self.pace.elapsed();
        let plans = std::mem::take(&mut self.lanes);
        let mut lanes = Vec::with_capacity(plans.len());
        for (plan, after) in plans.iter().zip(resume.after) {
            lanes.push(Lane::open(plan, self.source.as_ref(), after)?);
        }
        let mark = self.mark.text().into_bytes();
        let mut told = Progress {
            sent: 0,
            skipped: 0,
            total: self.total,
            bytes: 0,
            known: None,
        };
        let mut told_at = began;
        while !self.stop.is_stopped() {
            let Some((lane, next)) = earliest(&mut lanes)? else {
                break;
            };
            if !next.there {
                self.pace.wait_for(next.known, &self.stop);
                if self.stop.is_stopped() {
                    break;
                }
            }
            match lane.take(next, &self.producer, &mark)? {
                Taken::Skipped => told.skipped += 1,
                Taken::Sent(bytes) => {
                    told.sent += 1;
                    told.bytes += bytes;
                }
            }
            told.known = Some(next.known);
            let due = self.paced && self.pace.elapsed().saturating_sub(told_at) >= PROGRESS_INTERVAL;
            if due || (told.sent + told.skipped).is_multiple_of(PROGRESS_RECORDS) {
                told_at = self.pace.elapsed();
                progress(&told);
            }
        }
        self.producer.flush_blocking(FLUSH_TIMEOUT)?;
        progress(&told);
        Ok(ReplayReport {
            streams: lanes.into_iter().map(Lane::report).collect(),
            pass: self.mark.pass,
            stopped: self.stop.is_stopped(),
            elapsed: self.pace.elapsed().saturating_sub(began),
        })
    }
}

/// The lane whose next row was known first; of several the first lane.
fn earliest<'l, 'p>(lanes: &'l mut [Lane<'p>]) -> Result<Option<(&'l mut Lane<'p>, Next)>, SourceError> {
    let mut found: Option<(usize, Micros)> = None;
    for (place, lane) in lanes.iter_mut().enumerate() {
        if let Some(known) = lane.next_known()?
            && found.is_none_or(|(_, earliest)| known < earliest)
        {
            found = Some((place, known));
        }
    }
    let Some((place, known)) = found else { return Ok(None) };
    let lane = &mut lanes[place];
    Ok(lane.next(known)?.map(|next| (lane, next)))
}
