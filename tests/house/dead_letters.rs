//! Records that cannot be decoded: kept with their bytes and the reason, while the others land.

use std::time::Duration;

use libtest_mimic::Trial;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;

use super::binary::{Running, say, say_with_input, wait_for};
use super::fixtures::Project;
use super::needs::trial;

/// What a careless producer sends, and the code that it ends with.
const BROKEN: [(&[u8], &str); 7] = [
    (b"{\"TRANSACTION_ID\": 1,", "truncated"),
    (b"not json at all", "malformed_json"),
    (b"[1, 2]", "not_an_object"),
    (b"{\"TRANSACTION_ID\": 2}", "missing_field"),
    (
        b"{\"TRANSACTION_ID\": \"three\", \"TX_DATETIME\": 1, \"CUSTOMER_ID\": 1, \"TERMINAL_ID\": 1, \"TX_AMOUNT\": 1}",
        "wrong_type",
    ),
    (
        b"{\"TRANSACTION_ID\": 4, \"TX_DATETIME\": \"noon\", \"CUSTOMER_ID\": 1, \"TERMINAL_ID\": 1, \"TX_AMOUNT\": 1}",
        "invalid_time",
    ),
    (b"\xff\xfe\x00", "not_utf8"),
];
/// A record of `transactions` that can be decoded.
pub const SOUND: &[u8] =
    b"{\"TRANSACTION_ID\":7,\"TX_DATETIME\":\"2018-04-01T10:00:00\",\"CUSTOMER_ID\":1,\"TERMINAL_ID\":2,\"TX_AMOUNT\":3.5}";

pub fn trials() -> Vec<Trial> {
    vec![
        trial("dead_letters/are_kept_and_shown", &[], are_kept_and_shown),
        trial("dead_letters/go_back_repaired_once", &[], go_back_repaired_once),
    ]
}

/// Sends values to partition 0 of a topic and waits until the broker has them.
pub fn produce(bootstrap: &str, topic: &str, values: &[&[u8]]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .expect("a producer");
    for value in values {
        producer
            .send(BaseRecord::<str, [u8]>::to(topic).partition(0).key("k").payload(value))
            .expect("the queue has room");
    }
    producer.flush(Duration::from_secs(30)).expect("the broker answers");
}

fn are_kept_and_shown() {
    let project = Project::init();
    let dir = project.dir();
    let up = Running::start(&dir, &["--json", "up", "--set", "ingest.flush_interval=200ms"]);
    let mut values: Vec<&[u8]> = BROKEN.iter().map(|(value, _)| *value).collect();
    values.push(SOUND);
    produce(&up.bootstrap(), "transactions", &values);

    let stream = wait_for("the dead letters and one row", || {
        let status = say(&dir, &["status", "--json"]).ok().json();
        let streams = status["streams"].as_array()?;
        let stream = streams.iter().find(|stream| stream["stream"] == "transactions")?;
        (stream["dead_letters"] == BROKEN.len() && stream["rows"] == 1).then(|| stream.clone())
    });
    assert_eq!(stream["state"], "running");
    let answer = say(
        &dir,
        &[
            "sql",
            "-f",
            "csv",
            "select TRANSACTION_ID, TX_DATETIME from transactions",
        ],
    );
    assert_eq!(
        answer.ok().out(),
        "TRANSACTION_ID,TX_DATETIME\n7,2018-04-01T10:00:00Z\n"
    );

    let listed = say(&dir, &["dead-letters", "list", "--json"]).ok().json();
    let listed = listed.as_array().expect("a list");
    assert_eq!(listed.len(), BROKEN.len());
    let mut offsets: Vec<i64> = listed.iter().filter_map(|letter| letter["offset"].as_i64()).collect();
    offsets.sort_unstable();
    assert!(offsets.into_iter().eq(0..BROKEN.len() as i64));
    for (offset, (value, code)) in BROKEN.iter().enumerate() {
        let letter = show(&dir, offset);
        assert_eq!(letter["code"], *code, "{letter}");
        let bytes = match &letter["value"]["text"] {
            Value::String(text) => text.clone().into_bytes(),
            _ => hex::decode(letter["value"]["hex"].as_str().unwrap_or_default()).expect("hexadecimal"),
        };
        assert_eq!(bytes, *value, "record {offset} is shown as it came");
        assert_eq!(letter["value_bytes"], value.len());
        assert_eq!(letter["key"]["text"], "k");
    }
    say(&dir, &["dead-letters", "show", "transactions", "0", "99"]).ends(3);
    say(&dir, &["dead-letters", "list", "transaction"]).ends(3);
    let beside = say(&dir, &["dead-letters", "list", "--json"]).ok().json();
    up.stop();
    let alone = say(&dir, &["dead-letters", "list", "--json"]).ok().json();
    assert_eq!(alone, beside);
    let status = say(&dir, &["status", "--json"]).ok().json();
    let resting = status["streams"].as_array().and_then(|streams| {
        let of = streams.iter().find(|stream| stream["stream"] == "transactions")?;
        Some((of["rows"].clone(), of["dead_letters"].clone()))
    });
    assert_eq!(resting, Some((1.into(), BROKEN.len().into())), "{status}");
}

