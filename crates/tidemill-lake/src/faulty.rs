//! Commits into a store that fails by seed: it does what it is asked and then says that it did not, does nothing, does it
//! later, or says that something is there that is not. Writers that start again at their fences land each row once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use deltalake::DeltaResult;
use deltalake::logstore::{
    ObjectStoreFactory, ObjectStoreRef, StorageConfig, logstore_factories, object_store_factories,
};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;
use url::Url;

use crate::location::PutIfAbsent;
use crate::tests::{append, lake_at, table_in};
use crate::{Lake, LakeError, LakeLocation, LakeTable};

const SEEDS: u64 = 25;
const ROWS: i64 = 60;
/// Tries of a writer. Each fails less often than not.
const TRIES_MAX: usize = 10_000;

/// A put that was refused and happens later.
type LatePut = (StorePath, PutPayload, PutOptions);

#[derive(Debug)]
struct FaultyStore {
    files: LocalFileSystem,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    random: ChaCha8Rng,
    late: Vec<LatePut>,
    /// How often something was done wrong.
    faults: BTreeMap<&'static str, u64>,
    /// Nothing is done wrong any more.
    is_well: bool,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    DoneAndDenied,
    Refused,
    DoneLater,
    SaidToExist,
}

impl FaultyStore {
    fn fate(&self, is_put: bool, is_new: bool) -> Fate {
        let mut state = self.state.lock().unwrap();
        if state.is_well {
            return Fate::Done;
        }
        let (name, fate) = match state.random.random_range(0..if is_put { 24 } else { 40 }) {
            0 => ("refused", Fate::Refused),
            1 | 2 if is_put => ("denied", Fate::DoneAndDenied),
            3 | 4 if is_new => ("late", Fate::DoneLater),
            5 if is_new => ("said to exist", Fate::SaidToExist),
            _ => return Fate::Done,
        };
        *state.faults.entry(name).or_default() += 1;
        fate
    }

    /// Lets some of what was refused happen after all.
    async fn catch_up(&self) {
        let due = {
            let mut state = self.state.lock().unwrap();
            let is_due = state.is_well || state.random.random_bool(0.3);
            if is_due {
                std::mem::take(&mut state.late)
            } else {
                Vec::new()
            }
        };
        for (location, payload, opts) in due {
            // Another may have taken the name meanwhile.
            let _ = self.files.put_opts(&location, payload, opts).await;
        }
    }

    async fn may_read(&self) -> Result<()> {
        self.catch_up().await;
        match self.fate(false, false) {
            Fate::Refused => Err(broken()),
            _ => Ok(()),
        }
    }
}

fn broken() -> object_store::Error {
    object_store::Error::Generic {
        store: "faulty",
        source: "the connection was reset".into(),
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store that fails")
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, location: &StorePath, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.catch_up().await;
        let is_new = opts.mode == PutMode::Create;
        match self.fate(true, is_new) {
            Fate::Done => self.files.put_opts(location, payload, opts).await,
            Fate::DoneAndDenied => {
                self.files.put_opts(location, payload, opts).await?;
                Err(broken())
            }
            Fate::Refused => Err(broken()),
            Fate::DoneLater => {
                self.state.lock().unwrap().late.push((location.clone(), payload, opts));
                Err(broken())
            }
            Fate::SaidToExist => Err(object_store::Error::AlreadyExists {
                path: location.to_string(),
                source: "409 Conflict".into(),
            }),
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &StorePath,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.may_read().await?;
        self.files.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &StorePath, options: GetOptions) -> Result<GetResult> {
        self.may_read().await?;
        self.files.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<StorePath>>) -> BoxStream<'static, Result<StorePath>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&StorePath>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.fate(false, false) == Fate::Refused {
            return futures::stream::iter([Err(broken())]).boxed();
        }
        // Delta takes it for granted that stores other than local files list in order.
        let listed = self.files.list(prefix);
        let sorted = async move {
            let mut listed: Vec<_> = listed.collect().await;
            listed.sort_by_key(|object| object.as_ref().map(|object| object.location.clone()).ok());
            futures::stream::iter(listed)
        };
        futures::stream::once(sorted).flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&StorePath>) -> Result<ListResult> {
        self.may_read().await?;
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &StorePath, to: &StorePath, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &StorePath, to: &StorePath, options: RenameOptions) -> Result<()> {
        self.files.rename_opts(from, to, options).await
    }
}

/// Makes stores that fail, one state for each folder.
#[derive(Debug, Default)]
struct FaultyFactory {
    states: Mutex<BTreeMap<String, Arc<Mutex<State>>>>,
}

impl ObjectStoreFactory for FaultyFactory {
    fn parse_url_opts(&self, url: &Url, _: &StorageConfig) -> DeltaResult<(ObjectStoreRef, StorePath)> {
        let states = self.states.lock().unwrap();
        let state = states
            .iter()
            .find(|(folder, _)| url.path().starts_with(folder.as_str()));
        let store = FaultyStore {
            files: LocalFileSystem::new(),
            state: state
                .map(|(_, state)| Arc::clone(state))
                .expect("a state for the folder"),
        };
        let path = StorePath::from_url_path(url.path()).map_err(object_store::Error::from)?;
        Ok((Arc::new(store), path))
    }
}

