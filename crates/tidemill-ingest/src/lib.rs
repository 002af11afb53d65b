//! Kafka to lake, exactly once.
