//! What users write, and what they get for it.

use expect_test::{Expect, expect};
use tidemill_types::Explain;

use super::*;

fn check(algorithm: Algorithm, settings: &str, expected: &Expect) {
    let settings: Map<String, Value> = serde_json::from_str(settings).unwrap();
    let text = match Hyperparameters::parse(algorithm, &settings) {
        Ok(parameters) => serde_json::to_string(&parameters.to_json()).unwrap(),
        Err(error) => {
            let hint = error.hint().map(|hint| format!("; hint: {hint}"));
            error.problem().message + &hint.unwrap_or_default()
        }
    };
    expected.assert_eq(&text);
}

#[test]
fn defaults() {
    check(
        Algorithm::LogisticRegression,
        "{}",
        &expect![[r#"{"alpha":1.0,"gradient_tolerance":0.0001,"max_iterations":100}"#]],
    );
    check(
        Algorithm::DecisionTree,
        "{}",
        &expect![[r#"{"max_depth":0,"min_samples_leaf":1,"min_samples_split":2}"#]],
    );
    check(
        Algorithm::RandomForest,
        "{}",
        &expect![[r#"{"max_depth":20,"max_features":0,"min_samples_leaf":1,"min_samples_split":2,"n_trees":100}"#]],
    );
    check(
        Algorithm::Xgboost,
        "{}",
        &expect![[
            r#"{"base_score":0.5,"colsample_bytree":1.0,"gamma":0.0,"grow_policy":"depthwise","learning_rate":0.3,"max_bin":256,"max_delta_step":0.0,"max_depth":6,"max_leaves":0,"min_child_weight":1.0,"n_estimators":100,"reg_alpha":0.0,"reg_lambda":1.0,"scale_pos_weight":1.0,"subsample":1.0}"#
        ]],
    );
}

#[test]
fn unknown_names_get_a_suggestion() {
    check(
        Algorithm::LogisticRegression,
        r#"{"alpah": 1}"#,
        &expect![
            "`logistic_regression` has no hyperparameter `alpah`; hint: did you mean `alpha`? valid: `alpha`, `gradient_tolerance`, `max_iterations`"
        ],
    );
    check(
        Algorithm::RandomForest,
        r#"{"n_tree": 1}"#,
        &expect![
            "`random_forest` has no hyperparameter `n_tree`; hint: did you mean `n_trees`? valid: `n_trees`, `max_depth`, `max_features`, `min_samples_leaf`, `min_samples_split`"
        ],
    );
    check(
        Algorithm::Xgboost,
        r#"{"learning_rat": 0.1}"#,
        &expect![
            "`xgboost` has no hyperparameter `learning_rat`; hint: did you mean `learning_rate`? valid: `n_estimators`, `max_depth`, `learning_rate`, `reg_lambda`, `reg_alpha`, `gamma`, `min_child_weight`, `subsample`, `colsample_bytree`, `base_score`, `scale_pos_weight`, `max_bin`, `max_leaves`, `max_delta_step`, `grow_policy`"
        ],
    );
    check(
        Algorithm::DecisionTree,
        r#"{"zzz": 0.1}"#,
        &expect![
            "`decision_tree` has no hyperparameter `zzz`; hint: valid: `max_depth`, `min_samples_leaf`, `min_samples_split`"
        ],
    );
}

#[test]
fn other_spellings_are_the_same_setting() {
    check(
        Algorithm::Xgboost,
        r#"{"eta": 0.1, "lambda": 2, "alpha": 0.5, "num_boost_round": 7}"#,
        &expect![[
            r#"{"base_score":0.5,"colsample_bytree":1.0,"gamma":0.0,"grow_policy":"depthwise","learning_rate":0.1,"max_bin":256,"max_delta_step":0.0,"max_depth":6,"max_leaves":0,"min_child_weight":1.0,"n_estimators":7,"reg_alpha":0.5,"reg_lambda":2.0,"scale_pos_weight":1.0,"subsample":1.0}"#
        ]],
    );
    check(
        Algorithm::Xgboost,
        r#"{"eta": 0.1, "learning_rate": 0.2}"#,
        &expect![
            "`eta` and `learning_rate` are the same hyperparameter of `xgboost`; hint: leave out `eta` or `learning_rate`"
        ],
    );
    check(
        Algorithm::RandomForest,
        r#"{"n_estimators": 3, "max_features": 2, "max_depth": 0}"#,
        &expect![[r#"{"max_depth":0,"max_features":2,"min_samples_leaf":1,"min_samples_split":2,"n_trees":3}"#]],
    );
}

#[test]
fn what_the_library_cannot_do_is_said() {
    check(
        Algorithm::Xgboost,
        r#"{"tree_method": "exact"}"#,
        &expect![[
            r#"`xgboost` cannot honour `tree_method` = "exact" here; hint: trees are grown on histograms (`hist`); raise `max_bin` for finer ones"#
        ]],
    );
    check(
        Algorithm::Xgboost,
        r#"{"tree_method": "hist", "booster": "gbtree", "max_depth": 3}"#,
        &expect![[
            r#"{"base_score":0.5,"colsample_bytree":1.0,"gamma":0.0,"grow_policy":"depthwise","learning_rate":0.3,"max_bin":256,"max_delta_step":0.0,"max_depth":3,"max_leaves":0,"min_child_weight":1.0,"n_estimators":100,"reg_alpha":0.0,"reg_lambda":1.0,"scale_pos_weight":1.0,"subsample":1.0}"#
        ]],
    );
    check(
        Algorithm::Xgboost,
        r#"{"colsample_bylevel": 0.5}"#,
        &expect!["`xgboost` cannot honour `colsample_bylevel` = 0.5 here; hint: use `colsample_bytree`"],
    );
    check(
        Algorithm::Xgboost,
        r#"{"seed": 7}"#,
        &expect![
            "`xgboost` cannot honour `seed` = 7 here; hint: the seed is a setting of the model, not of its algorithm"
        ],
    );
    check(
        Algorithm::RandomForest,
        r#"{"random_state": 7}"#,
        &expect![
            "`random_forest` cannot honour `random_state` = 7 here; hint: the seed is a setting of the model, not of its algorithm"
        ],
    );
}

#[test]
fn values_have_types_and_bounds() {
    check(
        Algorithm::LogisticRegression,
        r#"{"alpha": -1}"#,
        &expect!["`alpha` of `logistic_regression` is -1 and must be at least 0"],
    );
    check(
        Algorithm::LogisticRegression,
        r#"{"alpha": "strong"}"#,
        &expect![[
            r#"`alpha` of `logistic_regression` cannot be "strong": invalid type: string "strong", expected f64"#
        ]],
    );
    check(
        Algorithm::Xgboost,
        r#"{"base_score": 1.0}"#,
        &expect!["`base_score` of `xgboost` is 1 and must be a probability between 0 and 1"],
    );
    check(
        Algorithm::Xgboost,
        r#"{"base_score": "none"}"#,
        &expect![[r#"`base_score` of `xgboost` cannot be "none": expected a probability or "auto""#]],
    );
    check(
        Algorithm::Xgboost,
        r#"{"base_score": "auto", "n_estimators": 1}"#,
        &expect![[
            r#"{"base_score":"auto","colsample_bytree":1.0,"gamma":0.0,"grow_policy":"depthwise","learning_rate":0.3,"max_bin":256,"max_delta_step":0.0,"max_depth":6,"max_leaves":0,"min_child_weight":1.0,"n_estimators":1,"reg_alpha":0.0,"reg_lambda":1.0,"scale_pos_weight":1.0,"subsample":1.0}"#
        ]],
    );
    check(
        Algorithm::RandomForest,
        r#"{"max_depth": null}"#,
        &expect!["`max_depth` of `random_forest` cannot be null: invalid type: null, expected u16"],
    );
    check(
        Algorithm::Xgboost,
        r#"{"subsample": 0.0}"#,
        &expect!["`subsample` of `xgboost` is 0 and must be above 0 and at most 1"],
    );
    check(
        Algorithm::Xgboost,
        r#"{"n_estimators": 2.5}"#,
        &expect!["`n_estimators` of `xgboost` cannot be 2.5: invalid type: floating point `2.5`, expected u32"],
    );
    check(
        Algorithm::RandomForest,
        r#"{"n_trees": 0}"#,
        &expect!["`n_trees` of `random_forest` is 0 and must be 1 to 10000"],
    );
    check(
        Algorithm::DecisionTree,
        r#"{"min_samples_split": 1}"#,
        &expect!["`min_samples_split` of `decision_tree` is 1 and must be at least 2"],
    );
}
