//! Where to go on: a pure decision over the last records of all partitions.

use super::mark::LastSeen;

/// Which pass it is, and by lane and partition the last row that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resume {
    pub pass: u32,
    pub after: Vec<Vec<Option<u64>>>,
}

/// A partition whose last record came from elsewhere: its lane, its place, and what it says of its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Foreign {
    pub lane: usize,
    pub partition: usize,
    pub source_mark: Option<String>,
}

/// Decides by the last record of every partition of every lane.
///
/// A first pass begins on empty topics, so that every record there is one of ours or the topic is somebody else's. A later
/// pass begins behind anything; a partition that it has not reached yet ends in something older.
pub(super) fn decide(lasts: &[Vec<LastSeen>], again: bool) -> Result<Resume, Foreign> {
    let all = || lasts.iter().flatten();
    let latest = all().filter_map(|last| match last {
        LastSeen::Ours { pass, .. } => Some(*pass),
        LastSeen::Nothing | LastSeen::Foreign(_) => None,
    });
    let latest = latest.max();
    let empty = all().all(|last| *last == LastSeen::Nothing);
    let pass = match (again, latest) {
        (true, _) if empty => 1,
        (true, latest) => latest.unwrap_or(1) + 1,
        (false, latest) => latest.unwrap_or(1),
    };
    if pass == 1 {
        for (lane, partitions) in lasts.iter().enumerate() {
            for (partition, last) in partitions.iter().enumerate() {
                if let LastSeen::Foreign(source_mark) = last {
                    return Err(Foreign {
                        lane,
                        partition,
                        source_mark: source_mark.clone(),
                    });
                }
            }
        }
    }
    let after = |last: &LastSeen| match last {
        LastSeen::Ours { pass: of, row } if *of == pass => Some(*row),
        _ => None,
    };
    Ok(Resume {
        pass,
        after: lasts.iter().map(|lane| lane.iter().map(after).collect()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::LastSeen::{Nothing, Ours};
    use super::*;

    fn ours(pass: u32, row: u64) -> LastSeen {
        Ours { pass, row }
    }

    fn foreign() -> LastSeen {
        LastSeen::Foreign(None)
    }

    /// `Some((pass, after))`, or none where it is refused.
    fn check(lasts: &[LastSeen], again: bool, expected: Option<(u32, &[Option<u64>])>) {
        let decided = decide(&[lasts.to_vec()], again).ok();
        let decided = decided.map(|resume| (resume.pass, resume.after[0].clone()));
        assert_eq!(
            decided,
            expected.map(|(pass, after)| (pass, after.to_vec())),
            "{lasts:?} {again}"
        );
    }

    #[test]
    fn a_replay_goes_on_where_each_partition_ends() {
        check(&[Nothing, Nothing], false, Some((1, &[None, None])));
        check(&[ours(1, 7), Nothing], false, Some((1, &[Some(7), None])));
        check(&[ours(1, 7), ours(1, 3)], false, Some((1, &[Some(7), Some(3)])));
    }

    #[test]
    fn topics_of_others_are_refused() {
        check(&[foreign(), Nothing], false, None);
        check(&[ours(1, 7), foreign()], false, None);
    }

    #[test]
    fn again_begins_behind_what_is_there() {
        check(&[Nothing, Nothing], true, Some((1, &[None, None])));
        check(&[ours(1, 7), ours(1, 3)], true, Some((2, &[None, None])));
        check(&[foreign(), Nothing], true, Some((2, &[None, None])));
        check(&[ours(2, 7), ours(3, 3)], true, Some((4, &[None, None])));
    }

    #[test]
    fn a_later_pass_goes_on_where_it_has_been() {
        check(&[ours(2, 5), ours(1, 9)], false, Some((2, &[Some(5), None])));
        check(&[ours(2, 5), foreign()], false, Some((2, &[Some(5), None])));
    }

    #[test]
    fn the_passes_of_all_lanes_count() {
        let lasts = [vec![ours(2, 5)], vec![ours(1, 9)]];
        let resume = decide(&lasts, false).unwrap();
        assert_eq!((resume.pass, resume.after), (2, vec![vec![Some(5)], vec![None]]));
    }
}
