//! `tidemill deploy` and `tidemill rollback`.

use tidemill_api::{DeployRequest, Deployment, RollbackRequest};
use tidemill_types::{AliasName, ErrorCode, ModelName, Problem, VersionNumber};

use super::args::{DeployArgs, RollbackArgs};
use super::context::Context;
use super::failure::{Failure, json, line};

pub async fn deploy(context: &Context, args: DeployArgs) -> Result<(), Failure> {
    let project = context.project()?;
    // The project knows which model a deployment serves; a name it does not know is the house's to refuse.
    let model = match project.deployments.get(&args.deployment) {
        Some(deployment) => deployment.model.clone(),
        None => ModelName::new(args.deployment.as_str())
            .map_err(|error| Problem::new(ErrorCode::InvalidInput, error.to_string()))?,
    };
    let (version, alias) = match args.version.parse::<VersionNumber>() {
        Ok(number) => (Some(number), None),
        Err(_) => {
            let alias = AliasName::new(args.version.clone()).map_err(|error| {
                Problem::new(ErrorCode::InvalidInput, error.to_string())
                    .with_hint("give a number, as 2, or an alias, as challenger")
            })?;
            (None, Some(alias))
        }
    };
    let request = DeployRequest {
        model,
        version,
        alias,
        deployment: Some(args.deployment),
        reason: args.reason,
        actor: Some(Context::actor()),
    };
    let reached = context.reach("deploy").await?;
    let deployed = reached.operations().deploy(request).await;
    reached.close().await?;
    show(context, &deployed?)
}

pub async fn rollback(context: &Context, args: RollbackArgs) -> Result<(), Failure> {
    let request = RollbackRequest {
        reason: args.reason,
        actor: Some(Context::actor()),
    };
    let reached = context.reach("rollback").await?;
    let moved = reached.operations().rollback(&args.deployment, request).await;
    reached.close().await?;
    show(context, &moved?)
}

fn show(context: &Context, deployment: &Deployment) -> Result<(), Failure> {
    if context.global.json {
        return json(deployment);
    }
    line(format!(
        "`{}` serves `{}` {}",
        deployment.name, deployment.model, deployment.version
    ))?;
    match deployment.previous {
        Some(previous) => line(format!("tidemill rollback {} goes back to {previous}", deployment.name)),
        None => line("there is no version before it to go back to"),
    }
}
