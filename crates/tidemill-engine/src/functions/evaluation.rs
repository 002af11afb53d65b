//! `auc(score, label)` and its like: how good scores are, as far as their labels are known.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;
use tidemill_stats::evaluation::{
    Confusion, EvaluationError, average_precision, brier_score, confusion_at, log_loss, roc_auc,
};

use super::arguments::{
    check_count, check_number, constant, evaluation_fault, labels, list, list_of, lists, numbers, refuse,
};
use super::drift::refuse_distinct;

/// What is said of scored rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Figure {
    Auc,
    AveragePrecision,
    LogLoss,
    Brier,
    PrecisionAt,
    RecallAt,
    F1At,
}

impl Figure {
    pub(crate) const ALL: [Figure; 7] = [
        Figure::Auc,
        Figure::AveragePrecision,
        Figure::LogLoss,
        Figure::Brier,
        Figure::PrecisionAt,
        Figure::RecallAt,
        Figure::F1At,
    ];

    fn name(self) -> &'static str {
        match self {
            Figure::Auc => "auc",
            Figure::AveragePrecision => "average_precision",
            Figure::LogLoss => "log_loss",
            Figure::Brier => "brier",
            Figure::PrecisionAt => "precision_at",
            Figure::RecallAt => "recall_at",
            Figure::F1At => "f1_at",
        }
    }

    fn has_threshold(self) -> bool {
        matches!(self, Figure::PrecisionAt | Figure::RecallAt | Figure::F1At)
    }

    /// `None` where the rows do not say: there are none, one class alone, nothing was flagged.
    fn of(self, scores: &[f64], labels: &[bool], threshold: f64) -> Result<Option<f64>, EvaluationError> {
        let at =
            |read: fn(&Confusion) -> Option<f64>| confusion_at(scores, labels, threshold).map(|found| read(&found));
        let value = match self {
            Figure::Auc => roc_auc(scores, labels).map(Some),
            Figure::AveragePrecision => average_precision(scores, labels).map(Some),
            Figure::LogLoss => log_loss(scores, labels).map(Some),
            Figure::Brier => brier_score(scores, labels).map(Some),
            Figure::PrecisionAt => at(Confusion::precision),
            Figure::RecallAt => at(Confusion::recall),
            Figure::F1At => at(Confusion::f1),
        };
        match value {
            Err(EvaluationError::Empty | EvaluationError::OneClass { .. }) => Ok(None),
            other => other,
        }
    }
}

/// A figure as an aggregate of scores and labels.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct EvaluationFunction {
    figure: Figure,
    signature: Signature,
}

impl EvaluationFunction {
    pub(crate) fn new(figure: Figure) -> EvaluationFunction {
        EvaluationFunction {
            figure,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for EvaluationFunction {
    fn name(&self) -> &str {
        self.figure.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let name = self.figure.name();
        match self.figure.has_threshold() {
            true => check_count(name, arg_types, 3, "score, label, threshold")?,
            false => check_count(name, arg_types, 2, "score, label")?,
        }
        for (what, data_type) in ["score", "label", "threshold"].into_iter().zip(arg_types) {
            check_number(name, what, data_type)?;
        }
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field = |name: &str, values: DataType| {
            Arc::new(Field::new(format!("{}[{name}]", args.name), list_of(values), true))
        };
        Ok(vec![
            field("scores", DataType::Float64),
            field("labels", DataType::Boolean),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let name = self.figure.name();
        refuse_distinct(name, &args)?;
        let threshold = match self.figure.has_threshold() {
            false => f64::NAN,
            true => {
                let threshold = constant(&args, 2)
                    .map(|value| value.cast_to(&DataType::Float64))
                    .transpose()?;
                match threshold {
                    Some(ScalarValue::Float64(Some(threshold))) => threshold,
                    _ => {
                        return Err(refuse(
                            name,
                            "the threshold is not a constant number",
                            "write it, as 0.5",
                        ));
                    }
                }
            }
        };
        Ok(Box::new(Evaluating {
            figure: self.figure,
            threshold,
            rows: Vec::new(),
        }))
    }
}

/// Scores with their labels. A row without a score or a label is not among them.
#[derive(Debug)]
struct Evaluating {
    figure: Figure,
    threshold: f64,
    rows: Vec<(f64, bool)>,
}

impl Evaluating {
    fn add(&mut self, scores: &Float64Array, labels: &BooleanArray) {
        let both = scores
            .iter()
            .zip(labels)
            .filter_map(|(score, label)| Some((score?, label?)));
        self.rows.extend(both);
    }
}

impl Accumulator for Evaluating {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&numbers(&values[0])?, &labels(&values[1])?);
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for (scores, labels) in lists(&states[0]).zip(lists(&states[1])) {
            self.add(scores.as_primitive::<Float64Type>(), labels.as_boolean());
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (scores, labels): (Vec<f64>, Vec<bool>) = std::mem::take(&mut self.rows).into_iter().unzip();
        Ok(vec![
            list(Arc::new(Float64Array::from(scores))),
            list(Arc::new(BooleanArray::from(labels))),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        // Sums of floats depend on their order, and threads finish in any.
        self.rows
            .sort_unstable_by(|(a, x), (b, y)| a.total_cmp(b).then(x.cmp(y)));
        let (scores, labels): (Vec<f64>, Vec<bool>) = self.rows.iter().copied().unzip();
        let value = self.figure.of(&scores, &labels, self.threshold);
        Ok(ScalarValue::Float64(
            value.map_err(|error| evaluation_fault(self.figure.name(), &error))?,
        ))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.rows.capacity() * size_of::<(f64, bool)>()
    }
}
