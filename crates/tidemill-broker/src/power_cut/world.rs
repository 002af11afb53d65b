//! What a client knows of a broker, and the broker as it is: every step is done to both, and after each end they are
//! compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidemill_types::{FixedClock, Micros};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::disk::{Disk, End};
use crate::broker;
use crate::error::BrokerError;
use crate::groups::Committed;
use crate::log::Partition;
use crate::log::batch::BatchHeader;
use crate::log::partition::AppendRules;
use crate::log::retention::RetentionPolicy;
use crate::node::Node;
use crate::settings::{BrokerSettings, Fsync};
use crate::topic_config::TopicConfig;

/// Small, so that segments fill up often.
const RULES: AppendRules = AppendRules {
    segment_bytes: 600,
    stamps_append_time: false,
};
const NOW_MS: i64 = 1_600_000_000_000;
pub(super) const GROUP: &str = "readers";

/// The place of a partition.
pub(super) type Place = (String, i32);

/// A batch that was acknowledged, or sent at least.
#[derive(Clone)]
pub(super) struct Sent {
    pub bytes: Vec<u8>,
    pub base: i64,
    pub next: i64,
    pub epoch: i32,
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let header = self.header();
        let producer = (header.producer_id, header.base_sequence);
        write!(
            f,
            "{}..{} of epoch {} by {producer:?}",
            self.base, self.next, self.epoch
        )
    }
}

impl Sent {
    fn header(&self) -> BatchHeader {
        BatchHeader::read(&self.bytes).unwrap()
    }

    fn producer(&self) -> Option<i64> {
        Some(self.header().producer_id).filter(|id| 0 <= *id)
    }
}

/// A partition as its clients know it.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// All that were acknowledged, those below the log start too.
    pub sent: Vec<Sent>,
    pub log_start: i64,
    pub epoch: i32,
    /// Records below this are on disk, as the setting promises.
    forced_end: i64,
    /// What was acknowledged and is gone, in order.
    lost: Vec<Sent>,
}

impl Known {
    pub(super) fn end(&self) -> i64 {
        self.sent.last().map_or(0, |sent| sent.next).max(self.log_start)
    }
}

#[derive(Debug)]
pub(super) struct KnownTopic {
    id: Uuid,
    pub partitions: Vec<Known>,
}

/// What a group committed for a partition, oldest first, and how many of them are on disk.
#[derive(Debug, Default)]
struct Commits {
    offsets: Vec<i64>,
    forced: usize,
}

/// What was under way when all ended.
#[derive(Debug, Clone)]
enum UnderWay {
    Nothing,
    Append(Place, Vec<u8>),
    Create(String, i32),
    Delete(String),
    Grow(String, i32),
    Commit(Place, i64),
    Trim(Place),
}

/// All is over: the step was not acknowledged.
#[derive(Debug)]
pub(super) struct Over;

pub(super) struct World {
    pub fsync: Fsync,
    dir: PathBuf,
    node: Option<Arc<Node>>,
    pub topics: BTreeMap<String, KnownTopic>,
    commits: BTreeMap<Place, Commits>,
    cluster_id: Option<String>,
    pub producer_ids: Vec<i64>,
    under_way: UnderWay,
    /// How the last round ended; none while nothing did since the last comparison.
    ended: Option<End>,
}

impl World {
    pub(super) fn new(fsync: Fsync) -> World {
        World {
            fsync,
            dir: PathBuf::new(),
            node: None,
            topics: BTreeMap::new(),
            commits: BTreeMap::new(),
            cluster_id: None,
            producer_ids: Vec::new(),
            under_way: UnderWay::Nothing,
            ended: None,
        }
    }

    /// The disk that a round begins on.
    pub(super) fn stand_on(&mut self, root: &Path) {
        self.dir = root.join("state").join("broker");
    }

    /// The process is gone, and with it the machine if the power was cut. `remains` is what it finds at its next start.
    pub(super) fn end(&mut self, end: End, remains: &Path) {
        self.node = None;
        // A cut that follows a kill before anything was looked at takes what the kill left.
        if self.ended.is_none_or(|before| before == End::Kill) {
            self.ended = Some(end);
        }
        let file = remains.join("state/broker/broker.json");
        if end != End::Kill && file.exists() {
            let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            if json["running_since_boot"].is_string() {
                json["running_since_boot"] = "a start of the machine before".into();
                fs::write(&file, json.to_string()).unwrap();
            }
        }
    }

