//! `tidemill demo`: the whole loop once, on a house of its own.
//!
//! Every chapter finds what it would do done already, so that a demo which was ended anywhere goes on in the same folder and
//! ends with the same tables.

mod folder;
mod loop_told;
mod proof;

use std::path::Path;
use std::sync::Arc;

use tidemill_api::{
    CheckRequest, DeployRequest, DeploymentEvent, FeaturesRequest, HttpClient, Operations, RollbackRequest, SqlRequest,
};
use tidemill_serve::protocol::InferRequest;
use tidemill_sources::{DriftSwitch, SimulatorSettings, Source, Speed, StopFlag};
use tidemill_types::{
    DeploymentName, DurationText, ErrorCode, Micros, ModelName, Problem, StreamName, VersionNumber, ViewName,
};

use super::args::{DemoArgs, Global};
use super::check;
use super::context::{Context, token};
use super::failure::{Failure, io};
use super::send::{run_replay, simulator_options};
use super::up::RunningHouse;
use crate::render::{Story, Table, bytes, count, figure, instant, rows_as_table};
use crate::signal::StopSignals;

use folder::Folder;

/// The first simulated day.
const START: &str = "2018-04-01";
/// How long after a transaction its label is known.
const LABEL_DELAY: &str = "7d";
/// How the world changes: people spend less at a time, more often and later in the day. What a stolen card pays is then no
/// longer more than what honest people paid before.
const DRIFT: DriftSwitch = DriftSwitch {
    from_day: 0,
    amount_factor: 0.4,
    rate_factor: 1.2,
    later_seconds: 7_200,
};
/// Longest wait for the stream to land.
const LANDING_WAIT_MAX: std::time::Duration = std::time::Duration::from_secs(150);
/// Who rolls back and forward.
const ACTOR: &str = "demo";
/// Payments that are scored over the protocol, the suspicious and the plain.
const SCORED_SQL: &str = include_str!("../../../sql/demo_payments.sql");

/// The demo's house and how it is spoken to: over HTTP, as any client would.
struct Demo {
    story: Story,
    running: RunningHouse,
    client: HttpClient,
    model: ModelName,
    deployment: DeploymentName,
}

