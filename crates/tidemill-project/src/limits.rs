//! Limits above zero, shares between zero and one, and an address that is safe to listen on.

use tidemill_types::DurationText;

use crate::fault::Fault;
use crate::settings::{AssignmentMode, SecurityError, SecurityProtocol, Settings};
use crate::tree::{Node, Path};

/// Pushes a fault for each setting whose value has the right type and makes no sense.
pub(crate) fn check(settings: &Settings, root: &Node, faults: &mut Vec<Fault>) {
    let Settings {
        broker,
        ingest,
        engine,
        server,
        clock,
        kafka,
        predictions,
        storage,
        ..
    } = settings;
    let zero = DurationText::from_millis(0);
    let limits: [(&[&str], bool); 33] = [
        (&["broker", "fsync_interval"], broker.fsync_interval == zero),
        (&["broker", "segment_bytes"], broker.segment_bytes.as_u64() == 0),
        (
            &["broker", "retention_bytes"],
            broker.retention_bytes.is_some_and(|size| size.as_u64() == 0),
        ),
        (&["broker", "retention"], broker.retention == Some(zero)),
        (&["broker", "connections_max"], broker.connections_max == 0),
        (&["broker", "request_bytes"], broker.request_bytes.as_u64() == 0),
        (&["kafka", "discovery_interval"], kafka.discovery_interval == zero),
        (
            &["kafka", "schema_registry", "request_timeout"],
            kafka.schema_registry.request_timeout == zero,
        ),
        (
            &["kafka", "schema_registry", "schemas_max"],
            kafka.schema_registry.schemas_max == 0,
        ),
        (&["ingest", "message_bytes"], ingest.message_bytes.as_u64() == 0),
        (&["ingest", "flush_rows"], ingest.flush_rows == 0),
        (&["ingest", "flush_bytes"], ingest.flush_bytes.as_u64() == 0),
        (&["ingest", "flush_interval"], ingest.flush_interval == zero),
        (&["ingest", "buffer_bytes"], ingest.buffer_bytes.as_u64() == 0),
        (&["ingest", "dead_share_rows"], ingest.dead_share_rows == 0),
        (&["ingest", "checkpoint_commits"], ingest.checkpoint_commits == 0),
        (
            &["storage", "maintenance_interval"],
            storage.maintenance_interval == zero,
        ),
        (&["storage", "optimize_files"], storage.optimize_files == 0),
        (&["storage", "optimize_below"], storage.optimize_below.as_u64() == 0),
        (&["storage", "optimize_to"], storage.optimize_to.as_u64() == 0),
        (&["storage", "vacuum_interval"], storage.vacuum_interval == zero),
        (&["engine", "memory"], engine.memory.as_u64() == 0),
        (&["engine", "threads"], engine.threads == Some(0)),
        (&["engine", "query_timeout"], engine.query_timeout == zero),
        (&["engine", "query_rows"], engine.query_rows == 0),
        (&["engine", "query_bytes"], engine.query_bytes.as_u64() == 0),
        (&["server", "request_bytes"], server.request_bytes.as_u64() == 0),
        (&["server", "requests_in_flight"], server.requests_in_flight == 0),
        (&["server", "request_timeout"], server.request_timeout == zero),
        (&["server", "shutdown_timeout"], server.shutdown_timeout == zero),
        (&["clock", "tick"], clock.tick == zero),
        (&["predictions", "queue"], predictions.queue == 0),
        (&["kafka", "client_id"], kafka.client_id.is_empty()),
    ];
    for (path, _) in limits.iter().filter(|(_, broken)| *broken) {
        let path = Path::of(path);
        let must = if path == Path::of(&["kafka", "client_id"]) {
            "must not be empty"
        } else {
            "must be above zero"
        };
        faults.push(Fault::new(format!("`{path}` {must}")).at(root.origin_near(&path)));
    }
    for (name, stream) in &settings.streams {
        if stream.partitions < 1 {
            let path = Path::of(&["streams", name.as_str(), "partitions"]);
            faults.push(Fault::new(format!("`{path}` must be above zero")).at(root.origin_near(&path)));
        }
    }
    for (name, model) in &settings.models {
        let windows = [
            ("train", model.train == zero),
            ("evaluate", model.evaluate == zero),
            ("top_k", model.top_k.as_ref().is_some_and(|top| top.k == 0)),
        ];
        for (key, _) in windows.iter().filter(|(_, broken)| *broken) {
            let path = Path::of(&["models", name.as_str(), key]);
            faults.push(Fault::new(format!("`{path}` must be above zero")).at(root.origin_near(&path)));
        }
    }
    let checked = kafka.security.check();
    if let Err(error) = checked.and_then(|()| broker.check(&kafka.security, false)) {
        let path = match &error {
            SecurityError::Unfit { setting, .. } | SecurityError::Secret { setting, .. } => {
                Path::of(&setting.split('.').collect::<Vec<_>>())
            }
        };
        faults.push(Fault::new(error.to_string()).at(root.origin_near(&path)));
    }
    if !(0.0..=1.0).contains(&ingest.dead_share_max) {
        let path = Path::of(&["ingest", "dead_share_max"]);
        let fault = Fault::new(format!("`{path}` must be a share, from 0 to 1"));
        faults.push(fault.at(root.origin_near(&path)));
    }
    check_relations(settings, root, faults);
}

