//! A stream's task: sessions one after the other, with pauses, until it is shut down.

use std::time::Duration;

use tidemill_types::Explain;
use tokio::time::Instant;
use tracing::{error, warn};

use crate::IngestError;
use crate::context::StreamContext;
use crate::error::Cure;
use crate::late::LATE;
use crate::session::{End, Lifeline, Session};
use crate::stage::StageFault;
use crate::status::StreamState;
use crate::waiters::Command;

/// Why a pause ended.
enum Awake {
    Elapsed,
    Resumed,
    Shutdown,
}

/// Runs the stream until it is shut down. What goes wrong shows in its state and nowhere else.
pub(crate) async fn run_stream(context: StreamContext, mut lifeline: Lifeline) {
    loop {
        lifeline
            .status
            .send_modify(|status| status.state = StreamState::Starting);
        let pause = match run_session(&context, &mut lifeline).await {
            Ok(End::Shutdown) => break,
            Ok(End::Paused(reason)) => {
                warn!(stream = %context.stream.name, "stream `{}` pauses: {reason}", context.stream.name);
                set_state(&lifeline, StreamState::Paused { reason });
                None
            }
            Err(failure) => after_failure(&context, &lifeline, &failure),
        };
        match sleep(&context, &mut lifeline, pause).await {
            Awake::Elapsed => (),
            Awake::Resumed => lifeline.status.send_modify(|status| status.restarts = 0),
            Awake::Shutdown => break,
        }
    }
    set_state(&lifeline, StreamState::Stopped);
    refuse_waiters(&context, &mut lifeline);
}

async fn run_session(context: &StreamContext, lifeline: &mut Lifeline) -> Result<End, IngestError> {
    if *lifeline.shutdown.borrow() {
        return Ok(End::Shutdown);
    }
    // A broker that does not answer must not hold up a shutdown.
    let opened = tokio::select! {
        opened = context.open() => opened?,
        _ = lifeline.shutdown.changed() => return Ok(End::Shutdown),
    };
    let mut session = Session::start(context, lifeline, opened)?;
    let end = session.run().await;
    session.stop().await;
    if end.is_err() {
        lifeline.stages.lost();
    }
    end
}

/// Decides what comes after a failure: a pause of some length, or an open end.
fn after_failure(context: &StreamContext, lifeline: &Lifeline, failure: &IngestError) -> Option<Duration> {
    let restarts = lifeline.status.borrow().restarts;
    let pause = pause_after(context, failure.cure(), restarts);
    let stream = &context.stream.name;
    let problem = failure.problem();
    if pause.is_some() {
        warn!(stream = %stream, "stream `{stream}` starts again: {problem}");
    } else {
        error!(stream = %stream, "stream `{stream}` stops: {problem}");
    }
    lifeline.status.send_modify(|status| {
        status.restarts = restarts.saturating_add(1);
        status.state = match pause {
            Some(_) => StreamState::Waiting { problem },
            None => StreamState::Failed { problem },
        };
    });
    pause
}

/// How long to wait before the stream starts again; none where it must not by itself.
fn pause_after(context: &StreamContext, cure: Cure, restarts: u32) -> Option<Duration> {
    let limits = &context.limits;
    let exhausted = cure == Cure::Restart && restarts >= limits.restarts_max;
    if cure == Cure::Stop || exhausted {
        return None;
    }
    let doubled = limits.restart_pause.saturating_mul(2_u32.saturating_pow(restarts));
    Some(doubled.min(limits.restart_pause_max))
}

/// Waits, for ever where `pause` is none, and answers commands meanwhile.
async fn sleep(context: &StreamContext, lifeline: &mut Lifeline, pause: Option<Duration>) -> Awake {
    let until = pause.map(|pause| Instant::now() + pause);
    loop {
        if *lifeline.shutdown.borrow() {
            return Awake::Shutdown;
        }
        if pause.is_none() {
            refuse_waiters(context, lifeline);
        }
        tokio::select! {
            changed = lifeline.shutdown.changed() => if changed.is_err() {
                return Awake::Shutdown;
            },
            () = elapsed(until) => return Awake::Elapsed,
            command = lifeline.commands.recv() => match command {
                None => return Awake::Shutdown,
                Some(Command::Resume) => return Awake::Resumed,
                Some(Command::CatchUp { targets, reply }) => lifeline.waiters.add(targets, reply),
                // No session runs: it is restored when one starts.
                Some(Command::AddStage { stage, reply }) => {
                    let _ = reply.send(staged(context, lifeline.stages.add(stage, LATE)));
                }
                Some(Command::RemoveStage { name, reply }) => {
                    let _ = reply.send(staged(context, lifeline.stages.remove(&name)));
                }
                // Nothing is buffered, so there is nothing to land.
                Some(Command::Flush { reply }) => {
                    let _ = reply.send(Ok(()));
                }
            },
        }
    }
}

fn staged<T>(context: &StreamContext, result: Result<T, StageFault>) -> Result<T, IngestError> {
    result.map_err(|source| IngestError::Stage {
        stream: context.stream.name.clone(),
        source,
    })
}

async fn elapsed(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

fn set_state(lifeline: &Lifeline, state: StreamState) {
    lifeline.status.send_modify(|status| status.state = state);
}

fn refuse_waiters(context: &StreamContext, lifeline: &mut Lifeline) {
    let state = lifeline.status.borrow().state.clone();
    let reason = state.reason().unwrap_or_else(|| format!("it is {}", state.as_str()));
    lifeline.waiters.refuse(|| IngestError::NotRunning {
        stream: context.stream.name.clone(),
        reason: reason.clone(),
    });
}
