//! `tidemill validate` for what this crate reads of a project: the models' hyperparameters and gates.

use tidemill_models::Hyperparameters;
use tidemill_project::{Fault, ModelSpec, Project};
use tidemill_types::{ErrorCode, Explain};

/// The figures that a run of this model has, in their order.
pub fn figures(spec: &ModelSpec) -> Vec<String> {
    let mut names = vec!["auc".to_owned(), "average_precision".to_owned()];
    names.extend(spec.top_k.as_ref().map(|top| format!("cp_at_{}", top.k)));
    names.extend(["log_loss".to_owned(), "brier".to_owned()]);
    names
}

/// What is wrong with the models of a project: a hyperparameter that the algorithm does not have or cannot take, a gate on
/// a figure that no run has. Without this a training would be spent on finding out.
pub fn validate(project: &Project) -> Vec<Fault> {
    let mut faults = Vec::new();
    for spec in project.models.values() {
        let mut fault = |setting: &str, message: String, hint: Option<String>| {
            let place = format!("models.{}.{setting}", spec.name);
            faults.push(Fault {
                code: ErrorCode::InvalidInput,
                message: format!("`{place}`: {message}"),
                hint,
                origin: project.provenance.get(&place).map(|setting| setting.origin.clone()),
            });
        };
        let params = spec.params.clone().into_iter().collect();
        if let Err(error) = Hyperparameters::parse(spec.algorithm, &params) {
            fault("params", error.to_string(), error.hint());
        }
        let known = figures(spec);
        for rule in &spec.gate.0 {
            if !known.contains(&rule.metric) {
                let hint = format!("a run of this model has {}", known.join(", "));
                fault("gate", format!("no run has a figure `{}`", rule.metric), Some(hint));
            }
        }
    }
    faults
}
