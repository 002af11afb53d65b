"""What a user would write instead: confluent-kafka, a decoder, deltalake. The same topic, in rows per second and CPU second."""

import multiprocessing
import os
import shutil
import sys
import tempfile
import time

import orjson
import polars as pl
import pyarrow as pa
from confluent_kafka import Consumer, TopicPartition
from deltalake import WriterProperties, write_deltalake

BATCH = 100_000
SCHEMA = pa.schema(
    [(name, pa.int64()) for name in ("transaction_id",)]
    + [("at", pa.string())]
    + [(name, pa.int64()) for name in ("customer_id", "terminal_id")]
    + [("amount", pa.float64())]
    + [(name, pa.string()) for name in ("currency", "country", "channel")]
    + [("latitude", pa.float64()), ("longitude", pa.float64()), ("attempts", pa.int32()), ("is_online", pa.bool_())]
)
KINDS = {pa.int64(): pl.Int64, pa.string(): pl.String, pa.float64(): pl.Float64, pa.int32(): pl.Int32, pa.bool_(): pl.Boolean}
POLARS = {field.name: KINDS[field.type] for field in SCHEMA}


def batches(bootstrap, topic, rows):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "peer", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    held, seen = [], 0
    while seen < rows:
        messages = consumer.consume(10_000, timeout=5)
        held += [message.value() for message in messages]
        seen += len(messages)
        if len(held) >= BATCH or seen == rows:
            yield held
            held = []
    consumer.close()


def by_polars(values):
    return pl.read_ndjson(b"\n".join(values), schema=POLARS).with_columns(
        pl.col("at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC")
    )


def by_pyarrow(values):
    table = pa.Table.from_pylist([orjson.loads(value) for value in values], schema=SCHEMA)
    at = pl.from_arrow(table["at"]).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC")
    return table.set_column(1, "at", at.to_arrow())


def in_its_own_process(*what):
    """No figure is one of the memory that another has left behind."""
    process = multiprocessing.Process(target=run, args=what)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(process.exitcode)


def run(name, bootstrap, topic, rows, decode=None, write=False):
    folder = tempfile.mkdtemp()
    started, before = time.monotonic(), time.process_time()
    for values in batches(bootstrap, topic, rows):
        table = decode(values) if decode else None
        if write:
            table = table.to_arrow() if isinstance(table, pl.DataFrame) else table
            properties = WriterProperties(compression="ZSTD", compression_level=1)
            write_deltalake(folder, table, mode="append", writer_properties=properties)
    seconds, cpu = time.monotonic() - started, time.process_time() - before
    shutil.rmtree(folder)
    print(f"{name:<28} {rows / seconds:>10.0f} {cpu:>8.2f} {rows / cpu:>14.0f}", flush=True)


def main(bootstrap, topic, rows):
    print(f"Python, {rows} rows of `{topic}`")
    for name, decode in (("polars", by_polars), ("orjson + pyarrow", by_pyarrow)):
        if name == "polars":
            in_its_own_process("consume", bootstrap, topic, rows)
        in_its_own_process(f"{name}: decode", bootstrap, topic, rows, decode)
        in_its_own_process(f"{name}: decode, write", bootstrap, topic, rows, decode, True)


if __name__ == "__main__":
    # Forked, a process would share the threads' locks of libraries without the threads.
    multiprocessing.set_start_method("spawn")
    main(os.environ["KAFKA_BOOTSTRAP"], sys.argv[1], int(sys.argv[2]))
