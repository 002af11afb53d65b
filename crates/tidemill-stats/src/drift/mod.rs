//! How far what came later is from a reference: counted once, merged by addition, measured from the counts alone.
//!
//! A [`ReferenceProfile`] of each column is frozen with the reference (usually a model's training set). Later rows are
//! counted into its bins; the counts ([`BinCounts`]) merge and subtract, so that a window is a sum of what is stored, and
//! no row is read twice. Every measure is a function of counts; where bins cannot decide a Kolmogorov–Smirnov test,
//! [`KsInterval::decide`] says so and [`ks_exact`] asks the values. Alarms need effect and significance ([`AlarmRule`]).
//!
//! Invariants: a measure of an empty side is an error, never a zero; few rows are *too few*, never *stable*; counts do not
//! depend on the order of rows. Absent on purpose: sketches (KLL, t-digest), whose error is larger than the drift that the
//! test can see; and who keeps which state under which key.

mod alarm;
mod bin_counts;
mod categorical_profile;
mod chi_squared;
mod distance;
mod error;
mod kolmogorov_smirnov;
mod list_form;
mod moments;
mod numeric_counter;
mod numeric_profile;
mod psi;
mod reference_profile;
mod reference_set;
mod samples;
mod shares;
#[cfg(test)]
mod tests;
mod wasserstein;

pub use alarm::{AlarmRule, Evidence, Outcome, Verdict, benjamini_hochberg};
pub use bin_counts::BinCounts;
pub use categorical_profile::{CategoricalProfile, LEVELS_MAX, RARE_LEVELS_MAX};
pub use chi_squared::{ChiSquaredTest, chi_squared};
pub use distance::{hellinger, jensen_shannon, largest_difference, total_variation};
pub use error::DriftError;
pub use kolmogorov_smirnov::{KsDecision, KsInterval, KsTest, ks_exact, ks_interval, ks_p_value};
pub use moments::Moments;
pub use numeric_counter::NumericCounter;
pub use numeric_profile::{GRID_BINS, NumericProfile};
pub use psi::{SHARE_FLOOR, psi, psi_p_value};
pub use reference_profile::{COARSE_BINS, DriftMeasures, ReferenceProfile};
pub use reference_set::{REFERENCE_PATH, ReferenceSet};
pub use shares::Side;
pub use wasserstein::{SPREAD_FLOOR, WassersteinBounds, in_spreads, wasserstein_bounds, wasserstein_exact};
