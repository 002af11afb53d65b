//! `tidemill triggers`.

use serde_json::{Map, Value};
use tidemill_api::{FireRequest, Firing, FiringState, FiringsRequest, Trigger};

use super::args::TriggersCommand;
use super::context::Context;
use super::failure::{Failure, json, line};
use crate::render::{Table, figure, moment};

/// Longest evidence in a list, in characters.
const EVIDENCE_CHARS_MAX: usize = 60;

pub async fn run(context: &Context, command: TriggersCommand) -> Result<(), Failure> {
    let reached = context.reach("triggers").await?;
    let done = match command {
        TriggersCommand::List => match reached.operations().triggers().await {
            Err(problem) => Err(problem.into()),
            Ok(triggers) if context.global.json => json(&triggers),
            Ok(triggers) if triggers.is_empty() => line("there are no triggers; sql/triggers holds them"),
            Ok(triggers) => list(&triggers),
        },
        TriggersCommand::History { trigger, limit } => {
            let request = FiringsRequest {
                trigger,
                model: None,
                limit: Some(limit),
            };
            match reached.operations().firings(request).await {
                Err(problem) => Err(problem.into()),
                Ok(firings) if context.global.json => json(&firings),
                Ok(firings) if firings.is_empty() => line("nothing was fired yet"),
                Ok(firings) => history(&firings),
            }
        }
        TriggersCommand::Fire { trigger, reason } => {
            let request = FireRequest {
                reason,
                actor: Some(Context::actor()),
            };
            match reached.operations().fire(&trigger, request).await {
                Err(problem) => Err(problem.into()),
                Ok(firing) if context.global.json => json(&firing),
                Ok(firing) => fired(&firing),
            }
        }
    };
    reached.close().await?;
    done
}

fn list(triggers: &[Trigger]) -> Result<(), Failure> {
    let mut table = Table::new([
        "trigger",
        "kind",
        "model",
        "last fired",
        "came of it",
        "next",
        "at least",
        "at most",
        "file",
    ]);
    for trigger in triggers {
        let last = trigger.last_firing.as_ref();
        let next = match (trigger.cooling_until, trigger.next_due) {
            (Some(until), _) => format!("not before {}", moment(until)),
            (None, Some(due)) => moment(due),
            (None, None) => "when its query says so".to_owned(),
        };
        let least = match trigger.rows_min {
            0 => String::new(),
            rows => format!("{} new labels", crate::render::count(rows)),
        };
        table.row([
            trigger.name.to_string(),
            trigger.kind.to_string(),
            trigger.model.to_string(),
            last.map_or_else(|| "never".to_owned(), |firing| moment(firing.at)),
            last.map(outcome).unwrap_or_default(),
            next,
            least,
            trigger.quota.clone().unwrap_or_default(),
            trigger.file.clone(),
        ]);
    }
    line(table.to_string())
}

fn history(firings: &[Firing]) -> Result<(), Failure> {
    let mut table = Table::new(["fired", "trigger", "kind", "outcome", "version", "because", "in words"]);
    for firing in firings {
        table.row([
            moment(firing.at),
            firing.trigger.to_string(),
            firing.kind.to_string(),
            outcome(firing),
            versions(firing),
            because(firing),
            firing.detail.clone().unwrap_or_default(),
        ]);
    }
    line(table.to_string())
}

fn fired(firing: &Firing) -> Result<(), Failure> {
    line(format!("`{}` fired for {}", firing.trigger, moment(firing.at)))?;
    if firing.state != FiringState::Ended {
        return line("the event clock trains at that tick; `tidemill triggers history` shows what comes of it");
    }
    // Without a server it was trained, compared and promoted at once.
    let detail = firing
        .detail
        .as_ref()
        .map(|detail| format!(": {detail}"))
        .unwrap_or_default();
    line(format!("{}, {}{detail}", outcome(firing), versions(firing)))
}

fn outcome(firing: &Firing) -> String {
    match (firing.state, firing.outcome) {
        (FiringState::Ended, Some(outcome)) => outcome.to_string(),
        (state, _) => state.to_string(),
    }
}

/// What served, and what came of it: `v2 → v3` where it took over, `v2 (v3 kept out)` else.
fn versions(firing: &Firing) -> String {
    let promoted = firing.outcome == Some(tidemill_api::FiringOutcome::Promoted);
    match (firing.champion_before, firing.version) {
        (None, None) => String::new(),
        (None, Some(made)) => made.to_string(),
        (Some(before), None) => format!("{before} stays"),
        (Some(before), Some(made)) if promoted => format!("{before} → {made}"),
        (Some(before), Some(made)) => format!("{before} stays, not {made}"),
    }
}

/// The evidence in short: the first row, and how many more there are; or who fired it, and why.
fn because(firing: &Firing) -> String {
    let Some(first) = firing.evidence.first() else {
        let reason = firing.reason.as_deref();
        return reason.map_or_else(|| firing.actor.clone(), |reason| format!("{}: {reason}", firing.actor));
    };
    let mut text = in_short(first);
    if text.chars().count() > EVIDENCE_CHARS_MAX {
        text = text.chars().take(EVIDENCE_CHARS_MAX - 1).chain(['…']).collect();
    }
    match firing.evidence.len() as u64 - 1 + firing.evidence_more {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

fn in_short(row: &Map<String, Value>) -> String {
    let pairs = row
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name} {}", text.trim_end_matches("T00:00:00Z")),
            Value::Number(number) => match number.as_f64() {
                Some(float) if number.is_f64() => format!("{name} {}", figure(float)),
                _ => format!("{name} {number}"),
            },
            other => format!("{name} {other}"),
        });
    pairs.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn evidence_is_told_in_short() {
        let check = |row: Value, expected: &str| assert_eq!(in_short(row.as_object().expect("a row")), expected);
        check(json!({}), "");
        check(json!({ "due": 1 }), "due 1");
        check(
            json!({ "at": "2018-08-01T00:00:00Z", "column_name": "TX_AMOUNT", "none": null, "value": 0.412_345_6 }),
            "at 2018-08-01, column_name TX_AMOUNT, value 0.4123",
        );
    }
}
