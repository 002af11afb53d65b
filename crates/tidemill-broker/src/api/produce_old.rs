//! Produce before version 3, which the codec does not know: advertised for old clients' sake, and answered with error 35.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::ResponseError;

/// What becomes of such a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Every partition is refused with this answer.
    Answer(Bytes),
    /// It wants no answer.
    Silence,
}

/// The refusal of every partition of a request, laid out by hand. None where the request is malformed.
pub(crate) fn refuse(frame: &Bytes, version: i16, correlation_id: i32) -> Option<Refusal> {
    let mut request = &frame[..];
    skip(&mut request, 8)?;
    let _client_id = take_text(&mut request)?;
    let acks = request.try_get_i16().ok()?;
    let _timeout_ms = request.try_get_i32().ok()?;
    let mut response = BytesMut::new();
    response.put_i32(0);
    response.put_i32(correlation_id);
    let topics = request.try_get_i32().ok()?;
    response.put_i32(topics);
    for _ in 0..topics {
        let name = take_text(&mut request)?;
        response.put_i16(i16::try_from(name.len()).ok()?);
        response.put_slice(name);
        let partitions = request.try_get_i32().ok()?;
        response.put_i32(partitions);
        for _ in 0..partitions {
            response.put_i32(request.try_get_i32().ok()?);
            response.put_i16(ResponseError::UnsupportedVersion.code());
            let base_offset = -1;
            response.put_i64(base_offset);
            if 2 <= version {
                let append_time_ms = -1;
                response.put_i64(append_time_ms);
            }
            let record_bytes = usize::try_from(request.try_get_i32().ok()?).unwrap_or(0);
            skip(&mut request, record_bytes)?;
        }
    }
    if 1 <= version {
        let throttle_time_ms = 0;
        response.put_i32(throttle_time_ms);
    }
    let length = i32::try_from(response.len()).ok()? - 4;
    response[..4].copy_from_slice(&length.to_be_bytes());
    Some(if acks == 0 {
        Refusal::Silence
    } else {
        Refusal::Answer(response.freeze())
    })
}

fn skip(bytes: &mut &[u8], count: usize) -> Option<()> {
    *bytes = bytes.get(count..)?;
    Some(())
}

/// Text with a two-byte length; null is empty.
fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(bytes.try_get_i16().ok()?).unwrap_or(0);
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(frame: &Bytes, version: i16) -> Bytes {
        match refuse(frame, version, 7) {
            Some(Refusal::Answer(bytes)) => bytes,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_partition_is_refused_in_the_layout_of_its_version() {
        let mut frame = BytesMut::new();
        frame.put_slice(&[0, 0, 0, 2, 0, 0, 0, 7, 0, 1, b'c']);
        frame.put_slice(&[
            0, 1, 0, 0, 0, 9, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 2, 1, 2,
        ]);
        let frame = frame.freeze();
        let lengths: Vec<_> = (0..3).map(|version| answer(&frame, version).len()).collect();
        assert_eq!(lengths, [33, 37, 45]);
        let answer = answer(&frame, 0);
        assert_eq!(
            answer[..],
            [
                0, 0, 0, 29, 0, 0, 0, 7, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 3, 0, 35, 255, 255, 255, 255,
                255, 255, 255, 255
            ]
        );
        for cut in 0..frame.len() {
            assert_eq!(refuse(&frame.slice(..cut), 0, 7), None, "cut at {cut}");
        }
        let mut silent = frame.to_vec();
        silent[12] = 0;
        assert_eq!(refuse(&silent.into(), 0, 7), Some(Refusal::Silence));
    }
}
