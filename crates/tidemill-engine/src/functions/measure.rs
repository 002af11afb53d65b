//! Which measure a function gives, from counts or from the rows of both sides.

use tidemill_stats::drift::{
    BinCounts, CategoricalProfile, DriftError, NumericProfile, ReferenceProfile, Side, in_spreads, ks_exact,
    wasserstein_exact,
};

/// A measure of drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Measure {
    Psi,
    PsiWithoutNulls,
    PsiP,
    Ks,
    KsUpper,
    KsP,
    JensenShannon,
    Hellinger,
    TotalVariation,
    LargestDifference,
    ChiSquared,
    ChiSquaredP,
    Wasserstein,
    WassersteinDistance,
}

impl Measure {
    pub(crate) const ALL: [Measure; 14] = [
        Measure::Psi,
        Measure::PsiWithoutNulls,
        Measure::PsiP,
        Measure::Ks,
        Measure::KsUpper,
        Measure::KsP,
        Measure::JensenShannon,
        Measure::Hellinger,
        Measure::TotalVariation,
        Measure::LargestDifference,
        Measure::ChiSquared,
        Measure::ChiSquaredP,
        Measure::Wasserstein,
        Measure::WassersteinDistance,
    ];

    /// As in SQL.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Measure::Psi => "psi",
            Measure::PsiWithoutNulls => "psi_without_nulls",
            Measure::PsiP => "psi_p",
            Measure::Ks => "ks",
            Measure::KsUpper => "ks_upper",
            Measure::KsP => "ks_p",
            Measure::JensenShannon => "js",
            Measure::Hellinger => "hellinger",
            Measure::TotalVariation => "total_variation",
            Measure::LargestDifference => "l_infinity",
            Measure::ChiSquared => "chi_squared",
            Measure::ChiSquaredP => "chi_squared_p",
            Measure::Wasserstein => "wasserstein",
            Measure::WassersteinDistance => "wasserstein_distance",
        }
    }

    /// The same of counts.
    pub(crate) fn name_of_counts(self) -> String {
        format!("{}_of", self.name())
    }

    /// Other names: those of the columns of `drift`.
    pub(crate) fn aliases(self) -> Vec<String> {
        match self {
            Measure::PsiWithoutNulls => vec!["psi_of_values".to_owned()],
            Measure::Ks => vec!["ks_lower".to_owned()],
            Measure::JensenShannon => vec!["jensen_shannon".to_owned()],
            _ => Vec::new(),
        }
    }

    /// The measure of that name.
    pub(crate) fn named(name: &str) -> Option<Measure> {
        Measure::ALL.into_iter().find(|measure| measure.name() == name)
    }

    /// Whether it is of numbers alone.
    pub(crate) fn needs_order(self) -> bool {
        matches!(
            self,
            Measure::Ks | Measure::KsUpper | Measure::KsP | Measure::Wasserstein | Measure::WassersteinDistance
        )
    }

    /// Of counted rows against a profile. `None` where there are rows and none of them has a value that the measure is of.
    /// Kolmogorov–Smirnov is certified: its lower or upper bound, and the p-value of the lower; Wasserstein is the middle
    /// of its bounds.
    pub(crate) fn of_counts(self, profile: &ReferenceProfile, counts: &BinCounts) -> Result<Option<f64>, DriftError> {
        let found = profile.measure(counts)?;
        let distance = found.wasserstein.map(|bounds| f64::midpoint(bounds.low, bounds.high));
        Ok(match self {
            Measure::Psi => Some(found.psi),
            Measure::PsiWithoutNulls => found.psi_of_values,
            Measure::PsiP => Some(found.psi_p_value),
            Measure::Ks => found.ks.map(|ks| ks.low),
            Measure::KsUpper => found.ks.map(|ks| ks.high),
            Measure::KsP => found.ks.map(|ks| ks.p_value_at_low),
            Measure::JensenShannon => Some(found.jensen_shannon),
            Measure::Hellinger => Some(found.hellinger),
            Measure::TotalVariation => Some(found.total_variation),
            Measure::LargestDifference => Some(found.largest_difference),
            Measure::ChiSquared => found.chi_squared.map(|test| test.statistic),
            Measure::ChiSquaredP => found.chi_squared.map(|test| test.p_value),
            Measure::WassersteinDistance => distance,
            Measure::Wasserstein => match profile {
                ReferenceProfile::Numeric(profile) => distance.map(|distance| in_spreads(distance, profile)),
                ReferenceProfile::Categorical(_) => None,
            },
        })
    }

    /// Of numbers of both sides, in any order; nulls as `None`. Kolmogorov–Smirnov and Wasserstein are exact; the others are
    /// in the bins that the reference side gives.
    pub(crate) fn of_numbers(
        self,
        reference: &[Option<f64>],
        current: &[Option<f64>],
    ) -> Result<Option<f64>, DriftError> {
        if current.is_empty() {
            return Err(DriftError::Empty { side: Side::Current });
        }
        let finite = |side: &[Option<f64>]| {
            side.iter()
                .copied()
                .flatten()
                .filter(|value| value.is_finite())
                .collect()
        };
        let (r, c): (Vec<f64>, Vec<f64>) = (finite(reference), finite(current));
        if r.is_empty() {
            return Err(DriftError::Empty { side: Side::Reference });
        }
        if self.needs_order() && c.is_empty() {
            return Ok(None);
        }
        match self {
            Measure::Ks | Measure::KsUpper => ks_exact(&r, &c).map(|test| Some(test.distance)),
            Measure::KsP => ks_exact(&r, &c).map(|test| Some(test.p_value)),
            Measure::WassersteinDistance => wasserstein_exact(&r, &c).map(Some),
            Measure::Wasserstein => {
                let profile = NumericProfile::new(reference.iter().copied())?;
                wasserstein_exact(&r, &c).map(|distance| Some(in_spreads(distance, &profile)))
            }
            _ => {
                let profile = NumericProfile::new(reference.iter().copied())?;
                let counts = profile.count(current.iter().copied());
                self.of_counts(&ReferenceProfile::Numeric(profile), &counts)
            }
        }
    }

    /// Of levels of both sides with their rows; `None` is no level.
    pub(crate) fn of_levels<'l>(
        self,
        levels: impl Iterator<Item = (Option<&'l str>, [u64; 2])> + Clone,
    ) -> Result<Option<f64>, DriftError> {
        let nulls = levels
            .clone()
            .filter(|(level, _)| level.is_none())
            .map(|(_, [rows, _])| rows)
            .sum();
        let named = levels.clone().filter_map(|(level, [rows, _])| Some((level?, rows)));
        let profile = CategoricalProfile::from_counts(named, nulls)?;
        let counts = profile.count_grouped(levels.map(|(level, [_, rows])| (level, rows)));
        self.of_counts(&ReferenceProfile::Categorical(profile), &counts)
    }
}
