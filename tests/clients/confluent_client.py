"""confluent-kafka against a broker: idempotent producer, groups that share and hand over, admin, refused transactions."""

import sys
import time
import uuid

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, OffsetSpec

BOOTSTRAP = sys.argv[1]
RUN = uuid.uuid4().hex[:8]
RECORDS = 20_000
PARTITIONS = 4
DEADLINE_S = 60


def check(condition, what):
    if not condition:
        print(f"FAILED: {what}")
        sys.exit(1)


def ok(what):
    print(f"ok: {what}", flush=True)


def consumer(group, **settings):
    return Consumer(
        {
            "bootstrap.servers": BOOTSTRAP,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            **settings,
        }
    )


def read(consumers, count):
    """Values that the consumers get, until there are `count` or the time is over."""
    got = []
    until = time.monotonic() + DEADLINE_S
    while len(got) < count and time.monotonic() < until:
        for one in consumers:
            for message in one.consume(1000, timeout=0.1):
                check(message.error() is None, f"consume: {message.error()}")
                got.append(message)
    return got


def assigned(consumers, shares):
    """Polls until the consumers have so many partitions each."""
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        for one in consumers:
            one.poll(0.1)
        if sorted(len(one.assignment()) for one in consumers) == shares:
            return True
    return False


admin = AdminClient({"bootstrap.servers": BOOTSTRAP})
topic = f"confluent-{RUN}"
admin.create_topics([NewTopic(topic, PARTITIONS, 1, config={"retention.ms": "-1"})])[topic].result(30)
try:
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    check(False, "a topic was created twice")
except KafkaException as error:
    check(error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS, f"creating a topic twice: {error}")
described = admin.describe_configs([ConfigResource("topic", topic)])
configs = next(iter(described.values())).result(30)
check(configs["retention.ms"].value == "-1", "retention.ms is not what was set")
check(len(admin.describe_cluster().result(30).nodes) == 1, "there is one broker")
ok("topics are created once, and described with their configuration")

errors = []
producer = Producer({"bootstrap.servers": BOOTSTRAP, "enable.idempotence": True, "linger.ms": 5, "compression.type": "zstd"})
for number in range(RECORDS):
    producer.produce(
        topic,
        key=str(number % 97),
        value=str(number),
        headers=[("n", str(number).encode())],
        on_delivery=lambda error, _: errors.append(error) if error else None,
    )
    producer.poll(0)
check(producer.flush(DEADLINE_S) == 0 and not errors, f"produce: {errors[:3]}")
group = f"group-{RUN}"
one = consumer(group)
one.subscribe([topic])
got = read([one], RECORDS)
check(sorted(int(message.value()) for message in got) == list(range(RECORDS)), f"{len(got)} of {RECORDS} came back")
check(all(message.headers() == [("n", message.value())] for message in got), "headers changed")
check(len({(message.partition(), message.offset()) for message in got}) == RECORDS, "an offset came twice")
one.commit(asynchronous=False)
ok(f"{RECORDS} records of an idempotent producer come back once each, with keys and headers")

for strategy in ["range", "cooperative-sticky"]:
    shared = f"{group}-{strategy}"
    members = [consumer(shared, **{"partition.assignment.strategy": strategy}) for _ in range(2)]
    for member in members:
        member.subscribe([topic])
    check(assigned(members, [2, 2]), f"{strategy}: two members do not share {PARTITIONS} partitions")
    members.pop().close()
    check(assigned(members, [PARTITIONS]), f"{strategy}: the one left does not take over")
    members.pop().close()
ok("members share partitions and take over from who leaves, eager and cooperative")

one.close()
again = consumer(group)
again.subscribe([topic])
check(assigned([again], [PARTITIONS]), "the group does not come back")
check(read([again], 0) == [] and again.poll(1.0) is None, "committed records come again")
committed = again.committed([TopicPartition(topic, index) for index in range(PARTITIONS)], 30)
check(sum(partition.offset for partition in committed) == RECORDS, "committed offsets are not those of the end")
again.close()
ok("a group goes on where it committed")

static = [consumer(f"{group}-static", **{"group.instance.id": f"i{index}", "session.timeout.ms": 30000}) for index in range(2)]
for member in static:
    member.subscribe([topic])
check(assigned(static, [2, 2]), "static members do not share")
before = {(p.topic, p.partition) for p in static[1].assignment()}
static[1].close()
static[1] = consumer(f"{group}-static", **{"group.instance.id": "i1", "session.timeout.ms": 30000})
static[1].subscribe([topic])
check(assigned(static, [2, 2]), "a static member does not come back")
check({(p.topic, p.partition) for p in static[1].assignment()} == before, "a static member came back to other partitions")
for member in static:
    member.close()
ok("a static member comes back to its partitions")

middle = sorted(message.timestamp()[1] for message in got)[RECORDS // 2]
times = consumer(f"{group}-times")
offsets = times.offsets_for_times([TopicPartition(topic, index, middle) for index in range(PARTITIONS)], 30)
for partition in offsets:
    later = [m.offset() for m in got if m.partition() == partition.partition and m.timestamp()[1] >= middle]
    check(partition.offset == (min(later) if later else -1), f"time {middle} in partition {partition.partition}")
times.close()
ok("a time finds its record, in compressed batches")

latest = admin.list_offsets({TopicPartition(topic, 0): OffsetSpec.latest()})
end = next(iter(latest.values())).result(30).offset
admin.delete_records([TopicPartition(topic, 0, end - 10)])[TopicPartition(topic, 0)].result(30)
earliest = admin.list_offsets({TopicPartition(topic, 0): OffsetSpec.earliest()})
check(next(iter(earliest.values())).result(30).offset == end - 10, "records below the offset are still there")
admin.create_partitions([NewPartitions(topic, PARTITIONS + 1)])[topic].result(30)
check(len(admin.list_topics(topic, 30).topics[topic].partitions) == PARTITIONS + 1, "no partition was added")
listed = {listing.group_id for listing in admin.list_consumer_groups().result(30).valid}
check(group in listed, "the group is not listed")
admin.delete_consumer_groups([group])[group].result(30)
admin.delete_topics([topic])[topic].result(30)
check(topic not in admin.list_topics(timeout=30).topics, "the topic was not deleted")
ok("records, groups and topics can be deleted, partitions added")

transactional = Producer({"bootstrap.servers": BOOTSTRAP, "transactional.id": f"t-{RUN}", "transaction.timeout.ms": 10000})
try:
    transactional.init_transactions(15)
    print("ok: transactions are taken (this is not tidemill's broker)")
except KafkaException as error:
    check(error.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, f"transactions: {error}")
    ok("transactions are refused at once")
