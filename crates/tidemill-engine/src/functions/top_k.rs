//! `top_k_precision(score, label, entity, day, k)`: what people who check the k most suspect entities of a day find.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;
use tidemill_stats::evaluation::{EvaluationError, ScoredRow, group_precision_at_k};
use tidemill_types::Micros;

use super::arguments::{
    check_count, check_number, constant, evaluation_fault, is_text, labels, list, list_of, lists, numbers, plain,
    refuse,
};
use super::drift::refuse_distinct;

const NAME: &str = "top_k_precision";

/// The mean over days of hits among the k entities of highest score, without those caught on earlier days.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TopKPrecision {
    signature: Signature,
}

impl TopKPrecision {
    pub(crate) fn new() -> TopKPrecision {
        TopKPrecision {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for TopKPrecision {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        check_count(NAME, arg_types, 5, "score, label, entity, day, k")?;
        check_number(NAME, "score", &arg_types[0])?;
        check_number(NAME, "label", &arg_types[1])?;
        let entity = &arg_types[2];
        if !is_text(entity) && !plain(entity).is_integer() {
            return Err(refuse(
                NAME,
                format!("the entity is {entity}, neither a whole number nor a text"),
                "cast it: `cast(… as text)`",
            ));
        }
        if !is_day(&arg_types[3]) {
            return Err(refuse(
                NAME,
                format!("the day is {}", arg_types[3]),
                "a day is a date, an instant, or a whole number that counts days",
            ));
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
            field("entities", entity_type(args.input_fields[2].data_type())),
            field("days", DataType::Int64),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        refuse_distinct(NAME, &args)?;
        let k = constant(&args, 4)
            .map(|value| value.cast_to(&DataType::UInt64))
            .transpose();
        let k = match k {
            Ok(Some(ScalarValue::UInt64(Some(k)))) if k > 0 => usize::try_from(k).unwrap_or(usize::MAX),
            _ => {
                return Err(refuse(
                    NAME,
                    "k is not a constant whole number from 1 on",
                    "write it, as 100",
                ));
            }
        };
        Ok(Box::new(Checking {
            k,
            entity_type: entity_type(args.expr_fields[2].data_type()),
            rows: Vec::new(),
            text_bytes: 0,
        }))
    }
}

fn is_day(data_type: &DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..))
}

/// Texts stay texts, everything else is whole numbers: those that tie are in the order of their own kind.
fn entity_type(data_type: &DataType) -> DataType {
    match is_text(data_type) {
        true => DataType::Utf8,
        false => DataType::Int64,
    }
}

/// Days since the epoch, in UTC.
fn days(array: &dyn Array) -> Result<Int64Array> {
    match array.data_type() {
        DataType::Timestamp(..) | DataType::Date64 => {
            let instants = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?;
            let instants = instants.as_primitive::<TimestampMicrosecondType>();
            Ok(instants.iter().map(|at| at.map(|at| Micros(at).day())).collect())
        }
        DataType::Date32 => days(&cast(array, &DataType::Int32)?),
        _ => Ok(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone()),
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Entity {
    Number(i64),
    Text(String),
}

/// Scored rows. One without a score, label, entity or day is not among them.
#[derive(Debug)]
struct Checking {
    k: usize,
    entity_type: DataType,
    rows: Vec<ScoredRow<Entity>>,
    text_bytes: usize,
}

impl Checking {
    fn add(
        &mut self,
        scores: &Float64Array,
        labels: &BooleanArray,
        entities: &ArrayRef,
        days: &Int64Array,
    ) -> Result<()> {
        let entities = cast(entities, &self.entity_type)?;
        let entities: Vec<Option<Entity>> = match entities.as_string_opt::<i32>() {
            Some(texts) => texts
                .iter()
                .map(|text| text.map(|text| Entity::Text(text.to_owned())))
                .collect(),
            None => entities
                .as_primitive::<Int64Type>()
                .iter()
                .map(|number| number.map(Entity::Number))
                .collect(),
        };
        for (((score, label), entity), day) in scores.iter().zip(labels).zip(entities).zip(days) {
            let (Some(score), Some(label), Some(entity), Some(day)) = (score, label, entity, day) else {
                continue;
            };
            if let Entity::Text(text) = &entity {
                self.text_bytes += text.len();
            }
            self.rows.push(ScoredRow {
                day,
                entity,
                score,
                label,
            });
        }
        Ok(())
    }
}

impl Accumulator for Checking {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(
            &numbers(&values[0])?,
            &labels(&values[1])?,
            &values[2],
            &days(&values[3])?,
        )
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let of_entities = lists(&states[2]).zip(lists(&states[3]));
        for ((scores, labels), (entities, days)) in lists(&states[0]).zip(lists(&states[1])).zip(of_entities) {
            let (scores, labels) = (scores.as_primitive::<Float64Type>(), labels.as_boolean());
            self.add(scores, labels, &entities, days.as_primitive::<Int64Type>())?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let rows = std::mem::take(&mut self.rows);
        let text = |row: &ScoredRow<Entity>| match &row.entity {
            Entity::Text(text) => Some(text.clone()),
            Entity::Number(_) => None,
        };
        let number = |row: &ScoredRow<Entity>| match row.entity {
            Entity::Number(number) => Some(number),
            Entity::Text(_) => None,
        };
        let entities: ArrayRef = match self.entity_type {
            DataType::Utf8 => Arc::new(rows.iter().map(text).collect::<StringArray>()),
            _ => Arc::new(rows.iter().map(number).collect::<Int64Array>()),
        };
        Ok(vec![
            list(Arc::new(
                rows.iter().map(|row| Some(row.score)).collect::<Float64Array>(),
            )),
            list(Arc::new(
                rows.iter().map(|row| Some(row.label)).collect::<BooleanArray>(),
            )),
            list(entities),
            list(Arc::new(rows.iter().map(|row| Some(row.day)).collect::<Int64Array>())),
        ])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match group_precision_at_k(&self.rows, self.k) {
            Ok(precision) => Ok(ScalarValue::Float64(Some(precision.mean))),
            Err(EvaluationError::Empty) => Ok(ScalarValue::Float64(None)),
            Err(error) => Err(evaluation_fault(NAME, &error)),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.rows.capacity() * size_of::<ScoredRow<Entity>>() + self.text_bytes
    }
}
