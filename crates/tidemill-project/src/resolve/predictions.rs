//! The stream that a model's predictions go to, and whether it keeps the contract.

use indexmap::IndexMap;
use tidemill_types::{ModelName, StreamName};

use super::Resolver;
use crate::fault::did_you_mean;
use crate::predictions::contract_faults;
use crate::settings::ModelSettings;
use crate::specs::Stream;

/// The stream that takes predictions where a model names none.
const PREDICTIONS: &str = "predictions";

impl Resolver<'_> {
    /// The stream of a model's predictions; none where it has none.
    pub(super) fn predictions(
        &mut self,
        name: &ModelName,
        model: &ModelSettings,
        stream: Option<&Stream>,
        streams: &IndexMap<StreamName, Stream>,
    ) -> Option<StreamName> {
        let at = ["models", name.as_str(), "predictions"];
        let to = match &model.predictions {
            Some(named) => {
                let Some(to) = streams.get(named) else {
                    let hint = did_you_mean(named.as_str(), streams.keys().map(StreamName::as_str));
                    let message = format!("model `{name}` writes its predictions to the unknown stream `{named}`");
                    self.note(&at, message, Some(hint));
                    return None;
                };
                to
            }
            None => streams.get(PREDICTIONS)?,
        };
        let stream = stream?;
        let reads_itself = to.name == stream.name || model.label.as_ref().is_some_and(|label| label.stream == to.name);
        if reads_itself {
            let message = format!("model `{name}` writes its predictions to a stream that it reads");
            self.note(&at, message, Some("give them a stream of their own".to_owned()));
            return None;
        }
        let key: Vec<String> = stream.key.iter().map(ToString::to_string).collect();
        for (fault, hint) in contract_faults(&to.schema, &stream.schema, &key) {
            let message = format!("stream `{}` cannot take the predictions of `{name}`: {fault}", to.name);
            self.note(&at, message, Some(hint));
        }
        Some(to.name.clone())
    }
}
