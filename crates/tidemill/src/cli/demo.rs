//! `tidemill demo`: the whole story once, on a house of its own.

use std::path::Path;
use std::sync::Arc;

use tidemill_api::{
    CheckRequest, DeployRequest, FeaturesRequest, HttpClient, Operations, RollbackRequest, SqlRequest, TrainOutcome,
    TrainRequest,
};
use tidemill_serve::protocol::InferRequest;
use tidemill_sources::{SimulatorSettings, Source, Speed, StopFlag};
use tidemill_types::{
    DeploymentName, DurationText, ErrorCode, Micros, ModelName, Problem, StreamName, VersionNumber, ViewName,
};

use super::args::{DemoArgs, Global};
use super::context::{Context, token};
use super::failure::{Failure, io};
use super::send::{run_replay, simulator_options};
use super::up::RunningHouse;
use super::{check, train};
use crate::render::{Story, Table, bytes, count, figure, instant, rows_as_table};
use crate::signal::StopSignals;

/// The first simulated day.
const START: &str = "2018-04-01";
/// How long after a transaction its label is known.
const LABEL_DELAY: &str = "7d";
/// Longest wait for the stream to land.
const LANDING_WAIT_MAX: std::time::Duration = std::time::Duration::from_secs(150);
/// What is trained, the simplest first.
const ALGORITHMS: [&str; 4] = ["logistic_regression", "decision_tree", "random_forest", "xgboost"];
/// The figure that decides.
const DECISIVE: &str = "average_precision";
/// Payments that are scored over the protocol, the suspicious and the plain.
const SCORED_SQL: &str = include_str!("../../sql/demo_payments.sql");
/// The counts that prove that nothing was lost.
const PROOF_SQL: &str = include_str!("../../sql/demo_proof.sql");

/// The demo's house and how it is spoken to: over HTTP, as any client would.
struct Demo {
    story: Story,
    running: RunningHouse,
    client: HttpClient,
    model: ModelName,
    deployment: DeploymentName,
}

pub async fn run(global: &Global, args: DemoArgs) -> Result<(), Failure> {
    let temporary = args.dir.is_none();
    let dir = args
        .dir
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("tidemill-demo-{}", std::process::id())));
    let began = std::time::Instant::now();
    let outcome = tell(global, &args, &dir).await;
    let demo = match outcome {
        Ok(demo) => demo,
        Err(failure) => {
            eprintln!("what there is of the demo lies in {}", dir.display());
            return Err(failure);
        }
    };
    Story::say(format!("the story took {:.0} s", began.elapsed().as_secs_f64()));
    let mut signals = StopSignals::listen();
    if args.keep {
        Story::say(format!(
            "the server stays up at http://{}; the page to try it: http://{}/api",
            demo.running.address, demo.running.address
        ));
        Story::look(&format!("tidemill --project {} status", dir.display()));
        Story::say("Ctrl-C stops it");
        demo.running.until_stopped(&mut signals).await;
    }
    demo.running.stop_or_break(&mut signals).await?;
    if temporary && !args.keep {
        std::fs::remove_dir_all(&dir).map_err(|error| io(&format!("remove `{}`", dir.display()), &error))?;
    }
    Ok(())
}

async fn tell(global: &Global, args: &DemoArgs, dir: &Path) -> Result<Demo, Failure> {
    let mut story = Story::new();
    story.chapter("A project of its own, and everything up in one process");
    let files = tidemill_project::init(dir, false)?;
    Story::say(format!(
        "{} files in {}: settings, schemas, SQL",
        files.len(),
        dir.display()
    ));
    let mut global = Global {
        project: Some(dir.to_path_buf()),
        ..global.clone()
    };
    // Whatever else runs on this machine: the demo takes ports that are free.
    global.set.insert(0, "server.address=127.0.0.1:0".to_owned());
    global.set.insert(0, "broker.port=0".to_owned());
    let context = Context::new(global)?;
    let running = RunningHouse::start(&context, "demo").await?;
    let client = HttpClient::new(
        &format!("http://{}", running.address),
        token(running.house().project())?,
    )?;
    Story::say(format!(
        "broker {}, server http://{}",
        bootstrap(&running),
        running.address
    ));
    let mut demo = Demo {
        story,
        running,
        client,
        model: name("fraud", ModelName::new)?,
        deployment: name("fraud", DeploymentName::new)?,
    };
    demo.stream(args).await?;
    demo.features(args).await?;
    demo.checks().await?;
    let outcomes = demo.train(args).await?;
    let (first, second) = demo.deploy_first(&outcomes).await?;
    demo.predict(first).await?;
    demo.move_on(first, second).await?;
    demo.prove().await?;
    Ok(demo)
}

