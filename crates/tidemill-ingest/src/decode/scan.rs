//! A scanner over one JSON text. It looks at each byte once and allocates only for texts with escapes.
//!
//! Invariant: it accepts exactly the JSON of RFC 8259 (nested at most `DEPTH_MAX` deep); held against serde_json in tests.

use super::fault::{Fault, FaultCode};

/// Deepest nesting of values that are passed over; the same as serde_json's.
pub(crate) const DEPTH_MAX: usize = 127;

/// A place in a JSON text.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

/// A number as it stands: its text, and whether it is written as a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number<'a> {
    pub(crate) text: &'a str,
    pub(crate) whole: bool,
}

/// What a value begins as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    True,
    False,
    Null,
    Array,
    Object,
}

impl Kind {
    /// What a person calls it, where something else was meant.
    pub(crate) fn found(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Number => "a number",
            Kind::True | Kind::False => "a truth value",
            Kind::Null => "null",
            Kind::Array => "an array",
            Kind::Object => "an object",
        }
    }
}

/// Whether none of eight bytes ends a run of plain text: no quote, no backslash, no control character. A byte of eight is below
/// another one exactly if taking it away borrows from the high bit; bytes of 0x80 and more are parts of characters, and plain.
#[inline]
fn is_plain(eight: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGH;
    let equals = |byte: u8| below(eight ^ (ONES * u64::from(byte)), 1);
    below(eight, 0x20) | equals(b'"') | equals(b'\\') == 0
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Scanner<'a> {
        Scanner {
            text,
            bytes: text.as_bytes(),
            at: 0,
        }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    pub(crate) fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Takes `byte` if it comes next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Takes `text` if it comes next.
    #[inline]
    pub(crate) fn take_all(&mut self, text: &str) -> bool {
        let there = self.bytes[self.at..].starts_with(text.as_bytes());
        if there {
            self.at += text.len();
        }
        there
    }

    /// Takes `byte`, which must come next.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8, wanted: &'static str) -> Result<(), Fault> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.unexpected(wanted))
        }
    }

    /// The fault that something else than `wanted` is here.
    #[cold]
    pub(crate) fn unexpected(&self, wanted: &'static str) -> Fault {
        match self.peek() {
            None => Fault::new(FaultCode::Truncated, self.at, "the message ends"),
            Some(_) => Fault::new(FaultCode::MalformedJson, self.at, wanted),
        }
    }

    /// What the value here begins as.
    #[inline]
    pub(crate) fn kind(&self) -> Result<Kind, Fault> {
        match self.peek() {
            Some(b'"') => Ok(Kind::Text),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't') => Ok(Kind::True),
            Some(b'f') => Ok(Kind::False),
            Some(b'n') => Ok(Kind::Null),
            Some(b'[') => Ok(Kind::Array),
            Some(b'{') => Ok(Kind::Object),
            _ => Err(self.unexpected("no value")),
        }
    }

    /// Takes one of the words `true`, `false` and `null`.
    pub(crate) fn word(&mut self, word: &'static str) -> Result<(), Fault> {
        for byte in word.bytes() {
            self.expect(byte, "an unknown word")?;
        }
        Ok(())
    }

    /// Takes a number.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<Number<'a>, Fault> {
        let start = self.at;
        self.take(b'-');
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.unexpected("a number without digits")),
        }
        let mut whole = true;
        if self.take(b'.') {
            whole = false;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            whole = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        // `01` and `1x` are caught by what must follow a value.
        Ok(Number {
            text: &self.text[start..self.at],
            whole,
        })
    }

    #[inline]
    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some(b'0'..=b'9') => {
                self.digits();
                Ok(())
            }
            _ => Err(self.unexpected("a number without digits")),
        }
    }

    /// Takes a text. Without escapes it is a slice of the message; else it is put together in `scratch`.
    #[inline]
    pub(crate) fn text<'s>(&mut self, scratch: &'s mut String) -> Result<&'s str, Fault>
    where
        'a: 's,
    {
        self.expect(b'"', "no text")?;
        let start = self.at;
        match self.plain_run()? {
            b'"' => {
                let text = &self.text[start..self.at];
                self.at += 1;
                Ok(text)
            }
            _ => self.escaped_text(start, scratch),
        }
    }

    /// Moves to the next quote or backslash and returns it.
    #[inline]
    fn plain_run(&mut self) -> Result<u8, Fault> {
        while let Some(eight) = self.bytes[self.at..].first_chunk::<8>() {
            if !is_plain(u64::from_le_bytes(*eight)) {
                break;
            }
            self.at += 8;
        }
        loop {
            match self.peek() {
                Some(byte @ (b'"' | b'\\')) => return Ok(byte),
                Some(0..=0x1f) => return Err(self.unexpected("a control character in a text")),
                Some(_) => self.at += 1,
                None => return Err(self.unexpected("no end of text")),
            }
        }
    }

    #[cold]
    fn escaped_text<'s>(&mut self, start: usize, scratch: &'s mut String) -> Result<&'s str, Fault> {
        scratch.clear();
        scratch.push_str(&self.text[start..self.at]);
        loop {
            let run = self.at;
            let stop = self.plain_run()?;
            scratch.push_str(&self.text[run..self.at]);
            self.at += 1;
            if stop == b'"' {
                return Ok(scratch.as_str());
            }
            let escaped = self.escape()?;
            scratch.push(escaped);
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => return Err(self.unexpected("an unknown escape")),
        };
        self.at += 1;
        Ok(character)
    }

    fn unicode_escape(&mut self) -> Result<char, Fault> {
        let at = self.at;
        let lone = || Fault::new(FaultCode::MalformedJson, at, "half a surrogate pair");
        let first = self.four_hex()?;
        let code = match first {
            0xd800..=0xdbff => {
                self.expect(b'\\', "half a surrogate pair")?;
                self.expect(b'u', "half a surrogate pair")?;
                let second = self.four_hex()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(lone());
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            _ => first,
        };
        char::from_u32(code).ok_or_else(lone)
    }

    fn four_hex(&mut self) -> Result<u32, Fault> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.unexpected("an escape that is not hexadecimal"))?;
            self.at += 1;
        }
        Ok(code)
    }

    /// Passes over a value of any kind. It must be well formed.
    pub(crate) fn skip_value(&mut self, scratch: &mut String) -> Result<(), Fault> {
        self.skip_at_depth(scratch, 1)
    }

    fn skip_at_depth(&mut self, scratch: &mut String, depth: usize) -> Result<(), Fault> {
        match self.kind()? {
            Kind::Text => self.text(scratch).map(|_| ()),
            Kind::Number => self.number().map(|_| ()),
            Kind::True => self.word("true"),
            Kind::False => self.word("false"),
            Kind::Null => self.word("null"),
            Kind::Array | Kind::Object if depth >= DEPTH_MAX => {
                Err(Fault::new(FaultCode::TooDeep, self.at, "values nested too deep"))
            }
            Kind::Array => self.skip_items(b']', scratch, |scanner, scratch| {
                scanner.skip_at_depth(scratch, depth + 1)
            }),
            Kind::Object => self.skip_items(b'}', scratch, |scanner, scratch| {
                scanner.text(scratch)?;
                scanner.skip_space();
                scanner.expect(b':', "no colon after a name")?;
                scanner.skip_space();
                scanner.skip_at_depth(scratch, depth + 1)
            }),
        }
    }

    /// Passes over what stands between an opening bracket and `close`, separated by commas.
    fn skip_items(
        &mut self,
        close: u8,
        scratch: &mut String,
        mut item: impl FnMut(&mut Self, &mut String) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.at += 1;
        self.skip_space();
        if self.take(close) {
            return Ok(());
        }
        loop {
            item(self, scratch)?;
            self.skip_space();
            if self.take(close) {
                return Ok(());
            }
            self.expect(b',', "neither a comma nor an end")?;
            self.skip_space();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_at_once_are_judged_as_one_by_one() {
        let ends = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
        for byte in 0..=u8::MAX {
            for other in [b'a', 0x7f, 0x80, 0xff, b'!', b'#', b'[', b']'] {
                for place in 0..8 {
                    let mut eight = [other; 8];
                    eight[place] = byte;
                    assert_eq!(is_plain(u64::from_le_bytes(eight)), !ends(byte), "{eight:?}");
                }
            }
        }
    }

    #[test]
    fn texts_of_all_lengths_end_where_they_end() {
        let mut scratch = String::new();
        for length in 0..40 {
            let plain = "ä".repeat(length / 2) + &"x".repeat(length % 2);
            let json = format!("\"{plain}\",\"next\"");
            let mut scanner = Scanner::new(&json);
            assert_eq!(scanner.text(&mut scratch).unwrap(), plain);
            assert!(scanner.take_all(",\"next\""), "{json}");
            assert!(!scanner.take_all("x"), "{json}");
            let mut broken = Scanner::new(&json[..=plain.len()]);
            assert_eq!(broken.text(&mut scratch).unwrap_err().code, FaultCode::Truncated);
        }
    }
}
