//! Tables as rows for SQL.

use std::fmt::Write as _;

use expect_test::expect;
use tidemill_types::VersionNumber;

use super::{House, alias, model, place};
use crate::{ColumnType, MetricPoint, NewDeployment, RegistryTable, ReleasePins, Value};

fn fits(value: &Value, column_type: ColumnType) -> bool {
    matches!(
        (value, column_type),
        (Value::Null, _)
            | (Value::Text(_), ColumnType::Text)
            | (Value::Int(_), ColumnType::Int)
            | (Value::Float(_), ColumnType::Float)
            | (Value::Bool(_), ColumnType::Bool)
            | (Value::Timestamp(_), ColumnType::Timestamp)
    )
}

#[tokio::test]
async fn every_table_is_rows_of_its_columns() {
    let house = House::new().await;
    let registry = &house.registry;
    house.register("one").await;
    let run = house.run("second").await;
    let points = vec![MetricPoint::new("auc", 0.5, 0), MetricPoint::new("auc", f64::NAN, 1)];
    registry.log_metrics(&run, points).await.unwrap();
    registry
        .set_tags(&run, vec![("team".into(), "risk".into())])
        .await
        .unwrap();
    let blob = registry.put_blob(b"plot".to_vec()).await.unwrap();
    registry.log_artifact(&run, "plot.svg", &blob).await.unwrap();
    let deployment = NewDeployment {
        deployment: place("fraud"),
        model: model(),
        version: VersionNumber(1),
        pins: ReleasePins::default(),
        alias: alias("champion"),
        actor: "anna".into(),
        reason: String::new(),
    };
    registry.record_deployment(deployment).await.unwrap();

    let mut sizes = String::new();
    for table in RegistryTable::ALL {
        let exported = registry.export(table).await.unwrap();
        writeln!(
            sizes,
            "{} {} x {}",
            table.name(),
            exported.rows.len(),
            exported.columns.len()
        )
        .unwrap();
        for row in &exported.rows {
            assert_eq!(row.len(), exported.columns.len());
            for (value, (column, column_type)) in row.iter().zip(exported.columns) {
                assert!(fits(value, *column_type), "{}.{column}: {value:?}", table.name());
            }
        }
        assert!(!table.comment().is_empty());
    }
    expect![[r#"
        experiments 1 x 3
        runs 2 x 11
        run_params 2 x 3
        run_tags 1 x 3
        run_metrics 1 x 6
        run_metric_points 2 x 6
        artifacts 1 x 5
        training_inputs 2 x 7
        stream_ranges 2 x 6
        models 1 x 5
        model_versions 1 x 10
        aliases 1 x 6
        alias_events 1 x 7
        deployments 1 x 12
        trigger_firings 0 x 15
        event_clock 0 x 4
        audit_log 8 x 9
    "#]]
    .assert_eq(&sizes);

    let metrics = registry.export(RegistryTable::RunMetrics).await.unwrap();
    assert_eq!(metrics.rows[0][2], Value::Null);
    assert_eq!(metrics.rows[0][5], Value::Bool(true));
}
