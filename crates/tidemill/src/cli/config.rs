//! `tidemill config`.

use tidemill_types::{ErrorCode, Problem};

use super::args::ConfigArgs;
use super::context::Context;
use super::failure::{Failure, json, print};
use crate::render::Table;

pub fn run(context: &Context, args: &ConfigArgs) -> Result<(), Failure> {
    if args.schema {
        return print(&tidemill_project::json_schema());
    }
    let project = context.project()?;
    let below = |setting: &str| match args.prefix.as_deref() {
        None => true,
        Some(prefix) => setting == prefix || setting.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')),
    };
    let shown: Vec<_> = project
        .provenance
        .iter()
        .filter(|origin| below(&origin.setting))
        .collect();
    if let (Some(prefix), true) = (&args.prefix, shown.is_empty()) {
        return Err(
            Problem::new(ErrorCode::NotFound, format!("there is no setting `{prefix}`"))
                .with_hint("`tidemill config` lists them; docs/settings.md says what they mean")
                .into(),
        );
    }
    if context.global.json {
        return json(&shown);
    }
    let mut table = Table::new(["setting", "value", "from"]);
    for origin in shown {
        let value = origin.value.as_ref().map(ToString::to_string).unwrap_or_default();
        table.row([origin.setting.clone(), value, origin.origin.to_string()]);
    }
    print(&format!("{table}\n"))
}
