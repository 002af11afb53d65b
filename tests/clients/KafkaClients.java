// The Java client against a broker: its default, idempotent, producer; groups; static members; admin; refused transactions.

import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.TransactionalIdAuthorizationException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class KafkaClients {
    static final int PARTITIONS = 4;
    static final int RECORDS = 4_000;
    static final long DEADLINE_MS = 60_000;
    static final String RUN = UUID.randomUUID().toString().substring(0, 8);
    static String bootstrap;
    /// What every client is told besides: how it encrypts and who it is, where the broker wants to know.
    static final Properties security = new Properties();

    static void check(boolean condition, String what) {
        if (!condition) {
            System.out.println("FAILED: " + what);
            System.exit(1);
        }
    }

    static void ok(String what) {
        System.out.println("ok: " + what);
    }

    static Properties properties(String... pairs) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.putAll(security);
        for (int i = 0; i < pairs.length; i += 2) properties.put(pairs[i], pairs[i + 1]);
        return properties;
    }

    static KafkaProducer<String, String> producer(String... pairs) {
        return new KafkaProducer<>(properties(pairs), new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(String group, String... pairs) {
        Properties properties = properties(pairs);
        properties.put("group.id", group);
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
    }

    static List<ConsumerRecord<String, String>> read(KafkaConsumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> got = new ArrayList<>();
        long until = System.currentTimeMillis() + DEADLINE_MS;
        while (got.size() < count && System.currentTimeMillis() < until)
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) got.add(record);
        return got;
    }

    /// Polls, each on its own turn, until every consumer has its share.
    static boolean assigned(List<KafkaConsumer<String, String>> consumers, int share) {
        long until = System.currentTimeMillis() + DEADLINE_MS;
        while (System.currentTimeMillis() < until) {
            boolean all = true;
            for (KafkaConsumer<String, String> consumer : consumers) {
                consumer.poll(Duration.ofMillis(100));
                all &= consumer.assignment().size() == share;
            }
            if (all) return true;
        }
        return false;
    }

    public static void main(String[] arguments) throws Exception {
        bootstrap = arguments[0];
        if (arguments.length > 1)
            try (Reader file = Files.newBufferedReader(Path.of(arguments[1]))) {
                security.load(file);
            }
        String topic = "java-" + RUN;
        try (Admin admin = Admin.create(properties())) {
            admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1))).all().get();
            try {
                admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
                check(false, "a topic was created twice");
            } catch (ExecutionException error) {
                check(error.getCause() instanceof TopicExistsException, "creating a topic twice: " + error.getCause());
            }
            check(admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size() == PARTITIONS,
                "the topic has other partitions");
            check(admin.describeCluster().nodes().get().size() == 1, "there is one broker");
            ok("topics are created once and described");
            produceAndConsume(topic);
            groups(topic);
            change(admin, topic);
        }
        transactions();
        System.exit(0);
    }

    static void produceAndConsume(String topic) throws Exception {
        Set<String> sent = new HashSet<>();
        for (String codec : new String[] {"none", "gzip", "snappy", "lz4", "zstd"}) {
            List<Future<RecordMetadata>> acknowledged = new ArrayList<>();
            try (KafkaProducer<String, String> producer = producer("compression.type", codec, "linger.ms", "5")) {
                for (int i = 0; i < RECORDS; i++) {
                    String value = codec + "-" + i;
                    sent.add(value);
                    acknowledged.add(producer.send(new ProducerRecord<>(topic, "key-" + i % 97, value)));
                }
                producer.flush();
            }
            for (Future<RecordMetadata> one : acknowledged) check(one.get().hasOffset(), "no offset for a record");
        }
        try (KafkaConsumer<String, String> consumer = consumer("group-" + RUN)) {
            consumer.subscribe(List.of(topic));
            List<ConsumerRecord<String, String>> got = read(consumer, sent.size());
            Set<String> values = new HashSet<>();
            for (ConsumerRecord<String, String> record : got) values.add(record.value());
            check(got.size() == sent.size() && values.equals(sent), got.size() + " of " + sent.size() + " came back");
            consumer.commitSync();
            long middle = got.get(got.size() / 2).timestamp();
            Map<TopicPartition, Long> times = new HashMap<>();
            Map<TopicPartition, Long> first = new HashMap<>();
            for (int i = 0; i < PARTITIONS; i++) times.put(new TopicPartition(topic, i), middle);
            for (ConsumerRecord<String, String> record : got)
                if (record.timestamp() >= middle)
                    first.merge(new TopicPartition(topic, record.partition()), record.offset(), Math::min);
            for (Map.Entry<TopicPartition, OffsetAndTimestamp> found : consumer.offsetsForTimes(times).entrySet()) {
                Long offset = found.getValue() == null ? null : found.getValue().offset();
                check(java.util.Objects.equals(offset, first.get(found.getKey())), "time " + middle + " in " + found.getKey());
            }
        }
        try (KafkaConsumer<String, String> consumer = consumer("group-" + RUN)) {
            consumer.subscribe(List.of(topic));
            check(assigned(List.of(consumer), PARTITIONS), "the group does not come back");
            check(consumer.poll(Duration.ofMillis(1000)).isEmpty(), "committed records come again");
        }
        ok(sent.size() + " records of the default, idempotent, producer come back once each, in five compressions; times and commits");
    }

    static void groups(String topic) {
        for (String strategy : new String[] {"RangeAssignor", "CooperativeStickyAssignor"}) {
            String name = "org.apache.kafka.clients.consumer." + strategy;
            String group = strategy + "-" + RUN;
            KafkaConsumer<String, String> one = consumer(group, "partition.assignment.strategy", name, "group.instance.id", "one");
            KafkaConsumer<String, String> two = consumer(group, "partition.assignment.strategy", name);
            one.subscribe(List.of(topic));
            two.subscribe(List.of(topic));
            check(assigned(List.of(one, two), PARTITIONS / 2), strategy + ": two members do not share");
            two.close();
            check(assigned(List.of(one), PARTITIONS), strategy + ": the one left does not take over");
            one.close();
            KafkaConsumer<String, String> back = consumer(group, "partition.assignment.strategy", name, "group.instance.id", "one");
            back.subscribe(List.of(topic));
            check(assigned(List.of(back), PARTITIONS), strategy + ": the static member does not come back");
            back.close();
        }
        ok("members, one of them static, share and take over, eager and cooperative");
    }

    static void change(Admin admin, String topic) throws Exception {
        TopicPartition first = new TopicPartition(topic, 0);
        long end = admin.listOffsets(Map.of(first, OffsetSpec.latest())).partitionResult(first).get().offset();
        long newest = admin.listOffsets(Map.of(first, OffsetSpec.maxTimestamp())).partitionResult(first).get().offset();
        check(0 <= newest && newest < end, "the newest record is at " + newest);
        admin.deleteRecords(Map.of(first, RecordsToDelete.beforeOffset(end - 1))).all().get();
        check(admin.listOffsets(Map.of(first, OffsetSpec.earliest())).partitionResult(first).get().offset() == end - 1,
            "records were not deleted");
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        AlterConfigOp set = new AlterConfigOp(new ConfigEntry("retention.ms", "12345"), AlterConfigOp.OpType.SET);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(set))).all().get();
        check(admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value().equals("12345"),
            "retention.ms was not set");
        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(PARTITIONS + 1))).all().get();
        String group = "group-" + RUN;
        check(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().size() == PARTITIONS,
            "the group's offsets are not listed");
        check(admin.listGroups().all().get().stream().anyMatch(listing -> listing.groupId().equals(group)),
            "the group is not listed");
        check(admin.describeConsumerGroups(List.of(group)).all().get().get(group).members().isEmpty(), "the group is not empty");
        admin.deleteConsumerGroups(List.of(group)).all().get();
        admin.deleteTopics(List.of(topic)).all().get();
        check(!admin.listTopics().names().get().contains(topic), "the topic was not deleted");
        ok("configurations, records, partitions, groups and topics change as asked");
    }

    static void transactions() {
        try (KafkaProducer<String, String> producer = producer("transactional.id", "t-" + RUN, "max.block.ms", "20000")) {
            producer.initTransactions();
            System.out.println("ok: transactions are taken (this is not tidemill's broker)");
        } catch (TransactionalIdAuthorizationException error) {
            ok("transactions are refused at once");
        } catch (KafkaException error) {
            check(false, "transactions: " + error);
        }
    }
}
