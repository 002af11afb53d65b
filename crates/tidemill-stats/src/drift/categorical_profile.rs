//! What a column of levels looked like in the reference, and the bins into which later rows are counted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{BinCounts, DriftError, Side};

/// Levels that have a bin of their own; the rarer ones share the bin *other*.
pub const LEVELS_MAX: usize = 1_024;

/// Rarer levels that are remembered, so that a level that was never seen can be told from a rare one.
pub const RARE_LEVELS_MAX: usize = 65_536;

/// Levels and counts of a categorical column of a reference. Never rewritten: a new reference is a new profile.
///
/// The bins are the [`LEVELS_MAX`] most frequent levels (ties by name), then *other*, then *new*. Of the rarer levels the
/// profile keeps a hash each, up to [`RARE_LEVELS_MAX`]; beyond that, a level that is not known counts as *other*, because
/// nobody can say any more that it is new.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "StoredProfile", try_from = "StoredProfile")]
pub struct CategoricalProfile {
    levels: Vec<String>,
    positions: BTreeMap<String, usize>,
    rare: RareLevels,
    counts: BinCounts,
}

/// The levels of the reference beyond those with a bin, as hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RareLevels {
    /// These, and no other.
    All(BTreeSet<u64>),
    /// More than [`RARE_LEVELS_MAX`].
    TooMany,
}

impl CategoricalProfile {
    /// Of the reference's rows, in any order; `None` is a row without a level. Errors when no row has one.
    pub fn new<'v>(values: impl IntoIterator<Item = Option<&'v str>>) -> Result<CategoricalProfile, DriftError> {
        let mut rows_of: BTreeMap<&str, u64> = BTreeMap::new();
        let mut null = 0;
        for value in values {
            match value {
                Some(level) => *rows_of.entry(level).or_default() += 1,
                None => null += 1,
            }
        }
        CategoricalProfile::from_counts(rows_of, null)
    }

    /// Of the reference's rows per level and those without one. Levels without rows are left out. Errors when none is
    /// left.
    pub fn from_counts<'v>(
        rows_of: impl IntoIterator<Item = (&'v str, u64)>,
        null: u64,
    ) -> Result<CategoricalProfile, DriftError> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for (level, rows) in rows_of.into_iter().filter(|(_, rows)| *rows > 0) {
            *sums.entry(level).or_default() += rows;
        }
        if sums.is_empty() {
            return Err(DriftError::Empty { side: Side::Reference });
        }
        // The map is in order of names and the sort is stable: ties stay in that order.
        let mut ranked: Vec<(&str, u64)> = sums.into_iter().collect();
        ranked.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        let (frequent, rare) = ranked.split_at(ranked.len().min(LEVELS_MAX));

        let mut counts = BinCounts::empty(frequent.len() + 2);
        for (bin, (_, rows)) in frequent.iter().enumerate() {
            counts.bins[bin] = *rows;
        }
        counts.bins[frequent.len()] = rare.iter().map(|(_, rows)| rows).sum();
        counts.null = null;
        let levels = frequent.iter().map(|(level, _)| (*level).to_owned()).collect();
        let rare = match rare.len() <= RARE_LEVELS_MAX {
            true => RareLevels::All(rare.iter().map(|(level, _)| hash_of(level)).collect()),
            false => RareLevels::TooMany,
        };
        Ok(CategoricalProfile::assemble(levels, rare, counts))
    }

    /// The levels with a bin of their own, the most frequent first.
    pub fn levels(&self) -> &[String] {
        &self.levels
    }

    /// The bin of rarer levels.
    pub fn other_bin(&self) -> usize {
        self.levels.len()
    }

    /// The bin of levels that the reference does not have.
    pub fn new_bin(&self) -> usize {
        self.levels.len() + 1
    }

    /// The reference's own rows in these bins.
    pub fn reference(&self) -> &BinCounts {
        &self.counts
    }

    /// No rows in these bins: where a sum of states begins.
    pub fn empty_counts(&self) -> BinCounts {
        BinCounts::empty(self.levels.len() + 2)
    }

    /// Counts rows into these bins; `None` is a row without a level.
    pub fn count<'v>(&self, values: impl IntoIterator<Item = Option<&'v str>>) -> BinCounts {
        self.count_grouped(values.into_iter().map(|level| (level, 1)))
    }

    /// Counts rows that come grouped: a level (`None` is no level) and how many rows have it. A level may come again.
    pub fn count_grouped<'v>(&self, groups: impl IntoIterator<Item = (Option<&'v str>, u64)>) -> BinCounts {
        let mut counts = self.empty_counts();
        for (level, rows) in groups {
            match level {
                Some(level) => counts.bins[self.bin_of(level)] += rows,
                None => counts.null += rows,
            }
        }
        counts
    }

    fn bin_of(&self, level: &str) -> usize {
        match (self.positions.get(level), &self.rare) {
            (Some(bin), _) => *bin,
            (None, RareLevels::TooMany) => self.other_bin(),
            (None, RareLevels::All(hashes)) => match hashes.contains(&hash_of(level)) {
                true => self.other_bin(),
                false => self.new_bin(),
            },
        }
    }

    fn assemble(levels: Vec<String>, rare: RareLevels, counts: BinCounts) -> CategoricalProfile {
        let positions = levels
            .iter()
            .enumerate()
            .map(|(bin, level)| (level.clone(), bin))
            .collect();
        CategoricalProfile {
            levels,
            positions,
            rare,
            counts,
        }
    }
}

