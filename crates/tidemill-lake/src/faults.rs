//! Commits against a store that fails by a seed: entries that land and are told as failed, that are told to be there and
//! are not, that never come to an answer, and that land long after they were given up.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use deltalake::kernel::StructType;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::logstore::{LogStoreRef, StorageConfig, default_logstore};
use deltalake::operations::create::CreateBuilder;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path as StorePath;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tidemill_types::{SystemClock, TableName};
use url::Url;

use crate::{Append, FenceUpdate, LakeError, LakeLocation, LakeTable};

const SEEDS: u64 = 60;
const COMMITS: i64 = 12;

/// What becomes of a put of a log entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Fate {
    Sound,
    /// It lands, and the answer is lost.
    LandsUntold,
    /// It does not land, and the answer is an error.
    Fails,
    /// The store says that somebody else's is there, as a 409 of two puts at once does; there need be none.
    Refused,
    /// The answer is lost, and it lands some operations later.
    LandsLate,
    /// No answer ever comes, and it does not land.
    Hangs,
}

/// A store in front of another.
#[derive(Debug)]
struct Faulty {
    inner: Arc<InMemory>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: u64,
    /// Puts that still travel, with the operations until they arrive.
    late: Vec<(u32, StorePath, PutPayload)>,
    /// Reads of log entries that fail from now on.
    blind: u32,
    seen: BTreeMap<Fate, u32>,
}

impl Faulty {
    fn new(inner: Arc<InMemory>, seed: u64) -> Faulty {
        let state = State {
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            late: Vec::new(),
            blind: 0,
            seen: BTreeMap::new(),
        };
        Faulty {
            inner,
            state: Mutex::new(state),
        }
    }

    /// A number below `end`, by xorshift.
    fn below(state: &mut State, end: u64) -> u64 {
        state.random ^= state.random << 13;
        state.random ^= state.random >> 7;
        state.random ^= state.random << 17;
        state.random % end
    }

    fn fate(&self) -> Fate {
        let mut state = self.state.lock().unwrap();
        let fate = match Faulty::below(&mut state, 12) {
            0 => Fate::LandsUntold,
            1 => Fate::Fails,
            2 => Fate::Refused,
            3 => Fate::LandsLate,
            4 => Fate::Hangs,
            _ => Fate::Sound,
        };
        if fate == Fate::LandsUntold && Faulty::below(&mut state, 2) == 0 {
            state.blind = 2;
        }
        *state.seen.entry(fate).or_default() += 1;
        fate
    }

    /// Lets arrive what has travelled long enough.
    async fn arrive(&self, all: bool) {
        let mut arrived = Vec::new();
        {
            let mut state = self.state.lock().unwrap();
            for put in &mut state.late {
                put.0 = put.0.saturating_sub(1);
            }
            state.late.retain(|(left, path, payload)| {
                let here = all || *left == 0;
                if here {
                    arrived.push((path.clone(), payload.clone()));
                }
                !here
            });
        }
        for (path, payload) in arrived {
            // Nobody hears what becomes of it.
            drop(self.inner.put_opts(&path, payload, PutMode::Create.into()).await);
        }
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store that fails")
    }
}

fn lost() -> Error {
    Error::Generic {
        store: "faulty",
        source: "the connection was lost".into(),
    }
}

fn is_entry(path: &StorePath) -> bool {
    path.as_ref().contains("_delta_log/") && path.as_ref().ends_with(".json")
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, path: &StorePath, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.arrive(false).await;
        if !is_entry(path) {
            return self.inner.put_opts(path, payload, options).await;
        }
        match self.fate() {
            Fate::Sound => self.inner.put_opts(path, payload, options).await,
            Fate::LandsUntold => {
                drop(self.inner.put_opts(path, payload, options).await);
                Err(lost())
            }
            Fate::Fails => Err(lost()),
            Fate::Refused => Err(Error::AlreadyExists {
                path: path.to_string(),
                source: "409 Conflict".into(),
            }),
            Fate::LandsLate => {
                let mut state = self.state.lock().unwrap();
                let operations = 1 + Faulty::below(&mut state, 40) as u32;
                state.late.push((operations, path.clone(), payload));
                Err(lost())
            }
            Fate::Hangs => std::future::pending().await,
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &StorePath,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &StorePath, options: GetOptions) -> Result<GetResult> {
        self.arrive(false).await;
        let blind = is_entry(path) && {
            let mut state = self.state.lock().unwrap();
            let blind = state.blind > 0;
            state.blind = state.blind.saturating_sub(1);
            blind
        };
        if blind {
            return Err(lost());
        }
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<StorePath>>) -> BoxStream<'static, Result<StorePath>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&StorePath>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&StorePath>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &StorePath, to: &StorePath, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("ID", DataType::Int64, false)]))
}

