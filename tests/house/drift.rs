//! Drift in SQL on a small simulation: what came later against what a version was trained on.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::binary::say;
use super::fixtures::{Fixtures, Project};
use super::learning::row;
use super::needs::trial;

pub fn trials(fixtures: &Arc<Fixtures>) -> Vec<Trial> {
    let fixtures = Arc::clone(fixtures);
    vec![trial("drift/from_what_it_learned", &[], move || {
        from_what_it_learned(&fixtures.small().project);
    })]
}

fn from_what_it_learned(project: &Project) {
    let found = row(
        project,
        "select
             psi(TX_AMOUNT, 'fraud/4/TX_AMOUNT') as by_number,
             psi(TX_AMOUNT, 'fraud/champion/TX_AMOUNT') as by_alias,
             psi_of(bin_counts(TX_AMOUNT, 'fraud/4/TX_AMOUNT'), 'fraud/4/TX_AMOUNT') as of_counts,
             psi(TX_AMOUNT * 3, 'fraud/4/TX_AMOUNT') as tripled,
             ks(TX_AMOUNT, 'fraud/4/TX_AMOUNT') as at_least,
             ks_upper(TX_AMOUNT, 'fraud/4/TX_AMOUNT') as at_most
         from transactions",
    );
    assert_eq!(found["by_number"], found["by_alias"], "{found}");
    assert_eq!(found["by_number"], found["of_counts"], "{found}");
    let figure = |name: &str| found[name].as_f64().unwrap_or(f64::NAN);
    assert!(figure("by_number") < 0.1 && figure("tripled") > 0.25, "{found}");
    assert!(
        figure("at_least") <= figure("at_most") && figure("at_most") <= figure("at_least") + 2.0 / 1_280.0,
        "{found}"
    );
    for (reference, hint) in [
        ("fraud/4/TX_AMOUT", "did you mean `fraud/4/TX_AMOUNT`?"),
        ("fraud/77/TX_AMOUNT", "77"),
        ("fruad/4/TX_AMOUNT", "no model `fruad`"),
    ] {
        let said = say(
            &project.dir(),
            &[
                "sql",
                &format!("select psi(TX_AMOUNT, '{reference}') from transactions"),
            ],
        );
        assert!(
            said.err.starts_with("error: ") && said.err.contains(hint),
            "{reference}: {}",
            said.err
        );
    }
}