fn show(dir: &std::path::Path, offset: usize) -> Value {
    let offset = offset.to_string();
    say(dir, &["dead-letters", "show", "transactions", "0", &offset, "--json"])
        .ok()
        .json()
}

fn go_back_repaired_once() {
    let project = Project::init();
    let dir = project.dir();
    let up = Running::start(&dir, &["--json", "up", "--set", "ingest.flush_interval=200ms"]);
    produce(
        &up.bootstrap(),
        "transactions",
        &[b"{\"TRANSACTION_ID\": 1,", b"not json", SOUND],
    );
    let landed = |rows: u64, dead: u64| {
        wait_for("rows and dead letters", || {
            let status = say(&dir, &["status", "--json"]).ok().json();
            let streams = status["streams"].as_array()?;
            let stream = streams.iter().find(|stream| stream["stream"] == "transactions")?;
            (stream["dead_letters"] == dead && stream["rows"] == rows).then_some(())
        });
    };
    landed(1, 2);
    // One repaired from standard input, the other as it came: that one dies again.
    let repaired = String::from_utf8_lossy(SOUND).replace(":7,", ":8,");
    let replay = ["dead-letters", "replay", "transactions", "--json"];
    let one = [&replay[..], &["--offset", "0/0", "--file", "-"]].concat();
    let sent = say_with_input(&dir, &one, &format!("{repaired}\n")).ok().json();
    assert_eq!(
        (sent["sent"].as_u64(), sent["repaired"].as_u64()),
        (Some(1), Some(1)),
        "{sent}"
    );
    landed(2, 2);
    let sent = say(&dir, &replay).ok().json();
    assert_eq!(
        (sent["sent"].as_u64(), sent["sent_before"].as_u64()),
        (Some(1), Some(1)),
        "{sent}"
    );
    landed(2, 3);
    let again = show(&dir, 4);
    let headers: Vec<(&str, &str)> = again["headers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|header| Some((header["key"].as_str()?, header["value"]["text"].as_str()?)))
        .collect();
    assert_eq!(
        headers,
        [("tm_replay_of", "transactions/0/1"), ("tm_replay", "2")],
        "{again}"
    );
    assert_eq!(again["value"]["text"], "not json");
    // What was sent is kept, bytes and all.
    let kept = "select replay, state, letter_offset, repaired, encode(value, 'hex') = encode('not json', 'hex') as same \
                from dead_letter_replays order by replay, state";
    assert_eq!(
        say(&dir, &["sql", "-f", "csv", kept]).ok().out(),
        "replay,state,letter_offset,repaired,same\n1,sending,0,true,false\n1,sent,0,true,false\n\
         2,sending,1,false,true\n2,sent,1,false,true\n"
    );
    say(&dir, &["dead-letters", "replay", "transactions", "--offset", "0/99"]).ends(3);
    say(&dir, &["dead-letters", "replay", "transactions", "--offset", "99"]).ends(2);
    say(&dir, &["ingest", "audit", "transactions"]).ok();
    up.stop();
}