pub async fn run(global: &Global, args: DemoArgs) -> Result<(), Failure> {
    if args.drift_day >= args.days {
        let what = format!("day {} is not one of the {} days", args.drift_day, args.days);
        return Err(Problem::new(ErrorCode::InvalidInput, what)
            .with_hint("--drift-day counts from 0")
            .into());
    }
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
            eprintln!(
                "what there is of the demo lies in {0}; `tidemill demo --dir {0}` goes on with it",
                dir.display()
            );
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
    Story::say(match folder::prepare(dir, args)? {
        Folder::New => format!("settings, schemas and SQL in {}", dir.display()),
        Folder::GoesOn => format!("the demo in {} goes on", dir.display()),
    });
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
    demo.step_to_the_end(args).await?;
    demo.features(args).await?;
    demo.checks().await?;
    demo.show_drift(args).await?;
    demo.show_performance(args).await?;
    demo.show_firings().await?;
    demo.predict().await?;
    demo.back_and_forward().await?;
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
            customers: args.customers,
            terminals: args.terminals,
            drift: Some(DriftSwitch {
                from_day: args.drift_day,
                ..DRIFT
            }),
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
            let before = match stream.skipped {
                0 => String::new(),
                skipped => format!(", {} were there before", count(skipped)),
            };
            Story::say(format!(
                "{} records of `{}`, {}{before}",
                count(stream.rows),
                stream.stream,
                bytes(stream.bytes)
            ));
        }
        if report.rows() > 0 {
            Story::say(format!(
                "sent in {seconds:.1} s, {} records a second",
                count((report.rows() as f64 / seconds) as u64)
            ));
        }
        Story::say(format!(
            "on {} the world changes: people spend less at a time, more often and later in the day",
            day_text(day(args.drift_day)?)
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
        self.story
            .chapter("What the models see: features are SQL over the lake");
        let (from, to) = (day(args.days.saturating_sub(8))?, day(args.days.saturating_sub(7))?);
        let request = FeaturesRequest {
            view: Some(name("terminal_risk", ViewName::new)?),
            from: Some(from),
            to: Some(to),
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
        Story::look(&format!(
            "tidemill features --from {} --to {}",
            day_text(from),
            day_text(to)
        ));
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

    async fn predict(&mut self) -> Result<(), Failure> {
        self.story
            .chapter("Whoever asks is answered too, by the Open Inference Protocol");
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
        Story::say(format!(
            "{} rows by `{}`, version {}",
            scores.len(),
            answer.model_name,
            answer.model_version
        ));
        Story::look(&format!("curl http://{}/v2/models/fraud", self.running.address));
        Ok(())
    }

    /// Takes the newest promotion back by command, and forward again.
    async fn back_and_forward(&mut self) -> Result<(), Failure> {
        self.story
            .chapter("A promotion is taken back by one command, and forward by another");
        let mut history = self.client.deployment_history(&self.deployment).await?;
        history.sort_by_key(|event| std::cmp::Reverse(event.from));
        let by_demo = history.iter().filter(|event| event.actor == ACTOR).count();
        let promoted = history.iter().filter(|event| event.actor != ACTOR);
        let promoted: Vec<VersionNumber> = promoted.map(|event| event.version).collect();
        let [newest, before, ..] = promoted.as_slice() else {
            let what = "fewer than two versions were promoted, so there is nothing to go back to";
            return Err(Problem::new(ErrorCode::NotReady, what)
                .with_hint("more days after the drift let the triggers find a better version: --days")
                .into());
        };
        if by_demo == 0 {
            let request = RollbackRequest {
                reason: Some("to show that it is one step".to_owned()),
                actor: Some(ACTOR.to_owned()),
            };
            let back = self.client.rollback(&self.deployment, request).await?;
            expect_version(back.version, *before)?;
        }
        if by_demo <= 1 {
            let request = DeployRequest {
                model: self.model.clone(),
                version: Some(*newest),
                alias: None,
                deployment: Some(self.deployment.clone()),
                reason: Some("forward again".to_owned()),
                actor: Some(ACTOR.to_owned()),
            };
            let forward = self.client.deploy(request).await?;
            expect_version(forward.version, *newest)?;
        }
        let history = self.client.deployment_history(&self.deployment).await?;
        Story::table(&deployments_as_table(&history)?);
        Story::look("tidemill rollback fraud");
        Ok(())
    }

    async fn show(&self, sql: &str) -> Result<(), Failure> {
        let answer = self.client.sql(SqlRequest::new(sql)).await?;
        Story::table(&rows_as_table(&answer.schema, &answer.batches).map_err(internal)?);
        Story::look(&format!("tidemill sql \"{sql}\""));
        Ok(())
    }
}

fn deployments_as_table(history: &[DeploymentEvent]) -> Result<Table, Problem> {
    let mut table = Table::new(["since", "version", "move", "by", "reason"]);
    for event in history {
        let action = serde_json::to_value(event.action).map_err(internal)?;
        table.row([
            instant(event.from),
            event.version.to_string(),
            action.as_str().unwrap_or_default().to_owned(),
            event.actor.clone(),
            event.reason.clone().unwrap_or_default(),
        ]);
    }
    Ok(table)
}

/// The midnight that a simulated day begins with.
fn day(number: u32) -> Result<Micros, Problem> {
    let first = START.parse::<Micros>().map_err(internal)?;
    Ok(Micros::of_day(first.day() + i64::from(number)))
}

/// A day without its time.
fn day_text(at: Micros) -> String {
    instant(at).chars().take("2018-04-01".len()).collect()
}

fn expect_version(found: VersionNumber, expected: VersionNumber) -> Result<(), Failure> {
    match found == expected {
        true => Ok(()),
        false => Err(internal(format!("it led to {found} and not to {expected}")).into()),
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
