//! Distances of two histograms: Jensen–Shannon, Hellinger, total variation, the largest difference.

use super::DriftError;
use super::shares::shares;

/// Jensen–Shannon distance: the root of the divergence in nats, 0 to √ln 2.
///
/// Both hold rows per bin, in the same bins. Errors when a side is empty or the bins differ in number. Source: Endres and
/// Schindelin 2003, IEEE Transactions on Information Theory 49.
pub fn jensen_shannon(reference: &[u64], current: &[u64]) -> Result<f64, DriftError> {
    let shares = shares(reference, current)?;
    let divergence: f64 = shares
        .iter()
        .map(|(r, c)| {
            let middle = f64::midpoint(*r, *c);
            f64::midpoint(relative_entropy(*r, middle), relative_entropy(*c, middle))
        })
        .sum();
    // Rounding may leave a divergence of equal sides a little below zero.
    Ok(divergence.max(0.0).sqrt())
}

/// Hellinger distance √(½ Σ (√r − √c)²), 0 to 1. Input and errors as of [`jensen_shannon`].
pub fn hellinger(reference: &[u64], current: &[u64]) -> Result<f64, DriftError> {
    let shares = shares(reference, current)?;
    let squares: f64 = shares.iter().map(|(r, c)| (r.sqrt() - c.sqrt()).powi(2)).sum();
    Ok((squares / 2.0).sqrt())
}

/// Total variation ½ Σ |r − c|, 0 to 1: the share of rows that would have to change bins. Input and errors as of
/// [`jensen_shannon`].
pub fn total_variation(reference: &[u64], current: &[u64]) -> Result<f64, DriftError> {
    let shares = shares(reference, current)?;
    Ok(shares.iter().map(|(r, c)| (r - c).abs()).sum::<f64>() / 2.0)
}

/// The largest difference of shares max |r − c|, 0 to 1. Input and errors as of [`jensen_shannon`].
pub fn largest_difference(reference: &[u64], current: &[u64]) -> Result<f64, DriftError> {
    let shares = shares(reference, current)?;
    Ok(shares.iter().map(|(r, c)| (r - c).abs()).fold(0.0, f64::max))
}

fn relative_entropy(share: f64, middle: f64) -> f64 {
    match share > 0.0 {
        true => share * (share / middle).ln(),
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::drift::Side;

    type Distance = fn(&[u64], &[u64]) -> Result<f64, DriftError>;
    const ALL: [Distance; 4] = [jensen_shannon, hellinger, total_variation, largest_difference];

    fn check(reference: &[u64], current: &[u64], expected: [f64; 4]) {
        for (distance, expected) in ALL.iter().zip(expected) {
            let actual = distance(reference, current).unwrap();
            assert!((actual - expected).abs() < 1e-12, "{actual} is not {expected}");
        }
    }

    #[test]
    fn small_tables() {
        let root_half = 0.5_f64.sqrt();
        check(&[1, 2, 3], &[2, 4, 6], [0.0; 4]);
        check(&[5, 0], &[0, 7], [2.0_f64.ln().sqrt(), 1.0, 1.0, 1.0]);
        // Shares 1 0 and ½ ½: the divergence is ¾ ln(4 ÷ 3) + ¼ ln 1 … as ½ ln(4 ÷ 3) + ¼ ln(2 ÷ 3) + ¼ ln 2.
        let divergence = 0.5 * (4.0_f64 / 3.0).ln() + 0.25 * (2.0_f64 / 3.0).ln() + 0.25 * 2.0_f64.ln();
        check(
            &[9, 0],
            &[4, 4],
            [divergence.sqrt(), (1.0 - root_half).sqrt(), 0.5, 0.5],
        );
        // Shares ¼ ¼ ½ and ½ ¼ ¼: only two bins differ.
        let bins = [&[1, 1, 2][..], &[2, 1, 1][..]];
        assert_eq!(total_variation(bins[0], bins[1]), Ok(0.25));
        assert_eq!(largest_difference(bins[0], bins[1]), Ok(0.25));
    }

    #[test]
    fn an_empty_side_is_an_error() {
        for distance in ALL {
            assert_eq!(distance(&[0], &[1]), Err(DriftError::Empty { side: Side::Reference }));
            assert_eq!(distance(&[1], &[0]), Err(DriftError::Empty { side: Side::Current }));
            assert_eq!(
                distance(&[1], &[1, 2]),
                Err(DriftError::DifferentBins { left: 1, right: 2 })
            );
        }
    }

    proptest! {
        #[test]
        fn are_distances(bins in prop::collection::vec((0_u64..90, 0_u64..90), 1..12)) {
            let (mut reference, mut current): (Vec<u64>, Vec<u64>) = bins.into_iter().unzip();
            reference.push(1);
            current.push(1);
            for distance in ALL {
                let there = distance(&reference, &current).unwrap();
                prop_assert!((0.0..=1.0).contains(&there));
                prop_assert!((there - distance(&current, &reference).unwrap()).abs() < 1e-12);
                prop_assert!(distance(&reference, &reference).unwrap() < 1e-7);
            }
            // Hellinger² ≤ total variation ≤ √2 · Hellinger.
            let (h, tv) = (hellinger(&reference, &current).unwrap(), total_variation(&reference, &current).unwrap());
            prop_assert!(h * h <= tv + 1e-12 && tv <= 2.0_f64.sqrt() * h + 1e-12);
            prop_assert!(largest_difference(&reference, &current).unwrap() <= tv + 1e-12);
        }
    }
}
