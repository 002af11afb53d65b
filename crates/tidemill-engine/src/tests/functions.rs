//! Drift and evaluation in SQL: against the statistics themselves, however rows are ordered and split.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Float64Type, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use tidemill_stats::drift::{
    BinCounts, CategoricalProfile, NumericProfile, ReferenceProfile, ReferenceSet, hellinger, jensen_shannon, ks_exact,
    psi, wasserstein_exact,
};
use tidemill_types::Explain;

use super::bench_lake::{settings, table};
use crate::{Catalog, Engine, Rows, Scope};

/// An engine without a lake.
fn engine() -> Engine {
    Engine::new(settings(), None, None, Catalog::default()).unwrap()
}

/// A scope in which `given` is the table of these batches, each of which a thread may take.
fn scope(batches: Vec<RecordBatch>) -> Scope {
    let rows = Rows {
        schema: batches[0].schema(),
        batches,
    };
    Scope {
        tables: [(table("given"), rows)].into(),
        ..Scope::default()
    }
}

/// The one row that a statement answers with, over `given`.
async fn figures(engine: &Engine, batches: Vec<RecordBatch>, sql: &str) -> Vec<Option<f64>> {
    let session = engine.scope(scope(batches)).await.unwrap();
    let rows = session.query(sql).await.unwrap().concat().unwrap();
    let columns = rows.columns().iter();
    columns
        .map(|column| column.as_primitive::<Float64Type>().iter().next().flatten())
        .collect()
}

fn batch(values: &[Option<f64>], is_reference: &[Option<bool>]) -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("value", DataType::Float64, true),
        Field::new("is_reference", DataType::Boolean, true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Float64Array::from(values.to_vec())),
        Arc::new(BooleanArray::from(is_reference.to_vec())),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

fn column() -> impl Strategy<Value = Vec<Option<f64>>> {
    let value = prop_oneof![
        8 => (-4.0..4.0_f64).prop_map(Some),
        2 => (-3_i8..4).prop_map(|value| Some(f64::from(value))),
        1 => prop::sample::select(vec![None, Some(f64::NAN), Some(f64::INFINITY)]),
    ];
    prop::collection::vec(value, 1..80)
}

const OF_PROFILE: &str = "select psi(value, 'm/1/x'), psi_of(bin_counts(value, 'm/1/x'), 'm/1/x'), ks(value, 'm/1/x'), \
                          ks_upper(value, 'm/1/x') from given where not is_reference";
