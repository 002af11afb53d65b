//! What a column of numbers looked like in the reference, and the bins into which later rows are counted.

use serde::{Deserialize, Serialize};

use super::{BinCounts, DriftError, NumericCounter, Side};

/// Bins of a reference profile, 10 · 128 and 20 · 64: enough to know KS to 2 ÷ 1,280.
pub const GRID_BINS: usize = 1_280;

/// Edges and counts of a numeric column of a reference. Never rewritten: a new reference is a new profile.
///
/// The edges are order statistics of the reference, v[⌊i·n ÷ B⌋] for 0 < i < B, without duplicates; bin k holds
/// (edge k−1, edge k], the first reaches down to −∞ and the last up to ∞, both exclusive. A value that is hit by more than
/// one i is a heavy atom: the next float below it is an edge as well, so that it has a bin of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredProfile")]
pub struct NumericProfile {
    edges: Vec<f64>,
    counts: BinCounts,
}

impl NumericProfile {
    /// Of the reference's values, in any order, in [`GRID_BINS`] bins; `None` is a row without a value.
    ///
    /// Errors when no value is finite.
    pub fn new(values: impl IntoIterator<Item = Option<f64>>) -> Result<NumericProfile, DriftError> {
        NumericProfile::with_grid(values, GRID_BINS)
    }

    /// As [`NumericProfile::new`], in `bins` bins before duplicates go and atoms come. Errors too for fewer than two.
    pub fn with_grid(values: impl IntoIterator<Item = Option<f64>>, bins: usize) -> Result<NumericProfile, DriftError> {
        if bins < 2 {
            return Err(DriftError::Grid { bins });
        }
        let values: Vec<Option<f64>> = values.into_iter().collect();
        // Minus zero becomes zero, so that the stored edge does not depend on the order of the rows.
        let mut sorted: Vec<f64> = values
            .iter()
            .flatten()
            .map(|value| value + 0.0)
            .filter(|value| value.is_finite())
            .collect();
        if sorted.is_empty() {
            return Err(DriftError::Empty { side: Side::Reference });
        }
        sorted.sort_unstable_by(f64::total_cmp);
        let edges = edges_of(&sorted, bins);
        let empty = BinCounts::empty(edges.len() + 1);
        let mut profile = NumericProfile { edges, counts: empty };
        profile.counts = profile.count(values);
        Ok(profile)
    }

    /// As [`NumericProfile::new`], with edges that somebody else chose: finite, ascending, at least one.
    ///
    /// The certified intervals hold, but their width is that of the bins given. Errors too when the edges are not so.
    pub fn with_edges(
        values: impl IntoIterator<Item = Option<f64>>,
        edges: Vec<f64>,
    ) -> Result<NumericProfile, DriftError> {
        check_edges(&edges)?;
        let mut counter = NumericCounter::new(&edges);
        counter.observe_options(values);
        let counts = counter.finish();
        match counts.binned_rows() {
            0 => Err(DriftError::Empty { side: Side::Reference }),
            _ => Ok(NumericProfile { edges, counts }),
        }
    }

    /// The edges, ascending; there is one bin more than edges.
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// The reference's own rows in these bins.
    pub fn reference(&self) -> &BinCounts {
        &self.counts
    }

