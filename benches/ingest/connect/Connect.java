import java.io.StringReader;
import java.lang.management.ManagementFactory;
import java.net.ConnectException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;

import com.sun.management.OperatingSystemMXBean;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.Schema;
import org.apache.iceberg.Table;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.hadoop.HadoopCatalog;
import org.apache.iceberg.types.Types;
import org.apache.kafka.connect.cli.ConnectStandalone;

import static org.apache.iceberg.types.Types.NestedField.optional;

/**
 * What a user of Kafka Connect would set up: Iceberg's sink, exactly once, with the worker in this process. The same topic, in rows
 * per second and CPU second; the start of the JVM and of the worker is not counted.
 */
class Connect {
    static final HttpClient CLIENT = HttpClient.newHttpClient();
    static final long PATIENCE_MS = 600_000;
    static final Schema PAYMENT = new Schema(
        optional(1, "transaction_id", Types.LongType.get()),
        optional(2, "at", Types.TimestampType.withZone()),
        optional(3, "customer_id", Types.LongType.get()),
        optional(4, "terminal_id", Types.LongType.get()),
        optional(5, "amount", Types.DoubleType.get()),
        optional(6, "currency", Types.StringType.get()),
        optional(7, "country", Types.StringType.get()),
        optional(8, "channel", Types.StringType.get()),
        optional(9, "latitude", Types.DoubleType.get()),
        optional(10, "longitude", Types.DoubleType.get()),
        optional(11, "attempts", Types.IntegerType.get()),
        optional(12, "is_online", Types.BooleanType.get()),
        optional(13, "kafka_partition", Types.IntegerType.get()),
        optional(14, "kafka_offset", Types.LongType.get()),
        optional(15, "kafka_time", Types.TimestampType.withZone()));

    /** Topic, rows, an empty folder. */
    public static void main(String[] arguments) {
        int status = 0;
        try {
            measure(arguments);
        } catch (Throwable failure) {
            failure.printStackTrace();
            status = 1;
        }
        // The worker's own end waits for its tasks, and would not come after a failure.
        Runtime.getRuntime().halt(status);
    }

    static void measure(String[] arguments) throws Exception {
        String topic = arguments[0];
        long rows = Long.parseLong(arguments[1]);
        Path folder = Path.of(arguments[2]);
        String port = freePort();
        var names = Map.of(
            "topic", topic,
            "bootstrap", System.getenv("KAFKA_BOOTSTRAP"),
            "folder", folder.toString(),
            "port", port,
            // A group of its own for each run: what an earlier one committed is not skipped.
            "run", "iceberg-" + ProcessHandle.current().pid());
        Path worker = folder.resolve("worker.properties");
        Files.writeString(worker, filled("worker.properties", names));
        var catalog = new HadoopCatalog(new Configuration(), folder.resolve("warehouse").toString());
        Table table = catalog.createTable(TableIdentifier.of("bench", "payments"), PAYMENT);
        var main = new Thread(() -> ConnectStandalone.main(new String[] {worker.toString()}));
        main.setDaemon(true);
        main.start();
        URI connectors = URI.create("http://127.0.0.1:" + port + "/connectors");
        await("the worker", () -> ask(HttpRequest.newBuilder(connectors).build()) != null);

        long started = System.nanoTime();
        double before = cpuSeconds();
        var sink = new Properties();
        sink.load(new StringReader(filled("iceberg.properties", names)));
        String config = sink.entrySet().stream()
            .map(entry -> "\"" + entry.getKey() + "\":\"" + entry.getValue() + "\"")
            .collect(Collectors.joining(",", "{\"name\":\"" + names.get("run") + "\",\"config\":{", "}}"));
        var body = HttpRequest.BodyPublishers.ofString(config);
        if (ask(HttpRequest.newBuilder(connectors).header("Content-Type", "application/json").POST(body).build()) == null) {
            throw new IllegalStateException("the worker does not take the connector");
        }
        var tasks = HttpRequest.newBuilder(URI.create(connectors + "/" + names.get("run") + "/status")).build();
        await(rows + " rows", () -> {
            String status = ask(tasks);
            if (status != null && status.contains("FAILED")) {
                throw new IllegalStateException(status);
            }
            return landed(table) >= rows;
        });
        double seconds = (System.nanoTime() - started) / 1e9;
        double cpu = cpuSeconds() - before;
        if (landed(table) != rows) {
            throw new IllegalStateException("Kafka Connect landed " + landed(table) + " rows of " + rows);
        }
        System.out.printf("%-28s %10.0f %8.2f %14.0f%n", "Connect: decode, write", rows / seconds, cpu, rows / cpu);
    }

    /** Rows in the newest snapshot: those that a reader sees. */
    static long landed(Table table) {
        table.refresh();
        var snapshot = table.currentSnapshot();
        return snapshot == null ? 0 : Long.parseLong(snapshot.summary().get("total-records"));
    }

    static String filled(String file, Map<String, String> names) throws Exception {
        String text = Files.readString(Path.of("benches/ingest/connect", file));
        for (var name : names.entrySet()) {
            text = text.replace("{" + name.getKey() + "}", name.getValue());
        }
        return text;
    }

    static String freePort() throws Exception {
        try (var socket = new ServerSocket(0)) {
            return String.valueOf(socket.getLocalPort());
        }
    }

    /** What the worker answers; nothing when it does not, or says no. */
    static String ask(HttpRequest request) throws Exception {
        try {
            var answer = CLIENT.send(request, BodyHandlers.ofString());
            return answer.statusCode() < 300 ? answer.body() : null;
        } catch (ConnectException notYet) {
            return null;
        }
    }

    interface Condition {
        boolean holds() throws Exception;
    }

    static void await(String what, Condition condition) throws Exception {
        long end = System.currentTimeMillis() + PATIENCE_MS;
        while (!condition.holds()) {
            if (System.currentTimeMillis() > end) {
                throw new IllegalStateException(what + " did not come within " + PATIENCE_MS + " ms");
            }
            Thread.sleep(250);
        }
    }

    /** User and system time of this process, which is all of Connect here. */
    static double cpuSeconds() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() / 1e9;
    }
}
