//! Artifacts keep what they are given, and nothing else passes for one.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use tidemill_types::Explain;

use super::*;
use crate::testing::{cards, fit_json};
use crate::{Algorithm, FeatureKind, FeatureSpec, LabelMap, LinearModel, ModelSignature, Scorer, Standardizer};

/// One of each form, small.
fn artifacts() -> Vec<Artifact> {
    let data = cards(200, 21, 0.0);
    let settings = [
        (Algorithm::LogisticRegression, "{}"),
        (Algorithm::RandomForest, r#"{"n_trees": 3, "max_depth": 3}"#),
        (Algorithm::Xgboost, r#"{"n_estimators": 3, "max_depth": 3}"#),
    ];
    settings
        .into_iter()
        .map(|(algorithm, settings)| {
            let model = fit_json(algorithm, settings, &data).unwrap().model;
            Artifact::new(model, data.matrix()).unwrap()
        })
        .collect()
}

fn hand_made() -> Artifact {
    let signature = ModelSignature {
        features: vec![
            FeatureSpec::new("amount", FeatureKind::Float64),
            FeatureSpec::new("night", FeatureKind::Boolean),
        ],
        output: ModelSignature::OUTPUT.to_owned(),
        label: LabelMap::zero_one("fraud"),
        missing_allowed: false,
    };
    let standardizer = Standardizer::from_parts(vec![50.0, 0.25], vec![20.0, 0.5]).unwrap();
    let linear = LinearModel::new(standardizer, vec![1.5, -0.5], -3.0).unwrap();
    let model = FittedModel::new(Algorithm::LogisticRegression, signature, Scorer::Linear(linear)).unwrap();
    Artifact::new(model, &Matrix::from_columns(&[[10.0_f32, 90.0], [0.0, 1.0]]).unwrap()).unwrap()
}

#[test]
fn the_layout_does_not_change_unseen() {
    // Artifacts of earlier versions lie in registries: a new hash here needs a new `ARTIFACT_VERSION` and a reader for
    // both.
    expect!["9d95c6eca007f188af96a909b314a7a14cd02ed25a5d9a6b9907e1cc752c7dd6"].assert_eq(&hand_made().content_hash());
}

#[test]
fn bytes_come_back_as_the_model_they_were() {
    for artifact in artifacts() {
        let bytes = artifact.encode();
        let decoded = Artifact::decode(&bytes).unwrap();
        assert_eq!(decoded.model(), artifact.model());
        assert!(decoded.encode() == bytes);
        assert_eq!(decoded.replay_golden(), Ok(()));
        assert_eq!(
            decoded.content_hash(),
            hex::encode(&bytes[bytes.len() - CHECKSUM_BYTES..])
        );
        let golden = decoded.golden_rows();
        assert!((20..=GOLDEN_ROWS_MAX).contains(&golden.len()), "{}", golden.len());
        let missing = golden.iter().any(|row| row.values.iter().any(|value| value.is_nan()));
        assert_eq!(missing, artifact.model().signature().missing_allowed);
    }
}

#[test]
fn golden_rows_span_the_scores() {
    let artifact = hand_made();
    let scores: Vec<f64> = artifact.golden_rows().iter().map(|row| row.score).collect();
    assert_eq!(scores.len(), 2);
    assert!(scores[0] < 0.02 && scores[1] > 0.3, "{scores:?}");
    let empty = Artifact::new(
        artifact.into_model(),
        &Matrix::from_columns(&[[0.0_f32; 0]; 2]).unwrap(),
    )
    .unwrap();
    assert!(empty.golden_rows().is_empty());
    assert_eq!(Artifact::decode(&empty.encode()).unwrap().replay_golden(), Ok(()));
}

#[test]
fn a_model_that_computes_something_else_is_found_out() {
    for artifact in artifacts() {
        let mut changed = artifact.clone();
        changed.golden[1].score += 1e-6;
        let mismatch = changed.replay_golden().unwrap_err();
        assert_eq!(mismatch.row, 1);
        changed.golden[1].values.pop();
        assert!(changed.replay_golden().unwrap_err().actual.is_nan());
    }
}

fn check(bytes: &[u8], expected: &Expect) {
    let error = Artifact::decode(bytes).unwrap_err();
    expected.assert_eq(&format!("{error} ({})", error.code()));
}

#[test]
fn what_is_no_artifact_says_why() {
    let bytes = hand_made().encode();
    check(b"", &expect!["the artifact ends in the middle (corrupt)"]);
    check(
        b"PAR1 and so on",
        &expect!["this is not a tidemill model artifact (invalid_input)"],
    );
    check(&bytes[..10], &expect!["the artifact ends in the middle (corrupt)"]);
    check(
        &bytes[..bytes.len() - 1],
        &expect!["the artifact has 227 bytes where its header says 228 (corrupt)"],
    );
    let mut newer = bytes.clone();
    newer[8] = 9;
    check(
        &newer,
        &expect!["the artifact has layout version 9; this binary reads 1 (not_ready)"],
    );
    let mut flipped = bytes.clone();
    flipped[60] ^= 1;
    check(
        &flipped,
        &expect!["the checksum of the artifact does not match its content (corrupt)"],
    );
    let mut longer = bytes;
    longer.push(0);
    check(
        &longer,
        &expect!["the artifact has 229 bytes where its header says 228 (corrupt)"],
    );
}

/// Bytes with a checksum that is right for them.
fn forge(content: &[u8]) -> Vec<u8> {
    let mut bytes = content.to_vec();
    let length = (bytes.len() - HEADER_BYTES) as u64;
    bytes[12..HEADER_BYTES].copy_from_slice(&length.to_le_bytes());
    let checksum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

/// Decodes bytes that were made to look right. Whatever comes out has to be safe to score.
fn survive(bytes: &[u8]) {
    if let Ok(artifact) = Artifact::decode(bytes) {
        let width = artifact.model().signature().features.len();
        for value in [0.0, -1.5, f32::MAX, f32::MIN] {
            let score = artifact.model().score_row(&vec![value; width]).unwrap();
            assert!((0.0..=1.0).contains(&score), "{score}");
        }
        let _ = artifact.replay_golden();
        assert!(artifact.encode() == bytes, "another reading of the same bytes");
    }
}

#[test]
fn every_single_byte_counts() {
    let bytes = hand_made().encode();
    for at in 0..bytes.len() {
        for bit in [0x01, 0x80] {
            let mut flipped = bytes.clone();
            flipped[at] ^= bit;
            assert!(Artifact::decode(&flipped).is_err(), "byte {at}");
        }
        assert!(Artifact::decode(&bytes[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn forged_bytes_never_panic() {
    for artifact in artifacts() {
        let bytes = artifact.encode();
        let content = &bytes[..bytes.len() - CHECKSUM_BYTES];
        for at in HEADER_BYTES..content.len() {
            for value in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                let mut forged = content.to_vec();
                forged[at] = value;
                survive(&forge(&forged));
            }
        }
    }
}

proptest! {
    #[test]
    fn random_forgeries_never_panic(
        pick in 0_usize..3,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
        shorten in any::<bool>(),
    ) {
        thread_local! {
            static ARTIFACTS: Vec<Vec<u8>> = artifacts().iter().map(Artifact::encode).collect();
        }
        let bytes = ARTIFACTS.with(|artifacts| artifacts[pick].clone());
        let mut content = bytes[..bytes.len() - CHECKSUM_BYTES].to_vec();
        let length = content.len() - HEADER_BYTES;
        for (at, value) in edits {
            content[HEADER_BYTES + at.index(length)] = value;
        }
        if shorten {
            content.truncate(HEADER_BYTES + cut.index(length));
        }
        survive(&forge(&content));
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Artifact::decode(&bytes).is_err());
    }
}
