//! How texts with rules of their own appear in the JSON Schema. These types have no values.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use tidemill_types::Algorithm;

macro_rules! form {
    ($(#[$doc:meta])* $name:ident, $schema:tt) => {
        $(#[$doc])*
        pub(crate) enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

form!(
    /// The name of an algorithm.
    AlgorithmForm, { "type": "string", "enum": Algorithm::ALL.map(Algorithm::as_str) }
);

form!(
    /// [`tidemill_types::DurationText`].
    DurationForm, {
        "type": "string",
        "pattern": "^([0-9]+(w|d|h|ms|m|s))+$",
        "examples": ["7d", "1h", "30s", "250ms"],
    }
);
form!(
    /// Names that are lower-case SQL identifiers: streams, views, checks, models, deployments.
    IdentifierForm, { "type": "string", "pattern": "^[a-z_][a-z0-9_]{0,62}$" }
);
form!(
    /// Names of columns.
    ColumnForm, { "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,62}$" }
);
form!(
    /// Names of topics.
    TopicForm, { "type": "string", "pattern": "^[A-Za-z0-9._-]{1,249}$" }
);
form!(
    /// Names of experiments and aliases.
    LabelForm, { "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" }
);
form!(
    /// A column of a stream, as `labels.TX_FRAUD`.
    StreamColumnForm, {
        "type": "string",
        "pattern": "^[a-z_][a-z0-9_]{0,62}\\.[A-Za-z_][A-Za-z0-9_]{0,62}$",
        "examples": ["labels.TX_FRAUD"],
    }
);
form!(
    /// A secret, or where it stands.
    SecretForm, {
        "anyOf": [
            { "type": "string" },
            {
                "type": "object",
                "properties": { "env": { "type": "string", "description": "The environment variable that holds it." } },
                "required": ["env"],
                "additionalProperties": false,
            },
            {
                "type": "object",
                "properties": { "file": { "type": "string", "description": "The file that holds it." } },
                "required": ["file"],
                "additionalProperties": false,
            },
        ],
        "examples": [{ "env": "KAFKA_PASSWORD" }],
    }
);
form!(
    /// A hyperparameter's value.
    ParamForm, { "type": ["number", "string", "boolean"] }
);
form!(
    /// A rule of a gate.
    GateRuleForm, {
        "type": "object",
        "properties": {
            "metric": { "type": "string", "description": "The figure: auc, average_precision, cp_at_100, log_loss, brier." },
            "at_least": { "type": "number", "description": "The smallest value that passes." },
            "at_most": { "type": "number", "description": "The largest value that passes." },
        },
        "required": ["metric"],
        "additionalProperties": false,
        "examples": [{ "metric": "auc", "at_least": 0.7 }],
    }
);