/// FNV-1a of 64 bits: the same in every build, unlike the standard library's, because it is stored.
fn hash_of(level: &str) -> u64 {
    level.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// As stored: without what follows from it, and before it is known to be a profile.
#[derive(Serialize, Deserialize)]
struct StoredProfile {
    levels: Vec<String>,
    rare: RareLevels,
    counts: BinCounts,
}

impl From<CategoricalProfile> for StoredProfile {
    fn from(profile: CategoricalProfile) -> StoredProfile {
        let CategoricalProfile {
            levels, rare, counts, ..
        } = profile;
        StoredProfile { levels, rare, counts }
    }
}

impl TryFrom<StoredProfile> for CategoricalProfile {
    type Error = DriftError;

    fn try_from(stored: StoredProfile) -> Result<CategoricalProfile, DriftError> {
        let StoredProfile { levels, rare, counts } = stored;
        let refuse = |reason| Err(DriftError::NotAProfile { reason });
        if levels.is_empty() || counts.binned_rows() == 0 {
            return refuse("it has no levels, or no rows");
        }
        if counts.bins.len() != levels.len() + 2 {
            return refuse("it does not have two bins more than levels");
        }
        let profile = CategoricalProfile::assemble(levels, rare, counts);
        if profile.positions.len() != profile.levels.len() {
            return refuse("a level is named twice");
        }
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(text: &str) -> CategoricalProfile {
        CategoricalProfile::new(values(text)).unwrap()
    }

    /// Levels separated by spaces; `-` is a row without one.
    fn values(text: &str) -> impl Iterator<Item = Option<&str>> {
        text.split_whitespace().map(|level| (level != "-").then_some(level))
    }

    #[test]
    fn levels_by_frequency_then_name() {
        let profile = profile("b a c b - d c");
        assert_eq!(profile.levels(), ["b", "c", "a", "d"]);
        assert_eq!(profile.reference().bins(), [2, 2, 1, 1, 0, 0]);
        assert_eq!(profile.reference().null(), 1);
    }

    #[test]
    fn a_level_never_seen_is_new() {
        let counts = profile("a a b").count(values("b x - a y b"));
        assert_eq!((counts.bins(), counts.null()), (&[1, 2, 0, 2][..], 1));
        assert_eq!(counts.rows(), 6);
    }

    /// A level for each number, the first [`LEVELS_MAX`] twice.
    fn many(levels: usize) -> CategoricalProfile {
        let names: Vec<String> = (0..levels).map(|level| level.to_string()).collect();
        let rows = names.iter().enumerate();
        let rows = rows.map(|(rank, name)| (name.as_str(), if rank < LEVELS_MAX { 2 } else { 1 }));
        CategoricalProfile::from_counts(rows, 0).unwrap()
    }

    #[test]
    fn rare_levels_are_other() {
        let profile = many(LEVELS_MAX + 3);
        let (other, new) = (profile.other_bin(), profile.new_bin());
        assert_eq!(profile.reference().bins()[other..], [3, 0]);
        let counts = profile.count_grouped([(Some("1025"), 5), (Some("x"), 7), (Some("3"), 1), (None, 2)]);
        assert_eq!((counts.bins()[other], counts.bins()[new], counts.null()), (5, 7, 2));
        // With too many rare levels to remember, nothing is called new that may not be.
        let crowded = many(LEVELS_MAX + RARE_LEVELS_MAX + 1).count(values("x 1025"));
        assert_eq!(crowded.bins()[other..], [2, 0]);
    }

    #[test]
    fn input_without_a_profile() {
        let nothing = Err(DriftError::Empty { side: Side::Reference });
        assert_eq!(CategoricalProfile::new(values("")), nothing);
        assert_eq!(CategoricalProfile::new(values("- -")), nothing);
        assert_eq!(CategoricalProfile::from_counts([("a", 0)], 3), nothing);
    }

    #[test]
    fn stored_profiles_are_checked() {
        let profile = profile("a b a -");
        let stored = serde_json::to_string(&profile).unwrap();
        assert_eq!(serde_json::from_str::<CategoricalProfile>(&stored).unwrap(), profile);
        let doubled = stored.replacen("\"b\"", "\"a\"", 1);
        let error = serde_json::from_str::<CategoricalProfile>(&doubled).unwrap_err();
        assert!(error.to_string().contains("a level is named twice"), "{error}");
    }
}
