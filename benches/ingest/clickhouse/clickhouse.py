"""What a ClickHouse user would write: its Kafka engine and a materialized view into a MergeTree, in this process. The same
topic, in rows per second and CPU second."""

import os
import sys
import tempfile
import time
from pathlib import Path

from chdb.session import Session

PATIENCE_SECONDS = 600


def sql(file, names):
    text = Path(__file__).with_name(file).read_text()
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text.split(";\n")


def main(bootstrap, topic, rows):
    # A group of its own for each run: what an earlier one committed is not skipped.
    names = {"bootstrap": bootstrap, "topic": topic, "group": f"clickhouse-{os.getpid()}"}
    with tempfile.TemporaryDirectory() as folder:
        session = Session(folder)

        def count():
            (query,) = sql("count.sql", names)
            return int(str(session.query(query, "CSV")))

        started, before = time.monotonic(), time.process_time()
        for statement in sql("tables.sql", names):
            session.query(statement)
        while (landed := count()) < rows and time.monotonic() - started < PATIENCE_SECONDS:
            time.sleep(0.1)
        seconds, cpu = time.monotonic() - started, time.process_time() - before
        session.close()
    if landed != rows:
        sys.exit(f"ClickHouse landed {landed} rows of {rows}")
    print(f"{'ClickHouse: decode, write':<28} {rows / seconds:>10.0f} {cpu:>8.2f} {rows / cpu:>14.0f}", flush=True)


main(os.environ["KAFKA_BOOTSTRAP"], sys.argv[1], int(sys.argv[2]))
