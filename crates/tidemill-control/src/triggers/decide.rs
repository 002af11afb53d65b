//! Whether a trigger fires: pure, from what is known when it is looked at.

use tidemill_project::Trigger;
use tidemill_types::Micros;

/// What is known of a trigger when it is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TriggerFacts {
    /// The time that it is looked at for.
    pub at: Micros,
    /// Rows that its query returned.
    pub rows: u64,
    /// The times that it fired for, the newest first, as far back as cooldown and quota look.
    pub fired: Vec<Micros>,
    /// The last time of the events' clock that any trigger of its model fired for.
    pub model_fired: Option<Micros>,
    /// Whether a firing of its model is not at its end.
    pub model_is_busy: bool,
    /// Labels that became known since the newest training of its model, where the trigger asks for a number of them.
    pub new_labels: Option<u64>,
}

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It fires.
    Fire,
    /// Its query returned nothing.
    NotDue,
    /// It has fired for this time or a later one, or another trigger of its model has.
    FiredAlready,
    /// It fired so shortly before that it waits.
    CoolingDown {
        /// Until then.
        until: Micros,
    },
    /// It has fired as often as it may.
    QuotaUsed {
        /// Until the oldest of those is out of the stretch.
        until: Micros,
    },
    /// Too few labels became known since the model was last trained.
    TooFewLabels {
        /// How many did.
        labels: u64,
    },
    /// A training of its model is under way.
    Busy,
}

/// Decides whether a trigger fires.
pub fn decide(trigger: &Trigger, facts: &TriggerFacts) -> Decision {
    let newest = facts.fired.first().copied();
    // A tick that is stepped again after a death sees what its first pass had led to, such as another champion. Whatever a
    // trigger would say of that now, it was asked before: of a model's triggers one fires for a time, and none for an earlier one.
    if newest.max(facts.model_fired).is_some_and(|fired| fired >= facts.at) {
        return Decision::FiredAlready;
    }
    if facts.rows == 0 {
        return Decision::NotDue;
    }
    if let Some(until) = newest.map(|fired| fired.plus(trigger.cooldown.as_micros()))
        && facts.at < until
    {
        return Decision::CoolingDown { until };
    }
    if let Some(quota) = trigger.quota {
        let since = facts.at.plus(-quota.per.as_micros());
        let recent: Vec<Micros> = facts.fired.iter().copied().filter(|fired| *fired > since).collect();
        let used = recent.len() >= quota.firings as usize;
        // The firing that must leave the stretch first: with it the count falls below the quota.
        if let Some(blocking) = recent.get(quota.firings.saturating_sub(1) as usize)
            && used
        {
            return Decision::QuotaUsed {
                until: blocking.plus(quota.per.as_micros()),
            };
        }
    }
    if let Some(labels) = facts.new_labels
        && labels < trigger.min_rows
    {
        return Decision::TooFewLabels { labels };
    }
    if facts.model_is_busy {
        return Decision::Busy;
    }
    Decision::Fire
}

#[cfg(test)]
mod tests {
    use tidemill_project::{Overrides, Project};

    use super::*;

    const DAY: i64 = 86_400_000_000;

    /// A trigger of a project with this header line, beside those that are needed.
    fn trigger(line: &str) -> Trigger {
        let dir = tempfile::tempdir().unwrap();
        tidemill_project::init(dir.path(), false).unwrap();
        let folder = dir.path().join("sql/triggers");
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!("-- trigger: probe\n-- kind: data\n-- model: fraud\n{line}\n\nselect 1 as due\n");
        std::fs::write(folder.join("probe.sql"), text).unwrap();
        let project = Project::load(dir.path(), &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
        project.triggers.get("probe").unwrap().clone()
    }

    fn facts(at_day: i64, fired_days: &[i64]) -> TriggerFacts {
        TriggerFacts {
            at: Micros(at_day * DAY),
            rows: 1,
            fired: fired_days.iter().map(|day| Micros(day * DAY)).collect(),
            ..TriggerFacts::default()
        }
    }

    #[test]
    fn a_row_fires_once_for_a_time() {
        let plain = trigger("-- cooldown: 0s");
        assert_eq!(decide(&plain, &facts(5, &[])), Decision::Fire);
        assert_eq!(decide(&plain, &facts(5, &[5])), Decision::FiredAlready);
        assert_eq!(decide(&plain, &facts(4, &[5])), Decision::FiredAlready);
        assert_eq!(decide(&plain, &facts(6, &[5])), Decision::Fire);
        for (by_another, expected) in [
            (5, Decision::Fire),
            (6, Decision::FiredAlready),
            (7, Decision::FiredAlready),
        ] {
            let facts = TriggerFacts {
                model_fired: Some(Micros(by_another * DAY)),
                ..facts(6, &[])
            };
            assert_eq!(decide(&plain, &facts), expected);
        }
        let nothing = TriggerFacts {
            rows: 0,
            ..facts(6, &[])
        };
        assert_eq!(decide(&plain, &nothing), Decision::NotDue);
        let busy = TriggerFacts {
            model_is_busy: true,
            ..facts(6, &[])
        };
        assert_eq!(decide(&plain, &busy), Decision::Busy);
    }

    #[test]
    fn cooldown_quota_and_labels_hold_it_back() {
        let cool = trigger("-- cooldown: 7d");
        let until = Micros(12 * DAY);
        assert_eq!(decide(&cool, &facts(11, &[5])), Decision::CoolingDown { until });
        assert_eq!(decide(&cool, &facts(12, &[5])), Decision::Fire);
        let quota = trigger("-- quota: 2 per 30d");
        assert_eq!(decide(&quota, &facts(20, &[10])), Decision::Fire);
        let until = Micros(35 * DAY);
        assert_eq!(decide(&quota, &facts(20, &[10, 5])), Decision::QuotaUsed { until });
        assert_eq!(decide(&quota, &facts(34, &[10, 5])), Decision::QuotaUsed { until });
        assert_eq!(decide(&quota, &facts(35, &[10, 5])), Decision::Fire);
        let labels = trigger("-- min rows: 1000");
        for (known, expected) in [(999, Decision::TooFewLabels { labels: 999 }), (1_000, Decision::Fire)] {
            let facts = TriggerFacts {
                new_labels: Some(known),
                ..facts(20, &[])
            };
            assert_eq!(decide(&labels, &facts), expected);
        }
    }
}