    /// A counter of rows into these bins, with no rows yet.
    pub fn counter(&self) -> NumericCounter<'_> {
        NumericCounter::new(&self.edges)
    }

    /// Counts rows into these bins; `None` is a row without a value.
    pub fn count(&self, values: impl IntoIterator<Item = Option<f64>>) -> BinCounts {
        let mut counter = self.counter();
        counter.observe_options(values);
        counter.finish()
    }

    /// No rows in these bins: where a sum of states begins.
    pub fn empty_counts(&self) -> BinCounts {
        BinCounts::empty(self.edges.len() + 1)
    }

    /// Rows per coarse bin: at most `coarse` bins of about as many rows of the reference each.
    ///
    /// Coarse edges are v[⌊k·n ÷ coarse⌋] of the reference without duplicates, found from its counts: the edge of the bin
    /// that holds this row. Where `coarse` divides the grid they are the reference's order statistics themselves. Errors
    /// when `counts` has other bins.
    pub fn coarsen(&self, counts: &BinCounts, coarse: usize) -> Result<Vec<u64>, DriftError> {
        self.counts.check_bins(counts)?;
        let mut sums = Vec::with_capacity(coarse);
        let mut start = 0;
        for end in self.coarse_edges(coarse) {
            sums.push(counts.bins[start..=end].iter().sum());
            start = end + 1;
        }
        sums.push(counts.bins[start..].iter().sum());
        Ok(sums)
    }

    /// Positions of the edges that stay when coarsened, ascending.
    fn coarse_edges(&self, coarse: usize) -> Vec<usize> {
        let cumulated: Vec<u64> = cumulate(&self.counts.bins).collect();
        let n = u128::from(self.counts.binned_rows());
        let mut positions: Vec<usize> = (1..coarse as u128)
            .map(|k| k * n / coarse as u128)
            .map(|rank| cumulated.partition_point(|count| u128::from(*count) <= rank))
            .filter(|position| *position < self.edges.len())
            .collect();
        positions.dedup();
        positions
    }
}

/// The running sum, without the leading zero.
pub(super) fn cumulate(bins: &[u64]) -> impl Iterator<Item = u64> {
    bins.iter().scan(0, |sum, count| {
        *sum += count;
        Some(*sum)
    })
}

/// The edges of finite values in ascending order, at least one of them.
fn edges_of(sorted: &[f64], bins: usize) -> Vec<f64> {
    let order_statistics: Vec<f64> = (1..bins)
        .map(|i| sorted[(i as u128 * sorted.len() as u128 / bins as u128) as usize])
        .collect();
    let mut edges = Vec::with_capacity(bins);
    for hits in order_statistics.chunk_by(|a, b| a == b) {
        let edge = hits[0];
        let below = edge.next_down();
        let heavy_atom = hits.len() > 1;
        if heavy_atom && below.is_finite() && edges.last() != Some(&below) {
            edges.push(below);
        }
        edges.push(edge);
    }
    edges
}

fn check_edges(edges: &[f64]) -> Result<(), DriftError> {
    let refuse = |reason| Err(DriftError::NotAProfile { reason });
    if edges.is_empty() || edges.iter().any(|edge| !edge.is_finite()) {
        return refuse("it has no edges, or one that is not finite");
    }
    if edges.windows(2).any(|pair| pair[0] >= pair[1]) {
        return refuse("its edges do not ascend");
    }
    Ok(())
}

/// As stored, before it is known to be a profile.
#[derive(Deserialize)]
struct StoredProfile {
    edges: Vec<f64>,
    counts: BinCounts,
}

impl TryFrom<StoredProfile> for NumericProfile {
    type Error = DriftError;

