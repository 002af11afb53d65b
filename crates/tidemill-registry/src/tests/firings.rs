//! Firings happen once, and only go on; the clock never goes back.

use serde_json::json;
use tidemill_types::{ErrorCode, Explain, Micros, RunId, TriggerKind, VersionNumber};

use crate::{ClockState, FiringFilter, FiringOutcome, FiringState, FiringStep, NewFiring};

fn drift_at(at: i64) -> NewFiring {
    NewFiring {
        trigger: "drift".parse().unwrap(),
        model: "fraud".parse().unwrap(),
        kind: TriggerKind::Drift,
        at: Micros(at),
        evidence: json!([{ "column_name": "TX_AMOUNT", "psi": 0.4 }]),
        champion: Some(VersionNumber(1)),
        actor: "trigger:drift".to_owned(),
        reason: "TX_AMOUNT".to_owned(),
    }
}

#[tokio::test]
async fn a_trigger_fires_once_for_a_time_whoever_asks() {
    let house = super::House::new().await;
    let asked = (0..8).map(|_| house.registry.record_firing(drift_at(7)));
    let recorded = futures::future::try_join_all(asked).await.unwrap();
    assert_eq!(recorded.iter().filter(|recorded| recorded.is_new).count(), 1);
    let first = &recorded[0].firing;
    assert!(recorded.iter().all(|recorded| recorded.firing == *first));
    assert_eq!(first.state, FiringState::Due);
    let later = house.registry.record_firing(drift_at(8)).await.unwrap();
    assert!(later.is_new);
    let newest = house.registry.firings(&FiringFilter::default(), 10).await.unwrap();
    let times: Vec<i64> = newest.iter().map(|firing| firing.at.0).collect();
    assert_eq!(times, [8, 7]);
    let filter = FiringFilter {
        trigger: Some("other".parse().unwrap()),
        ..FiringFilter::default()
    };
    assert_eq!(house.registry.firings(&filter, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_firing_goes_on_after_a_restart_and_never_back() {
    let house = super::House::new().await;
    let id = house.registry.record_firing(drift_at(7)).await.unwrap().firing.id;
    let early = FiringStep::Trained {
        run: RunId::new("0".repeat(32)).unwrap(),
        version: None,
    };
    let refused = house.registry.step_firing(id, early).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the firing of trigger `drift` at 1970-01-01T00:00:00.000007Z is due and cannot become trained"
    );
    house.registry.step_firing(id, FiringStep::Training).await.unwrap();
    let house = house.reopen().await;
    let open = house.registry.open_firings().await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].state, FiringState::Training);
    // The process died in its training: that begins again.
    house.registry.step_firing(id, FiringStep::Training).await.unwrap();
    let run = house.run("again").await;
    let trained = FiringStep::Trained {
        run: run.clone(),
        version: Some(VersionNumber(2)),
    };
    house.registry.step_firing(id, trained.clone()).await.unwrap();
    for back in [FiringStep::Training, trained] {
        let refused = house.registry.step_firing(id, back).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Conflict, "{refused}");
    }
    let end = FiringStep::Ended {
        outcome: FiringOutcome::Promoted,
        detail: "average_precision .61 over .42".to_owned(),
    };
    let ended = house.registry.step_firing(id, end.clone()).await.unwrap();
    assert_eq!(ended.outcome, Some(FiringOutcome::Promoted));
    assert_eq!((ended.run, ended.version), (Some(run), Some(VersionNumber(2))));
    assert!(house.registry.step_firing(id, end).await.is_err());
    assert_eq!(house.registry.open_firings().await.unwrap(), []);
}

#[tokio::test]
async fn the_event_clock_never_goes_back() {
    let house = super::House::new().await;
    assert_eq!(house.registry.event_clock().await.unwrap(), None);
    for (at, ends, expected) in [(10, 1, 10), (20, 2, 20), (15, 9, 20), (20, 9, 20)] {
        let finished = ClockState {
            at: Micros(at),
            state: json!({ "ends": ends }),
        };
        house.registry.finish_tick(finished).await.unwrap();
        let now = house.registry.event_clock().await.unwrap().unwrap();
        assert_eq!(now.at, Micros(expected));
    }
    let house = house.reopen().await;
    let now = house.registry.event_clock().await.unwrap().unwrap();
    assert_eq!(now.state, json!({ "ends": 2 }));
}
