//! Settings to specs: defaults filled in, names looked up, types held against each other. Every fault is pushed.

mod deployment;
mod model;
mod monitoring;
mod predictions;
mod stream;

use std::path::Path;

use indexmap::IndexMap;
use tidemill_types::{CheckName, MonitorName, TriggerName, ViewName};

use crate::fault::{Fault, did_you_mean};
use crate::sql::{Check, Evaluation, FeatureView, Monitor, Trigger};
use crate::tree::{Node, Path as SettingPath};

/// Looks names up and notes what is wrong.
pub(crate) struct Resolver<'a> {
    pub dir: &'a Path,
    pub root: &'a Node,
    pub faults: &'a mut Vec<Fault>,
}

/// The project's SQL files.
pub(crate) struct SqlFiles {
    pub views: Named<ViewName, FeatureView>,
    pub checks: Named<CheckName, Check>,
    pub evaluations: Named<String, Evaluation>,
    pub monitors: Named<MonitorName, Monitor>,
    pub triggers: Named<TriggerName, Trigger>,
}

/// The sound files of a kind, and the names of all: what names a file with a fault needs no fault of its own.
pub(crate) struct Named<N, T> {
    pub sound: IndexMap<N, T>,
    pub names: Vec<String>,
}

impl<N, T> Named<N, T> {
    /// All names, those of files with faults too.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.names.iter().map(String::as_str)
    }
}

impl Resolver<'_> {
    /// A setting that has no default because nobody can guess it.
    pub(super) fn given<'s, T>(&mut self, at: &[&str], value: Option<&'s T>, meaning: &str) -> Option<&'s T> {
        if value.is_none() {
            let path = SettingPath::of(at);
            self.note(at, format!("`{path}` is missing"), Some(format!("set {meaning}")));
        }
        value
    }

    pub(super) fn all_known<'s, T: AsRef<str>>(
        &mut self,
        at: &[&str],
        noun: &str,
        names: &[T],
        there: impl Iterator<Item = &'s str>,
    ) {
        let there: Vec<&str> = there.collect();
        for name in names {
            let name = name.as_ref();
            if !there.contains(&name) {
                let path = SettingPath::of(at);
                let hint = did_you_mean(name, there.iter().copied());
                self.note(at, format!("`{path}` names the unknown {noun} `{name}`"), Some(hint));
            }
        }
    }

    pub(super) fn note(&mut self, at: &[&str], message: String, hint: Option<String>) {
        let mut fault = Fault::new(message).at(self.root.origin_near(&SettingPath::of(at)));
        fault.hint = hint;
        self.faults.push(fault);
    }
}
