//! Walks over a request's bytes before it is decoded. The codec allocates an array on the word of its length; the walk has
//! seen by then that the bytes for it are there.

/// How a request's bytes are laid out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// The first version with compact lengths and tagged fields.
    pub flexible_from: i16,
    pub fields: &'static [Field],
}

/// A field that is there in some versions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    kind: Kind,
    min: i16,
    max: i16,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A number, boolean or id of so many bytes.
    Fixed(usize),
    /// Text, with a two-byte length where it is not compact.
    Text,
    /// Bytes, with a four-byte length where it is not compact.
    Bytes,
    /// An array of structs.
    Structs(&'static [Field]),
    /// An array of plain values.
    Values(&'static Field),
    /// A struct behind a byte that says whether it is there.
    Optional(&'static [Field]),
}

/// Elements of one array; no client sends that many.
const ELEMENTS_MAX: usize = 100_000;

/// Why bytes are not a request of this shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ShapeError {
    #[error("the request ends early")]
    EndsEarly,
    #[error("an array announces {0} elements")]
    TooManyElements(usize),
    #[error("a length is not a number")]
    BadLength,
}

const ALWAYS: i16 = i16::MAX;

pub(crate) const fn fixed(bytes: usize) -> Field {
    Field {
        kind: Kind::Fixed(bytes),
        min: 0,
        max: ALWAYS,
    }
}

pub(crate) const fn text() -> Field {
    Field {
        kind: Kind::Text,
        min: 0,
        max: ALWAYS,
    }
}

pub(crate) const fn bytes() -> Field {
    Field {
        kind: Kind::Bytes,
        min: 0,
        max: ALWAYS,
    }
}

pub(crate) const fn structs(fields: &'static [Field]) -> Field {
    Field {
        kind: Kind::Structs(fields),
        min: 0,
        max: ALWAYS,
    }
}

pub(crate) const fn values(of: &'static Field) -> Field {
    Field {
        kind: Kind::Values(of),
        min: 0,
        max: ALWAYS,
    }
}

pub(crate) const fn optional(fields: &'static [Field]) -> Field {
    Field {
        kind: Kind::Optional(fields),
        min: 0,
        max: ALWAYS,
    }
}

impl Field {
    /// The field came with this version.
    pub(crate) const fn from(self, min: i16) -> Field {
        Field { min, ..self }
    }

    /// The field went after this version.
    pub(crate) const fn to(self, max: i16) -> Field {
        Field { max, ..self }
    }
}

impl Shape {
    /// Checks that `body` begins with a request of this shape. What follows it is ignored, as by Apache Kafka: librdkafka
    /// 2.12's Metadata request for all topics is three bytes too long.
    pub(crate) fn check(&self, body: &[u8], version: i16) -> Result<(), ShapeError> {
        let mut walk = Walk {
            rest: body,
            version,
            is_flexible: self.flexible_from <= version,
        };
        walk.fields(self.fields)
    }
}

struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    is_flexible: bool,
}

impl Walk<'_> {
    fn fields(&mut self, fields: &[Field]) -> Result<(), ShapeError> {
        for field in fields {
            let is_there = (field.min..=field.max).contains(&self.version);
            if is_there {
                self.field(field.kind)?;
            }
        }
        if self.is_flexible {
            for _ in 0..self.varint()? {
                self.varint()?;
                let length = self.varint()?;
                self.skip(length)?;
            }
        }
        Ok(())
    }

    fn field(&mut self, kind: Kind) -> Result<(), ShapeError> {
        match kind {
            Kind::Fixed(bytes) => self.skip(bytes),
            Kind::Text => {
                let length = if self.is_flexible {
                    self.compact_length()?
                } else {
                    self.length_of_two()?
                };
                self.skip(length)
            }
            Kind::Bytes => {
                let length = if self.is_flexible {
                    self.compact_length()?
                } else {
                    self.length_of_four()?
                };
                self.skip(length)
            }
            Kind::Structs(fields) => {
                for _ in 0..self.elements()? {
                    self.fields(fields)?;
                }
                Ok(())
            }
            Kind::Values(of) => {
                for _ in 0..self.elements()? {
                    self.field(of.kind)?;
                }
                Ok(())
            }
            Kind::Optional(fields) => match self.take::<1>()? {
                [there] if (there as i8) < 0 => Ok(()),
                _ => self.fields(fields),
            },
        }
    }

    /// The number of an array's elements. Each takes at least a byte, so that more than there are bytes is a lie.
    fn elements(&mut self) -> Result<usize, ShapeError> {
        let count = if self.is_flexible {
            self.compact_length()?
        } else {
            self.length_of_four()?
        };
        if ELEMENTS_MAX.min(self.rest.len()) < count {
            return Err(ShapeError::TooManyElements(count));
        }
        Ok(count)
    }

    /// A length plus one; 0 is null, which takes no bytes either.
    fn compact_length(&mut self) -> Result<usize, ShapeError> {
        Ok(self.varint()?.saturating_sub(1))
    }

    /// −1 is null.
    fn length_of_two(&mut self) -> Result<usize, ShapeError> {
        let length = i16::from_be_bytes(self.take()?);
        if length == -1 {
            Ok(0)
        } else {
            usize::try_from(length).map_err(|_| ShapeError::BadLength)
        }
    }

    fn length_of_four(&mut self) -> Result<usize, ShapeError> {
        let length = i32::from_be_bytes(self.take()?);
        if length == -1 {
            Ok(0)
        } else {
            usize::try_from(length).map_err(|_| ShapeError::BadLength)
        }
    }

    fn varint(&mut self) -> Result<usize, ShapeError> {
        const VARINT_BYTES_MAX: u32 = 5;
        let mut value = 0_u64;
        for index in 0..VARINT_BYTES_MAX {
            let [byte] = self.take()?;
            value |= u64::from(byte & 0x7F) << (7 * index);
            if byte & 0x80 == 0 {
                return usize::try_from(value).map_err(|_| ShapeError::BadLength);
            }
        }
        Err(ShapeError::BadLength)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ShapeError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(ShapeError::EndsEarly)?;
        self.rest = rest;
        Ok(*head)
    }

    fn skip(&mut self, bytes: usize) -> Result<(), ShapeError> {
        let (_, rest) = self.rest.split_at_checked(bytes).ok_or(ShapeError::EndsEarly)?;
        self.rest = rest;
        Ok(())
    }
}
