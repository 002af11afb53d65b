//! A power cut that takes what was not yet on the disk, from the broker's log or from the lake: what is missing is read
//! again where it can be, and told where other records stand in its place. Nothing is skipped and nothing lands twice.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidemill_broker::{Broker, BrokerSettings};
use tidemill_lake::{Lake, LakeLocation};
use tidemill_types::StreamName;

use super::end_to_end::{House, PATIENCE, events, until};

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl House {
    fn broker_dir(&self) -> PathBuf {
        self.folder.path().join("broker")
    }

    /// Stops the broker, does something to its folder, and starts it again.
    async fn with_broker_down(self, change: impl FnOnce(&Path)) -> House {
        let dir = self.broker_dir();
        self.broker.shutdown().await.unwrap();
        change(&dir);
        let settings = BrokerSettings {
            dir,
            port: Some(0),
            auto_create_topics: false,
            ..BrokerSettings::default()
        };
        let broker = Broker::start(settings).await.unwrap();
        House { broker, ..self }
    }

    /// The same lake as a process sees it that was started after a change to its files.
    async fn with_lake_opened_anew(self) -> House {
        let location = LakeLocation::folder(&self.folder.path().join("lake")).unwrap();
        let lake = Arc::new(Lake::open(location).await.unwrap());
        House { lake, ..self }
    }

    /// Sends events, waits until they have landed, and stops ingest.
    async fn land(&self, ids: std::ops::Range<i64>) {
        self.send("events", 0, &events(ids)).await;
        let ingest = self.ingest(&["events"]);
        ingest.wait_caught_up(PATIENCE).await.unwrap();
        ingest.shutdown().await;
    }

    /// The log entries of the events' table, oldest first.
    fn log_entries(&self) -> Vec<PathBuf> {
        let log = self.folder.path().join("lake/events/_delta_log");
        let files = std::fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path());
        let mut entries: Vec<PathBuf> = files
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .collect();
        entries.sort();
        entries
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_its_tail_and_got_other_records_is_told() {
    let house = House::new().await;
    house.make_topic("events").await;
    house.land(0..5).await;
    let disk = house.folder.path().join("disk");
    let house = house.with_broker_down(|dir| copy_folder(dir, &disk)).await;
    house.land(5..10).await;
    // The power goes, and the disk holds the log as it was.
    let house = house
        .with_broker_down(|dir| {
            std::fs::remove_dir_all(dir).unwrap();
            copy_folder(&disk, dir);
        })
        .await;
    let ingest = house.ingest(&["events"]);
    let reason = until(&ingest, "events", "failed").await.state.reason().unwrap();
    assert!(
        reason.contains("the table goes up to offset 10, the log only to 5"),
        "{reason}"
    );
    house.send("events", 0, &events(100..110)).await;
    ingest.resume(&StreamName::new("events").unwrap()).await.unwrap();
    let mut watch = ingest.watch(&StreamName::new("events").unwrap()).unwrap();
    let told = watch.wait_for(|status| {
        let reason = status.state.reason();
        reason.is_some_and(|reason| reason.contains("holds another record at offset 9"))
    });
    tokio::time::timeout(PATIENCE, told).await.unwrap().unwrap();
    assert_eq!(house.offsets("events", 0).await, (0..10).collect::<Vec<_>>());
    ingest.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_lost_its_newest_commits_gets_them_again() {
    let house = House::new().await;
    house.make_topic("events").await;
    house.land(0..5).await;
    house.land(5..10).await;
    house.land(10..15).await;
    let entries = house.log_entries();
    for lost in &entries[entries.len() - 2..] {
        std::fs::remove_file(lost).unwrap();
    }
    let house = house.with_lake_opened_anew().await;
    assert_eq!(house.offsets("events", 0).await, (0..5).collect::<Vec<_>>());
    house.land(15..20).await;
    assert_eq!(house.offsets("events", 0).await, (0..20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_commit_is_told_and_nothing_is_written_behind_it() {
    let house = House::new().await;
    house.make_topic("events").await;
    house.land(0..5).await;
    house.land(5..10).await;
    let torn = house.log_entries().pop().unwrap();
    let whole = std::fs::read(&torn).unwrap();
    std::fs::write(&torn, &whole[..whole.len() / 2]).unwrap();
    let house = house.with_lake_opened_anew().await;
    let entries = house.log_entries().len();
    let ingest = house.ingest(&["events"]);
    let reason = until(&ingest, "events", "failed").await.state.reason().unwrap();
    assert!(reason.contains("events"), "{reason}");
    ingest.shutdown().await;
    assert_eq!(house.log_entries().len(), entries);
    // Whoever brings the entry back has everything.
    std::fs::write(&torn, &whole).unwrap();
    let house = house.with_lake_opened_anew().await;
    house.land(10..12).await;
    assert_eq!(house.offsets("events", 0).await, (0..12).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_which_only_the_name_was_kept_lands_again() {
    let house = House::new().await;
    house.make_topic("events").await;
    house.land(0..5).await;
    house.land(5..10).await;
    std::fs::write(house.log_entries().pop().unwrap(), b"").unwrap();
    let house = house.with_lake_opened_anew().await;
    house.land(10..12).await;
    assert_eq!(house.offsets("events", 0).await, (0..12).collect::<Vec<_>>());
}
