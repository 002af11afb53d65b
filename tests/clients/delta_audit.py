"""Optimize, delete and restore by Python's deltalake, or by Spark, each told apart by `tidemill ingest audit`.

A project is made in a temporary folder and filled; then another writer works on its table, and after each step the audit
must end with the right exit code, name what was done, and count the rows that are gone.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TIDEMILL, WRITER = sys.argv[1], sys.argv[2]
WHOLE, DAMAGED = 0, 9


class Deltalake:
    """The table as Python's deltalake writes it."""

    def __init__(self, path: Path) -> None:
        from deltalake import DeltaTable

        self.table = DeltaTable(str(path))

    def version(self) -> int:
        self.table.update_incremental()
        return self.table.version()

    def optimize(self) -> None:
        self.table.optimize.compact()

    def delete(self, predicate: str) -> int:
        return self.table.delete(predicate)["num_deleted_rows"]

    def restore(self, version: int) -> None:
        self.table.restore(version)


class Spark:
    """The table as Spark writes it."""

    def __init__(self, path: Path) -> None:
        from delta import configure_spark_with_delta_pip
        from delta.tables import DeltaTable
        from pyspark.sql import SparkSession

        builder = (
            SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            # A table this small needs no more; by default it is fifty and two hundred.
            .config("spark.databricks.delta.snapshotPartitions", "2")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
            .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        )
        spark = configure_spark_with_delta_pip(builder).getOrCreate()
        spark.sparkContext.setLogLevel("ERROR")
        self.table = DeltaTable.forPath(spark, str(path))

    def newest(self):
        return self.table.history(1).collect()[0]

    def version(self) -> int:
        return self.newest()["version"]

    def optimize(self) -> None:
        self.table.optimize().executeCompaction()

    def delete(self, predicate: str) -> int:
        self.table.delete(predicate.replace('"', "`"))
        return int(self.newest()["operationMetrics"]["numDeletedRows"])

    def restore(self, version: int) -> None:
        self.table.restoreToVersion(version)


def tidemill(project: Path, *arguments: str) -> subprocess.CompletedProcess:
    # A variable that is for the tests is no setting.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMILL_")}
    return subprocess.run(
        [TIDEMILL, *arguments], cwd=project, capture_output=True, text=True, check=False, env=environment
    )


def simulate(project: Path) -> subprocess.CompletedProcess:
    scale = ["--customers", "50", "--terminals", "100", "--json"]
    return tidemill(project, "simulate", "--days", "5", *scale, "--set", "ingest.flush_rows=200", "--again")


def audit(project: Path, expected: int, *arguments: str) -> dict:
    done = tidemill(project, "ingest", "audit", "transactions", "--json", *arguments)
    assert done.returncode == expected, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)


def kinds(report: dict) -> list[str]:
    return [other["kind"] for other in report["others"]]


def gone(report: dict) -> int:
    return sum(fault["rows"] for fault in report["faults"] if fault["kind"] == "missing")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = tidemill(Path(folder), "init", "fraud")
        assert made.returncode == 0, made.stderr
        project = Path(folder) / "fraud"
        # A commit each time, so that there are several files to make one of.
        for _ in range(3):
            filled = simulate(project)
            assert filled.returncode == 0, filled.stderr
        writer = {"deltalake": Deltalake, "spark": Spark}[WRITER]
        table = writer(project / ".tidemill/lake/transactions")
        report = audit(project, WHOLE)
        assert kinds(report) == [] and report["topic_read"], report
        print(f"whole: {report['commits']} commits, rows {[p['rows'] for p in report['partitions']]}")

        before = table.version()
        table.optimize()
        assert table.version() > before, "nothing was optimized"
        report = audit(project, WHOLE)
        assert kinds(report) == ["optimize"], report["others"]
        print("optimize: whole")

        optimized = table.version()
        deleted = table.delete('"TX_AMOUNT" > 100')
        assert deleted > 0
        report = audit(project, DAMAGED, "--offline")
        assert kinds(report) == ["optimize", "delete"] and gone(report) == deleted, report["faults"]
        causes = {cause["kind"] for fault in report["faults"] for cause in fault["causes"]}
        assert causes == {"delete"}, causes
        lost = audit(project, DAMAGED)
        assert sum(fault["rows"] for fault in lost["faults"] if fault["kind"] == "lost") == deleted
        print(f"delete: {deleted} rows are gone, and still in the topic")

        table.restore(optimized)
        report = audit(project, WHOLE)
        assert kinds(report) == ["optimize", "delete", "restore"], report["others"]
        print("restored to before the delete: whole")

        table.restore(2)
        report = audit(project, DAMAGED, "--offline")
        causes = {cause["kind"] for fault in report["faults"] for cause in fault["causes"]}
        assert "restore" in causes and gone(report) > 0, report["faults"]
        refused = simulate(project)
        assert refused.returncode != 0 and "was set to an older version" in refused.stderr, refused
        print(f"restored to version 2: {gone(report)} rows are gone, and ingest refuses the table")


main()
