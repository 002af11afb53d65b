//! A tensor's elements: read from flat or nested row-major lists in one pass, written flat.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

/// Deepest nesting of a tensor's lists: rows and columns.
pub const NESTING_MAX: usize = 2;
/// Above this a whole number has no exact f64.
const EXACT_INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// The elements of a tensor in row-major order, of one kind.
///
/// A JSON `null` stands for a missing value: NaN among numbers, `None` among booleans. JSON has no NaN.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorData {
    /// Numbers of any datatype; integers beyond 2⁵³ are rounded, as models read f32.
    Numbers(Vec<f64>),
    /// `true`, `false` and null.
    Booleans(Vec<Option<bool>>),
    /// The elements of a `BYTES` tensor.
    Texts(Vec<String>),
}

impl TensorData {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            TensorData::Numbers(values) => values.len(),
            TensorData::Booleans(values) => values.len(),
            TensorData::Texts(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn push_number(&mut self, number: f64) -> Result<(), &'static str> {
        match self {
            TensorData::Numbers(values) => values.push(number),
            TensorData::Booleans(_) => return Err("a number among booleans"),
            TensorData::Texts(_) => return Err("a number among texts"),
        }
        Ok(())
    }

    fn push_null(&mut self) -> Result<(), &'static str> {
        match self {
            TensorData::Numbers(values) => values.push(f64::NAN),
            TensorData::Booleans(values) => values.push(None),
            TensorData::Texts(_) => return Err("null among texts"),
        }
        Ok(())
    }

    fn push_boolean(&mut self, value: bool) -> Result<(), &'static str> {
        match self {
            // Nulls in front say nothing about the kind yet.
            TensorData::Numbers(values) if values.iter().all(|value| value.is_nan()) => {
                let mut booleans = vec![None; values.len()];
                booleans.push(Some(value));
                *self = TensorData::Booleans(booleans);
            }
            TensorData::Booleans(values) => values.push(Some(value)),
            TensorData::Numbers(_) => return Err("a boolean among numbers"),
            TensorData::Texts(_) => return Err("a boolean among texts"),
        }
        Ok(())
    }

    fn push_text(&mut self, text: &str) -> Result<(), &'static str> {
        match self {
            TensorData::Numbers(values) if values.is_empty() => *self = TensorData::Texts(vec![text.to_owned()]),
            TensorData::Texts(values) => values.push(text.to_owned()),
            TensorData::Numbers(_) => return Err("a text among numbers"),
            TensorData::Booleans(_) => return Err("a text among booleans"),
        }
        Ok(())
    }
}

impl Serialize for TensorData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        match self {
            TensorData::Numbers(values) => {
                for value in values {
                    // Integer datatypes want `1`, not `1.0`; floating point ones take both.
                    let whole = value.fract() == 0.0 && value.abs() <= EXACT_INTEGER_MAX;
                    let negative_zero = *value == 0.0 && value.is_sign_negative();
                    if whole && !negative_zero {
                        list.serialize_element(&(*value as i64))?;
                    } else {
                        list.serialize_element(value)?;
                    }
                }
            }
            TensorData::Booleans(values) => values.iter().try_for_each(|value| list.serialize_element(value))?,
            TensorData::Texts(values) => values.iter().try_for_each(|value| list.serialize_element(value))?,
        }
        list.end()
    }
}

/// Elements with the nesting they were read in: `[4]` for a flat list, `[2, 2]` for two lists of two.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NestedData {
    pub(super) data: TensorData,
    pub(super) nesting: Vec<usize>,
}

impl<'de> Deserialize<'de> for NestedData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NestedData, D::Error> {
        let mut collector = Collector {
            data: TensorData::Numbers(Vec::new()),
            lengths: Vec::new(),
            leaf_depth: None,
        };
        let list = ListVisitor {
            collector: &mut collector,
            depth: 0,
        };
        deserializer.deserialize_seq(list)?;
        Ok(NestedData {
            data: collector.data,
            nesting: collector.lengths,
        })
    }
}

struct Collector {
    data: TensorData,
    /// The length of the lists at each depth, all equal.
    lengths: Vec<usize>,
    /// How many lists are around an element, once one was seen.
    leaf_depth: Option<usize>,
}

impl Collector {
    fn leaf(&mut self, depth: usize) -> Result<(), &'static str> {
        match self.leaf_depth {
            Some(known) if known != depth => Err("values and lists side by side"),
            _ => {
                self.leaf_depth = Some(depth);
                Ok(())
            }
        }
    }

    fn list_ended(&mut self, depth: usize, length: usize) -> Result<(), &'static str> {
        while self.lengths.len() <= depth {
            // Inner lists end first: what lies outside is not known yet and overwritten below.
            self.lengths.push(usize::MAX);
        }
        let known = self.lengths[depth];
        if known != usize::MAX && known != length {
            return Err("lists of different lengths side by side");
        }
        self.lengths[depth] = length;
        Ok(())
    }
}

struct ListVisitor<'a> {
    collector: &'a mut Collector,
    depth: usize,
}

impl<'de> Visitor<'de> for ListVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers, booleans or texts, flat or row by row")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut length = 0;
        loop {
            let item = ItemSeed {
                collector: &mut *self.collector,
                depth: self.depth,
            };
            match list.next_element_seed(item)? {
                Some(()) => length += 1,
                None => break,
            }
        }
        self.collector.list_ended(self.depth, length).map_err(A::Error::custom)
    }
}

struct ItemSeed<'a> {
    collector: &'a mut Collector,
    depth: usize,
}

impl ItemSeed<'_> {
    fn push<E: Error>(self, push: impl FnOnce(&mut TensorData) -> Result<(), &'static str>) -> Result<(), E> {
        self.collector.leaf(self.depth).map_err(E::custom)?;
        push(&mut self.collector.data).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for ItemSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ItemSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a boolean, a text, null or a list of them")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.push(|data| data.push_number(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.push(|data| data.push_number(value as f64))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.push(|data| data.push_number(value as f64))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.push(|data| data.push_boolean(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.push(|data| data.push_text(value))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.push(TensorData::push_null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        let depth = self.depth + 1;
        if depth >= NESTING_MAX {
            return Err(A::Error::custom("lists more than two deep"));
        }
        if self.collector.leaf_depth.is_some_and(|leaf| leaf < depth) {
            return Err(A::Error::custom("values and lists side by side"));
        }
        let inner = ListVisitor {
            collector: self.collector,
            depth,
        };
        inner.visit_seq(list)
    }
}
