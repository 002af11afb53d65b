//! What proves that nothing was lost, and the digest that is the same for every run of the same demo.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use sha2::{Digest, Sha256};
use tidemill_api::{Operations, SqlRequest};
use tidemill_types::{ErrorCode, Problem};

use super::{Demo, internal, problem};
use crate::cli::failure::Failure;
use crate::render::{Story, Table, count, rows_as_table};

/// The counts that prove that nothing was lost.
const PROOF_SQL: &str = include_str!("../../../sql/demo_proof.sql");
/// Payments that were to be scored, and those that were.
const SCORED_SQL: &str = include_str!("../../../sql/demo_scored.sql");
/// Every fact that must be the same in each run.
const CLOSING_SQL: &str = include_str!("../../../sql/closing.sql");

impl Demo {
    pub(super) async fn prove(&mut self) -> Result<(), Failure> {
        self.story.chapter("Nothing was lost, and nothing is there twice");
        let answer = self.client.sql(SqlRequest::new(PROOF_SQL)).await?;
        Story::table(&rows_as_table(&answer.schema, &answer.batches).map_err(internal)?);
        self.prove_streams().await?;
        self.prove_predictions().await?;
        let answer = self.client.sql(SqlRequest::new(CLOSING_SQL)).await?;
        let mut lines = Vec::new();
        crate::render::write_ndjson(&answer.batches, &mut lines).map_err(internal)?;
        let digest = hex::encode(Sha256::digest(&lines));
        let facts = answer.batches.iter().map(RecordBatch::num_rows).sum::<usize>() as u64;
        Story::say(format!(
            "{} facts in the closing tables: events, predictions, drift, performance, firings, versions, deployments",
            count(facts)
        ));
        Story::say(format!(
            "their digest, the same in each run of this demo: {}",
            &digest[..16]
        ));
        Story::look("tidemill demo --keep --dir my-demo     leaves all of this up, to look closer from that folder");
        Ok(())
    }

    /// What is in the topics has landed.
    async fn prove_streams(&self) -> Result<(), Failure> {
        let kafka = self
            .house()
            .kafka()
            .ok_or_else(|| internal("the demo's house has no broker"))?;
        // Requests were recorded too, a moment ago.
        kafka.wait_until_landed(super::LANDING_WAIT_MAX).await?;
        let status = self.client.status().await?;
        let mut produced = Table::new(["stream", "in the topic", "landed", "dead letters", "lag"]);
        for stream in &status.streams {
            let mut in_topic = 0;
            for partition in kafka.admin().partitions(&stream.topic).await.map_err(problem)? {
                let watermarks = kafka
                    .admin()
                    .watermarks(&stream.topic, partition)
                    .await
                    .map_err(problem)?;
                in_topic += watermarks.high_watermark.0.unsigned_abs() - watermarks.log_start.0.unsigned_abs();
            }
            produced.row([
                stream.stream.to_string(),
                count(in_topic),
                count(stream.rows),
                count(stream.dead_letters),
                count(stream.lag_rows),
            ]);
            if in_topic != stream.rows + stream.dead_letters {
                let what = format!(
                    "`{}`: {in_topic} records were sent and {} landed",
                    stream.stream, stream.rows
                );
                return Err(Problem::new(ErrorCode::Corrupt, what).into());
            }
        }
        Story::table(&produced);
        Ok(())
    }

    /// Every payment since the first version served has one prediction.
    async fn prove_predictions(&self) -> Result<(), Failure> {
        let answer = self.client.sql(SqlRequest::new(SCORED_SQL)).await?;
        Story::table(&rows_as_table(&answer.schema, &answer.batches).map_err(internal)?);
        let counts: Vec<Option<i64>> = ["to_score", "predictions", "payments_scored"]
            .map(|column| answer.batches.iter().find_map(|batch| number(batch, column)))
            .to_vec();
        match counts.as_slice() {
            [Some(to_score), Some(predictions), Some(payments)] if to_score == predictions && to_score == payments => {
                Ok(())
            }
            counts => Err(Problem::new(
                ErrorCode::Corrupt,
                format!("payments to score, predictions, payments scored: {counts:?}"),
            )
            .into()),
        }
    }
}

fn number(batch: &RecordBatch, column: &str) -> Option<i64> {
    let values = batch.column_by_name(column)?.as_primitive_opt::<Int64Type>()?;
    (values.len() == 1 && values.is_valid(0)).then(|| values.value(0))
}
