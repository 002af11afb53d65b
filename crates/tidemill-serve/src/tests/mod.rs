//! Tests over a small linear model whose scores can be computed by hand.

mod installs;
mod parsing;
mod scoring;

use std::sync::{Arc, Mutex};

use tidemill_models::{
    Algorithm, Artifact, FeatureKind, FeatureSpec, FittedModel, LabelMap, LinearModel, Matrix, ModelSignature, Scorer,
    Standardizer,
};
use tidemill_types::{DeploymentName, ErrorCode, Micros, ModelName, VersionNumber};

use crate::{Candidate, Deployed, InferenceEvent, InferenceObserver, Slots};

/// Score = logistic(intercept + AMOUNT + 2·COUNT + 4·WEEKEND).
pub(super) fn artifact(intercept: f64) -> Artifact {
    let signature = ModelSignature {
        features: vec![
            FeatureSpec::new("AMOUNT", FeatureKind::Float64),
            FeatureSpec::new("COUNT", FeatureKind::Int64),
            FeatureSpec::new("WEEKEND", FeatureKind::Boolean),
        ],
        output: ModelSignature::OUTPUT.to_owned(),
        label: LabelMap::zero_one("FRAUD"),
        missing_allowed: false,
    };
    let standardizer = Standardizer::from_parts(vec![0.0; 3], vec![1.0; 3]).unwrap();
    let linear = LinearModel::new(standardizer, vec![1.0, 2.0, 4.0], intercept).unwrap();
    let model = FittedModel::new(Algorithm::LogisticRegression, signature, Scorer::Linear(linear)).unwrap();
    let rows = Matrix::from_columns(&[[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]).unwrap();
    Artifact::new(model, &rows).unwrap()
}

pub(super) fn candidate(version: u32, intercept: f64) -> Candidate {
    let artifact = artifact(intercept);
    Candidate {
        model: ModelName::new("fraud").unwrap(),
        version: VersionNumber(version),
        content_hash: artifact.content_hash(),
        artifact: artifact.encode(),
        deployed_at: Micros(0),
    }
}

pub(super) fn name(text: &str) -> DeploymentName {
    DeploymentName::new(text).unwrap()
}

pub(super) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Deployment, version, rows, why it was refused.
pub(super) type Heard = (String, u32, usize, Option<ErrorCode>);

/// Writes down what it hears.
#[derive(Default)]
pub(super) struct Recorder(pub(super) Mutex<Vec<Heard>>);

impl InferenceObserver for Recorder {
    fn observe(&self, event: InferenceEvent<'_>) {
        let heard = (event.deployment.to_string(), event.version.0, event.rows, event.refused);
        self.0.lock().unwrap().push(heard);
    }
}

/// Slots with version 1 of `fraud`, intercept 0.
pub(super) fn slots() -> (Slots, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let slots = Slots::new(Arc::clone(&recorder) as Arc<dyn InferenceObserver>);
    slots.swap(&name("fraud"), &Arc::new(Deployed::check(candidate(1, 0.0)).unwrap()));
    (slots, recorder)
}
