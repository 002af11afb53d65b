//! What each record says of where it came from: the source, and the number of the row in it.

use tidemill_kafka::Record;

/// The header with the row's number, decimal, from 0.
pub(super) const ROW_HEADER: &str = "tidemill-row";
/// The header with the source's mark.
pub(super) const SOURCE_HEADER: &str = "tidemill-source";

/// Which source and how it was replayed, in sixteen hexadecimal digits, and which pass over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceMark {
    pub source: String,
    /// From 1; each `--again` is one more.
    pub pass: u32,
}

impl SourceMark {
    /// The mark of the first pass over rows that `identity` tells from others, replayed as `options` says.
    pub(super) fn of(identity: &str, options: &str) -> SourceMark {
        let (rows, how) = (crc32c::crc32c(identity.as_bytes()), crc32c::crc32c(options.as_bytes()));
        SourceMark {
            source: format!("{rows:08x}{how:08x}"),
            pass: 1,
        }
    }

    /// As in the header.
    pub(super) fn text(&self) -> String {
        format!("{}#{}", self.source, self.pass)
    }

    fn parse(text: &str) -> Option<SourceMark> {
        let (source, pass) = text.split_once('#')?;
        Some(SourceMark {
            source: source.to_owned(),
            pass: pass.parse().ok()?,
        })
    }
}

/// What the last record of a partition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LastSeen {
    /// There is none.
    Nothing,
    /// A row of the same source, replayed the same way.
    Ours { pass: u32, row: u64 },
    /// Something else, and what it says of its source.
    Foreign(Option<String>),
}

impl LastSeen {
    pub(super) fn of(record: Option<&Record>, ours: &SourceMark) -> LastSeen {
        let Some(record) = record else { return LastSeen::Nothing };
        let text = |name| record.header(name).and_then(|value| std::str::from_utf8(value).ok());
        let source = text(SOURCE_HEADER);
        let row = text(ROW_HEADER).and_then(|row| row.parse().ok());
        match (source.and_then(SourceMark::parse), row) {
            (Some(mark), Some(row)) if mark.source == ours.source => LastSeen::Ours { pass: mark.pass, row },
            _ => LastSeen::Foreign(source.map(str::to_owned)),
        }
    }
}
