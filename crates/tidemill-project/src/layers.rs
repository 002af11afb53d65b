//! The one place where settings come together: file, then environment, then flags.
//!
//! Invariant: nothing here reads the process; the environment and the flags are given.

use std::collections::BTreeMap;

use crate::fault::{Fault, Origin, nearest};
use crate::settings::Settings;
use crate::sql::Kind;
use crate::tree::{Node, Path, Step, Value, parse_value, split_path};

/// What every setting's variable begins with.
pub const ENVIRONMENT_PREFIX: &str = "TIDEMILL_";

/// Variables with the prefix that are no settings: where the project is, how much is logged, and what tests and the build use.
pub const OTHER_VARIABLES: [&str; 4] = ["TIDEMILL_PROJECT", "TIDEMILL_LOG", "TIDEMILL_CACHE", "TIDEMILL_SHARED"];

/// What is laid over the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The process's environment, all of it; only `TIDEMILL_…` is looked at. `TIDEMILL_SERVER__ADDRESS` is `server.address`;
    /// arrays and tables are written as in TOML.
    pub environment: BTreeMap<String, String>,
    /// Flags: dotted path and value, the later one winning.
    pub flags: Vec<(String, String)>,
}

/// Lays environment and flags over the tree of the file.
pub(crate) fn lay_over(root: &mut Node, overrides: &Overrides, faults: &mut Vec<Fault>) {
    for (variable, text) in &overrides.environment {
        let Some(name) = variable.strip_prefix(ENVIRONMENT_PREFIX) else {
            continue;
        };
        if OTHER_VARIABLES.contains(&variable.as_str()) {
            continue;
        }
        let path: Vec<String> = name.split("__").map(str::to_ascii_lowercase).collect();
        let origin = Origin::Environment {
            variable: variable.clone(),
        };
        if !known_section(&path) {
            faults.push(unknown_variable(variable, &path, origin));
            continue;
        }
        put(root, &path, text, origin, faults);
    }
    for (setting, text) in &overrides.flags {
        let origin = Origin::Flag {
            setting: setting.clone(),
        };
        let Some(path) = split_path(setting) else {
            let fault = Fault::new(format!("`{setting}` is not the path of a setting"))
                .with_hint("write it as `section.setting`")
                .at(origin);
            faults.push(fault);
            continue;
        };
        put(root, &path, text, origin, faults);
    }
}

fn put(root: &mut Node, path: &[String], text: &str, origin: Origin, faults: &mut Vec<Fault>) {
    let node = Node {
        value: Value::Raw {
            text: text.to_owned(),
            parsed: parse_value(text, &origin).map(Box::new),
        },
        origin: origin.clone(),
    };
    if let Err(in_the_way) = root.insert(path, node) {
        let fault = Fault::new(format!(
            "`{in_the_way}` is a single value, so nothing can be set inside it"
        ));
        faults.push(fault.at(origin));
    }
}

/// Whether a path begins at a section that there is and goes into it; what lies inside is checked with the types.
fn known_section(path: &[String]) -> bool {
    path.iter().all(|part| !part.is_empty()) && Settings::sections().contains(&path[0].as_str())
}

fn unknown_variable(variable: &str, path: &[String], origin: Origin) -> Fault {
    let sections = Settings::sections();
    // The usual slip is one underscore between the levels: TIDEMILL_SERVER_ADDRESS.
    let joined = path.join("_");
    let one_underscore = sections
        .iter()
        .find_map(|section| Some((section, joined.strip_prefix(section)?.strip_prefix('_')?)))
        .map(|(section, rest)| {
            format!(
                "{ENVIRONMENT_PREFIX}{}__{}",
                section.to_uppercase(),
                rest.to_uppercase()
            )
        });
    let near_section = || {
        let section = nearest(&path[0], sections.iter().copied())?;
        let rest = path[1..].iter().map(|part| format!("__{}", part.to_uppercase()));
        Some(format!(
            "{ENVIRONMENT_PREFIX}{}{}",
            section.to_uppercase(),
            rest.collect::<String>()
        ))
    };
    let near_other = || {
        let bare = |name: &'static str| name.strip_prefix(ENVIRONMENT_PREFIX).unwrap_or(name);
        let other = nearest(&joined, OTHER_VARIABLES.map(bare))?;
        Some(format!("{ENVIRONMENT_PREFIX}{other}"))
    };
    let hint = match one_underscore.or_else(near_other).or_else(near_section) {
        Some(meant) => format!("did you mean {meant}?"),
        None => "the setting `section.name` is TIDEMILL_SECTION__NAME; `tidemill config` lists them all".to_owned(),
    };
    Fault::new(format!("the environment variable {variable} names no setting"))
        .with_hint(hint)
        .at(origin)
}

/// Takes what belongs into SQL headers out of the tree, with a fault for each: a fact has one home.
pub(crate) fn refuse_header_settings(root: &mut Node, faults: &mut Vec<Fault>) {
    const SECTIONS: [(&str, Kind); 6] = [
        ("views", Kind::View),
        ("feature_views", Kind::View),
        ("features", Kind::View),
        ("checks", Kind::Check),
        ("evaluation", Kind::Evaluation),
        ("evaluations", Kind::Evaluation),
    ];
    for (section, kind) in SECTIONS {
        let Some(node) = root.remove(&[Step::Key(section.to_owned())]) else {
            continue;
        };
        for (path, origin) in leaves(&node, Path::of(&[section])) {
            let file = match path.0.get(1) {
                Some(Step::Key(name)) => format!("sql/{}/{name}.sql", kind.folder()),
                _ => format!("a file of sql/{}", kind.folder()),
            };
            let fault = Fault::new(format!(
                "`{path}` is not a setting: what a {} means stands in its SQL file",
                kind.noun()
            ))
            .with_hint(format!("put it into the header of {file}"))
            .at(origin);
            faults.push(fault);
        }
    }
}

fn leaves(node: &Node, path: Path) -> Vec<(Path, Origin)> {
    match node.value.parsed_form() {
        Value::Table(table) if !table.is_empty() => {
            let inner = table.iter().flat_map(|(key, node)| leaves(node, path.key(key)));
            inner.collect()
        }
        _ => vec![(path, node.origin.clone())],
    }
}