    fn node(&self) -> Arc<Node> {
        Arc::clone(self.node.as_ref().expect("a broker that runs"))
    }

    fn partition(&self, place: &Place) -> Arc<Partition> {
        let topic = self.node().topics.by_name(&place.0).unwrap();
        topic.partition(place.1).unwrap()
    }

    /// The sequence of a producer's next batch.
    pub(super) fn next_sequence(&self, place: &Place, producer: i64) -> i32 {
        let known = self.known(place);
        let mut all = known.sent.iter().chain(&known.lost);
        let last = all.rfind(|sent| sent.producer() == Some(producer));
        last.map_or(0, |sent| sent.header().last_sequence() + 1)
    }

    pub(super) fn known(&self, place: &Place) -> &Known {
        &self.topics[&place.0].partitions[place.1 as usize]
    }

    fn known_mut(&mut self, place: &Place) -> &mut Known {
        let topic = self.topics.get_mut(&place.0).unwrap();
        &mut topic.partitions[place.1 as usize]
    }

    pub(super) fn places(&self) -> Vec<Place> {
        let topics = self.topics.iter();
        topics
            .flat_map(|(name, topic)| (0..topic.partitions.len() as i32).map(|p| (name.clone(), p)))
            .collect()
    }

    /// What came of a step; over where the disk was gone before its end.
    fn acknowledged<T, E: std::fmt::Debug>(&self, result: Result<T, E>) -> Result<T, Over> {
        if Disk::is_over() {
            return Err(Over);
        }
        Ok(result.unwrap_or_else(|error| panic!("{:?} failed: {error:?}", self.under_way)))
    }

    /// Starts the broker and compares it with what is known.
    pub(super) fn start(&mut self) -> Result<(), Over> {
        let settings = BrokerSettings {
            dir: self.dir.clone(),
            fsync: self.fsync,
            ..BrokerSettings::default()
        };
        let clock = Arc::new(FixedClock::at(Micros(NOW_MS * 1_000)));
        let started: Result<Arc<Node>, BrokerError> = broker::open(settings, clock, CancellationToken::new());
        let node = self.acknowledged(started)?;
        let cluster_id = node.cluster_id.clone();
        assert_eq!(*self.cluster_id.get_or_insert_with(|| cluster_id.clone()), cluster_id);
        self.node = Some(node);
        let ended = self.ended.take();
        self.compare_topics(ended);
        self.compare_commits(ended);
        self.under_way = UnderWay::Nothing;
        Ok(())
    }

    fn compare_topics(&mut self, ended: Option<End>) {
        let node = self.node();
        if let UnderWay::Delete(name) = &self.under_way
            && node.topics.by_name(name).is_none()
        {
            self.topics.remove(name);
        }
        if let UnderWay::Create(name, partitions) = &self.under_way
            && let Some(made) = node.topics.by_name(name)
        {
            assert_eq!(
                made.partition_count(),
                *partitions,
                "`{name}` was made as a whole or not at all"
            );
            let partitions = (0..*partitions).map(|_| Known::default()).collect();
            self.topics.insert(
                name.clone(),
                KnownTopic {
                    id: made.id,
                    partitions,
                },
            );
        }
        let there: BTreeMap<_, _> = node.topics.all().iter().map(|t| (t.name.clone(), t.id)).collect();
        let known: BTreeMap<_, _> = self.topics.iter().map(|(name, t)| (name.clone(), t.id)).collect();
        assert_eq!(there, known, "topics and their ids after {ended:?}");
        for (name, topic) in &mut self.topics {
            let count = node.topics.by_name(name).unwrap().partition_count();
            if let UnderWay::Grow(grown, to) = &self.under_way
                && grown == name
                && count == *to
            {
                topic.partitions.resize_with(*to as usize, Known::default);
            }
            assert_eq!(
                topic.partitions.len() as i32,
                count,
                "partitions of `{name}` after {ended:?}"
            );
        }
        for place in self.places() {
            self.compare_log(&place, ended);
        }
    }

