//! `labels=TRANSACTION_ID,TX_FRAUD@7d`: columns that go to another stream, later.

use std::fmt;
use std::str::FromStr;

use tidemill_types::{ColumnName, DurationText, StreamName};

/// Columns that go to another stream after a delay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Also {
    /// The stream.
    pub stream: StreamName,
    /// At least one column.
    pub columns: Vec<ColumnName>,
    /// How long after the event they are known.
    pub delay: DurationText,
}

/// A text that is no such thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` does not say what goes where: {reason}; write STREAM=COLUMN,COLUMN@DELAY, as labels=TRANSACTION_ID,TX_FRAUD@7d"
)]
pub struct InvalidAlso {
    /// The text, cut to a printable length.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl FromStr for Also {
    type Err = InvalidAlso;
    fn from_str(text: &str) -> Result<Also, InvalidAlso> {
        let invalid = |reason: String| InvalidAlso {
            text: text.chars().take(200).collect(),
            reason,
        };
        let (stream, rest) = text.split_once('=').ok_or_else(|| invalid("no `=`".into()))?;
        // A delay that was forgotten would make labels known at once: it is written, be it `@0s`.
        let (columns, delay) = rest.rsplit_once('@').ok_or_else(|| invalid("no `@`".into()))?;
        let delay = delay
            .parse()
            .map_err(|e: tidemill_types::InvalidDuration| invalid(e.to_string()))?;
        let stream = StreamName::new(stream.trim()).map_err(|e| invalid(e.to_string()))?;
        let columns = columns.split(',').map(|column| ColumnName::new(column.trim()));
        let columns: Result<Vec<_>, _> = columns.collect();
        let columns = columns.map_err(|e| invalid(e.to_string()))?;
        if let Some(twice) = columns.iter().enumerate().find(|(n, c)| columns[..*n].contains(c)) {
            return Err(invalid(format!("`{}` stands there twice", twice.1)));
        }
        Ok(Also { stream, columns, delay })
    }
}

impl fmt::Display for Also {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<_> = self.columns.iter().map(ColumnName::as_str).collect();
        write!(f, "{}={}@{}", self.stream, columns.join(","), self.delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_where_reads_and_prints() {
        for (text, printed) in [
            ("labels=TRANSACTION_ID,TX_FRAUD@7d", "labels=TRANSACTION_ID,TX_FRAUD@7d"),
            ("labels = id , fraud@1d12h", "labels=id,fraud@1d12h"),
            ("labels=id@0s", "labels=id@0s"),
        ] {
            let also: Also = text.parse().unwrap();
            assert_eq!(also.to_string(), printed);
        }
        for text in [
            "",
            "labels",
            "=id",
            "labels=",
            "labels=id",
            "labels=id,fraud",
            "labels=id@",
            "labels=id@soon",
            "La=id",
            "l=id,id",
            "l=a b@7d",
        ] {
            assert!(text.parse::<Also>().is_err(), "{text}");
        }
        assert_eq!(
            "labels=id,fraud".parse::<Also>().unwrap_err().to_string(),
            "`labels=id,fraud` does not say what goes where: no `@`; write STREAM=COLUMN,COLUMN@DELAY, as \
             labels=TRANSACTION_ID,TX_FRAUD@7d"
        );
    }
}