fn check_relations(settings: &Settings, root: &Node, faults: &mut Vec<Fault>) {
    let (ingest, server) = (&settings.ingest, &settings.server);
    let (broker, security) = (&settings.broker, &settings.kafka.security);
    let knows_clients = match security.protocol {
        SecurityProtocol::Plaintext => false,
        SecurityProtocol::Ssl => broker.client_ca.is_some(),
        SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl => true,
    };
    if !broker.listen.is_loopback() && !knows_clients {
        let path = Path::of(&["broker", "listen"]);
        let fault = Fault::new(format!(
            "`{path}` is {}, which others can reach, and the broker asks nobody for a password or a certificate",
            broker.listen
        ))
        .with_hint("set `kafka.security.protocol` to `sasl_ssl` and what belongs to it, or to `ssl` with `broker.client_ca`, or listen on 127.0.0.1")
        .at(root.origin_near(&path));
        faults.push(fault);
    }
    if ingest.buffer_bytes < ingest.flush_bytes {
        let path = Path::of(&["ingest", "buffer_bytes"]);
        let fault = Fault::new(format!(
            "`{path}` is {}, below `ingest.flush_bytes`, which is {}",
            ingest.buffer_bytes, ingest.flush_bytes
        ))
        .with_hint("a flush must fit into the buffer")
        .at(root.origin_near(&path));
        faults.push(fault);
    }
    if ingest.worker.is_some() && ingest.assignment != AssignmentMode::Group {
        let path = Path::of(&["ingest", "worker"]);
        let fault = Fault::new(format!(
            "`{path}` names a worker, and this process shares its streams with none"
        ))
        .with_hint("set `ingest.assignment = \"group\"`, or leave the name out")
        .at(root.origin_near(&path));
        faults.push(fault);
    }
    let has_token = server.token.is_some() || server.token_file.is_some();
    if !server.address.ip().is_loopback() && !has_token {
        let path = Path::of(&["server", "address"]);
        let fault = Fault::new(format!(
            "`{path}` is {}, which others can reach, and no token is set",
            server.address
        ))
        .with_hint("set TIDEMILL_SERVER__TOKEN or `server.token_file`, or listen on 127.0.0.1")
        .at(root.origin_near(&path));
        faults.push(fault);
    }
    if server.token.is_some() && server.token_file.is_some() {
        let path = Path::of(&["server", "token_file"]);
        let fault = Fault::new("both `server.token` and `server.token_file` are set")
            .with_hint("keep one of them")
            .at(root.origin_near(&path));
        faults.push(fault);
    }
    if server.token.as_ref().is_some_and(|token| token.expose().is_empty()) {
        let path = Path::of(&["server", "token"]);
        let fault = Fault::new("`server.token` is empty").with_hint("leave it out or give it a value");
        faults.push(fault.at(root.origin_near(&path)));
    }
}
