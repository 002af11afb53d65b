//! Why a request is not answered, and why a version is not installed.

use tidemill_models::{ArtifactError, GoldenMismatch, ScoreError};
use tidemill_types::{DeploymentName, ErrorCode, Explain, ModelName, VersionNumber};

use crate::limits::{ROWS_PER_REQUEST_MAX, TENSORS_PER_REQUEST_MAX};
use crate::predictions::KeysError;
use crate::protocol::{Datatype, MalformedRequest};

/// Names in a hint before the rest is only counted.
const NAMES_SHOWN: usize = 20;

/// Why a request is not answered.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Nothing serves under that name.
    #[error("no deployment is called `{deployment}`")]
    NotDeployed {
        /// What was asked.
        deployment: DeploymentName,
        /// What there is, in order.
        deployed: Vec<DeploymentName>,
    },
    /// Another version serves.
    #[error("deployment `{deployment}` serves {serving}, not {wanted}")]
    OtherVersion {
        /// What was asked.
        deployment: DeploymentName,
        /// Its version in the request.
        wanted: VersionNumber,
        /// The one that serves.
        serving: VersionNumber,
    },
    /// The bytes are no request.
    #[error(transparent)]
    Malformed(#[from] MalformedRequest),
    /// The request does not fit the model.
    #[error(transparent)]
    Input(#[from] InputError),
    /// What the request says of its rows does not fit the predictions stream.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The thread that scored it is gone.
    #[error("scoring of `{deployment}` broke off")]
    BrokeOff {
        /// What was asked.
        deployment: DeploymentName,
        /// How it went.
        #[source]
        source: tokio::task::JoinError,
    },
}

/// A request that does not fit the model that it asks.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InputError {
    /// No tensors.
    #[error("the request has no inputs")]
    NoInputs {
        /// The model's features in order.
        features: Vec<String>,
    },
    /// More rows than [`ROWS_PER_REQUEST_MAX`].
    #[error("{rows} rows are more than the {ROWS_PER_REQUEST_MAX} of one request")]
    TooManyRows {
        /// Their number.
        rows: u64,
    },
    /// More tensors than [`TENSORS_PER_REQUEST_MAX`].
    #[error("{tensors} tensors are more than the {TENSORS_PER_REQUEST_MAX} of one request")]
    TooManyTensors {
        /// Their number.
        tensors: usize,
    },
    /// A tensor whose name is no feature of the model.
    #[error("the model has no feature `{feature}`")]
    UnknownFeature {
        /// The tensor's name.
        feature: String,
        /// The model's features in order.
        features: Vec<String>,
    },
    /// Features without a tensor.
    #[error("missing feature{} {}", if missing.len() == 1 { "" } else { "s" }, list(missing))]
    MissingFeatures {
        /// Those that are missing, in the model's order.
        missing: Vec<String>,
        /// The tensors that are there, in order.
        given: Vec<String>,
    },
    /// One feature twice.
    #[error("tensor `{tensor}` is there twice")]
    Twice {
        /// Its name.
        tensor: String,
    },
    /// A shape that holds neither one feature nor all.
    #[error("tensor `{tensor}` has shape {shape:?}")]
    Shape {
        /// Its name.
        tensor: String,
        /// Its shape.
        shape: Vec<u64>,
        /// Number of the model's features.
        features: usize,
    },
    /// Another number of columns than the model has features.
    #[error("tensor `{tensor}` has {columns} columns, and the model {} features", features.len())]
    Width {
        /// Its name.
        tensor: String,
        /// Its columns.
        columns: u64,
        /// The model's features in order.
        features: Vec<String>,
    },
    /// Another number of elements than the shape says.
    #[error("tensor `{tensor}` has shape {shape:?} and {elements} elements")]
    Elements {
        /// Its name.
        tensor: String,
        /// Its shape.
        shape: Vec<u64>,
        /// Its elements.
        elements: usize,
    },
    /// Tensors of different lengths.
    #[error("tensor `{tensor}` has {rows} rows, and `{first}` {expected}")]
    Rows {
        /// Its name.
        tensor: String,
        /// Its rows.
        rows: u64,
        /// The first tensor's name.
        first: String,
        /// The first tensor's rows.
        expected: u64,
    },
    /// Elements of a type that no feature has.
    #[error("tensor `{tensor}` is {datatype}, and the model's features are numbers")]
    NotNumeric {
        /// Its name.
        tensor: String,
        /// Its datatype.
        datatype: Datatype,
    },
    /// Elements that are not of the tensor's datatype.
    #[error("tensor `{tensor}` is {datatype}, and element {element} is {value}")]
    Element {
        /// Its name.
        tensor: String,
        /// Its datatype.
        datatype: Datatype,
        /// The first such element, from 0 in row-major order.
        element: usize,
        /// The element.
        value: String,
    },
    /// A value that the feature's own type cannot hold.
    #[error("feature `{feature}` is {datatype}, and row {row} has {value}")]
    Value {
        /// The feature.
        feature: String,
        /// The feature's type.
        datatype: &'static str,
        /// The row, from 0.
        row: usize,
        /// The value.
        value: f64,
    },
    /// An output that the model does not have.
    #[error("the model has no output `{output}`")]
    UnknownOutput {
        /// Its name.
        output: String,
        /// The one it has.
        known: String,
    },
    /// A row that the model cannot score.
    #[error(transparent)]
    Score(#[from] ScoreError),
}

/// Why a version is not installed. What served before goes on serving.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The bytes are no artifact.
    #[error("the artifact of `{model}` {version} cannot be read")]
    Artifact {
        /// The model.
        model: ModelName,
        /// The version.
        version: VersionNumber,
        /// What is wrong with it.
        #[source]
        source: ArtifactError,
    },
    /// The artifact is another one than the registry's.
    #[error("the artifact of `{model}` {version} has the content hash {actual}, and the registry says {expected}")]
    ContentHash {
        /// The model.
        model: ModelName,
        /// The version.
        version: VersionNumber,
        /// What the registry says.
        expected: String,
        /// What the bytes say.
        actual: String,
    },
    /// It does not score as when it was trained.
    #[error("golden rows of `{model}` {version} do not come out as when it was trained")]
    Golden {
        /// The model.
        model: ModelName,
        /// The version.
        version: VersionNumber,
        /// The first row that differs.
        #[source]
        source: GoldenMismatch,
    },
    /// The thread that replayed it is gone.
    #[error("the check of `{model}` {version} broke off")]
    BrokeOff {
        /// The model.
        model: ModelName,
        /// The version.
        version: VersionNumber,
        /// How it went.
        #[source]
        source: tokio::task::JoinError,
    },
}

