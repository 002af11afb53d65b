//! Counts numbers into the bins of a profile, fast.

use super::{BinCounts, Moments};

/// Slots of the lookup table: 6 for each bin of the usual grid, 32 KiB.
const LOOKUP_SLOTS: usize = 8_192;

/// Values from which on the table is worth making: below, a search among all edges finds them sooner.
const TABLE_VALUES_MIN: usize = 512;

/// Values whose moments are taken together; they stay in the first-level cache.
const CHUNK_ROWS: usize = 1_024;

/// Counts numbers into the bins of a reference profile.
///
/// A table over equal slots between the first and the last edge says between which two edges a value can only be; a binary
/// search among those few finds the bin. Making the table costs about as much as a thousand rows, so that it is made when
/// 512 of them come at once; until then the search is among all edges.
#[derive(Debug, Clone)]
pub struct NumericCounter<'a> {
    edges: &'a [f64],
    /// Number of edges in the slots before this one; one entry more than slots. Empty until it is made.
    edges_before: Vec<u32>,
    half_first: f64,
    slots_per_half: f64,
    chunk: Vec<f64>,
    counts: BinCounts,
}

impl<'a> NumericCounter<'a> {
    /// `edges` are finite, ascending and not empty.
    pub(super) fn new(edges: &'a [f64]) -> NumericCounter<'a> {
        // Halves, because the distance of the largest floats is not a float.
        let half_first = edges[0] * 0.5;
        let half_width = edges[edges.len() - 1] * 0.5 - half_first;
        NumericCounter {
            edges,
            edges_before: Vec::new(),
            half_first,
            slots_per_half: LOOKUP_SLOTS as f64 / half_width,
            chunk: Vec::new(),
            counts: BinCounts::empty(edges.len() + 1),
        }
    }

    fn make_table(&mut self) {
        self.edges_before = vec![0; LOOKUP_SLOTS + 1];
        for edge in self.edges {
            let slot = self.slot(*edge);
            self.edges_before[slot + 1] += 1;
        }
        for slot in 0..LOOKUP_SLOTS {
            self.edges_before[slot + 1] += self.edges_before[slot];
        }
    }

    /// Counts numbers of any kind; NaN and infinities are counted beside the bins.
    pub fn observe(&mut self, values: &[f64]) {
        if self.edges_before.is_empty() && values.len() >= TABLE_VALUES_MIN {
            self.make_table();
        }
        for values in values.chunks(CHUNK_ROWS) {
            self.chunk.clear();
            for value in values {
                if value.is_finite() {
                    self.chunk.push(*value);
                    let bin = self.bin_of(*value);
                    self.counts.bins[bin] += 1;
                } else if value.is_nan() {
                    self.counts.nan += 1;
                } else if *value > 0.0 {
                    self.counts.plus_infinity += 1;
                } else {
                    self.counts.minus_infinity += 1;
                }
            }
            self.counts.moments = self.counts.moments.merge(&Moments::of(&self.chunk));
        }
    }

    /// Counts rows without a value.
    pub fn observe_nulls(&mut self, rows: u64) {
        self.counts.null += rows;
    }

    /// Counts rows of which some have no value.
    pub fn observe_options(&mut self, values: impl IntoIterator<Item = Option<f64>>) {
        let mut present = Vec::new();
        for value in values {
            match value {
                Some(value) => present.push(value),
                None => self.observe_nulls(1),
            }
            if present.len() == CHUNK_ROWS {
                self.observe(&present);
                present.clear();
            }
        }
        self.observe(&present);
    }

    /// The counts of all rows observed.
    pub fn finish(self) -> BinCounts {
        self.counts
    }

    /// The number of edges below a finite value.
    fn bin_of(&self, value: f64) -> usize {
        if self.edges_before.is_empty() {
            return self.edges.partition_point(|edge| *edge < value);
        }
        // `slot` never falls while values rise. So an edge in a slot before the value's is below the value, and one in a
        // slot after it is not.
        let slot = self.slot(value);
        let first = self.edges_before[slot] as usize;
        let last = self.edges_before[slot + 1] as usize;
        first + self.edges[first..last].partition_point(|edge| *edge < value)
    }

    /// Monotone over the finite floats; outside the edges, the first or last slot. With one edge, or edges too close for
    /// their distance to be a float, the scale is infinite, and the cast makes 0 of 0 · ∞: still monotone.
    fn slot(&self, value: f64) -> usize {
        let slot = (value * 0.5 - self.half_first) * self.slots_per_half;
        (slot as usize).min(LOOKUP_SLOTS - 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(edges: &[f64], values: &[f64]) {
        let mut counter = NumericCounter::new(edges);
        counter.make_table();
        for value in values
            .iter()
            .chain(edges)
            .flat_map(|v| [v.next_down(), *v, v.next_up()])
        {
            if value.is_finite() {
                let expected = edges.iter().filter(|edge| **edge < value).count();
                assert_eq!(counter.bin_of(value), expected, "{value} among {edges:?}");
            }
        }
    }

    #[test]
    fn the_ends_of_the_floats() {
        let (max, tiny) = (f64::MAX, 5e-324);
        let values = [-max, -1.0, -tiny, -0.0, 0.0, tiny, 1.0, max];
        check(&[0.0], &values);
        check(&[-tiny, 0.0], &values);
        check(&[-tiny, 0.0, tiny], &values);
        check(&[-max, max], &values);
        check(&[-max, 0.0, 1.0, max], &values);
        check(&[max], &values);
        check(&[1.0_f64.next_down(), 1.0], &values);
        check(&[tiny, 1e300, 1.1e300], &values);
    }

    #[test]
    fn chunks_leave_no_seam() {
        let edges: Vec<f64> = (0..50).map(f64::from).collect();
        let rows = 2 * CHUNK_ROWS + 7;
        let values: Vec<f64> = (0..rows).map(|row| (row * 7 % 60) as f64 - 5.0).collect();
        let mut at_once = NumericCounter::new(&edges);
        at_once.observe(&values);
        let mut one_by_one = NumericCounter::new(&edges);
        one_by_one.observe_options(values.iter().flat_map(|value| [Some(*value), None]));
        let (at_once, one_by_one) = (at_once.finish(), one_by_one.finish());
        assert_eq!(at_once.bins(), one_by_one.bins());
        assert_eq!(at_once.moments(), one_by_one.moments());
        let mut few_at_a_time = NumericCounter::new(&edges);
        for few in values.chunks(TABLE_VALUES_MIN - 1) {
            few_at_a_time.observe(few);
        }
        assert_eq!(few_at_a_time.finish().bins(), at_once.bins());
        assert_eq!((at_once.rows(), one_by_one.null()), (rows as u64, rows as u64));
        let mean = values.iter().sum::<f64>() / rows as f64;
        assert!((at_once.moments().mean().unwrap() - mean).abs() < 1e-12);
        let first = values.iter().filter(|value| **value <= 0.0).count() as u64;
        assert_eq!(at_once.bins()[0], first);
    }

    proptest! {
        #[test]
        fn finds_the_bin_that_a_search_finds(
            mut edges in prop::collection::vec(any::<f64>().prop_filter("finite", |v| v.is_finite()), 1..50),
            values in prop::collection::vec(any::<f64>().prop_filter("finite", |v| v.is_finite()), 1..50),
            scale in prop::sample::select(vec![1.0, 1e-300, 1e-308]),
        ) {
            for edge in &mut edges {
                *edge = *edge * scale + 0.0;
            }
            edges.sort_unstable_by(f64::total_cmp);
            edges.dedup();
            check(&edges, &values);
        }
    }
}
