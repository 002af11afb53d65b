//! Which event times a run trains on and which it is evaluated on: a pure decision over the model's settings and the
//! newest labels.

use serde::{Deserialize, Serialize};
use tidemill_project::ModelSpec;
use tidemill_types::{Micros, TimeRange};

use crate::TrainError;

/// The two windows of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    /// Event times of the training rows.
    pub train: TimeRange,
    /// Event times of the rows that the result is judged on; later than every label that training could know.
    pub evaluate: TimeRange,
}

impl Windows {
    /// Both ends of the training window. Windows that were decided are closed.
    pub fn train_bounds(&self) -> (Micros, Micros) {
        bounds(self.train)
    }

    /// Both ends of the evaluation window.
    pub fn evaluate_bounds(&self) -> (Micros, Micros) {
        bounds(self.evaluate)
    }
}

fn bounds(range: TimeRange) -> (Micros, Micros) {
    (
        range.from.unwrap_or(Micros(i64::MIN)),
        range.to.unwrap_or(Micros(i64::MAX)),
    )
}

/// When what a run learns from had to be known: as its evaluation window begins, as a model that goes live then could have
/// known it; and no later than `as_of`, where the evaluation window that was asked for begins after that.
pub(crate) fn known_at(windows: &Windows, as_of: Option<Micros>) -> Option<Micros> {
    [windows.evaluate.from, as_of].into_iter().flatten().min()
}

/// Decides the windows. What was asked for stands; the rest follows from the model's settings so that the evaluation
/// ends with the newest whole day whose labels are all known, and training ends `gap` before the evaluation begins.
///
/// `newest_known` is the known time of the newest label. Errors when nothing is known yet, when a window that was asked
/// for is open or empty, or when the two overlap.
pub fn decide_windows(
    spec: &ModelSpec,
    train: Option<TimeRange>,
    evaluate: Option<TimeRange>,
    newest_known: Option<Micros>,
) -> Result<Windows, TrainError> {
    let gap = spec.gap.as_micros();
    let evaluate = match evaluate {
        Some(asked) => closed("evaluation", asked)?,
        None => {
            let newest = newest_known.ok_or_else(|| TrainError::NoLabels {
                label: spec.label.to_string(),
            })?;
            let end = Micros::of_day(newest.plus(-gap).day());
            Bounds {
                from: end.plus(-spec.evaluate.as_micros()),
                to: end,
            }
        }
    };
    let train = match train {
        Some(asked) => closed("training", asked)?,
        None => {
            let end = evaluate.from.plus(-gap);
            Bounds {
                from: end.plus(-spec.train.as_micros()),
                to: end,
            }
        }
    };
    if train.to > evaluate.from {
        return Err(TrainError::Overlap {
            train: train.range(),
            evaluate: evaluate.range(),
        });
    }
    Ok(Windows {
        train: train.range(),
        evaluate: evaluate.range(),
    })
}

#[derive(Debug, Clone, Copy)]
struct Bounds {
    from: Micros,
    to: Micros,
}

impl Bounds {
    fn range(self) -> TimeRange {
        TimeRange::new(self.from, self.to)
    }
}

fn closed(which: &'static str, asked: TimeRange) -> Result<Bounds, TrainError> {
    match (asked.from, asked.to) {
        (Some(from), Some(to)) if from < to => Ok(Bounds { from, to }),
        _ => Err(TrainError::Window { which, asked }),
    }
}