    fn compare_log(&mut self, place: &Place, ended: Option<End>) {
        let partition = self.partition(place);
        let extent = partition.extent();
        let under_way = self.under_way.clone();
        let fsync = self.fsync;
        let known = self.known_mut(place);
        let what = format!("{place:?} after {ended:?}, {extent:?}");
        let is_trimmed = matches!(&under_way, UnderWay::Trim(trimmed) if trimmed == place);
        if is_trimmed && known.log_start < extent.log_start {
            known.log_start = extent.log_start;
        }
        assert_eq!(extent.log_start, known.log_start, "{what}: the log begins where it did");
        let stored = stored(&partition, extent.log_start);
        let first = known.sent.partition_point(|sent| sent.next <= extent.log_start);
        let mut kept = first;
        for header in &stored {
            let Some(sent) = known.sent.get(kept).cloned() else {
                // The last may have been written and not acknowledged.
                let UnderWay::Append(to, bytes) = &under_way else {
                    panic!("{what}: nobody sent {header:?}");
                };
                let base = known.end();
                let sent = Sent {
                    bytes: bytes.clone(),
                    base,
                    next: header.next_offset(),
                    epoch: known.epoch,
                };
                assert_eq!(
                    (to, sent.header().crc, base),
                    (place, header.crc, header.base_offset),
                    "{what}"
                );
                if known.lost.first().is_some_and(|lost| lost.bytes == *bytes) {
                    known.lost.remove(0);
                }
                known.sent.push(sent);
                kept += 1;
                continue;
            };
            let expected = (sent.base, sent.header().crc, sent.epoch);
            let found = (header.base_offset, header.crc, header.leader_epoch);
            assert_eq!(
                found, expected,
                "{what}: what is left is the beginning of what was sent"
            );
            assert_eq!(partition.epoch_at(sent.base), sent.epoch, "{what}");
            kept += 1;
        }
        let end = stored.last().map_or(extent.log_start, BatchHeader::next_offset);
        assert_eq!(extent.next_offset, end, "{what}");
        let acknowledged = known.end();
        let promised = match ended {
            Some(End::BareCut | End::Cut) => known.forced_end,
            Some(End::Kill) | None => acknowledged,
        };
        assert!(promised.max(known.log_start) <= end, "{what}: {promised} was promised");
        assert!(
            known.epoch <= extent.leader_epoch,
            "{what}: the epoch fell from {}",
            known.epoch
        );
        if known.sent.len() > kept {
            let gone: Vec<Sent> = known.sent.drain(kept..).collect();
            for sent in gone.iter().filter(|sent| known.log_start <= sent.base) {
                assert_told(&partition, sent, &what);
            }
            known.lost.splice(0..0, gone);
        }
        known.epoch = extent.leader_epoch;
        if ended != Some(End::Kill) || fsync != Fsync::Never {
            known.forced_end = end;
        }
    }

    fn compare_commits(&mut self, ended: Option<End>) {
        let node = self.node();
        for group in node.offsets.groups() {
            for (place, committed) in node.offsets.of_group(&group) {
                let is_known = self.topics.contains_key(&place.0) && self.is_committed(&place);
                assert!(is_known, "a commit of {place:?} without its topic: {committed:?}");
            }
        }
        self.commits.retain(|place, _| self.topics.contains_key(&place.0));
        let is_cut = matches!(ended, Some(End::BareCut | End::Cut));
        for (place, commits) in &mut self.commits {
            let found = node
                .offsets
                .get(GROUP, &place.0, place.1)
                .map(|committed| committed.offset);
            let end = self.topics[&place.0].partitions[place.1 as usize].end();
            let under_way = match &self.under_way {
                UnderWay::Commit(to, offset) if to == place => Some(*offset),
                _ => None,
            };
            let is_deleting = matches!(&self.under_way, UnderWay::Delete(name) if *name == place.0);
            let promised = if is_cut { commits.forced } else { commits.offsets.len() };
            let mut allowed: Vec<_> = commits.offsets[promised.saturating_sub(1)..]
                .iter()
                .copied()
                .map(Some)
                .collect();
            allowed.extend(under_way.map(Some));
            if promised == 0 || is_deleting {
                allowed.push(None);
            }
            if is_cut {
                // What was committed of records that are gone is taken back.
                allowed
                    .iter_mut()
                    .flatten()
                    .for_each(|offset| *offset = (*offset).min(end));
            }
            let what = format!("{place:?}, which ends at {end}, after {ended:?}: {commits:?}, under way {under_way:?}");
            assert!(allowed.contains(&found), "{what}: found {found:?}");
            if is_cut {
                commits.offsets = found.into_iter().collect();
                commits.forced = commits.offsets.len();
            } else if found.is_some() && found == under_way {
                commits.offsets.extend(found);
            } else if found.is_none() {
                *commits = Commits::default();
            }
        }
    }