impl Explain for ServeError {
    fn code(&self) -> ErrorCode {
        match self {
            ServeError::NotDeployed { .. } | ServeError::OtherVersion { .. } => ErrorCode::NotFound,
            ServeError::Malformed(error) => error.code(),
            ServeError::Input(error) => error.code(),
            ServeError::Keys(error) => error.code(),
            ServeError::BrokeOff { .. } => ErrorCode::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            ServeError::NotDeployed { deployment, deployed } => Some(match closest(deployment.as_str(), deployed) {
                Some(name) => format!("did you mean `{name}`?"),
                None if deployed.is_empty() => "nothing is deployed yet; see `tidemill deploy --help`".to_owned(),
                None => format!("deployed are {}", list(deployed)),
            }),
            ServeError::OtherVersion { serving, .. } => Some(format!(
                "ask without a version, ask for {serving}, or deploy the other version first"
            )),
            ServeError::Malformed(error) => error.hint(),
            ServeError::Input(error) => error.hint(),
            ServeError::Keys(error) => error.hint(),
            ServeError::BrokeOff { .. } => None,
        }
    }
}

impl Explain for InputError {
    fn code(&self) -> ErrorCode {
        match self {
            InputError::TooManyRows { .. } | InputError::TooManyTensors { .. } => ErrorCode::LimitReached,
            _ => ErrorCode::InvalidInput,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            InputError::NoInputs { features } => format!("the model's features are {}", list(features)),
            InputError::TooManyRows { .. } => "send several requests".to_owned(),
            InputError::TooManyTensors { .. } => "send one tensor of shape [rows, features]".to_owned(),
            InputError::UnknownFeature { feature, features } => match closest(feature, features) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("the model's features are {}", list(features)),
            },
            InputError::MissingFeatures { given, .. } => format!("given were {}", list(given)),
            InputError::Shape { features, .. } => {
                format!("a tensor of one feature is [rows] or [rows, 1], one that holds them all [rows, {features}]")
            }
            InputError::Width { features, .. } => format!("in this order: {}", list(features)),
            InputError::Elements { shape, .. } => {
                let expected = shape
                    .iter()
                    .fold(1_u64, |product, length| product.saturating_mul(*length));
                format!("the shape wants {expected}")
            }
            InputError::NotNumeric { .. } => "send FP64, FP32, an integer type or BOOL".to_owned(),
            InputError::UnknownOutput { known, .. } => format!("its output is `{known}`"),
            InputError::Score(ScoreError::Missing { .. }) => "this model needs every value".to_owned(),
            InputError::Twice { .. }
            | InputError::Rows { .. }
            | InputError::Element { .. }
            | InputError::Value { .. }
            | InputError::Score(_) => return None,
        })
    }
}

impl Explain for InstallError {
    fn code(&self) -> ErrorCode {
        match self {
            InstallError::Artifact { source, .. } => source.code(),
            InstallError::ContentHash { .. } => ErrorCode::Corrupt,
            InstallError::Golden { source, .. } => source.code(),
            InstallError::BrokeOff { .. } => ErrorCode::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            InstallError::Artifact { source, .. } => source.hint(),
            InstallError::ContentHash { .. } => {
                Some("restore the artifact from a copy, or train the version again from its lineage".to_owned())
            }
            InstallError::Golden { source, .. } => source.hint(),
            InstallError::BrokeOff { .. } => None,
        }
    }
}

/// The known name that `text` is most likely a misspelling of.
fn closest<'a, N: AsRef<str>>(text: &str, names: &'a [N]) -> Option<&'a str> {
    const LIKENESS_MIN: f64 = 0.8;
    let likeness = |name: &str| strsim::jaro_winkler(&text.to_lowercase(), &name.to_lowercase());
    let best = names
        .iter()
        .map(|name| (likeness(name.as_ref()), name.as_ref()))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    best.and_then(|(likeness, name)| (likeness >= LIKENESS_MIN).then_some(name))
}

/// Names with commas between them, cut after [`NAMES_SHOWN`].
fn list<N: AsRef<str>>(names: &[N]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(NAMES_SHOWN)
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    let mut text = shown.join(", ");
    if names.len() > NAMES_SHOWN {
        text.push_str(&format!(" and {} more", names.len() - NAMES_SHOWN));
    }
    text
}
