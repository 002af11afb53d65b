//! How far event time has come: pure, from the newest event of each Kafka partition.

use tidemill_types::Micros;

/// A Kafka partition as the watermark sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartitionClock {
    /// Its newest event time; none before its first row.
    pub(crate) newest: Option<Micros>,
    /// Whether it has stood at its end for a while.
    pub(crate) idle: bool,
}

/// The least of the partitions' newest events, less the lateness. Partitions that are idle do not hold it back, unless
/// all are. None as long as a partition that is not idle has shown no event.
pub(crate) fn watermark(partitions: &[PartitionClock], lateness_micros: i64) -> Option<Micros> {
    let all_idle = partitions.iter().all(|partition| partition.idle);
    let counted = partitions.iter().filter(|partition| match partition.newest {
        Some(_) => all_idle || !partition.idle,
        None => !partition.idle,
    });
    let mut least: Option<Micros> = None;
    for partition in counted {
        let newest = partition.newest?;
        least = Some(least.map_or(newest, |least| least.min(newest)));
    }
    least.map(|least| least.plus(lateness_micros.saturating_neg()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `5` is a partition whose newest event is 5, `5i` an idle one, `-` one without events, `-i` an idle such one.
    fn check(partitions: &str, expected: Option<i64>) {
        let clocks = partitions.split_whitespace().map(|text| PartitionClock {
            newest: text.trim_end_matches('i').parse().ok().map(Micros),
            idle: text.ends_with('i'),
        });
        let told = watermark(&clocks.collect::<Vec<_>>(), 2).map(|micros| micros.0);
        assert_eq!(told, expected, "{partitions}");
    }

    #[test]
    fn the_slowest_partition_that_is_not_idle_holds_it() {
        check("", None);
        check("-", None);
        check("-i", None);
        check("9", Some(7));
        check("9 5", Some(3));
        check("9 5i", Some(7));
        check("9i 5i", Some(3));
        check("9 -", None);
        check("9 -i", Some(7));
        check("9i -i", Some(7));
        check("9i -", None);
    }
}
