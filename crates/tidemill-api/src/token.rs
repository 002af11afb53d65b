//! The secret that whoever asks must show.

use std::fmt;

use subtle::ConstantTimeEq;
use tidemill_types::{ErrorCode, Explain};

/// Shortest token, in bytes.
pub const TOKEN_BYTES_MIN: usize = 16;
/// Longest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 1_024;

/// A bearer token. It is never printed, and compared in a time that says nothing about it.
#[derive(Clone)]
pub struct Token(String);

/// A text that cannot be a token. The text is not in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the server's token must have {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} visible ASCII characters; it has {bytes} bytes"
)]
pub struct InvalidToken {
    /// Its length.
    pub bytes: usize,
}

impl Explain for InvalidToken {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidInput
    }

    fn hint(&self) -> Option<String> {
        Some("make one with `openssl rand -hex 32`".to_owned())
    }
}

impl Token {
    /// The token, if `text` can be one. White space around it is dropped, as files end with a line feed.
    pub fn new(text: &str) -> Result<Token, InvalidToken> {
        let text = text.trim();
        let length_fits = (TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&text.len());
        if length_fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Token(text.to_owned()))
        } else {
            Err(InvalidToken { bytes: text.len() })
        }
    }

    /// The value of the `Authorization` header that shows it.
    pub(crate) fn authorization(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// Whether an `Authorization` header shows it.
    pub(crate) fn is_shown_by(&self, authorization: &[u8]) -> bool {
        let Some((scheme, shown)) = authorization.split_at_checked(7) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(shown.ct_eq(self.0.as_bytes()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_whole_or_not() {
        let token = Token::new("0123456789abcdef\n").unwrap();
        for (header, expected) in [
            ("Bearer 0123456789abcdef", true),
            ("bearer 0123456789abcdef", true),
            ("Bearer 0123456789abcdeX", false),
            ("Bearer 0123456789abcde", false),
            ("Bearer 0123456789abcdef0", false),
            ("Basic 0123456789abcdef", false),
            ("Bearer ", false),
            ("", false),
        ] {
            assert_eq!(token.is_shown_by(header.as_bytes()), expected, "{header}");
        }
        assert_eq!(format!("{token:?}"), "Token(…)");
    }

    #[test]
    fn what_is_short_or_invisible_is_no_token() {
        for text in ["", "short", "0123456789 abcdef", "0123456789abcdeé", &"x".repeat(2_000)] {
            assert!(Token::new(text).is_err(), "{text}");
        }
    }
}
