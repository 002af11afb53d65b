//! Which Kafka partition a key belongs to, as the Java client decides by default.
//!
//! Everyone's producers agree on it, so rows of one key meet in one partition whoever writes them.

use tidemill_types::KafkaPartition;

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;
const SHIFT: u32 = 24;

/// The partition of `key` among `partitions`, which is at least 1 (fewer count as one).
pub fn partition_of(key: &[u8], partitions: i32) -> KafkaPartition {
    let positive = (murmur2(key) & 0x7fff_ffff) as i32;
    KafkaPartition(positive % partitions.max(1))
}

/// 32-bit MurmurHash2 with the seed of Apache Kafka's `Utils.murmur2`.
pub fn murmur2(data: &[u8]) -> u32 {
    let mut hash = SEED ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut mixed = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> SHIFT;
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed.wrapping_mul(MULTIPLIER);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (place, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * place);
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of Apache Kafka's `UtilsTest.testMurmur2`.
    #[test]
    fn hashes_are_those_of_the_java_client() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }

    #[test]
    fn a_partition_is_always_one_of_them() {
        for partitions in [-1, 0, 1, 3, 7] {
            for key in ["", "a", "21", "foobar"] {
                let partition = partition_of(key.as_bytes(), partitions).0;
                assert!((0..partitions.max(1)).contains(&partition), "{key} {partitions}");
            }
        }
        // The hash without its sign, 1,357,151,166, modulo 7.
        assert_eq!(partition_of(b"foobar", 7).0, 1_357_151_166 % 7);
    }
}
