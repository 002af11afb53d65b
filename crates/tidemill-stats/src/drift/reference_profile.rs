//! The profile of one column of either kind, and all measures of a window against it.

use serde::{Deserialize, Serialize};

use super::shares::check_sides;
use super::{
    BinCounts, CategoricalProfile, ChiSquaredTest, DriftError, KsInterval, NumericProfile, WassersteinBounds,
    chi_squared, hellinger, jensen_shannon, ks_interval, largest_difference, psi, psi_p_value, total_variation,
    wasserstein_bounds,
};

/// Bins in which a column of numbers is compared, coarsened from the grid.
pub const COARSE_BINS: usize = 10;

/// One column of a reference, frozen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ReferenceProfile {
    /// Of numbers.
    Numeric(NumericProfile),
    /// Of levels.
    Categorical(CategoricalProfile),
}

/// All that the counts of a window say about its drift from the reference.
///
/// Histograms are of [`COARSE_BINS`] bins or of the levels, other and new, with missing values (null and NaN), −∞ and +∞
/// each in a bin of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftMeasures {
    /// Rows of the reference, those without a value too.
    pub reference_rows: u64,
    /// Rows of the window, those without a value too.
    pub current_rows: u64,
    /// Population stability index, in nats.
    pub psi: f64,
    /// Probability of such an index without drift.
    pub psi_p_value: f64,
    /// The index of the rows that have a value (a finite one, of numbers); `None` where the window has none.
    pub psi_of_values: Option<f64>,
    /// Jensen–Shannon distance, natural logarithm.
    pub jensen_shannon: f64,
    /// Hellinger distance.
    pub hellinger: f64,
    /// Total variation.
    pub total_variation: f64,
    /// Largest difference of shares.
    pub largest_difference: f64,
    /// Pearson's test; `None` where only one bin is in use.
    pub chi_squared: Option<ChiSquaredTest>,
    /// Kolmogorov–Smirnov of finite numbers; `None` for levels, or where the window has none.
    pub ks: Option<KsInterval>,
    /// Wasserstein-1 of finite numbers in the unit of the column; `None` for levels, or where the window has none.
    pub wasserstein: Option<WassersteinBounds>,
}

impl ReferenceProfile {
    /// The reference's own rows.
    pub fn reference(&self) -> &BinCounts {
        match self {
            ReferenceProfile::Numeric(profile) => profile.reference(),
            ReferenceProfile::Categorical(profile) => profile.reference(),
        }
    }

    /// No rows in the bins of this profile: where a sum of states begins.
    pub fn empty_counts(&self) -> BinCounts {
        BinCounts::empty(self.reference().bins().len())
    }

    /// Counts a column of numbers; `None` is a row without a value. Errors when the profile is of levels.
    pub fn count_numbers(&self, values: impl IntoIterator<Item = Option<f64>>) -> Result<BinCounts, DriftError> {
        match self {
            ReferenceProfile::Numeric(profile) => Ok(profile.count(values)),
            ReferenceProfile::Categorical(_) => Err(DriftError::OtherKind { profile: "categorical" }),
        }
    }

    /// Counts a column of levels; `None` is a row without one. Errors when the profile is of numbers.
    pub fn count_levels<'v>(&self, values: impl IntoIterator<Item = Option<&'v str>>) -> Result<BinCounts, DriftError> {
        match self {
            ReferenceProfile::Categorical(profile) => Ok(profile.count(values)),
            ReferenceProfile::Numeric(_) => Err(DriftError::OtherKind { profile: "numeric" }),
        }
    }

    /// The bins of the histogram measures: those of values, ascending or by level, without the ones beside them.
    ///
    /// Errors when `counts` has other bins.
    pub fn histogram(&self, counts: &BinCounts) -> Result<Vec<u64>, DriftError> {
        match self {
            ReferenceProfile::Numeric(profile) => profile.coarsen(counts, COARSE_BINS),
            ReferenceProfile::Categorical(profile) => {
                profile.reference().check_bins(counts)?;
                Ok(counts.bins().to_vec())
            }
        }
    }

    /// All measures of a window against this reference. Errors when the window has no rows or other bins.
    pub fn measure(&self, current: &BinCounts) -> Result<DriftMeasures, DriftError> {
        let (r_values, c_values) = (self.histogram(self.reference())?, self.histogram(current)?);
        let r = [&r_values[..], &self.reference().bins_beside()].concat();
        let c = [&c_values[..], &current.bins_beside()].concat();
        let (reference_rows, current_rows) = check_sides(&r, &c)?;
        let index = psi(&r, &c)?;
        let of_numbers = match self {
            ReferenceProfile::Numeric(profile) => Some(profile),
            ReferenceProfile::Categorical(_) => None,
        };
        Ok(DriftMeasures {
            reference_rows,
            current_rows,
            psi: index,
            psi_p_value: psi_p_value(index, &r, &c)?,
            psi_of_values: unless_undefined(psi(&r_values, &c_values))?,
            jensen_shannon: jensen_shannon(&r, &c)?,
            hellinger: hellinger(&r, &c)?,
            total_variation: total_variation(&r, &c)?,
            largest_difference: largest_difference(&r, &c)?,
            chi_squared: unless_undefined(chi_squared(&r, &c))?,
            ks: of_numbers
                .and_then(|profile| unless_undefined(ks_interval(profile, current)).transpose())
                .transpose()?,
            wasserstein: of_numbers
                .and_then(|profile| unless_undefined(wasserstein_bounds(profile, current)).transpose())
                .transpose()?,
        })
    }
}

/// `None` where a measure has no value because there are no rows, or no second bin, to compare.
fn unless_undefined<T>(measure: Result<T, DriftError>) -> Result<Option<T>, DriftError> {
    match measure {
        Ok(value) => Ok(Some(value)),
        Err(DriftError::Empty { .. } | DriftError::TooFewBins { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
