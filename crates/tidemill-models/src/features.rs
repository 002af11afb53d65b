//! What a model takes and gives: the names and types at its border.

use serde::{Deserialize, Serialize};
use tidemill_types::{ErrorCode, Explain};

/// Most features of one model; the flat tree form has room for 2³¹.
pub const FEATURES_MAX: usize = 65_536;
/// Longest name of a feature, an output or a label, in bytes.
pub const NAME_BYTES_MAX: usize = 1_024;

/// The type that a feature has in its view. A model reads all of them as f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureKind {
    /// 64-bit floating point.
    Float64,
    /// 32-bit floating point.
    Float32,
    /// 64-bit integer.
    Int64,
    /// 32-bit integer.
    Int32,
    /// True or false, read as 1 or 0.
    Boolean,
}

impl FeatureKind {
    /// The datatype in the Open Inference Protocol.
    pub fn inference_datatype(self) -> &'static str {
        match self {
            FeatureKind::Float64 => "FP64",
            FeatureKind::Float32 => "FP32",
            FeatureKind::Int64 => "INT64",
            FeatureKind::Int32 => "INT32",
            FeatureKind::Boolean => "BOOL",
        }
    }

    pub(crate) fn tag(self) -> u8 {
        match self {
            FeatureKind::Float64 => 1,
            FeatureKind::Float32 => 2,
            FeatureKind::Int64 => 3,
            FeatureKind::Int32 => 4,
            FeatureKind::Boolean => 5,
        }
    }

    pub(crate) fn from_tag(tag: u8) -> Option<FeatureKind> {
        Some(match tag {
            1 => FeatureKind::Float64,
            2 => FeatureKind::Float32,
            3 => FeatureKind::Int64,
            4 => FeatureKind::Int32,
            5 => FeatureKind::Boolean,
            _ => return None,
        })
    }
}

/// One feature at the border of a model.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FeatureSpec {
    /// The column's name in the feature view.
    pub name: String,
    /// Its type there.
    pub kind: FeatureKind,
}

impl FeatureSpec {
    /// A feature of a name and a type.
    pub fn new(name: impl Into<String>, kind: FeatureKind) -> FeatureSpec {
        FeatureSpec {
            name: name.into(),
            kind,
        }
    }
}

/// What the two classes are called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelMap {
    /// The label's column, as `TX_FRAUD`.
    pub column: String,
    /// The value of the class whose probability is not given, as `0`.
    pub negative: String,
    /// The value of the class whose probability the model gives, as `1`.
    pub positive: String,
}

impl LabelMap {
    /// A label column that holds 0 and 1.
    pub fn zero_one(column: impl Into<String>) -> LabelMap {
        LabelMap {
            column: column.into(),
            negative: "0".to_owned(),
            positive: "1".to_owned(),
        }
    }
}

/// What a model takes, in order, and what it gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSignature {
    /// The features in the order of a row.
    pub features: Vec<FeatureSpec>,
    /// The name of the one output: the probability of the positive class, FP64.
    pub output: String,
    /// The classes.
    pub label: LabelMap,
    /// Whether a feature may be missing (NaN).
    pub missing_allowed: bool,
}

/// Features that no model can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Nothing to learn from.
    #[error("a model needs at least one feature")]
    NoFeatures,
    /// More than [`FEATURES_MAX`].
    #[error("{features} features are more than the {FEATURES_MAX} that a model can have")]
    TooManyFeatures {
        /// Their number.
        features: usize,
    },
    /// Another number of features than the model was made for.
    #[error("{features} features are named and the model has {expected}")]
    Width {
        /// Named features.
        features: usize,
        /// Features of the model.
        expected: usize,
    },
    /// One name twice.
    #[error("feature `{name}` is there twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// An empty name or one of more than [`NAME_BYTES_MAX`] bytes.
    #[error("{what} has a name of {bytes} bytes; 1 to {NAME_BYTES_MAX} are allowed")]
    NameLength {
        /// What is named so.
        what: &'static str,
        /// The length of the name.
        bytes: usize,
    },
}

impl Explain for SignatureError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }
}

impl ModelSignature {
    /// The default name of the output.
    pub const OUTPUT: &'static str = "probability";

    /// Checks what every signature keeps: 1 to [`FEATURES_MAX`] features of different names, no name empty or too long.
    pub fn check(&self) -> Result<(), SignatureError> {
        check_features(&self.features)?;
        let names = [
            ("the output", &self.output),
            ("the label", &self.label.column),
            ("the negative class", &self.label.negative),
            ("the positive class", &self.label.positive),
        ];
        names.into_iter().try_for_each(|(what, name)| check_name(what, name))
    }

    /// The position of a feature in a row.
    pub fn position(&self, feature: &str) -> Option<usize> {
        self.features.iter().position(|spec| spec.name == feature)
    }
}

pub(crate) fn check_features(features: &[FeatureSpec]) -> Result<(), SignatureError> {
    if features.is_empty() {
        return Err(SignatureError::NoFeatures);
    }
    if features.len() > FEATURES_MAX {
        return Err(SignatureError::TooManyFeatures {
            features: features.len(),
        });
    }
    let mut seen = std::collections::HashSet::with_capacity(features.len());
    for feature in features {
        check_name("a feature", &feature.name)?;
        if !seen.insert(feature.name.as_str()) {
            return Err(SignatureError::Duplicate {
                name: feature.name.clone(),
            });
        }
    }
    Ok(())
}

fn check_name(what: &'static str, name: &str) -> Result<(), SignatureError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(SignatureError::NameLength {
            what,
            bytes: name.len(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], expected: &Result<(), SignatureError>) {
        let features: Vec<FeatureSpec> = names
            .iter()
            .map(|name| FeatureSpec::new(*name, FeatureKind::Float64))
            .collect();
        assert_eq!(&check_features(&features), expected);
    }

    #[test]
    fn features_have_different_names() {
        check(&["a", "b"], &Ok(()));
        check(&[], &Err(SignatureError::NoFeatures));
        check(
            &["a", "b", "a"],
            &Err(SignatureError::Duplicate { name: "a".to_owned() }),
        );
        check(
            &[""],
            &Err(SignatureError::NameLength {
                what: "a feature",
                bytes: 0,
            }),
        );
    }

    #[test]
    fn tags_round_trip() {
        let kinds: Vec<FeatureKind> = (0..=u8::MAX).filter_map(FeatureKind::from_tag).collect();
        assert_eq!(kinds.len(), 5);
        assert!(
            kinds
                .iter()
                .all(|kind| FeatureKind::from_tag(kind.tag()) == Some(*kind))
        );
    }
}
