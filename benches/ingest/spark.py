"""What a Spark user would write: Structured Streaming, from_json, Delta, in the process. The same topic, in rows per second and
CPU second; the start of the JVM and of Spark is not counted."""

import os
import shutil
import sys
import tempfile
import time

import pyspark
from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, from_json

SCHEMA = (
    "transaction_id BIGINT, at TIMESTAMP, customer_id BIGINT, terminal_id BIGINT, amount DOUBLE, currency STRING, "
    "country STRING, channel STRING, latitude DOUBLE, longitude DOUBLE, attempts INT, is_online BOOLEAN"
)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(bootstrap, topic, rows):
    builder = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "3g")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    )
    kafka = f"org.apache.spark:spark-sql-kafka-0-10_2.13:{pyspark.__version__}"
    spark = configure_spark_with_delta_pip(builder, extra_packages=[kafka]).getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    # Loads and compiles what every job needs.
    spark.range(10).count()
    jvm = int(spark._jvm.java.lang.ProcessHandle.current().pid())
    folder = tempfile.mkdtemp()
    started, before = time.monotonic(), cpu_seconds(jvm)
    events = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap)
        .option("subscribe", topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", 500_000)
        .load()
        .select(from_json(col("value").cast("string"), SCHEMA).alias("event"), "partition", "offset", "timestamp")
        .select("event.*", "partition", "offset", "timestamp")
    )
    query = (
        events.writeStream.format("delta")
        .option("checkpointLocation", f"{folder}/checkpoint")
        .trigger(availableNow=True)
        .start(f"{folder}/table")
    )
    query.awaitTermination()
    seconds, cpu = time.monotonic() - started, cpu_seconds(jvm) - before
    landed = spark.read.format("delta").load(f"{folder}/table").count()
    spark.stop()
    shutil.rmtree(folder)
    if landed != rows:
        sys.exit(f"Spark landed {landed} rows of {rows}")
    print(f"{'Spark: decode, write':<28} {rows / seconds:>10.0f} {cpu:>8.2f} {rows / cpu:>14.0f}", flush=True)


main(os.environ["KAFKA_BOOTSTRAP"], sys.argv[1], int(sys.argv[2]))
