//! The loop as it closes: the clock's days go by, triggers fire, and what was seen of it afterwards.

use std::time::Duration;

use tidemill_api::{
    ClockWaitRequest, DriftRequest, DriftSeries, DriftStatus, Firing, FiringState, FiringsRequest, Operations,
    SqlRequest,
};
use tidemill_types::{DurationText, ErrorCode, Micros, Problem};

use super::{Demo, day, day_text};
use crate::cli::args::DemoArgs;
use crate::cli::failure::Failure;
use crate::render::{Glyphs, Progress, Scale, Story, Table, figure, sparkline};

/// Between two looks at what has happened.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// Longest wait for the clock.
const CLOCK_WAIT: DurationText = DurationText::from_secs(20 * 60);
/// Blocks of a plot.
const PLOT_WIDTH: usize = 56;
/// The figure that versions are compared by.
const DECISIVE: &str = "average_precision";
/// Columns of a monitor that are shown, those that moved most first.
const COLUMNS_SHOWN: usize = 5;

/// What the predictions of three days were worth.
const PERFORMANCE_SQL: &str = include_str!("../../../sql/demo_performance.sql");

/// Predictions by version.
const SCORED_BY: &str = include_str!("../../../sql/demo_scored_by.sql");

/// A row of [`PERFORMANCE_SQL`].
#[derive(Debug, serde::Deserialize)]
struct ThreeDays {
    value: f64,
    is_after: bool,
}

impl Demo {
    /// Waits until the event clock has stepped all days, and tells of what triggers do meanwhile.
    pub(super) async fn step_to_the_end(&mut self, args: &DemoArgs) -> Result<(), Failure> {
        self.story.chapter(
            "The event clock steps day by day: score, monitor, look at the triggers, act. Nobody touches anything",
        );
        let began = std::time::Instant::now();
        let progress = Progress::bar(false, "clock", "days", u64::from(args.days));
        let wait = ClockWaitRequest {
            until: None,
            timeout: Some(CLOCK_WAIT),
        };
        let mut told = Vec::new();
        let waiting = self.client.wait_for_clock(wait);
        tokio::pin!(waiting);
        let mut looks = tokio::time::interval(LOOK_INTERVAL);
        let clock = loop {
            tokio::select! {
                clock = &mut waiting => break clock?,
                _ = looks.tick() => {
                    self.tell_of_firings(&mut told, &progress).await?;
                    if let Some(at) = self.client.clock().await?.at {
                        let days = (at.0 - day(0)?.0) / Micros::of_day(1).0;
                        progress.set(days.max(0).unsigned_abs());
                    }
                }
            }
        };
        self.tell_of_firings(&mut told, &progress).await?;
        progress.finish();
        let at = clock.at.ok_or_else(|| {
            Problem::new(ErrorCode::NotReady, "the event clock did not tick").with_hint("more days: --days")
        })?;
        Story::say(format!(
            "{} was the last whole day; {:.0} s for all of them",
            day_text(at.plus(-1)),
            began.elapsed().as_secs_f64()
        ));
        Story::look("tidemill status");
        Ok(())
    }

    /// Tells of firings that have ended and were not told of yet, in the order of their time.
    async fn tell_of_firings(&self, told: &mut Vec<(String, Micros)>, progress: &Progress) -> Result<(), Failure> {
        for firing in self.firings().await? {
            let key = (firing.trigger.to_string(), firing.at);
            if firing.state == FiringState::Ended && !told.contains(&key) {
                progress.hide_while(|| {
                    Story::say(format!(
                        "{}  `{}` fired{}",
                        day_text(firing.at),
                        firing.trigger,
                        firing
                            .reason
                            .as_ref()
                            .map(|reason| format!(" ({reason})"))
                            .unwrap_or_default()
                    ));
                    Story::say(format!("            {}", outcome_text(&firing)));
                });
                told.push(key);
            }
        }
        Ok(())
    }

    /// All firings, the oldest first.
    async fn firings(&self) -> Result<Vec<Firing>, Failure> {
        let request = FiringsRequest {
            model: Some(self.model.clone()),
            ..FiringsRequest::default()
        };
        let mut firings = self.client.firings(request).await?;
        firings.reverse();
        Ok(firings)
    }

