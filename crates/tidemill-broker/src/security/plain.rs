//! SASL PLAIN (RFC 4616): one message, `authorization id NUL user NUL password`.

use super::exchange::SaslFault;

/// A user and the password that was sent for it.
pub(super) struct Claim<'a> {
    pub user: &'a str,
    pub password: &'a str,
}

/// Reads the message. The authorization id may be empty or the user itself: nobody acts for another.
pub(super) fn parse(token: &[u8]) -> Result<Claim<'_>, SaslFault> {
    let text = std::str::from_utf8(token).map_err(|_| SaslFault::Malformed("the message is not UTF-8"))?;
    let mut parts = text.split('\0');
    let (Some(authorization), Some(user), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(SaslFault::Malformed("the message has not three parts"));
    };
    if user.is_empty() || password.is_empty() {
        return Err(SaslFault::Malformed("the user or the password is empty"));
    }
    if !authorization.is_empty() && authorization != user {
        return Err(SaslFault::ForAnother);
    }
    Ok(Claim { user, password })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_three_parts() {
        let check = |token: &[u8], expected: &str| {
            let told = match parse(token) {
                Ok(claim) => format!("{} {}", claim.user, claim.password),
                Err(fault) => fault.to_string(),
            };
            assert_eq!(told, expected, "{token:?}");
        };
        check(b"\0ada\0pw", "ada pw");
        check(b"ada\0ada\0pw", "ada pw");
        check(b"bob\0ada\0pw", "the client asked to act for another user");
        for bad in [&b""[..], b"\0", b"ada\0pw", b"\0ada\0pw\0", b"\0ada\0pw\0x"] {
            check(bad, "the message has not three parts");
        }
        check(b"\0\0pw", "the user or the password is empty");
        check(b"\0ada\0", "the user or the password is empty");
        check(b"\0ada\0\xFF", "the message is not UTF-8");
    }
}
