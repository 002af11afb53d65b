"""Produces Avro records as Confluent's client does: two writers' schemas, and three records that nobody can read."""

import sys
from datetime import datetime, timedelta, timezone

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

OLD = """{ "type": "record", "name": "payment", "fields": [
  { "name": "id", "type": "long" },
  { "name": "at", "type": { "type": "long", "logicalType": "timestamp-millis" } },
  { "name": "amount", "type": ["null", "double"], "default": null } ] }"""
# Fields in another order, one that is no column, and one more that is.
NEW = """{ "type": "record", "name": "payment", "fields": [
  { "name": "tags", "type": { "type": "array", "items": "string" }, "default": [] },
  { "name": "note", "type": ["null", "string"], "default": null },
  { "name": "amount", "type": ["null", "double"], "default": null },
  { "name": "at", "type": { "type": "long", "logicalType": "timestamp-millis" } },
  { "name": "id", "type": "long" } ] }"""
START = datetime(2024, 1, 1, tzinfo=timezone.utc)


def main(bootstrap: str, registry: str, topic: str) -> None:
    client = SchemaRegistryClient({"url": registry})
    producer = Producer({"bootstrap.servers": bootstrap})
    context = SerializationContext(topic, MessageField.VALUE)
    serializers = [AvroSerializer(client, schema) for schema in (OLD, NEW)]
    for number in range(2_000):
        newer = number % 2
        record = {"id": number, "at": START + timedelta(seconds=number), "amount": float(number)}
        if newer:
            record |= {"note": f"note {number}", "tags": ["a", "b"]}
        producer.produce(topic, serializers[newer](record, context))
        producer.poll(0)
    for value in (b"\0\x7f\xff\xff\xf0\x02", b"\0\x7f\xff\xff\xf1\x02", b'{"id": 1}'):
        producer.produce(topic, value)
    undelivered = producer.flush(60)
    assert undelivered == 0, f"{undelivered} records were not delivered"
    print("produced 2,000 records of two schemas and three broken ones")


main(*sys.argv[1:])