    pub(super) async fn show_drift(&mut self, args: &DemoArgs) -> Result<(), Failure> {
        self.story
            .chapter("Drift was seen: what comes in against what the model in place had learnt from");
        let mut series = self.client.drift(DriftRequest::default()).await?;
        let largest = |series: &DriftSeries| {
            let values = series.points.iter().filter_map(|point| point.value);
            values.fold(0.0, f64::max)
        };
        series.sort_by(|one, other| {
            largest(other)
                .total_cmp(&largest(one))
                .then_with(|| one.column.cmp(&other.column))
        });
        let mut table = Table::new(["column", "measure", "days", "largest", "first drift"]);
        for series in series.iter().take(COLUMNS_SHOWN) {
            let high = series.drift.map_or_else(|| largest(series), |drift| 2.0 * drift);
            let values: Vec<Option<f64>> = series.points.iter().map(|point| point.value).collect();
            let first = series.points.iter().find(|point| point.status == DriftStatus::Drift);
            table.row([
                series.column.to_string(),
                series.measure.clone(),
                sparkline(&values, Scale::up_to(high), PLOT_WIDTH, Glyphs::of_the_terminal()),
                figure(largest(series)),
                first.map(|point| day_text(point.at)).unwrap_or_default(),
            ]);
        }
        Story::table(&table);
        let first = series.iter().filter_map(|series| {
            let point = series.points.iter().find(|point| point.status == DriftStatus::Drift)?;
            Some((point.at, &series.column))
        });
        if let Some((at, column)) = first.min() {
            let began = day(args.drift_day)?;
            Story::say(format!(
                "the world changed on {}; `{column}` told on {}, before a single label of the new world was known",
                day_text(began),
                day_text(at)
            ));
        }
        Story::look("tidemill drift");
        Ok(())
    }

    pub(super) async fn show_performance(&mut self, args: &DemoArgs) -> Result<(), Failure> {
        self.story
            .chapter("How good the predictions were, as the labels said a week later");
        let changed = day_text(day(args.drift_day)?);
        let answer = self
            .client
            .sql(SqlRequest::new(PERFORMANCE_SQL.replace("{changed}", &changed)))
            .await?;
        let mut lines = Vec::new();
        crate::render::write_ndjson(&answer.batches, &mut lines).map_err(super::internal)?;
        let days: Vec<ThreeDays> = serde_json::Deserializer::from_slice(&lines)
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(super::internal)?;
        let of_world = |after: bool| {
            days.iter()
                .filter(move |days| days.is_after == after)
                .map(|days| days.value)
        };
        let best_before = of_world(false).max_by(f64::total_cmp);
        let lowest = of_world(true).min_by(f64::total_cmp);
        let at_the_end = of_world(true).next_back();
        let values: Vec<Option<f64>> = days.iter().map(|days| Some(days.value)).collect();
        let shown = |value: Option<f64>| value.map(figure).unwrap_or_default();
        let mut table = Table::new(["three days at a time", "best before", "lowest after", "at the end"]);
        table.row([
            sparkline(&values, Scale::up_to(1.0), PLOT_WIDTH, Glyphs::of_the_terminal()),
            shown(best_before),
            shown(lowest),
            shown(at_the_end),
        ]);
        Story::table(&table);
        Story::say(format!(
            "{DECISIVE} of the predictions, by the version in place at the time; the world changed on {changed}"
        ));
        if let (Some(before), Some(lowest), Some(end)) = (best_before, lowest, at_the_end)
            && lowest < before
            && lowest < end
        {
            Story::say(format!(
                "it fell from {} to {}, and was {} at the end",
                figure(before),
                figure(lowest),
                figure(end)
            ));
        }
        Story::look("tidemill performance");
        Ok(())
    }

    pub(super) async fn show_firings(&mut self) -> Result<(), Failure> {
        self.story
            .chapter("Triggers fired, challengers were trained as of that day, and the better ones took over");
        let mut table = Table::new(["day", "trigger", "before", "challenger", "outcome", "why"]);
        for firing in self.firings().await? {
            let version = |version: Option<tidemill_types::VersionNumber>| {
                version.map(|version| version.0.to_string()).unwrap_or_default()
            };
            table.row([
                day_text(firing.at),
                firing.trigger.to_string(),
                version(firing.champion_before),
                version(firing.version),
                firing.outcome.map(|outcome| outcome.to_string()).unwrap_or_default(),
                firing.detail.unwrap_or_default(),
            ]);
        }
        Story::table(&table);
        let scored = self.client.sql(SqlRequest::new(SCORED_BY)).await?;
        Story::say("who scored what:");
        Story::table(&crate::render::rows_as_table(&scored.schema, &scored.batches).map_err(super::internal)?);
        Story::look("tidemill triggers history");
        Ok(())
    }
}

fn outcome_text(firing: &Firing) -> String {
    let version = firing
        .version
        .map(|version| format!("version {} ", version.0))
        .unwrap_or_default();
    let outcome = firing.outcome.map(|outcome| outcome.to_string()).unwrap_or_default();
    match &firing.detail {
        Some(detail) => format!("{version}{outcome}: {detail}"),
        None => format!("{version}{outcome}"),
    }
}