const OF_ROWS: &str = "select psi(value, is_reference), ks(value, is_reference), ks_p(value, is_reference), \
                       wasserstein_distance(value, is_reference) from given";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_answer_is_that_of_the_statistics(
        mut reference in column(),
        mut current in column(),
        cut in 0.0..1.0_f64,
    ) {
        reference.push(Some(0.5));
        current.push(Some(0.25));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let engine = engine();
        let profile = NumericProfile::new(reference.iter().copied()).unwrap();
        let measured = ReferenceProfile::Numeric(profile.clone()).measure(&profile.count(current.iter().copied())).unwrap();
        let ks = measured.ks.unwrap();
        let set = ReferenceSet { columns: [("x".to_owned(), ReferenceProfile::Numeric(profile))].into() };
        engine.references().insert("m/1", set);

        let finite = |side: &[Option<f64>]| -> Vec<f64> { side.iter().copied().flatten().filter(|v| v.is_finite()).collect() };
        let exact = ks_exact(&finite(&reference), &finite(&current)).unwrap();
        let distance = wasserstein_exact(&finite(&reference), &finite(&current)).unwrap();
        let of_profile = vec![Some(measured.psi), Some(measured.psi), Some(ks.low), Some(ks.high)];
        let of_rows = [Some(measured.psi), Some(exact.distance), Some(exact.p_value)];

        let values: Vec<Option<f64>> = reference.iter().chain(&current).copied().collect();
        let sides: Vec<Option<bool>> = (0..values.len()).map(|row| Some(row < reference.len())).collect();
        let whole = batch(&values, &sides);
        let at = (cut * whole.num_rows() as f64) as usize;
        let (first, second) = (whole.slice(0, at), whole.slice(at, whole.num_rows() - at));
        for batches in [vec![whole], vec![first.clone(), second.clone()], vec![second, first]] {
            prop_assert_eq!(runtime.block_on(figures(&engine, batches.clone(), OF_PROFILE)), of_profile.clone());
            let found = runtime.block_on(figures(&engine, batches, OF_ROWS));
            prop_assert_eq!(&found[..3], &of_rows[..]);
            prop_assert!((found[3].unwrap() - distance).abs() < 1e-9);
        }
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_with_what_to_do() {
    let engine = engine();
    let numbers = NumericProfile::new([Some(1.0), Some(2.0)]).unwrap();
    let levels = CategoricalProfile::new([Some("a"), Some("b")]).unwrap();
    let columns = BTreeMap::from([
        ("amount".to_owned(), ReferenceProfile::Numeric(numbers)),
        ("country".to_owned(), ReferenceProfile::Categorical(levels)),
    ]);
    engine.references().insert("fraud/1", ReferenceSet { columns });
    let rows = batch(&[Some(1.0), None], &[Some(true), None]);
    let session = engine.scope(scope(vec![rows])).await.unwrap();
    let cases = [
        (
            "psi(value, 'fraud/1/amuont')",
            "there is no reference `fraud/1/amuont`; did you mean `fraud/1/amount`?",
        ),
        (
            "psi(value, 'fruad/1/amount')",
            "there is no reference `fruad/1/amount`; did you mean `fraud/1/amount`?",
        ),
        (
            "psi(value, 'amount')",
            "there is no reference `amount`; a reference is 'MODEL/VERSION/COLUMN', as 'fraud/3/score'; `model_versions` has \
             the versions",
        ),
        (
            "psi(value)",
            "`psi`: takes 2 arguments, not 1; write `psi(value, reference)`",
        ),
        (
            "psi(value, 7)",
            "`psi`: the reference is Int64; a reference is a text 'MODEL/VERSION/COLUMN', or a condition that is true for the \
             rows of the reference side",
        ),
        (
            "ks(value, cast(value as text))",
            "`ks`: the reference is not a constant; a reference is a text 'MODEL/VERSION/COLUMN', or a condition that is true \
             for the rows of the reference side",
        ),
        (
            "ks(value, 'fraud/1/country')",
            "`ks`: is of numbers, and the reference is of levels; levels have no order; take `psi`, `js` or `chi_squared`",
        ),
        (
            "psi('a', 'fraud/1/amount')",
            "`psi`: the value is Utf8, and the reference is of numbers; name the profile of that column, or cast the value",
        ),
        (
            "psi(date '2024-01-01', 'fraud/1/amount')",
            "`psi`: the value is Date32, neither a number nor a text; cast it: `cast(… as double)` or `cast(… as text)`",
        ),
        (
            "psi(value, is_reference)",
            "`psi`: the current side is empty: drift compares two sides; take a wider window, or ask `count(*)` first whether \
             there are rows",
        ),
        (
            "psi(value, 'fraud/1/amount') filter (where value > 5)",
            "`psi`: the current side is empty: drift compares two sides; take a wider window, or ask `count(*)` first whether \
             there are rows",
        ),
        (
            "psi(distinct value, 'fraud/1/amount')",
            "`psi`: has no form with `distinct`; it is of all rows: leave `distinct` out",
        ),
        (
            "psi_of(bin_counts(value, 'fraud/1/amount'), 'fraud/1/country')",
            "`psi_of`: a state of 4 bins does not match one of 5: they were counted against different references; counts are \
             merged and measured with the reference that they were counted with",
        ),
        (
            "log_loss(value * 2, is_reference)",
            "`log_loss`: the score of row 0 is 2, not a probability; scores are probabilities, from 0 to 1",
        ),
        (
            "precision_at(value, is_reference, value)",
            "`precision_at`: the threshold is not a constant number; write it, as 0.5",
        ),
        (
            "top_k_precision(value, is_reference, 'c', 1, 0)",
            "`top_k_precision`: k is not a constant whole number from 1 on; write it, as 100",
        ),
    ];
    for (call, expected) in cases {
        let error = session.query(&format!("select {call} from given")).await.unwrap_err();
        let found = format!("{}; {}", error, error.hint().unwrap_or_default());
        assert_eq!(found, expected, "{call}");
    }
}

fn shared(name: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("TIDEMILL_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let path = shared.join("data/drift").join(name);
    path.exists().then_some(path)
}

fn read(path: PathBuf) -> RecordBatch {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// Both sides as one table, the reference first, with the column `is_reference`.
fn both_sides(reference: &RecordBatch, current: &RecordBatch) -> Vec<RecordBatch> {
    let marked = [(reference, true), (current, false)].map(|(side, is_reference)| {
        let mut fields: Vec<_> = side.schema().fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new("is_reference", DataType::Boolean, false)));
        let mut columns = side.columns().to_vec();
        columns.push(Arc::new(BooleanArray::from(vec![is_reference; side.num_rows()])));
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    });
    marked.into()
}

#[track_caller]
fn near(name: &str, found: Option<f64>, oracle: &serde_json::Value, tolerance: f64) {
    let (found, expected) = (found.unwrap_or(f64::NAN), oracle.as_f64().unwrap());
    assert!(
        (found - expected).abs() <= tolerance,
        "{name}: {found} is not {expected}"
    );
}

/// numpy's and scipy's figures of 30 columns of numbers and 5 of levels, with no, slight and strong drift.
#[tokio::test]
async fn other_tools_find_the_same_drift() {
    let paths = ["reference.parquet", "current.parquet", "oracle.json"].map(shared);
    let [Some(reference), Some(current), Some(oracle)] = paths else {
        eprintln!("skipped: no drift data beside the project (TIDEMILL_SHARED)");
        return;
    };
    let (reference, current) = (read(reference), read(current));
    let oracle: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&std::fs::read(oracle).unwrap()).unwrap();
    let engine = engine();
    for (name, oracle) in &oracle {
        let column = |side: &RecordBatch| Arc::clone(side.column_by_name(name).unwrap());
        let rows = || both_sides(&reference, &current);
        if oracle.get("edges_q10").is_none() {
            let texts: StringArray = arrow::compute::cast(&column(&reference), &DataType::Utf8)
                .unwrap()
                .as_string()
                .clone();
            let profile = CategoricalProfile::new(texts.iter()).unwrap();
            let set = ReferenceSet {
                columns: [("x".to_owned(), ReferenceProfile::Categorical(profile))].into(),
            };
            engine.references().insert("levels/1", set);
            for (of, condition) in [("'levels/1/x'", "where not is_reference"), ("is_reference", "")] {
                let sql = format!(
                    "select psi({name}, {of}), js({name}, {of}), hellinger({name}, {of}), l_infinity({name}, {of}), \
                     total_variation({name}, {of}), chi_squared({name}, {of}), chi_squared_p({name}, {of}) from given {condition}"
                );
                let found = figures(&engine, rows(), &sql).await;
                let keys = [
                    "psi",
                    "js_nat",
                    "hellinger",
                    "l_inf",
                    "tvd",
                    "chi2_contingency",
                    "chi2_p",
                ];
                for (key, found) in keys.into_iter().zip(found) {
                    let tolerance = if key == "psi" { 1e-12 } else { 1e-9 };
                    near(&format!("{name} {key}"), found, &oracle[key], tolerance);
                }
            }
            continue;
        }
        let values = column(&reference);
        let values = values.as_primitive::<Float64Type>();
        // In the oracle's own bins the counts are the oracle's, and so is what follows from them.
        let edges = serde_json::from_value(oracle["edges_q10"].clone()).unwrap();
        let tens = NumericProfile::with_edges(values.iter(), edges).unwrap();
        let grid = NumericProfile::new(values.iter()).unwrap();
        let columns = BTreeMap::from([
            ("tens".to_owned(), ReferenceProfile::Numeric(tens.clone())),
            ("grid".to_owned(), ReferenceProfile::Numeric(grid)),
        ]);
        engine.references().insert("numbers/1", ReferenceSet { columns });
        let session = engine.scope(scope(rows())).await.unwrap();
        let sql = format!("select unnest(bin_counts({name}, 'numbers/1/tens')) from given where not is_reference");
        let found = session.query(&sql).await.unwrap().concat().unwrap();
        let found = BinCounts::from_list(found.column(0).as_primitive::<Float64Type>().values()).unwrap();
        for (side, key) in [(tens.reference(), "ref_counts_q10"), (&found, "cur_counts_q10")] {
            let counts: Vec<u64> = serde_json::from_value(oracle[key].clone()).unwrap();
            assert_eq!(side.bins(), counts, "{name} {key}");
        }
        let (r, c) = (tens.reference().bins(), found.bins());
        for (key, found) in [
            ("psi_q10", psi(r, c)),
            ("js_q10_nat", jensen_shannon(r, c)),
            ("hellinger_q10", hellinger(r, c)),
        ] {
            near(&format!("{name} {key}"), found.ok(), &oracle[key], 1e-12);
        }
        let sql = format!(
            "select psi({name}, 'numbers/1/grid'), ks({name}, 'numbers/1/grid'), ks_upper({name}, 'numbers/1/grid') \
             from given where not is_reference"
        );
        let found = figures(&engine, rows(), &sql).await;
        near(&format!("{name} psi"), found[0], &oracle["psi_from_grid1280"], 1e-12);
        for (bound, found) in found[1..].iter().enumerate() {
            near(
                &format!("{name} ks bound {bound}"),
                *found,
                &oracle["ks_grid1280"][bound],
                1e-9,
            );
        }
        let sql = format!(
            "select ks({name}, is_reference), ks_p({name}, is_reference), wasserstein_distance({name}, is_reference), \
             wasserstein({name}, is_reference) from given"
        );
        let exact = figures(&engine, rows(), &sql).await;
        for (key, found) in ["ks_D", "ks_p_stephens", "wasserstein"].into_iter().zip(&exact) {
            let tolerance = if key == "ks_D" { 1e-15 } else { 1e-9 };
            near(&format!("{name} {key}"), *found, &oracle[key], tolerance);
        }
        // A spread is of n rows or of n − 1; of 10,000 rows that is no more than this.
        let normed = oracle["wasserstein_norm"].as_f64().unwrap();
        near(
            &format!("{name} wasserstein_norm"),
            exact[3],
            &oracle["wasserstein_norm"],
            1e-4 * normed,
        );
        assert!(
            found[1] <= exact[0] && exact[0] <= found[2],
            "{name}: {:?} is not within {found:?}",
            exact[0]
        );
    }
}