    /// Whether something was committed for a partition, or was being committed.
    fn is_committed(&mut self, place: &Place) -> bool {
        let is_under_way = matches!(&self.under_way, UnderWay::Commit(to, _) if to == place);
        if is_under_way {
            self.commits.entry(place.clone()).or_default();
        }
        self.commits.contains_key(place)
    }

    /// A producer that did not hear of its last batch sends it again; one whose batches were lost sends those.
    pub(super) fn repeat(&mut self) -> Result<(), Over> {
        for place in self.places() {
            let partition = self.partition(&place);
            let known = self.known(&place).clone();
            let mut last_of = BTreeMap::new();
            for sent in &known.sent {
                last_of.extend(sent.producer().map(|id| (id, sent)));
            }
            for sent in last_of.values().filter(|sent| known.log_start <= sent.base) {
                let repeated = append_to(&partition, &sent.bytes);
                assert_eq!(repeated, Ok(sent.base), "{place:?}: taken twice, {sent:?}");
                assert_eq!(partition.extent().next_offset, known.end(), "{place:?}");
            }
            for sent in &known.lost {
                if sent.producer().is_some() {
                    self.append(&place, sent.bytes.clone())?;
                }
                self.known_mut(&place).lost.remove(0);
                // The records in their place are of another epoch.
                if known.log_start <= sent.base {
                    assert_told(&partition, sent, "after others were sent");
                }
            }
        }
        Ok(())
    }

    pub(super) fn append(&mut self, place: &Place, bytes: Vec<u8>) -> Result<(), Over> {
        let partition = self.partition(place);
        self.under_way = UnderWay::Append(place.clone(), bytes.clone());
        let appended = append_to(&partition, &bytes);
        let base = self.acknowledged(appended)?;
        let is_forced = self.fsync == Fsync::Always;
        let known = self.known_mut(place);
        assert_eq!(base, known.end(), "{place:?}");
        let next = base + i64::from(BatchHeader::read(&bytes).unwrap().record_count);
        known.sent.push(Sent {
            bytes,
            base,
            next,
            epoch: known.epoch,
        });
        if is_forced {
            known.forced_end = next;
        }
        Ok(())
    }

    pub(super) fn create(&mut self, name: &str, partitions: i32) -> Result<(), Over> {
        self.under_way = UnderWay::Create(name.to_owned(), partitions);
        let made = self
            .node()
            .topics
            .create(name, partitions, TopicConfig::default(), false, NOW_MS);
        let id = self.acknowledged(made)?.unwrap().id;
        let partitions = (0..partitions).map(|_| Known::default()).collect();
        self.topics.insert(name.to_owned(), KnownTopic { id, partitions });
        Ok(())
    }

    pub(super) fn grow(&mut self, name: &str, to: i32) -> Result<(), Over> {
        self.under_way = UnderWay::Grow(name.to_owned(), to);
        let node = self.node();
        let topic = node.topics.by_name(name).unwrap();
        self.acknowledged(node.topics.add_partitions(&topic, to, false, NOW_MS))?;
        let known = self.topics.get_mut(name).unwrap();
        known.partitions.resize_with(to as usize, Known::default);
        Ok(())
    }

    pub(super) fn delete(&mut self, name: &str) -> Result<(), Over> {
        self.under_way = UnderWay::Delete(name.to_owned());
        let node = self.node();
        let topic = node.topics.by_name(name).unwrap();
        self.acknowledged(node.delete_topic(&topic))?;
        self.topics.remove(name);
        self.commits.retain(|place, _| place.0 != name);
        Ok(())
    }

