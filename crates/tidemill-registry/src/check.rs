//! Texts from outside, checked once where they come in.

use crate::RegistryError;
use crate::limits::{KEY_CHARS_MAX, LABEL_CHARS_MAX, REASON_CHARS_MAX};

/// A name, reason or actor: something printable, on one line.
pub(crate) fn line(field: &str, text: &str, chars_max: usize) -> Result<(), RegistryError> {
    if text.trim().is_empty() {
        return Err(RegistryError::invalid(field, "must not be empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(RegistryError::invalid(
            field,
            "must be one line of printable characters",
        ));
    }
    length(field, text, chars_max)
}

/// A value or description: any text, also none, also many lines.
pub(crate) fn length(field: &str, text: &str, chars_max: usize) -> Result<(), RegistryError> {
    let chars = text.chars().count();
    if chars > chars_max {
        return Err(RegistryError::invalid(
            field,
            format!("has {chars} characters; the limit is {chars_max}"),
        ));
    }
    if text.contains('\0') {
        return Err(RegistryError::invalid(field, "must not contain a NUL character"));
    }
    Ok(())
}

/// The name of a metric, parameter or tag.
pub(crate) fn key(field: &str, text: &str) -> Result<(), RegistryError> {
    line(field, text, KEY_CHARS_MAX)
}

/// The name, kind or owner of a run.
pub(crate) fn label(field: &str, text: &str) -> Result<(), RegistryError> {
    line(field, text, LABEL_CHARS_MAX)
}

/// Who did something, and why. A reason may be empty.
pub(crate) fn deed(actor: &str, reason: &str) -> Result<(), RegistryError> {
    line("the actor", actor, REASON_CHARS_MAX)?;
    length("the reason", reason, REASON_CHARS_MAX)
}

/// How many of something one call may bring.
pub(crate) fn count(what: &'static str, count: usize, max: usize) -> Result<(), RegistryError> {
    if count > max {
        return Err(RegistryError::TooMany { what, count, max });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_short_printable_and_not_empty() {
        for good in ["a", "a b", "äöü", "2026/best: 1"] {
            assert!(line("it", good, 20).is_ok(), "{good:?}");
        }
        for bad in ["", "  ", "a\nb", "\u{7f}", "123456789012345678901"] {
            assert!(line("it", bad, 20).is_err(), "{bad:?}");
        }
        assert!(length("it", "", 2).is_ok());
        assert!(length("it", "ää", 2).is_ok());
        assert!(length("it", "a\0", 2).is_err());
        assert!(count("metrics", 3, 2).is_err());
    }
}
