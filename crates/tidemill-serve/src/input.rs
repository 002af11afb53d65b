//! From a request's tensors to the rows that a model scores.
//!
//! Tensors are matched with features by name; only the one tensor that holds all features goes by the model's order.
//! Any numeric datatype is taken for any feature whose own type can hold the values; all are rounded to f32, once, as in
//! training. Null is a missing value (NaN): trees know what to do with it, other models refuse the row.

use std::collections::HashMap;

use tidemill_models::{FeatureKind, FeatureSpec, ModelSignature};

use crate::error::InputError;
use crate::limits::{ROWS_PER_REQUEST_MAX, TENSORS_PER_REQUEST_MAX};
use crate::protocol::{Datatype, InferRequest, InputTensor, TensorData};

/// A model's features with their positions by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FeatureIndex(HashMap<String, usize>);

impl FeatureIndex {
    pub(crate) fn new(signature: &ModelSignature) -> FeatureIndex {
        let names = signature.features.iter().enumerate();
        FeatureIndex(
            names
                .map(|(position, feature)| (feature.name.clone(), position))
                .collect(),
        )
    }
}

/// The rows of a request in row-major order, features in the model's order.
pub(crate) fn rows(
    signature: &ModelSignature,
    index: &FeatureIndex,
    request: &InferRequest,
) -> Result<Vec<f32>, InputError> {
    check_outputs(signature, request)?;
    let Some(first) = request.inputs.first() else {
        return Err(InputError::NoInputs {
            features: names(signature),
        });
    };
    if request.inputs.len() > TENSORS_PER_REQUEST_MAX {
        return Err(InputError::TooManyTensors {
            tensors: request.inputs.len(),
        });
    }
    for tensor in &request.inputs {
        check_tensor(tensor, signature)?;
    }
    let holds_them_all = request.inputs.len() == 1 && first.shape.len() == 2 && !index.0.contains_key(&first.name);
    if holds_them_all {
        from_matrix(signature, first)
    } else {
        from_columns(signature, index, &request.inputs)
    }
}

/// One tensor of shape `[rows, features]`.
fn from_matrix(signature: &ModelSignature, tensor: &InputTensor) -> Result<Vec<f32>, InputError> {
    let features = &signature.features;
    let columns = tensor.shape[1];
    if columns != features.len() as u64 {
        return Err(InputError::Width {
            tensor: tensor.name.clone(),
            columns,
            features: names(signature),
        });
    }
    let mut rows = vec![0.0; tensor.data.len()];
    for (position, feature) in features.iter().enumerate() {
        let elements = (position..rows.len()).step_by(features.len());
        fill(feature, tensor, elements, &mut rows, position, features.len())?;
    }
    Ok(rows)
}

/// One tensor per feature, each of shape `[rows]` or `[rows, 1]`.
fn from_columns(
    signature: &ModelSignature,
    index: &FeatureIndex,
    tensors: &[InputTensor],
) -> Result<Vec<f32>, InputError> {
    let features = &signature.features;
    let mut by_position: Vec<Option<&InputTensor>> = vec![None; features.len()];
    for tensor in tensors {
        let Some(position) = index.0.get(&tensor.name) else {
            return Err(InputError::UnknownFeature {
                feature: tensor.name.clone(),
                features: names(signature),
            });
        };
        if by_position[*position].replace(tensor).is_some() {
            return Err(InputError::Twice {
                tensor: tensor.name.clone(),
            });
        }
        let one_feature = tensor.shape.len() == 1 || tensor.shape.get(1) == Some(&1);
        if !one_feature {
            return Err(InputError::Shape {
                tensor: tensor.name.clone(),
                shape: tensor.shape.clone(),
                features: features.len(),
            });
        }
        if tensor.shape[0] != tensors[0].shape[0] {
            return Err(InputError::Rows {
                tensor: tensor.name.clone(),
                rows: tensor.shape[0],
                first: tensors[0].name.clone(),
                expected: tensors[0].shape[0],
            });
        }
    }
    if by_position.contains(&None) {
        // Before anything is allocated: a wide model and one long tensor must not cost memory.
        return Err(missing(signature, &by_position, tensors));
    }
    let count = tensors[0].data.len();
    let mut rows = vec![0.0; count * features.len()];
    for (position, (feature, tensor)) in features.iter().zip(by_position.into_iter().flatten()).enumerate() {
        fill(feature, tensor, 0..count, &mut rows, position, features.len())?;
    }
    Ok(rows)
}

