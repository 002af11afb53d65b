//! The reference of all settings, generated from their types: a JSON Schema for editors and a page for people.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::provenance::{Shown, shown};
use crate::settings::{DeploymentSettings, ModelSettings, Settings, StreamSettings};

/// The JSON Schema of `tidemill.toml`, as text, keys sorted.
pub fn json_schema() -> String {
    let mut text = String::new();
    write_sorted(schemars::schema_for!(Settings).as_value(), 0, &mut text);
    text.push('\n');
    text
}

/// The page docs/settings.md: every setting with its default and meaning.
pub fn settings_reference() -> String {
    let schema = schemars::schema_for!(Settings);
    let schema = schema.as_value();
    let mut page = String::from(
        "<!-- Generated from crates/tidemill-project/src/settings by its tests; UPDATE_GENERATED=1 writes it anew. -->\n\n\
         # Settings\n\n\
         `tidemill.toml` in the project's folder. Every setting has a default, so an empty file is a project.\n\n\
         The environment overrides the file: `TIDEMILL_`, then the path in capitals with two underscores between the levels, as\n\
         `TIDEMILL_SERVER__ADDRESS=127.0.0.1:9000` for `server.address`; arrays and tables are written as in TOML. Flags of the\n\
         command line override both. `tidemill config` shows what holds and where each value comes from.\n\n\
         Durations are a number and a unit (`ms`, `s`, `m`, `h`, `d`, `w`) or several (`1d12h`); sizes are a number and a unit\n\
         (`128MB`, `4GiB`). Relative paths start at the project's folder. What a SQL statement means stands in the header of its\n\
         file, never here: [sql-files.md](sql-files.md).\n",
    );
    let Shown::Table(sections) = shown(&Settings::default()) else {
        return page;
    };
    let maps = BTreeMap::from([
        ("streams", shown(&StreamSettings::default())),
        ("models", shown(&ModelSettings::default())),
        ("deployments", shown(&DeploymentSettings::default())),
    ]);
    page.push_str("\n## Top level\n");
    let single = sections.iter().filter(|(_, value)| !matches!(value, Shown::Table(_)));
    rows(single, &schema["properties"], &mut page);
    for (section, value) in &sections {
        let of = &schema["properties"][section.as_str()];
        let (heading, settings, of_settings) = match (maps.get(section.as_str()), value) {
            (Some(example), _) => (format!("[{section}.NAME]"), example, entry_schema(of)),
            (None, Shown::Table(_)) => (format!("[{section}]"), value, of),
            (None, _) => continue,
        };
        let about = of["description"].as_str().unwrap_or_default();
        page.push_str(&format!("\n## {heading}\n\n{}\n", one_line(about)));
        let Shown::Table(settings) = settings else { continue };
        // What belongs to a name stands in one table with it.
        let is_single = !maps.contains_key(section.as_str());
        let described = |name: &str| is_single && of_settings["properties"][name]["properties"].is_object();
        let (below, own): (Vec<_>, Vec<_>) = settings
            .iter()
            .partition(|(name, value)| matches!(value, Shown::Table(_)) && described(name));
        rows(own.into_iter(), &of_settings["properties"], &mut page);
        for (name, value) in below {
            let of = &of_settings["properties"][name.as_str()];
            let about = one_line(of["description"].as_str().unwrap_or_default());
            page.push_str(&format!("\n## [{section}.{name}]\n\n{about}\n"));
            if let Shown::Table(settings) = value {
                rows(settings.iter(), &of["properties"], &mut page);
            }
        }
    }
    page
}

fn rows<'a>(settings: impl Iterator<Item = (&'a String, &'a Shown)>, properties: &Value, page: &mut String) {
    page.push_str("\n| setting | default | meaning |\n|---|---|---|\n");
    for (name, default) in settings {
        let property = &properties[name.as_str()];
        let default = match default {
            Shown::Null => String::new(),
            value => format!("`{value}`"),
        };
        let mut meaning = one_line(property["description"].as_str().unwrap_or_default());
        for choice in choices(property) {
            meaning.push_str(&format!(" {choice}"));
        }
        page.push_str(&format!("| `{name}` | {default} | {} |\n", meaning.replace('|', "\\|")));
    }
}

/// What each value of a list of words means, as ``` `always`: Before they are acknowledged. ```
fn choices(property: &Value) -> Vec<String> {
    let Some(choices) = property["oneOf"].as_array() else {
        return Vec::new();
    };
    let described = choices.iter().filter_map(|choice| {
        let word = choice["const"].as_str()?;
        let meaning = one_line(choice["description"].as_str()?);
        Some(format!("`{word}`: {meaning}"))
    });
    described.collect()
}

/// The schema of what a table with free names holds.
fn entry_schema(map: &Value) -> &Value {
    match map["patternProperties"]
        .as_object()
        .and_then(|patterns| patterns.values().next())
    {
        Some(entry) => entry,
        None => &map["additionalProperties"],
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Sorted here, so that the text does not depend on how serde_json was built.
fn write_sorted(value: &Value, depth: usize, text: &mut String) {
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    match value {
        Value::Object(object) if !object.is_empty() => {
            let sorted: BTreeMap<&String, &Value> = object.iter().collect();
            for (i, (key, value)) in sorted.into_iter().enumerate() {
                let before = if i == 0 { "{\n" } else { ",\n" };
                text.push_str(&format!("{before}{inner}{}: ", Value::from(key.as_str())));
                write_sorted(value, depth + 1, text);
            }
            text.push_str(&format!("\n{outer}}}"));
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (i, item) in items.iter().enumerate() {
                let before = if i == 0 { "[\n" } else { ",\n" };
                text.push_str(&format!("{before}{inner}"));
                write_sorted(item, depth + 1, text);
            }
            text.push_str(&format!("\n{outer}]"));
        }
        short => text.push_str(&short.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Compares a generated file with what is on the disk, or writes it where UPDATE_GENERATED is set.
    fn check(file: &str, generated: &str) {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(file);
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::write(&path, generated).unwrap();
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == generated,
            "{file} is stale: run the tests of tidemill-project with UPDATE_GENERATED=1"
        );
    }

    #[test]
    fn the_json_schema_is_current() {
        check("docs/tidemill.schema.json", &json_schema());
    }

    #[test]
    fn the_page_of_settings_is_current() {
        check("docs/settings.md", &settings_reference());
    }

    #[test]
    fn every_setting_says_what_it_means() {
        let schema = schemars::schema_for!(Settings);
        let page = settings_reference();
        assert!(!page.contains("|  |\n"), "{page}");
        let sections = schema.as_value()["properties"].as_object().unwrap();
        let mut named: Vec<&str> = sections.keys().map(String::as_str).collect();
        let mut known = Settings::sections().to_vec();
        named.sort_unstable();
        known.sort_unstable();
        assert_eq!(named, known);
    }
}