    pub(super) fn commit(&mut self, place: &Place, offset: i64) -> Result<(), Over> {
        self.under_way = UnderWay::Commit(place.clone(), offset);
        let committed = Committed {
            offset,
            leader_epoch: -1,
            metadata: String::new(),
        };
        let stored = self.node().offsets.commit(GROUP, vec![(place.clone(), committed)]);
        self.acknowledged(stored)?;
        let commits = self.commits.entry(place.clone()).or_default();
        commits.offsets.push(offset);
        if self.fsync == Fsync::Always {
            commits.forced = commits.offsets.len();
        }
        Ok(())
    }

    /// Deletes records below `to`, or lets retention delete what is too much.
    pub(super) fn trim(&mut self, place: &Place, to: Option<i64>) -> Result<(), Over> {
        self.under_way = UnderWay::Trim(place.clone());
        let partition = self.partition(place);
        match to {
            Some(to) => drop(self.acknowledged(partition.delete_records(to, NOW_MS))?),
            None => {
                let policy = RetentionPolicy {
                    ms: None,
                    bytes: Some(1_000),
                };
                self.acknowledged(partition.retain(policy, None, NOW_MS))?;
            }
        }
        self.known_mut(place).log_start = partition.extent().log_start;
        Ok(())
    }

    pub(super) fn new_producer(&mut self) -> Result<(), Over> {
        self.under_way = UnderWay::Nothing;
        let id = self.acknowledged(self.node().home.new_producer_id())?;
        assert!(
            self.producer_ids.iter().all(|given| *given < id),
            "{id} was given before"
        );
        self.producer_ids.push(id);
        Ok(())
    }

    /// What the broker does by itself every interval.
    pub(super) fn flush(&mut self) -> Result<(), Over> {
        self.under_way = UnderWay::Nothing;
        self.acknowledged(self.node().flush())?;
        if self.fsync != Fsync::Never {
            self.all_is_forced();
        }
        Ok(())
    }

    /// A clean stop, and a start.
    pub(super) fn restart(&mut self) -> Result<(), Over> {
        self.under_way = UnderWay::Nothing;
        self.acknowledged(self.node().close())?;
        self.all_is_forced();
        self.node = None;
        self.start()
    }

    fn all_is_forced(&mut self) {
        for known in self.topics.values_mut().flat_map(|topic| &mut topic.partitions) {
            known.forced_end = known.end();
        }
        for commits in self.commits.values_mut() {
            commits.forced = commits.offsets.len();
        }
    }
}

fn append_to(partition: &Partition, bytes: &[u8]) -> Result<i64, kafka_protocol::ResponseError> {
    let header = BatchHeader::read(bytes).unwrap();
    partition
        .append(header, bytes, RULES, NOW_MS)
        .map(|appended| appended.base_offset)
}

/// Who read a batch that is gone asks for the end of its epoch, and hears that it lies before the batch.
fn assert_told(partition: &Partition, gone: &Sent, what: &str) {
    let told = partition.end_of_epoch(gone.epoch);
    let is_told = told.is_some_and(|(_, end)| end <= gone.base);
    assert!(is_told, "{what}: {gone:?} is gone, and its epoch ends at {told:?}");
    assert_ne!(partition.epoch_at(gone.base), gone.epoch, "{what}: {gone:?}");
}

/// The headers of all batches from the log start on.
fn stored(partition: &Partition, log_start: i64) -> Vec<BatchHeader> {
    let mut found = Vec::new();
    let mut next = log_start;
    while let Some(located) = partition.locate(next).unwrap() {
        let bytes = partition.read(&located, 1 << 20, usize::MAX).unwrap();
        let mut rest = &bytes[..];
        while let Some(header) = BatchHeader::read(rest) {
            let length = header.batch_bytes().unwrap();
            let is_sound = crate::log::batch::crc_matches(&header, &rest[..length]);
            assert!(is_sound, "a batch whose checksum is wrong is served: {header:?}");
            next = header.next_offset();
            found.push(header);
            rest = &rest[length..];
        }
    }
    found
}
