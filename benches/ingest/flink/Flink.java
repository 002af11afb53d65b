import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

import com.sun.management.OperatingSystemMXBean;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/**
 * What a Flink user would write: SQL from Kafka into Parquet files, exactly once by checkpoints, all in this process. The same
 * topic, in rows per second and CPU second; the start of the JVM and of Flink is not counted.
 */
class Flink {
    static final int CORES = 2;
    /** Rows are visible after so long at most, as they are in the other peers. */
    static final Duration CHECKPOINTS = Duration.ofSeconds(2);

    /** Topic, rows, an empty folder. */
    public static void main(String[] arguments) {
        int status = 0;
        try {
            measure(arguments);
        } catch (Throwable failure) {
            failure.printStackTrace();
            status = 1;
        }
        // Flink's threads would live on.
        System.exit(status);
    }

    static void measure(String[] arguments) throws Exception {
        String topic = arguments[0];
        long rows = Long.parseLong(arguments[1]);
        var names = Map.of(
            "topic", topic,
            "bootstrap", System.getenv("KAFKA_BOOTSTRAP"),
            "folder", Path.of(arguments[2]).toUri().toString());
        var session = session(RuntimeExecutionMode.STREAMING);
        // Loads and compiles what every job needs.
        session.fromValues(1, 2).execute().await();

        long started = System.nanoTime();
        double before = cpuSeconds();
        makeTables(session, names);
        session.executeSql(text("land.sql", names)).await();
        double seconds = (System.nanoTime() - started) / 1e9;
        double cpu = cpuSeconds() - before;

        long landed = landed(names);
        if (landed != rows) {
            throw new IllegalStateException("Flink landed " + landed + " rows of " + rows);
        }
        System.out.printf("%-28s %10.0f %8.2f %14.0f%n", "Flink: decode, write", rows / seconds, cpu, rows / cpu);
    }

    static StreamTableEnvironment session(RuntimeExecutionMode mode) {
        var settings = new Configuration();
        settings.set(ExecutionOptions.RUNTIME_MODE, mode);
        settings.set(TaskManagerOptions.NUM_TASK_SLOTS, CORES);
        // A failure is the end of the measurement, not the start of a loop.
        settings.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
        settings.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, CHECKPOINTS);
        settings.set(CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE, CheckpointingMode.EXACTLY_ONCE);
        return StreamTableEnvironment.create(StreamExecutionEnvironment.createLocalEnvironment(CORES, settings));
    }

    /** What a reader of the files sees. */
    static long landed(Map<String, String> names) throws Exception {
        var reader = session(RuntimeExecutionMode.BATCH);
        makeTables(reader, names);
        try (var counted = reader.executeSql(text("count.sql", names)).collect()) {
            return (long) counted.next().getField(0);
        }
    }

    static void makeTables(StreamTableEnvironment session, Map<String, String> names) throws Exception {
        for (String statement : text("tables.sql", names).split(";\n")) {
            session.executeSql(statement);
        }
    }

    static String text(String file, Map<String, String> names) throws Exception {
        String text = Files.readString(Path.of("benches/ingest/flink", file));
        for (var name : names.entrySet()) {
            text = text.replace("{" + name.getKey() + "}", name.getValue());
        }
        return text;
    }

    /** User and system time of this process, which is all of Flink here. */
    static double cpuSeconds() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() / 1e9;
    }
}