impl Demo {
    fn house(&self) -> &Arc<crate::House> {
        self.running.house()
    }

    async fn stream(&mut self, args: &DemoArgs) -> Result<(), Failure> {
        self.story
            .chapter("Card payments stream in, their labels seven days later");
        let settings = SimulatorSettings {
            start: START.parse().map_err(internal)?,
            days: Some(args.days),
            seed: args.seed,
            ..SimulatorSettings::default()
        };
        let options = simulator_options(
            name("transactions", StreamName::new)?,
            name("labels", StreamName::new)?,
            LABEL_DELAY.parse::<DurationText>().map_err(internal)?,
            Speed::Max,
        )?;
        let project = Arc::clone(self.house().project());
        let kafka = self
            .house()
            .kafka()
            .ok_or_else(|| internal("the demo's house has no broker"))?;
        let source = Source::Simulator(settings);
        let report = run_replay(true, &project, kafka.client(), source, options, &StopFlag::default()).await?;
        let seconds = report.elapsed.as_secs_f64();
        for stream in &report.streams {
            Story::say(format!(
                "{} records of `{}`, {}",
                count(stream.rows),
                stream.stream,
                bytes(stream.bytes)
            ));
        }
        Story::say(format!(
            "sent in {seconds:.1} s, {} records a second",
            count((report.rows() as f64 / seconds) as u64)
        ));
        let landing = std::time::Instant::now();
        kafka.wait_until_landed(LANDING_WAIT_MAX).await?;
        Story::say(format!(
            "all of them landed {:.1} s later, rows and offsets in the same commits",
            landing.elapsed().as_secs_f64()
        ));
        self.show("select count(*) as payments, round(sum(TX_AMOUNT), 2) as amount, min(TX_DATETIME) as first, max(TX_DATETIME) as last from transactions").await
    }

    async fn features(&mut self, args: &DemoArgs) -> Result<(), Failure> {
        self.story.chapter("Features are SQL over the lake");
        let first_day = START.parse::<Micros>().map_err(internal)?.day();
        let (from, to) = (
            first_day + i64::from(args.days) - 8,
            first_day + i64::from(args.days) - 7,
        );
        let request = FeaturesRequest {
            view: Some(name("terminal_risk", ViewName::new)?),
            from: Some(Micros::of_day(from)),
            to: Some(Micros::of_day(to)),
        };
        for view in self.client.features(request).await? {
            Story::say(format!(
                "{} for {} payments in {:.1} s ({})",
                view.view,
                count(view.rows),
                view.elapsed_ms as f64 / 1e3,
                view.file
            ));
            let mut table = Table::new(["feature", "mean", "max"]);
            for column in view.columns {
                let shown = |value: Option<f64>| value.map(figure).unwrap_or_default();
                table.row([column.name.clone(), shown(column.mean), shown(column.max)]);
            }
            Story::table(&table);
        }
        Story::look("tidemill features --from 2018-05-20 --to 2018-05-21");
        Ok(())
    }

    async fn checks(&mut self) -> Result<(), Failure> {
        self.story
            .chapter("Checks are SQL too, and stop a training when they fail");
        let report = self.client.check(CheckRequest::default()).await?;
        Story::table(&check::as_table(&report));
        Story::look("tidemill check --json");
        if report.stops_training {
            return Err(Problem::new(ErrorCode::NotReady, "a check of the demo's own data fails").into());
        }
        Ok(())
    }

