//! The fraud project, as `tidemill init` writes it: this repository's own top-level files, built in.

/// A file of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TemplateFile {
    /// Relative to the project.
    pub path: &'static str,
    pub text: &'static str,
}

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(TemplateFile { path: $path, text: include_str!(concat!("../../../", $path)) }),*]
    };
}

/// All of its files. A test compares the list with what is on the disk.
pub(crate) const FRAUD_PROJECT: &[TemplateFile] = files![
    "tidemill.toml",
    "schemas/labels.avsc",
    "schemas/predictions.avsc",
    "schemas/transactions.avsc",
    "sql/checks/amount_finite.sql",
    "sql/checks/amount_usual.sql",
    "sql/checks/ids_plausible.sql",
    "sql/checks/known_after_event.sql",
    "sql/checks/label_binary.sql",
    "sql/checks/label_once.sql",
    "sql/checks/risk_is_share.sql",
    "sql/checks/transaction_once.sql",
    "sql/evaluation/known_cards.sql",
    "sql/features/customer_spending.sql",
    "sql/features/terminal_risk.sql",
    "sql/features/transaction_context.sql",
    "sql/monitors/feature_drift.sql",
    "sql/monitors/performance.sql",
    "sql/monitors/score_drift.sql",
    "sql/triggers/drift.sql",
    "sql/triggers/first_model.sql",
    "sql/triggers/performance_drop.sql",
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::folder;
    use crate::{Overrides, Project};

    fn repository() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
    }

    #[test]
    fn the_list_holds_every_file_of_the_repository_s_project() {
        let mut on_disk = vec!["tidemill.toml".to_owned()];
        for (dir, ending) in [
            ("schemas", "avsc"),
            ("sql/checks", "sql"),
            ("sql/evaluation", "sql"),
            ("sql/features", "sql"),
            ("sql/monitors", "sql"),
            ("sql/triggers", "sql"),
        ] {
            let files = folder::files(repository(), Path::new(dir), ending).unwrap();
            on_disk.extend(files.iter().map(|file| file.display().to_string()));
        }
        let listed: Vec<&str> = FRAUD_PROJECT.iter().map(|file| file.path).collect();
        assert_eq!(listed, on_disk);
        assert_eq!(folder::sql_strays(repository()), Ok(Vec::new()));
    }

    #[test]
    fn it_loads_without_faults_or_warnings() {
        let project = Project::load(repository(), &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(project.warnings, []);
        let model = &project.models[&"fraud".parse::<tidemill_types::ModelName>().unwrap()];
        assert_eq!(
            model.checks.len(),
            FRAUD_PROJECT
                .iter()
                .filter(|file| file.path.starts_with("sql/checks/"))
                .count()
        );
    }
}