/// Copies a feature's elements of a tensor into every row, and checks that the feature's type can hold them.
fn fill(
    feature: &FeatureSpec,
    tensor: &InputTensor,
    elements: impl Iterator<Item = usize>,
    rows: &mut [f32],
    position: usize,
    width: usize,
) -> Result<(), InputError> {
    let whole = matches!(feature.kind, FeatureKind::Int32 | FeatureKind::Int64);
    let boolean = feature.kind == FeatureKind::Boolean;
    for (row, element) in elements.enumerate() {
        let value = match &tensor.data {
            TensorData::Numbers(values) => values[element],
            TensorData::Booleans(values) => values[element].map_or(f64::NAN, f64::from),
            TensorData::Texts(_) => f64::NAN,
        };
        let held = if value.is_nan() {
            true
        } else if boolean {
            value == 0.0 || value == 1.0
        } else {
            !whole || value.fract() == 0.0
        };
        if !held {
            return Err(InputError::Value {
                feature: feature.name.clone(),
                datatype: feature.kind.inference_datatype(),
                row,
                value,
            });
        }
        rows[row * width + position] = value as f32;
    }
    Ok(())
}

/// What must hold of a tensor whatever the model: shape against elements, elements against datatype.
fn check_tensor(tensor: &InputTensor, signature: &ModelSignature) -> Result<(), InputError> {
    let name = || tensor.name.clone();
    if !matches!(tensor.shape.len(), 1 | 2) {
        return Err(InputError::Shape {
            tensor: name(),
            shape: tensor.shape.clone(),
            features: signature.features.len(),
        });
    }
    if tensor.shape[0] > ROWS_PER_REQUEST_MAX as u64 {
        return Err(InputError::TooManyRows { rows: tensor.shape[0] });
    }
    let expected = tensor
        .shape
        .iter()
        .try_fold(1_u64, |product, length| product.checked_mul(*length));
    if expected != Some(tensor.data.len() as u64) {
        return Err(InputError::Elements {
            tensor: name(),
            shape: tensor.shape.clone(),
            elements: tensor.data.len(),
        });
    }
    if tensor.datatype == Datatype::Bytes {
        return Err(InputError::NotNumeric {
            tensor: name(),
            datatype: tensor.datatype,
        });
    }
    match first_foreign(tensor) {
        None => Ok(()),
        Some((element, value)) => Err(InputError::Element {
            tensor: name(),
            datatype: tensor.datatype,
            element,
            value,
        }),
    }
}

/// The first element that is not of the tensor's datatype, as it would be written.
fn first_foreign(tensor: &InputTensor) -> Option<(usize, String)> {
    match &tensor.data {
        TensorData::Numbers(values) => {
            let foreign = |value: &f64| {
                if value.is_nan() {
                    false
                } else if tensor.datatype == Datatype::Bool {
                    *value != 0.0 && *value != 1.0
                } else if let Some((smallest, largest)) = tensor.datatype.integer_bounds() {
                    value.fract() != 0.0 || *value < smallest || *value > largest
                } else {
                    false
                }
            };
            let element = values.iter().position(foreign)?;
            Some((element, values[element].to_string()))
        }
        TensorData::Booleans(values) if tensor.datatype != Datatype::Bool => {
            let element = values.iter().position(Option::is_some)?;
            values[element].map(|value| (element, value.to_string()))
        }
        TensorData::Booleans(_) => None,
        TensorData::Texts(values) => values.first().map(|text| {
            let shown: String = text.chars().take(40).collect();
            (0, format!("the text \"{shown}\""))
        }),
    }
}

fn check_outputs(signature: &ModelSignature, request: &InferRequest) -> Result<(), InputError> {
    match request.outputs.iter().find(|output| output.name != signature.output) {
        None => Ok(()),
        Some(unknown) => Err(InputError::UnknownOutput {
            output: unknown.name.clone(),
            known: signature.output.clone(),
        }),
    }
}

fn missing(signature: &ModelSignature, by_position: &[Option<&InputTensor>], given: &[InputTensor]) -> InputError {
    let features = signature.features.iter().zip(by_position);
    InputError::MissingFeatures {
        missing: features
            .filter(|(_, tensor)| tensor.is_none())
            .map(|(feature, _)| feature.name.clone())
            .collect(),
        given: given.iter().map(|tensor| tensor.name.clone()).collect(),
    }
}

fn names(signature: &ModelSignature) -> Vec<String> {
    signature.features.iter().map(|feature| feature.name.clone()).collect()
}
