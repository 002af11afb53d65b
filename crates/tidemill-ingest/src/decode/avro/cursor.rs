//! Binary Avro, read from the front. Nothing is taken that is not there, and no length is trusted.

use super::super::fault::{Fault, FaultCode};

/// A place in a message.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Starts to read at byte `at`.
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Cursor<'a> {
        Cursor { bytes, at }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    #[cold]
    fn ends(&self) -> Fault {
        Fault::new(FaultCode::Truncated, self.bytes.len(), "the message ends")
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0_u64;
        let mut shift = 0_u32;
        loop {
            let Some(byte) = self.bytes.get(self.at).copied() else {
                return Err(self.ends());
            };
            // The tenth byte holds the highest bit and nothing else.
            if shift == 63 && byte > 1 {
                let found = "a number of more than 64 bits";
                return Err(Fault::new(FaultCode::MalformedAvro, self.at, found));
            }
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    /// A `long`: zigzag in groups of seven bits, the lowest first.
    #[inline]
    pub(crate) fn long(&mut self) -> Result<i64, Fault> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// An `int`: the same, in 32 bits.
    #[inline]
    pub(crate) fn int(&mut self) -> Result<i32, Fault> {
        let at = self.at;
        let value = self.long()?;
        i32::try_from(value).map_err(|_| Fault::new(FaultCode::MalformedAvro, at, "an int of more than 32 bits"))
    }

    #[inline]
    pub(crate) fn boolean(&mut self) -> Result<bool, Fault> {
        match self.fixed(1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Fault::new(
                FaultCode::MalformedAvro,
                self.at - 1,
                "a truth value that is neither 0 nor 1",
            )),
        }
    }

    #[inline]
    pub(crate) fn float(&mut self) -> Result<f32, Fault> {
        let mut value = [0; 4];
        value.copy_from_slice(self.fixed(4)?);
        Ok(f32::from_le_bytes(value))
    }

    #[inline]
    pub(crate) fn double(&mut self) -> Result<f64, Fault> {
        let mut value = [0; 8];
        value.copy_from_slice(self.fixed(8)?);
        Ok(f64::from_le_bytes(value))
    }

    /// So many bytes.
    #[inline]
    pub(crate) fn fixed(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let end = self.at.checked_add(length);
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(bytes) => {
                self.at += length;
                Ok(bytes)
            }
            None => Err(self.ends()),
        }
    }

    /// `bytes`, or the bytes of a `string`: a length, then so many.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let at = self.at;
        let length = self.long()?;
        let length =
            usize::try_from(length).map_err(|_| Fault::new(FaultCode::MalformedAvro, at, "a length below zero"))?;
        self.fixed(length)
    }

    /// A `string`.
    #[inline]
    pub(crate) fn text(&mut self) -> Result<&'a str, Fault> {
        let bytes = self.bytes()?;
        let start = self.at - bytes.len();
        std::str::from_utf8(bytes).map_err(|error| {
            let at = start + error.valid_up_to();
            Fault::new(FaultCode::NotUtf8, at, "bytes that are not UTF-8")
        })
    }

    /// Which branch of a union, or symbol of an enum, out of `count`.
    #[inline]
    pub(crate) fn place(&mut self, count: usize, beyond: &'static str) -> Result<usize, Fault> {
        let at = self.at;
        let place = usize::try_from(self.long()?).ok().filter(|place| *place < count);
        place.ok_or_else(|| Fault::new(FaultCode::MalformedAvro, at, beyond))
    }
}