    fn try_from(stored: StoredProfile) -> Result<NumericProfile, DriftError> {
        let StoredProfile { edges, counts } = stored;
        let refuse = |reason| Err(DriftError::NotAProfile { reason });
        check_edges(&edges)?;
        if counts.bins.len() != edges.len() + 1 {
            return refuse("it does not have one bin more than edges");
        }
        if counts.binned_rows() == 0 {
            return refuse("its bins are empty");
        }
        Ok(NumericProfile { edges, counts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], bins: usize, edges: &[f64], counts: &[u64]) {
        let profile = NumericProfile::with_grid(values.iter().copied().map(Some), bins).unwrap();
        assert_eq!((profile.edges(), profile.reference().bins()), (edges, counts));
    }

    #[test]
    fn edges_are_order_statistics() {
        // v[2], v[4], v[6] of 0..8; a value at an edge is below it.
        check(
            &[7.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            4,
            &[2.0, 4.0, 6.0],
            &[3, 2, 2, 1],
        );
        // ⌊i·5 ÷ 4⌋ is 1, 2, 3.
        check(&[10.0, 20.0, 30.0, 40.0, 50.0], 4, &[20.0, 30.0, 40.0], &[2, 1, 1, 1]);
    }

    #[test]
    fn a_heavy_atom_has_its_own_bin() {
        let below = 1.0_f64.next_down();
        // v[2] and v[4] are 1: a heavy atom; v[6] is 3.
        check(
            &[0.0, 0.5, 1.0, 1.0, 1.0, 2.0, 3.0, 4.0],
            4,
            &[below, 1.0, 3.0],
            &[2, 3, 2, 1],
        );
        check(&[1.0; 5], 4, &[below, 1.0], &[0, 5, 0]);
        // Nothing finite is below the smallest float.
        check(&[-f64::MAX; 3], 4, &[-f64::MAX], &[3, 0]);
        // Minus zero is zero, and stored as such.
        check(&[-0.0, 0.0, -0.0], 4, &[0.0_f64.next_down(), 0.0], &[0, 3, 0]);
    }

    #[test]
    fn what_is_no_finite_number_is_counted_beside() {
        let (nan, infinity) = (f64::NAN, f64::INFINITY);
        let values = [
            Some(1.0),
            None,
            Some(nan),
            Some(infinity),
            Some(-infinity),
            Some(infinity),
            None,
        ];
        let profile = NumericProfile::new(values).unwrap();
        let counts = profile.reference();
        assert_eq!((counts.null(), counts.nan()), (2, 1));
        assert_eq!((counts.minus_infinity(), counts.plus_infinity()), (1, 2));
        assert_eq!((counts.rows(), counts.binned_rows(), counts.moments().n()), (7, 1, 1));
    }

    #[test]
    fn input_without_a_profile() {
        let nothing = DriftError::Empty { side: Side::Reference };
        assert_eq!(NumericProfile::new([]), Err(nothing.clone()));
        assert_eq!(NumericProfile::new([None, Some(f64::NAN)]), Err(nothing));
        assert_eq!(
            NumericProfile::with_grid([Some(1.0)], 1),
            Err(DriftError::Grid { bins: 1 })
        );
    }

    #[test]
    fn coarse_bins_are_sums() {
        let values = (0..100).map(|value| Some(f64::from(value)));
        let profile = NumericProfile::with_grid(values, 20).unwrap();
        let coarse = |bins| profile.coarsen(profile.reference(), bins).unwrap();
        assert_eq!(coarse(4), [26, 25, 25, 24]);
        assert_eq!(coarse(1), [100]);
        assert_eq!(
            profile.coarsen(&BinCounts::empty(3), 4),
            Err(DriftError::DifferentBins { left: 20, right: 3 })
        );
    }

    #[test]
    fn edges_may_be_given() {
        let values = [Some(1.0), Some(2.0), Some(2.5), None];
        let profile = NumericProfile::with_edges(values, vec![1.0, 2.0]).unwrap();
        assert_eq!(profile.reference().bins(), [1, 1, 1]);
        for edges in [vec![], vec![1.0, 1.0], vec![f64::NAN]] {
            let refused = NumericProfile::with_edges(values, edges);
            assert!(matches!(refused, Err(DriftError::NotAProfile { .. })));
        }
        let nothing = NumericProfile::with_edges([None], vec![1.0]);
        assert_eq!(nothing, Err(DriftError::Empty { side: Side::Reference }));
    }

    #[test]
    fn stored_profiles_are_checked() {
        let profile = NumericProfile::with_grid([Some(0.1), Some(1.0 / 3.0), Some(1e300), None], 4).unwrap();
        let stored = serde_json::to_string(&profile).unwrap();
        assert_eq!(serde_json::from_str::<NumericProfile>(&stored).unwrap(), profile);
        let reversed = stored.replacen("0.1,", "7e300,", 1);
        assert_ne!(reversed, stored);
        let error = serde_json::from_str::<NumericProfile>(&reversed).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("not a reference profile: its edges do not ascend")
        );
    }
}
