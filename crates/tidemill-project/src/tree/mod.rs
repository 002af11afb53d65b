//! Settings before they have types: a tree of TOML values, each with the place it comes from.
//!
//! The layers (file, environment, flags) are laid over each other here; [`de`] turns the result into the typed settings.

mod de;
mod parse;

use std::fmt;

use indexmap::IndexMap;

pub(crate) use de::read;
pub(crate) use parse::{parse_document, parse_value, split_path};

use crate::fault::Origin;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub origin: Origin,
    pub value: Value,
}

/// A TOML value. A date or time is its text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    /// Text from the environment or a flag: a string where one is wanted, else what it is in TOML.
    Raw {
        text: String,
        parsed: Option<Box<Value>>,
    },
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Array(Vec<Node>),
    Table(Table),
}

/// Keys in the order of the file.
pub(crate) type Table = IndexMap<String, Node>;

/// One step from a value to a value inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// The way from the root to a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Path(pub Vec<Step>);

impl Path {
    /// The path of these keys.
    pub fn of(keys: &[&str]) -> Path {
        Path(keys.iter().map(|key| Step::Key((*key).to_owned())).collect())
    }

    pub fn key(&self, key: &str) -> Path {
        self.then(Step::Key(key.to_owned()))
    }

    fn then(&self, step: Step) -> Path {
        let mut steps = self.0.clone();
        steps.push(step);
        Path(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    let bare = !key.is_empty()
                        && key
                            .bytes()
                            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
                    let dot = if i == 0 { "" } else { "." };
                    if bare {
                        write!(f, "{dot}{key}")?;
                    } else {
                        write!(f, "{dot}\"{key}\"")?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Node {
    /// The value at `path`.
    pub fn get(&self, path: &[Step]) -> Option<&Node> {
        path.iter().try_fold(self, |node, step| node.child(step))
    }

    /// Where the value at `path` comes from, or else the nearest one around it that somebody wrote.
    pub fn origin_near(&self, path: &Path) -> Origin {
        let mut node = self;
        let mut origin = &self.origin;
        for step in &path.0 {
            let Some(child) = node.child(step) else { break };
            node = child;
            origin = &child.origin;
        }
        origin.clone()
    }

    /// Takes the value at `path` out of the tree.
    pub fn remove(&mut self, path: &[Step]) -> Option<Node> {
        let (last, parents) = path.split_last()?;
        let parent = parents.iter().try_fold(self, |node, step| node.child_mut(step))?;
        match (&mut parent.value, last) {
            (Value::Table(table), Step::Key(key)) => table.shift_remove(key),
            (Value::Array(items), Step::Index(index)) if *index < items.len() => Some(items.remove(*index)),
            _ => None,
        }
    }

    /// Puts `node` at `path`, making the tables on the way. Gives back the path that is in the way where a value that is
    /// no table stands on it.
    pub fn insert(&mut self, path: &[String], node: Node) -> Result<(), Path> {
        let Some((last, parents)) = path.split_last() else {
            return Err(Path::default());
        };
        let mut here = self;
        let mut walked = Path::default();
        for key in parents {
            let Value::Table(table) = here.value.table_form() else {
                return Err(walked);
            };
            walked = walked.key(key);
            here = table.entry(key.clone()).or_insert_with(|| Node {
                origin: node.origin.clone(),
                value: Value::Table(Table::new()),
            });
        }
        match here.value.table_form() {
            Value::Table(table) => {
                table.insert(last.clone(), node);
                Ok(())
            }
            _ => Err(walked),
        }
    }

    fn child(&self, step: &Step) -> Option<&Node> {
        match (self.value.parsed_form(), step) {
            (Value::Table(table), Step::Key(key)) => table.get(key),
            (Value::Array(items), Step::Index(index)) => items.get(*index),
            _ => None,
        }
    }

    fn child_mut(&mut self, step: &Step) -> Option<&mut Node> {
        match (self.value.table_form(), step) {
            (Value::Table(table), Step::Key(key)) => table.get_mut(key),
            (Value::Array(items), Step::Index(index)) => items.get_mut(*index),
            _ => None,
        }
    }
}

impl Value {
    /// What text from the environment is in TOML; everything else is itself.
    pub fn parsed_form(&self) -> &Value {
        match self {
            Value::Raw {
                parsed: Some(value), ..
            } => value,
            other => other,
        }
    }

    /// The same to change it: text that is a table or array becomes one for good.
    fn table_form(&mut self) -> &mut Value {
        let compound = matches!(self.parsed_form(), Value::Table(_) | Value::Array(_));
        if compound
            && let Value::Raw {
                parsed: Some(value), ..
            } = self
        {
            *self = std::mem::replace(value, Value::Boolean(false));
        }
        self
    }
}