    async fn train(&mut self, args: &DemoArgs) -> Result<Vec<TrainOutcome>, Failure> {
        self.story
            .chapter("Four algorithms learn from one week and are judged on a later one");
        let mut outcomes = Vec::new();
        for algorithm in ALGORITHMS {
            let mut request = TrainRequest::new(self.model.clone());
            request.algorithm = Some(algorithm.to_owned());
            request.seed = Some(args.seed);
            request.actor = Some("demo".to_owned());
            outcomes.push(self.client.train(request).await?);
        }
        if let Some(first) = outcomes.first() {
            Story::say(format!(
                "trained on {} ({} payments, {} frauds)",
                first.train,
                count(first.train_rows.rows),
                count(first.train_rows.positives)
            ));
            Story::say(format!(
                "judged on {} ({} payments, {} frauds, without cards known to be compromised)",
                first.evaluate,
                count(first.evaluate_rows.rows),
                count(first.evaluate_rows.positives)
            ));
        }
        Story::table(&train::as_table(&outcomes));
        Story::say("the first computed the features that the others share");
        Story::look("tidemill runs list --order-by average_precision");
        Story::look("tidemill sql \"select * from runs\"");
        Ok(outcomes)
    }

    /// Deploys the second best, so that there is something to improve on; gives it and the best.
    async fn deploy_first(&mut self, outcomes: &[TrainOutcome]) -> Result<(VersionNumber, VersionNumber), Failure> {
        let mut ranked: Vec<(f64, VersionNumber, &str)> = outcomes
            .iter()
            .filter_map(|outcome| {
                Some((
                    outcome.metrics.get(DECISIVE)?,
                    outcome.version?,
                    outcome.algorithm.as_str(),
                ))
            })
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let [best, second, ..] = ranked.as_slice() else {
            return Err(Problem::new(ErrorCode::NotReady, "fewer than two models passed the gate").into());
        };
        self.story.chapter("The best is registered and deployed");
        Story::say(format!(
            "{} has the best average precision, {}; it is {}",
            best.2,
            figure(best.0),
            best.1
        ));
        self.deploy(best.1, "best average precision").await?;
        Story::look("tidemill models show fraud");
        Story::look(&format!("tidemill models lineage fraud {}", best.1.0));
        Ok((best.1, second.1))
    }

    async fn deploy(&self, version: VersionNumber, reason: &str) -> Result<(), Failure> {
        let deployed = self
            .client
            .deploy(DeployRequest {
                model: self.model.clone(),
                version: Some(version),
                alias: None,
                deployment: Some(self.deployment.clone()),
                reason: Some(reason.to_owned()),
                actor: Some("demo".to_owned()),
            })
            .await?;
        Story::say(format!(
            "golden rows replayed; `{}` serves {}",
            deployed.name, deployed.version
        ));
        Ok(())
    }