/// A writer, as ingest is one: what it does not know it looks up, and goes on at its fence.
struct Writer {
    table: Option<LakeTable>,
    lake: Lake,
    app: &'static str,
    /// Its rows are `from..from + ROWS`.
    from: i64,
}

impl Writer {
    async fn at(location: &LakeLocation, app: &'static str, from: i64) -> Writer {
        for _ in 0..TRIES_MAX {
            if let Ok(lake) = Lake::open(location.clone()).await {
                let lake = lake.with_checkpoint_commits(5).with_patience_for_tests();
                let table = None;
                return Writer { table, lake, app, from };
            }
        }
        panic!("the lake could not be opened");
    }

    /// One try to land the next rows. Whether all have landed.
    async fn step(&mut self, count: i64) -> Result<bool, LakeError> {
        let table = match &self.table {
            Some(table) => table.clone(),
            None => {
                let name = tidemill_types::TableName::new("events").unwrap();
                let Some(table) = self.lake.table(&name).await? else {
                    return Ok(false);
                };
                self.table.insert(table).clone()
            }
        };
        let fence = table.fence(self.app).await?;
        let next = fence.unwrap_or(self.from);
        let end = (next + count).min(self.from + ROWS);
        if next == end {
            return Ok(true);
        }
        let landed = table.commit(append(self.app, fence, next, end)).await;
        // What a history meets follows from its seed alone.
        table.settled().await;
        landed?;
        Ok(false)
    }
}

async fn check_history(factory: &Arc<FaultyFactory>, seed: u64, faults: &mut BTreeMap<&'static str, u64>) {
    let folder = TempDir::new().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let path = format!("{}/", folder.display());
    let state = Arc::new(Mutex::new(State {
        random: ChaCha8Rng::seed_from_u64(seed),
        late: Vec::new(),
        faults: BTreeMap::new(),
        is_well: false,
    }));
    factory.states.lock().unwrap().insert(path.clone(), Arc::clone(&state));
    // The table itself is made while all is well.
    table_in(&lake_at(&folder).await).await;
    let location = LakeLocation {
        url: Url::parse(&format!("faulty://{path}")).unwrap(),
        options: BTreeMap::new(),
    };
    // Two that share a fence, as two processes do that run the same stream, and one beside them.
    let mut writers = [
        Writer::at(&location, "a/0", 0).await,
        Writer::at(&location, "a/0", 0).await,
        Writer::at(&location, "b/0", ROWS).await,
    ];
    let mut random = ChaCha8Rng::seed_from_u64(seed + 1_000);
    let mut done = [false; 3];
    let (mut tries, mut last_error) = (0, None);
    while done.contains(&false) {
        tries += 1;
        assert!(tries < TRIES_MAX, "seed {seed} does not come to an end: {last_error:?}");
        let chosen = random.random_range(0..writers.len());
        if done[chosen] {
            continue;
        }
        let count = random.random_range(1..8);
        match writers[chosen].step(count).await {
            Ok(is_done) => done[chosen] = is_done,
            // A process that died starts anew now and then, with nothing in its memory.
            Err(error) => {
                last_error = Some(error);
                if random.random_bool(0.2) {
                    let Writer { app, from, .. } = writers[chosen];
                    writers[chosen] = Writer::at(&location, app, from).await;
                }
            }
        }
    }
    state.lock().unwrap().is_well = true;
    // What is still late happens now, to a table that is complete.
    let mut after = Writer::at(&location, "a/0", 0).await;
    assert!(after.step(1).await.unwrap(), "seed {seed}");
    let table = table_in(&lake_at(&folder).await).await;
    let mut ids = table.longs("ID", &[]).await.unwrap();
    ids.sort_unstable();
    assert_eq!(ids, (0..2 * ROWS).collect::<Vec<_>>(), "seed {seed}");
    let fences = table.fences("").await.unwrap();
    let expected = [("a/0".to_owned(), ROWS), ("b/0".to_owned(), 2 * ROWS)];
    assert_eq!(fences, expected.into(), "seed {seed}");
    for (fault, times) in &state.lock().unwrap().faults {
        *faults.entry(fault).or_default() += times;
    }
    factory.states.lock().unwrap().remove(&path);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_lands_once_whatever_the_store_says() {
    let factory = Arc::new(FaultyFactory::default());
    let scheme = Url::parse("faulty://").unwrap();
    object_store_factories().insert(scheme.clone(), Arc::clone(&factory) as _);
    logstore_factories().insert(scheme, Arc::new(PutIfAbsent));
    let mut faults = BTreeMap::new();
    for seed in 0..SEEDS {
        check_history(&factory, seed, &mut faults).await;
    }
    // A store that did nothing wrong proves nothing.
    for fault in ["refused", "denied", "late", "said to exist"] {
        let times = faults.get(fault).copied().unwrap_or(0);
        assert!(times >= SEEDS / 2, "{fault}: {times} in {SEEDS} histories");
    }
}
