use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use expect_test::{Expect, expect};
use tidemill_types::{ErrorCode, Explain, VersionNumber};

use super::{candidate, logistic, name, slots};
use crate::protocol::InferRequest;
use crate::{Candidate, Deployed};

fn request() -> InferRequest {
    InferRequest::from_columns([
        ("AMOUNT".to_owned(), vec![1.0]),
        ("COUNT".to_owned(), vec![0.0]),
        ("WEEKEND".to_owned(), vec![0.0]),
    ])
}

#[tokio::test]
async fn an_install_swaps_and_gives_back_what_served() {
    let (slots, _) = slots();
    let fraud = name("fraud");
    let before = slots.install(&fraud, candidate(2, 1.0)).await.unwrap().unwrap();
    assert_eq!(before.version, VersionNumber(1));
    let answer = slots.infer(&fraud, None, request()).await.unwrap();
    assert_eq!(answer.model_version, "2");
    assert_eq!(answer.output("probability"), Some(&[logistic(2.0)][..]));
    assert!(
        slots
            .install(&name("other"), candidate(1, 0.0))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(slots.all().len(), 2);
    assert_eq!(slots.remove(&fraud).unwrap().version, VersionNumber(2));
    assert!(slots.get(&fraud).is_none());
    assert!(slots.remove(&fraud).is_none());
}

/// Every candidate here is refused, and version 1 goes on serving.
async fn check(change: impl FnOnce(&mut Candidate), expected: Expect) {
    let (slots, _) = slots();
    let mut candidate = candidate(2, 1.0);
    change(&mut candidate);
    let problem = slots.install(&name("fraud"), candidate).await.unwrap_err().problem();
    assert_eq!(slots.get(&name("fraud")).unwrap().version, VersionNumber(1));
    expected.assert_eq(&format!("{}: {}", problem.code, problem.message));
}

#[tokio::test]
async fn what_is_not_as_it_was_made_is_refused() {
    check(
        |candidate| candidate.artifact[40] ^= 1,
        expect!["corrupt: the artifact of `fraud` v2 cannot be read: the checksum of the artifact does not match its content"],
    )
    .await;
    check(
        |candidate| candidate.artifact.truncate(5),
        expect!["corrupt: the artifact of `fraud` v2 cannot be read: the artifact ends in the middle"],
    )
    .await;
    check(|candidate| candidate.content_hash = "00".to_owned(), expect!["corrupt: the artifact of `fraud` v2 has the content hash b0d044f4961e9e3bf7d8a8e8404ea135339549cc3e48a12832850b61f387d8d9, and the registry says 00"]).await;
}

/// A swap is seen whole: every answer has the score of the version that it names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_during_swaps_are_answered_by_one_version() {
    let (slots, recorder) = slots();
    let slots = Arc::new(slots);
    let versions = [1, 2].map(|version| Arc::new(Deployed::check(candidate(version, f64::from(version))).unwrap()));
    let done = Arc::new(AtomicBool::new(false));
    let swapper = {
        let (slots, done) = (Arc::clone(&slots), Arc::clone(&done));
        std::thread::spawn(move || {
            let mut turn = 0;
            while !done.load(Ordering::Relaxed) {
                slots.swap(&name("fraud"), &versions[turn % 2]);
                turn += 1;
            }
        })
    };
    for _ in 0..2_000 {
        let answer = slots.infer(&name("fraud"), None, request()).await.unwrap();
        let version: f64 = answer.model_version.parse().unwrap();
        let score = answer.outputs[0].data[0];
        // The version that serves at the start has intercept 0 and the number 1.
        assert!(score == logistic(1.0 + version) || score == logistic(1.0), "{answer:?}");
    }
    done.store(true, Ordering::Relaxed);
    swapper.join().unwrap();
    assert_eq!(recorder.0.lock().unwrap().len(), 2_000);
}

#[test]
fn a_mismatch_is_told_as_corrupt() {
    let mut wrong = candidate(2, 1.0);
    wrong.content_hash = "00".to_owned();
    assert_eq!(Deployed::check(wrong).unwrap_err().code(), ErrorCode::Corrupt);
}
