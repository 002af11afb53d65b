//! A fingerprint of what a score was made from.

use sha2::{Digest, Sha256};
use tidemill_types::FeatureHash;

/// SHA-256 over what a score was made from, in hexadecimal: the features' SQL and the values that the model was given.
///
/// The bytes: the length of `views` (the hash of the views' SQL, as lineage has it) as u64, its text, the number of values as
/// u64, then each value as f32 in the model's order; every missing value is the same NaN, 0x7fc00000, and −0 is 0. All numbers
/// are little endian. Two scores of one version with the same hash are the same.
pub fn row_hash(views: &FeatureHash, row: &[f32]) -> String {
    let mut hash = Sha256::new();
    hash.update((views.0.len() as u64).to_le_bytes());
    hash.update(views.0.as_bytes());
    hash.update((row.len() as u64).to_le_bytes());
    for value in row {
        let bits = match *value {
            value if value.is_nan() => f32::NAN.to_bits() & 0x7fff_ffff,
            0.0 => 0,
            value => value.to_bits(),
        };
        hash.update(bits.to_le_bytes());
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_of_the_bytes_that_are_documented() {
        let mut bytes = Vec::new();
        bytes.extend(2_u64.to_le_bytes());
        bytes.extend(b"ab");
        bytes.extend(3_u64.to_le_bytes());
        bytes.extend(1.5_f32.to_le_bytes());
        bytes.extend(0x7fc0_0000_u32.to_le_bytes());
        bytes.extend(0_u32.to_le_bytes());
        let expected = hex::encode(Sha256::digest(&bytes));
        let views = FeatureHash("ab".to_owned());
        assert_eq!(row_hash(&views, &[1.5, f32::NAN, 0.0]), expected);
        assert_eq!(row_hash(&views, &[1.5, -f32::NAN, -0.0]), expected);
        for other in [&[1.5, f32::NAN][..], &[1.5, 0.0, f32::NAN]] {
            assert_ne!(row_hash(&views, other), expected);
        }
    }
}
