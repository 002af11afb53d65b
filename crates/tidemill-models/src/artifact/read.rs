//! The body of an artifact, read: every length is checked against the bytes that are there before memory is taken for it.

use super::golden::{GOLDEN_ROWS_MAX, GoldenRow};
use super::write::{LINEAR, LOGISTIC, MEAN, TREES};
use super::{Artifact, ArtifactError};
use crate::{
    FeatureKind, FeatureSpec, FittedModel, FlatNode, FlatTrees, LabelMap, LinearModel, ModelSignature, Scorer,
    Standardizer, TreeOutput,
};

/// Reads a body as `write.rs` describes it.
pub(super) fn body(bytes: &[u8]) -> Result<Artifact, ArtifactError> {
    let mut body = Body(bytes);
    let algorithm = body.text()?.parse().map_err(|_| invalid("algorithm"))?;
    let output = body.text()?;
    let label = LabelMap {
        column: body.text()?,
        negative: body.text()?,
        positive: body.text()?,
    };
    let missing_allowed = match body.byte()? {
        0 => false,
        1 => true,
        _ => return Err(invalid("flag for missing values")),
    };
    let mut features = Vec::new();
    for _ in 0..body.count()? {
        let name = body.text()?;
        let kind = FeatureKind::from_tag(body.byte()?).ok_or_else(|| invalid("feature type"))?;
        features.push(FeatureSpec { name, kind });
    }
    let width = features.len();
    let signature = ModelSignature {
        features,
        output,
        label,
        missing_allowed,
    };
    let scorer = match body.byte()? {
        LINEAR => Scorer::Linear(body.linear(width)?),
        TREES => Scorer::Trees(body.trees(width)?),
        _ => return Err(invalid("kind of scorer")),
    };
    let model = FittedModel::new(algorithm, signature, scorer)?;
    let golden = body.golden(width)?;
    if !body.0.is_empty() {
        return Err(invalid("end"));
    }
    Ok(Artifact { model, golden })
}

fn invalid(part: &'static str) -> ArtifactError {
    ArtifactError::Invalid { part }
}

/// What is left to read.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], ArtifactError> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(ArtifactError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    /// `count` numbers of `N` bytes.
    fn array<const N: usize>(&mut self, count: usize) -> Result<impl Iterator<Item = [u8; N]> + 'a, ArtifactError> {
        let bytes = self.take(count.checked_mul(N).ok_or(ArtifactError::Truncated)?)?;
        let (numbers, _) = bytes.as_chunks::<N>();
        Ok(numbers.iter().copied())
    }

    fn byte(&mut self) -> Result<u8, ArtifactError> {
        Ok(self.take(1)?[0])
    }

    fn count(&mut self) -> Result<usize, ArtifactError> {
        let count = self.array::<4>(1)?.map(u32::from_le_bytes).next();
        Ok(count.ok_or(ArtifactError::Truncated)? as usize)
    }

    fn text(&mut self) -> Result<String, ArtifactError> {
        let length = self.count()?;
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| invalid("text"))?;
        Ok(text.to_owned())
    }

    fn u32s(&mut self, count: usize) -> Result<Vec<u32>, ArtifactError> {
        Ok(self.array(count)?.map(u32::from_le_bytes).collect())
    }

    fn f32s(&mut self, count: usize) -> Result<Vec<f32>, ArtifactError> {
        Ok(self.array(count)?.map(f32::from_le_bytes).collect())
    }

    fn f64s(&mut self, count: usize) -> Result<Vec<f64>, ArtifactError> {
        Ok(self.array(count)?.map(f64::from_le_bytes).collect())
    }

    fn linear(&mut self, width: usize) -> Result<LinearModel, ArtifactError> {
        let intercept = self.f64s(1)?[0];
        let (means, deviations, weights) = (self.f64s(width)?, self.f64s(width)?, self.f64s(width)?);
        let standardizer = Standardizer::from_parts(means, deviations).ok_or_else(|| invalid("standardisation"))?;
        LinearModel::new(standardizer, weights, intercept).ok_or_else(|| invalid("linear model"))
    }

    fn trees(&mut self, width: usize) -> Result<FlatTrees, ArtifactError> {
        let tag = self.byte()?;
        let base = self.f64s(1)?[0];
        let output = match tag {
            MEAN if base.to_bits() == 0 => TreeOutput::Mean,
            LOGISTIC => TreeOutput::Logistic { base },
            _ => return Err(invalid("tree output")),
        };
        let (trees, nodes) = (self.count()?, self.count()?);
        let roots = self.u32s(trees)?;
        let thresholds = self.array(nodes)?.map(f32::from_le_bytes);
        let children = self.array(nodes)?.map(u32::from_le_bytes);
        let features = self.array(nodes)?.map(u32::from_le_bytes);
        let values = self.f32s(nodes)?;
        let nodes = thresholds
            .zip(children)
            .zip(features)
            .map(|((threshold, child), feature)| FlatNode {
                threshold,
                child,
                feature,
            })
            .collect();
        Ok(FlatTrees::from_parts(nodes, values, roots, width, output)?)
    }

    fn golden(&mut self, width: usize) -> Result<Vec<GoldenRow>, ArtifactError> {
        let count = self.count()?;
        if count > GOLDEN_ROWS_MAX {
            return Err(invalid("number of golden rows"));
        }
        let values = self.f32s(count * width)?;
        let scores = self.f64s(count)?;
        if !scores.iter().all(|score| (0.0..=1.0).contains(score)) {
            return Err(invalid("golden scores"));
        }
        let rows = values.chunks_exact(width).zip(scores);
        Ok(rows
            .map(|(values, score)| GoldenRow {
                values: values.to_vec(),
                score,
            })
            .collect())
    }
}
