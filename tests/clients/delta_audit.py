"""Optimize, delete and restore by Python's deltalake, each told apart by `tidemill ingest audit`.

A project is made in a temporary folder and filled; then another writer works on its table, and after each step the audit
must end with the right exit code, name what was done, and count the rows that are gone.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from deltalake import DeltaTable

TIDEMILL = sys.argv[1]
WHOLE, DAMAGED = 0, 9


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
        table = DeltaTable(str(project / ".tidemill/lake/transactions"))
        report = audit(project, WHOLE)
        assert kinds(report) == [] and report["topic_read"], report
        print(f"whole: {report['commits']} commits, rows {[p['rows'] for p in report['partitions']]}")

        before = table.version()
        table.optimize.compact()
        table.update_incremental()
        assert table.version() > before, "nothing was optimized"
        report = audit(project, WHOLE)
        assert kinds(report) == ["optimize"], report["others"]
        print("optimize: whole")

        optimized = table.version()
        deleted = table.delete('"TX_AMOUNT" > 100')["num_deleted_rows"]
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
