//! JSON held against arrow-json: the same rows, and what only arrow-json takes is one of the rules that are stricter here.
//!
//! Stricter here, each with its code: text is no number and no truth value (`"77"`), a whole number has neither fraction nor
//! exponent, a number must fit its type, a name stands once, a text that is no time is no time, values nest 127 deep, and a
//! message is JSON as RFC 8259 says: no control characters in texts, no half surrogates, no `01`.

use arrow::array::RecordBatch;
use arrow::json::ReaderBuilder;
use proptest::prelude::*;
use serde_json::Value;

use super::tests::{any_message, json_decoder, short_schema};
use super::{Fault, FaultCode};

fn ours(message: &[u8]) -> Result<RecordBatch, Fault> {
    let mut decoder = json_decoder(&short_schema());
    decoder.decode(message)?;
    let (arrays, _) = decoder.take();
    Ok(RecordBatch::try_new(short_schema().arrow(), arrays).unwrap())
}

/// One message as arrow-json reads it: exactly one row, and nothing behind it.
fn theirs(message: &[u8]) -> Option<RecordBatch> {
    let mut decoder = ReaderBuilder::new(short_schema().arrow()).build_decoder().unwrap();
    let read = decoder.decode(message).ok()?;
    if read != message.len() || decoder.has_partial_record() {
        return None;
    }
    let batch = decoder.flush().ok()??;
    (batch.num_rows() == 1).then_some(batch)
}

fn check(message: &[u8]) {
    let shown = String::from_utf8_lossy(message);
    match (ours(message), theirs(message)) {
        (Ok(ours), Some(theirs)) => assert_eq!(ours, theirs, "{shown}"),
        (Ok(_), None) => panic!("arrow-json refuses {shown}"),
        (Err(_), None) => (),
        (Err(fault), Some(_)) => {
            let is_json = serde_json::from_slice::<Value>(message).is_ok();
            let stricter = match fault.code {
                FaultCode::DuplicateKey
                | FaultCode::WrongType
                | FaultCode::OutOfRange
                | FaultCode::InvalidTime
                | FaultCode::TooDeep => true,
                FaultCode::MalformedJson | FaultCode::Truncated => !is_json,
                FaultCode::NotUtf8 => std::str::from_utf8(message).is_err(),
                _ => false,
            };
            assert!(stricter, "arrow-json takes {shown}, refused here with {fault:?}");
        }
    }
}

#[test]
fn what_is_stricter_here() {
    for (message, code) in [
        (r#"{"id":"77","at":0}"#, FaultCode::WrongType),
        (r#"{"id":1,"at":0,"amount":"7.5"}"#, FaultCode::WrongType),
        (r#"{"id":1.0,"at":0}"#, FaultCode::WrongType),
        (r#"{"id":1,"at":0,"id":2}"#, FaultCode::DuplicateKey),
        ("{\"id\":1,\"at\":0,\"note\":\"a\nb\"}", FaultCode::MalformedJson),
    ] {
        assert_eq!(ours(message.as_bytes()).unwrap_err().code, code, "{message}");
        assert!(theirs(message.as_bytes()).is_some(), "{message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn messages_are_read_as_arrow_json_reads_them(message in any_message(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_vec_pretty(&message) } else { serde_json::to_vec(&message) };
        check(&text.unwrap());
    }

    #[test]
    fn broken_messages_are_no_rows_where_arrow_json_has_none(
        message in any_message(),
        cut in any::<prop::sample::Index>(),
        replacement in prop::collection::vec(prop::sample::select(b"{}[]\",:0123456789.eE+-\\u/ntfNaI \n\x00\xff\xc3a".to_vec()), 0..4),
        width in 0_usize..4,
    ) {
        let mut bytes = serde_json::to_vec(&message).unwrap();
        let at = cut.index(bytes.len());
        let end = (at + width).min(bytes.len());
        bytes.splice(at..end, replacement);
        check(&bytes);
    }
}
