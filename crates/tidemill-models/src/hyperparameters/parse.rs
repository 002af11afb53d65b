//! From settings by name to typed hyperparameters, the same way for every algorithm.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::HyperparameterError;
use crate::Algorithm;

/// A setting that is refused by name, unless its value asks for what happens anyway.
pub(super) struct Refused {
    pub(super) name: &'static str,
    /// The values that are harmless.
    pub(super) harmless: &'static [&'static str],
    /// What to do instead.
    pub(super) instead: &'static str,
}

/// The hyperparameters of one algorithm.
pub(super) trait Parameters: DeserializeOwned + Default {
    const ALGORITHM: Algorithm;
    /// Their names, as the fields of the type.
    const NAMES: &'static [&'static str];
    /// Other spellings: (other, name).
    const SPELLINGS: &'static [(&'static str, &'static str)];
    /// Settings that are known and not supported.
    const REFUSED: &'static [Refused];

    /// Checks bounds.
    fn check(&self) -> Result<(), HyperparameterError>;

    /// `Err` where `holds` is false.
    fn bound(
        name: &'static str,
        value: impl ToString,
        holds: bool,
        rule: &'static str,
    ) -> Result<(), HyperparameterError> {
        if holds {
            return Ok(());
        }
        Err(HyperparameterError::OutOfBounds {
            algorithm: Self::ALGORITHM,
            name,
            value: value.to_string(),
            rule,
        })
    }
}

pub(super) fn parse<P: Parameters>(settings: &Map<String, Value>) -> Result<P, HyperparameterError> {
    let mut known: Map<String, Value> = Map::new();
    let mut spelled: Vec<(&str, &str)> = Vec::new();
    for (given, value) in settings {
        if let Some(refused) = P::REFUSED.iter().find(|refused| refused.name == given) {
            let text = value.to_string();
            if refused.harmless.contains(&text.as_str()) {
                continue;
            }
            return Err(HyperparameterError::Unsupported {
                algorithm: P::ALGORITHM,
                name: given.clone(),
                value: text,
                instead: refused.instead,
            });
        }
        let name = P::SPELLINGS
            .iter()
            .find(|(other, _)| other == given)
            .map_or(given.as_str(), |(_, name)| *name);
        if !P::NAMES.contains(&name) {
            return Err(HyperparameterError::Unknown {
                algorithm: P::ALGORITHM,
                name: given.clone(),
                valid: P::NAMES,
            });
        }
        if let Some((_, first)) = spelled.iter().find(|(seen, _)| *seen == name) {
            return Err(HyperparameterError::Duplicate {
                algorithm: P::ALGORITHM,
                first: (*first).to_owned(),
                second: given.clone(),
            });
        }
        spelled.push((name, given));
        // One at a time, so that an error of type can name its setting.
        let alone = Map::from_iter([(name.to_owned(), value.clone())]);
        if let Err(source) = serde_json::from_value::<P>(Value::Object(alone)) {
            return Err(HyperparameterError::Type {
                algorithm: P::ALGORITHM,
                name: given.clone(),
                value: value.to_string(),
                source,
            });
        }
        known.insert(name.to_owned(), value.clone());
    }
    let parameters: P = serde_json::from_value(Value::Object(known)).map_err(|source| HyperparameterError::Type {
        algorithm: P::ALGORITHM,
        name: "hyperparameters".to_owned(),
        value: "these values".to_owned(),
        source,
    })?;
    parameters.check()?;
    Ok(parameters)
}
