//! A project as a whole: read, checked, ready to use.

use std::hash::Hash;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use tidemill_types::{CheckName, DeploymentName, ErrorCode, ModelName, MonitorName, StreamName, TriggerName, ViewName};

use crate::fault::{Fault, Origin, ProjectError};
use crate::folder;
use crate::layers::{self, Overrides};
use crate::limits;
use crate::provenance::Provenance;
use crate::resolve::{self, Named};
use crate::secret::Place;
use crate::settings::{SETTINGS_FILE, Settings};
use crate::specs::{DeploymentSpec, ModelSpec, Stream};
use crate::sql::{Check, Evaluation, FeatureView, Kind, Monitor, SqlFile, Trigger};
use crate::tree::{parse_document, read};

/// A project without faults.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// The folder.
    pub dir: PathBuf,
    /// The settings as they came out of file, environment and flags.
    pub settings: Settings,
    /// Where each of them comes from.
    pub provenance: Provenance,
    /// In the order of the file.
    pub streams: IndexMap<StreamName, Stream>,
    /// In the order of their names.
    pub views: IndexMap<ViewName, FeatureView>,
    /// In the order of their names.
    pub checks: IndexMap<CheckName, Check>,
    /// In the order of their names.
    pub evaluations: IndexMap<String, Evaluation>,
    /// In the order of their names.
    pub monitors: IndexMap<MonitorName, Monitor>,
    /// In the order of their names.
    pub triggers: IndexMap<TriggerName, Trigger>,
    /// In the order of the file.
    pub models: IndexMap<ModelName, ModelSpec>,
    /// In the order of the file, then those that models have by default.
    pub deployments: IndexMap<DeploymentName, DeploymentSpec>,
    /// What is odd and does no harm: folders and files that nobody reads.
    pub warnings: Vec<Fault>,
}

impl Project {
    /// Reads the project in `dir`. The error holds every fault that was found, the settings' first.
    pub fn load(dir: &Path, overrides: &Overrides) -> Result<Project, ProjectError> {
        let text = folder::read_text(dir, Path::new(SETTINGS_FILE)).map_err(|fault| no_project(dir, fault))?;
        let (mut root, mut faults) = parse_document(&text, Path::new(SETTINGS_FILE));
        let readable = faults.is_empty();
        let sql = resolve::SqlFiles {
            views: named(dir, Kind::View, &mut faults, FeatureView::read, |view| {
                view.name.clone()
            }),
            checks: named(dir, Kind::Check, &mut faults, Check::read, |check| check.name.clone()),
            evaluations: named(dir, Kind::Evaluation, &mut faults, Evaluation::read, |evaluation| {
                evaluation.name.clone()
            }),
            monitors: named(dir, Kind::Monitor, &mut faults, Monitor::read, |monitor| {
                monitor.name.clone()
            }),
            triggers: named(dir, Kind::Trigger, &mut faults, Trigger::read, |trigger| {
                trigger.name.clone()
            }),
        };
        layers::refuse_header_settings(&mut root, &mut faults);
        layers::lay_over(&mut root, overrides, &mut faults);
        let settings: Option<Settings> = read(root.clone(), &mut faults);
        // Half a file names half of what is there; holding it against the rest would find faults that are none.
        let Some(settings) = settings.filter(|_| readable) else {
            return Err(refused(dir, faults));
        };
        limits::check(&settings, &root, &mut faults);
        let mut resolver = resolve::Resolver {
            dir,
            root: &root,
            faults: &mut faults,
        };
        let streams = resolver.streams(&settings);
        resolver.tables(&settings, &sql);
        let models = resolver.models(&settings, &streams, &sql);
        let deployments = resolver.deployments(&settings);
        resolver.monitoring(&settings, &sql);
        if !faults.is_empty() {
            return Err(refused(dir, faults));
        }
        let mut warnings = folder::sql_strays(dir).unwrap_or_else(|fault| vec![fault]);
        warnings.extend(unused_schemas(dir, &streams));
        Ok(Project {
            dir: dir.to_owned(),
            provenance: Provenance::of(&settings, &root),
            settings,
            streams,
            views: sql.views.sound,
            checks: sql.checks.sound,
            evaluations: sql.evaluations.sound,
            monitors: sql.monitors.sound,
            triggers: sql.triggers.sound,
            models,
            deployments,
            warnings,
        })
    }

    /// The folder of everything that tidemill writes.
    pub fn state_dir(&self) -> PathBuf {
        self.dir.join(&self.settings.storage.state)
    }

    /// The lake: a URL as it was set, else a path below the project's folder.
    pub fn lake(&self) -> Place {
        self.place(self.settings.storage.lake.as_ref(), "lake")
    }

    /// The registry: a URL as it was set, else the path of its SQLite file.
    pub fn registry(&self) -> Place {
        self.place(self.settings.storage.registry.as_ref(), "registry.db")
    }

    /// The models' bytes: a URL as it was set, else a path below the project's folder.
    pub fn artifacts(&self) -> Place {
        self.place(self.settings.storage.artifacts.as_ref(), "artifacts")
    }

    fn place(&self, set: Option<&Place>, default: &str) -> Place {
        match set {
            Some(place) if place.is_url() => place.clone(),
            Some(place) => Place::new(self.dir.join(place.expose()).to_string_lossy()),
            None => Place::new(self.state_dir().join(default).to_string_lossy()),
        }
    }
}

fn no_project(dir: &Path, fault: Fault) -> ProjectError {
    let fault = if fault.code == ErrorCode::NotFound {
        Fault::new(format!(
            "there is no project in `{}`: it has no {SETTINGS_FILE}",
            dir.display()
        ))
        .with_code(ErrorCode::NotFound)
        .with_hint("`tidemill init DIR` writes one; `--project DIR` names another folder")
    } else {
        fault
    };
    ProjectError::one(dir, fault)
}

/// The SQL files of a kind. Files of one folder cannot share a name, as the name is the file's.
fn named<N: Hash + Eq, T>(
    dir: &Path,
    kind: Kind,
    faults: &mut Vec<Fault>,
    read: impl Fn(&SqlFile, &mut Vec<Fault>) -> Option<T>,
    name: impl Fn(&T) -> N,
) -> Named<N, T> {
    let files = folder::sql_files(dir, kind, faults);
    let mut sound = IndexMap::new();
    for file in &files {
        if let Some(item) = read(file, faults) {
            sound.insert(name(&item), item);
        }
    }
    Named {
        sound,
        names: files.into_iter().map(|file| file.stem).collect(),
    }
}

fn unused_schemas(dir: &Path, streams: &IndexMap<StreamName, Stream>) -> Vec<Fault> {
    let files = folder::files(dir, Path::new("schemas"), "avsc").unwrap_or_default();
    let unused = files
        .into_iter()
        .filter(|file| !streams.values().any(|stream| stream.schema_file == *file));
    unused
        .map(|file| Fault::new(format!("`{}` is the schema of no stream", file.display())))
        .collect()
}

/// The faults in order: settings first, then the files by name and line, then what came from elsewhere as it was found.
fn refused(dir: &Path, mut faults: Vec<Fault>) -> ProjectError {
    faults.sort_by_key(|fault| match &fault.origin {
        Some(Origin::File { file, line }) => {
            let other_file = usize::from(file != Path::new(SETTINGS_FILE));
            (other_file, file.clone(), *line)
        }
        _ => (2, PathBuf::new(), 0),
    });
    ProjectError {
        dir: dir.to_owned(),
        faults,
    }
}
