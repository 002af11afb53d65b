//! `tidemill clock`.

use tidemill_api::{ClockState, ClockWaitRequest, EventClock};

use super::args::ClockArgs;
use super::context::Context;
use super::failure::{Failure, json, line};
use crate::render::{Progress, Table, counted, moment};

pub async fn run(context: &Context, args: ClockArgs) -> Result<(), Failure> {
    let reached = context.reach("clock").await?;
    let clock = if args.wait {
        let progress = Progress::spinner(context.global.quiet, "waiting for the event clock");
        let request = ClockWaitRequest {
            until: args.until,
            timeout: Some(args.timeout),
        };
        let waited = reached.operations().wait_for_clock(request).await;
        progress.finish();
        waited
    } else {
        reached.operations().clock().await
    };
    reached.close().await?;
    let clock = clock?;
    if context.global.json {
        return json(&clock);
    }
    for text in lines(&clock) {
        line(text)?;
    }
    let mut parts = Table::new(["where the time went", "seconds", "CPU seconds"]);
    for part in &clock.spent {
        parts.row([
            part.part.clone(),
            format!("{:.1}", part.seconds),
            format!("{:.1}", part.cpu_seconds),
        ]);
    }
    if !parts.is_empty() {
        line(parts.to_string())?;
    }
    Ok(())
}

/// The clock in words; `tidemill status` says the same.
pub fn lines(clock: &EventClock) -> Vec<String> {
    let ticked = match clock.at {
        None => "has not ticked yet".to_owned(),
        Some(at) => format!("at {}", moment(at)),
    };
    let doing = match (clock.state, clock.stepping) {
        (ClockState::Resting, _) => ", resting: `tidemill up` runs it".to_owned(),
        (ClockState::Waiting, _) => ", caught up".to_owned(),
        (state, None) => format!(", {state}"),
        (state, Some(tick)) => {
            let step = clock.step.as_ref().map(|step| format!(" ({step})")).unwrap_or_default();
            format!(", {state} {}{step}", moment(tick))
        }
    };
    let behind = match clock.behind_ticks {
        0 => String::new(),
        ticks => format!(
            ", {} to go",
            counted(usize::try_from(ticks).unwrap_or(usize::MAX), "tick")
        ),
    };
    let mut lines = vec![format!("event clock: {ticked}, ticks of {}{doing}{behind}", clock.tick)];
    if let Some(watermark) = clock.watermark {
        let held = clock
            .held_by
            .as_ref()
            .map(|stream| format!(", held by `{stream}`"))
            .unwrap_or_default();
        lines.push(format!("  everything before {} has landed{held}", moment(watermark)));
    }
    if let Some(problem) = &clock.problem {
        lines.push(format!("  the last try failed: {}", problem.message));
        lines.extend(problem.hint.iter().map(|hint| format!("  hint: {hint}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use tidemill_types::{ErrorCode, Micros, Problem};

    use super::*;

    fn check(change: fn(&mut EventClock), expected: &Expect) {
        let mut clock = EventClock {
            state: ClockState::Waiting,
            tick: "1d".parse().expect("a duration"),
            at: Some(Micros::of_day(17_750)),
            watermark: Some(Micros::of_day(17_750).plus(86_398_000_000)),
            held_by: None,
            behind_ticks: 0,
            stepping: None,
            step: None,
            problem: None,
            spent: Vec::new(),
        };
        change(&mut clock);
        expected.assert_eq(&lines(&clock).join("\n"));
    }

    #[test]
    fn the_clock_is_told_in_words() {
        check(
            |_| (),
            &expect![[r#"
            event clock: at 2018-08-07, ticks of 1d, caught up
              everything before 2018-08-07 23:59:58 has landed"#]],
        );
        check(
            |clock| {
                clock.state = ClockState::Stepping;
                clock.stepping = Some(Micros::of_day(17_751));
                clock.step = Some("train".to_owned());
                clock.behind_ticks = 3;
                clock.held_by = "labels".parse().ok();
            },
            &expect![[r#"
                event clock: at 2018-08-07, ticks of 1d, stepping 2018-08-08 (train), 3 ticks to go
                  everything before 2018-08-07 23:59:58 has landed, held by `labels`"#]],
        );
        check(
            |clock| {
                clock.state = ClockState::Failing;
                clock.problem = Some(Problem::new(ErrorCode::Unavailable, "no broker answers").with_hint("is it up?"));
            },
            &expect![[r#"
                event clock: at 2018-08-07, ticks of 1d, failing
                  everything before 2018-08-07 23:59:58 has landed
                  the last try failed: no broker answers
                  hint: is it up?"#]],
        );
        check(
            |clock| {
                clock.state = ClockState::Resting;
                clock.at = None;
                clock.watermark = None;
            },
            &expect!["event clock: has not ticked yet, ticks of 1d, resting: `tidemill up` runs it"],
        );
    }
}