    async fn predict(&mut self, version: VersionNumber) -> Result<(), Failure> {
        self.story.chapter("Predictions by the Open Inference Protocol");
        let rows = self.client.sql(SqlRequest::new(SCORED_SQL)).await?;
        let mut lines = Vec::new();
        crate::render::write_ndjson(&rows.batches, &mut lines).map_err(internal)?;
        let rows: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::Deserializer::from_slice(&lines)
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(internal)?;
        let features: Vec<String> = self
            .client
            .inference_metadata(&self.deployment, None)
            .await?
            .inputs
            .into_iter()
            .map(|input| input.name)
            .collect();
        let columns = features.iter().map(|feature| {
            let values = rows
                .iter()
                .map(|row| row.get(feature).and_then(serde_json::Value::as_f64).unwrap_or(f64::NAN));
            (feature.clone(), values.collect::<Vec<f64>>())
        });
        let answer = self
            .client
            .infer(&self.deployment, None, InferRequest::from_columns(columns))
            .await?;
        let scores = answer
            .outputs
            .first()
            .map(|output| output.data.clone())
            .unwrap_or_default();
        let mut table = Table::new(["payment", "amount", "terminal's risk, 7 days", "fraud", "score"]);
        for (row, score) in rows.iter().zip(&scores) {
            let text = |column: &str| row.get(column).map(ToString::to_string).unwrap_or_default();
            let risk = row
                .get("TERMINAL_ID_RISK_7DAY_WINDOW")
                .and_then(serde_json::Value::as_f64)
                .unwrap_or_default();
            table.row([
                text("TRANSACTION_ID"),
                text("TX_AMOUNT"),
                figure(risk),
                text("TX_FRAUD"),
                figure(*score),
            ]);
        }
        Story::table(&table);
        Story::say(format!("{} rows by `{}` {version}", scores.len(), answer.model_name));
        Story::look(&format!("curl http://{}/v2/models/fraud", self.running.address));
        Ok(())
    }

    async fn move_on(&mut self, first: VersionNumber, second: VersionNumber) -> Result<(), Failure> {
        self.story
            .chapter("A second version is deployed, rolled back by command, and deployed again");
        self.deploy(second, "a second opinion").await?;
        let request = RollbackRequest {
            reason: Some("the first was better".to_owned()),
            actor: Some("demo".to_owned()),
        };
        let back = self.client.rollback(&self.deployment, request).await?;
        Story::say(format!("rolled back: `{}` serves {}", back.name, back.version));
        expect_version(back.version, first)?;
        self.deploy(second, "forward again").await?;
        let mut table = Table::new(["since", "version", "move", "reason"]);
        for event in self.client.deployment_history(&self.deployment).await? {
            let action = serde_json::to_value(event.action).map_err(internal)?;
            table.row([
                instant(event.from),
                event.version.to_string(),
                action.as_str().unwrap_or_default().to_owned(),
                event.reason.unwrap_or_default(),
            ]);
        }
        Story::table(&table);
        Story::look("tidemill rollback fraud");
        Ok(())
    }

    async fn prove(&mut self) -> Result<(), Failure> {
        self.story.chapter("Nothing was lost");
        let answer = self.client.sql(SqlRequest::new(PROOF_SQL)).await?;
        Story::table(&rows_as_table(&answer.schema, &answer.batches).map_err(internal)?);
        let status = self.client.status().await?;
        let kafka = self
            .house()
            .kafka()
            .ok_or_else(|| internal("the demo's house has no broker"))?;
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
        Story::look("tidemill demo --keep --dir my-demo     leaves all of this up, to look closer from that folder");
        Ok(())
    }

    async fn show(&self, sql: &str) -> Result<(), Failure> {
        let answer = self.client.sql(SqlRequest::new(sql)).await?;
        Story::table(&rows_as_table(&answer.schema, &answer.batches).map_err(internal)?);
        Story::look(&format!("tidemill sql \"{sql}\""));
        Ok(())
    }
}

fn expect_version(found: VersionNumber, expected: VersionNumber) -> Result<(), Failure> {
    match found == expected {
        true => Ok(()),
        false => Err(internal(format!("the rollback led to {found} and not to {expected}")).into()),
    }
}

fn bootstrap(running: &RunningHouse) -> String {
    running
        .house()
        .kafka()
        .map(|kafka| kafka.bootstrap().to_owned())
        .unwrap_or_default()
}

fn name<N>(text: &str, new: impl Fn(String) -> Result<N, tidemill_types::InvalidName>) -> Result<N, Problem> {
    new(text.to_owned()).map_err(internal)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn problem(error: tidemill_kafka::KafkaError) -> Problem {
    tidemill_types::Explain::problem(&error)
}

/// Something that the demo itself got wrong.
fn internal(error: impl std::fmt::Display) -> Problem {
    Problem::new(ErrorCode::Internal, error.to_string())
}
