//! `tidemill models`.

use tidemill_api::{Operations, SetAlias};
use tidemill_types::{AliasName, ErrorCode, Lineage, ModelName, Problem, VersionNumber};

use super::args::ModelsCommand;
use super::context::Context;
use super::failure::{Failure, json, line};
use crate::render::{Table, count, figure, instant};

pub async fn run(context: &Context, command: ModelsCommand) -> Result<(), Failure> {
    let reached = context.reach("models").await?;
    let done = carry_out(context, command, reached.operations()).await;
    reached.close().await?;
    done
}

async fn carry_out(context: &Context, command: ModelsCommand, house: &dyn Operations) -> Result<(), Failure> {
    match command {
        ModelsCommand::List => {
            let models = house.models().await?;
            if context.global.json {
                return json(&models);
            }
            if models.is_empty() {
                return line("there are no models; `tidemill train MODEL` makes one");
            }
            let mut table = Table::new(["model", "versions", "newest", "aliases", "serving"]);
            for model in models {
                let pairs = |pairs: Vec<String>| pairs.join(", ");
                table.row([
                    model.name.to_string(),
                    count(model.versions),
                    model.latest.map(|version| version.to_string()).unwrap_or_default(),
                    pairs(
                        model
                            .aliases
                            .iter()
                            .map(|(alias, version)| format!("{alias} {version}"))
                            .collect(),
                    ),
                    pairs(
                        model
                            .deployments
                            .iter()
                            .map(|(name, version)| format!("{name} {version}"))
                            .collect(),
                    ),
                ]);
            }
            line(table.to_string())
        }
        ModelsCommand::Show { model } => {
            let versions = house.versions(&model).await?;
            if context.global.json {
                return json(&versions);
            }
            let mut table = Table::new([
                "version",
                "algorithm",
                "aliases",
                "serving",
                "auc",
                "AP",
                "content",
                "created",
            ]);
            for version in versions {
                let metric = |name: &str| version.metrics.get(name).map(figure).unwrap_or_default();
                table.row([
                    version.version.to_string(),
                    version.algorithm.clone(),
                    join(&version.aliases),
                    join(&version.deployments),
                    metric("auc"),
                    metric("average_precision"),
                    version.content_hash.chars().take(12).collect(),
                    instant(version.created_at),
                ]);
            }
            line(table.to_string())
        }
        ModelsCommand::Alias { model, alias, version } => point(context, house, &model, alias, version).await,
        ModelsCommand::Lineage { model, version } => {
            let version = resolve(house, &model, &version).await?;
            let lineage = house.lineage(&model, version).await?;
            if context.global.json {
                return json(&lineage);
            }
            line(format!("{model} {version}, content {}", lineage.content_hash))?;
            if let Some(run) = &lineage.run {
                line(format!("made by run {run}"))?;
            }
            show_lineage_tables(&lineage.lineage)
        }
    }
}

async fn point(
    context: &Context,
    house: &dyn Operations,
    model: &ModelName,
    alias: Option<AliasName>,
    version: Option<VersionNumber>,
) -> Result<(), Failure> {
    if let (Some(alias), Some(version)) = (&alias, version) {
        let request = SetAlias {
            version,
            reason: None,
            actor: Some(Context::actor()),
        };
        let pointed = house.set_alias(model, alias, request).await?;
        if context.global.json {
            return json(&pointed);
        }
        return line(format!(
            "`{}` of `{model}` points at {}",
            pointed.alias, pointed.version
        ));
    }
    let mut aliases = house.aliases(model).await?;
    aliases.retain(|known| alias.as_ref().is_none_or(|alias| known.alias == *alias));
    if context.global.json {
        return json(&aliases);
    }
    let mut table = Table::new(["alias", "version", "since"]);
    for alias in &aliases {
        table.row([alias.alias.to_string(), alias.version.to_string(), instant(alias.since)]);
    }
    line(table.to_string())
}

/// A version by its number, or the one that an alias points at.
pub async fn resolve(house: &dyn Operations, model: &ModelName, text: &str) -> Result<VersionNumber, Problem> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let alias = AliasName::new(text).map_err(|error| {
        Problem::new(ErrorCode::InvalidInput, error.to_string())
            .with_hint("give a number, as 2, or an alias, as challenger")
    })?;
    let aliases = house.aliases(model).await?;
    let known: Vec<String> = aliases.iter().map(|alias| format!("`{}`", alias.alias)).collect();
    let pointed = aliases
        .iter()
        .find(|known| known.alias == alias)
        .map(|known| known.version);
    pointed.ok_or_else(|| {
        Problem::new(ErrorCode::NotFound, format!("model `{model}` has no alias `{alias}`")).with_hint(
            match known.is_empty() {
                true => "it has none yet".to_owned(),
                false => format!("it has {}", known.join(", ")),
            },
        )
    })
}

/// What a version was made from.
pub fn show_lineage_tables(lineage: &Lineage) -> Result<(), Failure> {
    let mut inputs = Table::new(["table", "Delta version", "window", "rows"]);
    for input in &lineage.inputs {
        inputs.row([
            input.table.to_string(),
            input.delta_version.to_string(),
            input.window.to_string(),
            count(input.rows),
        ]);
    }
    line(inputs.to_string())?;
    let mut streams = Table::new(["table", "topic", "partition", "offsets"]);
    for stream in &lineage.streams {
        streams.row([
            stream.table.to_string(),
            stream.topic.to_string(),
            stream.partition.to_string(),
            format!("{} to {}", stream.start, stream.end),
        ]);
    }
    line(streams.to_string())?;
    line(format!(
        "features {}, seed {}, tidemill {}",
        lineage.feature_hash.0.chars().take(12).collect::<String>(),
        lineage.seed,
        lineage.code_version.0
    ))
}

fn join<N: std::fmt::Display>(names: &[N]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
