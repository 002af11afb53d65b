//! Lineage: what a run read, at which versions, with which offsets behind it. Written once for a run.

use std::collections::{BTreeMap, BTreeSet};

use tidemill_types::{
    CodeVersion, FeatureHash, KafkaPartition, Lineage, Micros, NextOffset, RunId, StreamRange, TableName, TimeRange,
    TrainingInput,
};

use crate::db::{Arguments, Row, Session, sql};
use crate::limits::{LABEL_CHARS_MAX, LINEAGE_ENTRIES_MAX};
use crate::run::{find, seed_to_store};
use crate::{Registry, RegistryError, check};

impl Registry {
    /// Records what a run is made from. The same lineage again is harmless; another one is refused.
    pub async fn record_lineage(&self, run: &RunId, lineage: &Lineage) -> Result<(), RegistryError> {
        let (run, lineage, now) = (run.clone(), lineage.clone(), self.now());
        check_lineage(&lineage)?;
        self.write(move |session| {
            Box::pin(async move {
                let (run_key, _) = find(session, &run).await?;
                put(session, &run, run_key, &lineage, now).await
            })
        })
        .await
    }
}

impl Registry {
    /// The Delta versions of tables that registered model versions were made from, by table: vacuum must keep their files.
    pub async fn pinned_inputs(&self) -> Result<BTreeMap<TableName, BTreeSet<i64>>, RegistryError> {
        let mut session = self.readers().session().await?;
        let mut pinned: BTreeMap<TableName, BTreeSet<i64>> = BTreeMap::new();
        for row in session.rows(sql!("lineage/pinned_inputs"), Arguments::new()).await? {
            let versions = pinned.entry(row.name("table_name")?).or_default();
            versions.insert(row.int("delta_version")?);
        }
        Ok(pinned)
    }
}

/// Whether the registry can hold it.
pub(crate) fn check_lineage(lineage: &Lineage) -> Result<(), RegistryError> {
    check::count("lineage entries", lineage.inputs.len(), LINEAGE_ENTRIES_MAX)?;
    check::count("lineage entries", lineage.streams.len(), LINEAGE_ENTRIES_MAX)?;
    check::length("the feature hash", &lineage.feature_hash.0, LABEL_CHARS_MAX)?;
    check::length("the code version", &lineage.code_version.0, LABEL_CHARS_MAX)?;
    seed_to_store(lineage.seed)?;
    for input in &lineage.inputs {
        if i64::try_from(input.rows).is_err() {
            return Err(RegistryError::invalid(
                format!("the row count of `{}`", input.table),
                "is out of range",
            ));
        }
    }
    for range in &lineage.streams {
        if range.start.0 < 0 || range.end < range.start {
            return Err(RegistryError::invalid(
                format!("the offsets {} to {} of `{}`", range.start, range.end, range.topic),
                "must be a range from 0",
            ));
        }
    }
    Ok(())
}

/// Records a checked lineage within the caller's change.
pub(crate) async fn put(
    session: &mut Session,
    run: &RunId,
    run_key: i64,
    lineage: &Lineage,
    now: Micros,
) -> Result<(), RegistryError> {
    if let Some(recorded) = of_run(session, run_key).await? {
        return if recorded == *lineage {
            Ok(())
        } else {
            Err(RegistryError::LineageChanged { run: run.clone() })
        };
    }
    let head = Arguments::new()
        .int(run_key)
        .text(&lineage.feature_hash.0)
        .int(seed_to_store(lineage.seed)?)
        .text(&lineage.code_version.0)
        .time(now);
    session.execute(sql!("lineage/insert"), head).await?;
    let inputs = lineage.inputs.iter().zip(0_i64..).map(|(input, position)| {
        Arguments::new()
            .int(run_key)
            .int(position)
            .text(&input.table)
            .int(input.delta_version)
            .int(input.window.from.map(|time| time.0))
            .int(input.window.to.map(|time| time.0))
            .int(input.rows as i64)
    });
    session
        .execute_many(sql!("lineage/insert_inputs"), inputs.collect())
        .await?;
    let streams = lineage.streams.iter().zip(0_i64..).map(|(range, position)| {
        Arguments::new()
            .int(run_key)
            .int(position)
            .text(&range.table)
            .text(&range.topic)
            .int(i64::from(range.partition.0))
            .int(range.start.0)
            .int(range.end.0)
    });
    session
        .execute_many(sql!("lineage/insert_streams"), streams.collect())
        .await
}

/// The lineage of a run, if it was recorded.
pub(crate) async fn of_run(session: &mut Session, run_key: i64) -> Result<Option<Lineage>, RegistryError> {
    let of_run = Arguments::new().int(run_key);
    let Some(head) = session.row(sql!("lineage/of_run"), of_run.clone()).await? else {
        return Ok(None);
    };
    let inputs = session.rows(sql!("lineage/inputs_of_run"), of_run.clone()).await?;
    let streams = session.rows(sql!("lineage/streams_of_run"), of_run).await?;
    Ok(Some(Lineage {
        inputs: inputs.iter().map(input).collect::<Result<_, _>>()?,
        streams: streams.iter().map(stream).collect::<Result<_, _>>()?,
        feature_hash: FeatureHash(head.text("feature_hash")?),
        seed: head.count("seed")?,
        code_version: CodeVersion(head.text("code_version")?),
    }))
}

fn input(row: &Row) -> Result<TrainingInput, RegistryError> {
    Ok(TrainingInput {
        table: row.name("table_name")?,
        delta_version: row.int("delta_version")?,
        window: TimeRange {
            from: row.optional_time("window_from")?,
            to: row.optional_time("window_to")?,
        },
        rows: row.count("row_count")?,
    })
}

fn stream(row: &Row) -> Result<StreamRange, RegistryError> {
    Ok(StreamRange {
        table: row.name("table_name")?,
        topic: row.name("topic")?,
        partition: KafkaPartition(row.int("kafka_partition")? as i32),
        start: NextOffset(row.int("start_offset")?),
        end: NextOffset(row.int("end_offset")?),
    })
}