fn name() -> TableName {
    TableName::new("events").unwrap()
}

fn log_store(store: Arc<dyn ObjectStore>) -> LogStoreRef {
    let url = Url::parse("memory:///events/").unwrap();
    default_logstore(Arc::clone(&store), store, &url, &StorageConfig::default())
}

async fn open(store: Arc<dyn ObjectStore>) -> Result<LakeTable, LakeError> {
    let location = LakeLocation {
        url: Url::parse("memory:///").unwrap(),
        options: BTreeMap::new(),
    };
    LakeTable::open(name(), location, log_store(store), Arc::new(SystemClock), 5).await
}

fn append(app: &str, expected: Option<i64>, id: i64, next: i64) -> Append {
    let ids = Int64Array::from_iter_values([id]);
    Append {
        batches: vec![RecordBatch::try_new(schema(), vec![Arc::new(ids)]).unwrap()],
        fences: vec![FenceUpdate {
            app_id: app.to_owned(),
            expected,
            next,
        }],
        ..Append::default()
    }
}

/// Commits rows one by one as ingest does: after anything that is not a success the fence says what landed.
async fn write(store: Arc<Faulty>, writer: i64) {
    let app = format!("w/{writer}");
    let mut table = open(Arc::clone(&store) as Arc<dyn ObjectStore>).await.ok();
    let mut landed = 0;
    while landed < COMMITS {
        let Some(open_table) = &table else {
            table = open(Arc::clone(&store) as Arc<dyn ObjectStore>).await.ok();
            continue;
        };
        let expected = (landed > 0).then_some(landed);
        let row = append(&app, expected, writer * 1_000 + landed, landed + 1);
        match open_table.commit(row).await {
            Ok(_) => landed += 1,
            Err(_) => match open_table.fence(&app).await {
                Ok(fence) => landed = fence.unwrap_or(0),
                Err(_) => table = None,
            },
        }
    }
}

async fn run(seed: u64) -> BTreeMap<Fate, u32> {
    let memory = Arc::new(InMemory::new());
    let columns: StructType = schema().as_ref().try_into_kernel().unwrap();
    CreateBuilder::new()
        .with_log_store(log_store(Arc::clone(&memory) as Arc<dyn ObjectStore>))
        .with_table_name("events")
        .with_columns(columns.fields().cloned())
        .await
        .unwrap();
    let stores: Vec<Arc<Faulty>> = (0..2)
        .map(|writer| Arc::new(Faulty::new(Arc::clone(&memory), seed * 2 + writer)))
        .collect();
    tokio::join!(write(Arc::clone(&stores[0]), 0), write(Arc::clone(&stores[1]), 1));
    let mut seen = BTreeMap::new();
    for store in &stores {
        store.arrive(true).await;
        for (fate, times) in &store.state.lock().unwrap().seen {
            *seen.entry(*fate).or_default() += times;
        }
    }
    let table = open(memory).await.unwrap();
    let mut ids = table.longs("ID", &[]).await.unwrap();
    ids.sort_unstable();
    let expected: Vec<i64> = (0..2)
        .flat_map(|writer| (0..COMMITS).map(move |id| writer * 1_000 + id))
        .collect();
    assert_eq!(ids, expected, "seed {seed}");
    for writer in 0..2 {
        let fence = table.fence(&format!("w/{writer}")).await.unwrap();
        assert_eq!(fence, Some(COMMITS), "seed {seed}");
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn each_commit_lands_once_whatever_the_store_says() {
    let mut seen = BTreeMap::new();
    for seed in 0..SEEDS {
        for (fate, times) in run(seed).await {
            *seen.entry(fate).or_default() += times;
        }
    }
    assert_eq!(seen.len(), 6, "every fate was met: {seen:?}");
    assert!(seen.values().all(|times: &u32| *times > 10), "{seen:?}");
}
