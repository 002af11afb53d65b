//! What a statement is given for `$1`, `$2`, …

use tidemill_types::Micros;

use crate::Sha256Hash;

/// The arguments of one statement, in the order of its parameters. Every variant knows its type when it is null, since
/// PostgreSQL wants to know.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arguments(pub(super) Vec<Argument>);

#[derive(Debug, Clone)]
pub(super) enum Argument {
    Int(Option<i64>),
    Float(f64),
    Text(Option<String>),
}

impl Arguments {
    pub(crate) fn new() -> Arguments {
        Arguments::default()
    }

    pub(crate) fn int(mut self, value: impl Into<Option<i64>>) -> Arguments {
        self.0.push(Argument::Int(value.into()));
        self
    }

    pub(crate) fn time(self, time: Micros) -> Arguments {
        self.int(time.0)
    }

    pub(crate) fn flag(self, value: bool) -> Arguments {
        self.int(i64::from(value))
    }

    pub(crate) fn float(mut self, value: f64) -> Arguments {
        self.0.push(Argument::Float(value));
        self
    }

    pub(crate) fn text(mut self, value: impl AsRef<str>) -> Arguments {
        self.0.push(Argument::Text(Some(value.as_ref().to_owned())));
        self
    }

    pub(crate) fn optional_text(mut self, value: Option<impl AsRef<str>>) -> Arguments {
        self.0
            .push(Argument::Text(value.map(|value| value.as_ref().to_owned())));
        self
    }

    pub(crate) fn hash(self, hash: &Sha256Hash) -> Arguments {
        self.text(hash.to_string())
    }
}
