//! Clients that have to say who they are.

use std::net::SocketAddr;
use std::path::Path;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, MetadataRequest, SaslAuthenticateRequest, SaslHandshakeRequest,
};
use tidemill_broker::{Broker, BrokerError, BrokerSecurity, BrokerSettings, Password, SaslMechanism, SaslSettings};

use crate::client::{
    Client, NO_PRODUCER, batch, create, fetch_request, produce_request, run, settings, text, values, with_broker,
};
use crate::sasl_client::prove;

pub const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

/// All mechanisms, for one user.
pub fn sasl() -> SaslSettings {
    let mechanisms = [
        SaslMechanism::Plain,
        SaslMechanism::ScramSha256,
        SaslMechanism::ScramSha512,
    ];
    SaslSettings::new(mechanisms, [("ada".to_owned(), Password::new("pencil"))])
}

/// What a client does.
type Deed = fn(&mut Client);

fn demanding(dir: &Path) -> BrokerSettings {
    BrokerSettings {
        security: BrokerSecurity {
            sasl: Some(sasl()),
            tls: None,
        },
        ..settings(dir)
    }
}

/// The topic `t`, made by a client that is known.
fn create_as_ada(address: SocketAddr) {
    let mut client = Client::connect(address);
    client.authenticate(2, ("PLAIN", "ada", "pencil"));
    create(&mut client, "t", 1);
}

fn code(error: ResponseError) -> i16 {
    error.code()
}

#[test]
fn each_mechanism_lets_in_who_knows_the_password_and_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(demanding(dir.path()), |_, address| {
        create_as_ada(address);
        for (index, mechanism) in MECHANISMS.into_iter().enumerate() {
            for version in 0..=2 {
                let mut client = Client::connect(address);
                let versions = client.call(3, &ApiVersionsRequest::default());
                assert!(
                    versions
                        .api_keys
                        .iter()
                        .any(|api| api.api_key == ApiKey::SaslAuthenticate as i16)
                );
                let last = client.authenticate(version, (mechanism, "ada", "pencil"));
                assert_eq!(
                    (last.error_code, last.session_lifetime_ms),
                    (0, 0),
                    "{mechanism} {version}"
                );
                let appended = client.produce("t", batch(&[mechanism], NO_PRODUCER));
                assert_eq!(
                    (appended.error_code, appended.base_offset),
                    (0, (index * 3) as i64 + i64::from(version))
                );
            }
            let mut answers = Vec::new();
            for (user, password) in [("ada", "rubber"), ("eve", "pencil"), ("ada", "Pencil")] {
                let mut client = Client::connect(address);
                let last = client.authenticate(2, (mechanism, user, password));
                assert_eq!(last.error_code, code(ResponseError::SaslAuthenticationFailed));
                assert!(last.auth_bytes.is_empty());
                answers.push(last.error_message.unwrap().to_string());
                assert_eq!(client.frame(), None, "{mechanism} {user}: the connection is closed");
            }
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        }
    });
}

#[test]
fn tokens_may_come_bare_as_old_clients_send_them() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(demanding(dir.path()), |_, address| {
        create_as_ada(address);
        let mut client = Client::connect(address);
        assert_eq!(client.take_mechanism(0, "PLAIN").error_code, 0);
        assert_eq!(client.show_bare("\0ada\0pencil").as_deref(), Some(""));
        assert_eq!(client.produce("t", batch(&["a"], NO_PRODUCER)).error_code, 0);

        for mechanism in &MECHANISMS[1..] {
            let mut client = Client::connect(address);
            client.take_mechanism(0, mechanism);
            let challenge = client.show_bare("n,,n=ada,r=abc").unwrap();
            let proof = prove(mechanism, ("ada", "pencil"), &challenge);
            assert_eq!(client.show_bare(&proof.token), Some(proof.verifier));
            assert_eq!(values(client.fetch("t", 0, 0).records), ["a"]);
        }
        for wrong in ["\0ada\0rubber", "\0eve\0pencil", "", "\0"] {
            let mut client = Client::connect(address);
            client.take_mechanism(0, "PLAIN");
            assert_eq!(client.show_bare(wrong), None, "{wrong:?}");
        }
    });
}

#[test]
fn nothing_else_is_answered_before_and_nothing_is_done() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(demanding(dir.path()), |broker, address| {
        let ask: [(&str, Deed); 4] = [
            ("produce", |c| {
                c.send(9, &produce_request("t", batch(&["a"], NO_PRODUCER)));
            }),
            ("a produce that wants no answer", |c| {
                c.send(9, &produce_request("t", batch(&["a"], NO_PRODUCER)).with_acks(0));
            }),
            ("fetch", |c| c.send(12, &fetch_request("t", 0))),
            ("metadata", |c| {
                c.send(12, &MetadataRequest::default().with_topics(None));
            }),
        ];
        let before: [(&str, Deed); 4] = [
            ("at once", |_| ()),
            ("after the versions", |c| {
                c.call(3, &ApiVersionsRequest::default());
            }),
            ("after taking a mechanism", |c| {
                c.take_mechanism(1, "SCRAM-SHA-256");
            }),
            ("in the middle of an exchange", |c| {
                c.take_mechanism(1, "SCRAM-SHA-256");
                c.show(2, "n,,n=ada,r=abc");
            }),
        ];
        for (when, prepare) in before {
            for (what, send) in ask {
                let mut client = Client::connect(address);
                prepare(&mut client);
                send(&mut client);
                assert_eq!(client.frame(), None, "{what} {when}");
            }
        }
        assert!(broker.topics().is_empty(), "{:?}", broker.topics());
    });
}

#[test]
fn requests_of_sasl_out_of_turn_are_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let illegal = code(ResponseError::IllegalSaslState);
    with_broker(demanding(dir.path()), |_, address| {
        // No mechanism was taken.
        let mut client = Client::connect(address);
        assert_eq!(client.show(2, "\0ada\0pencil").error_code, illegal);
        assert_eq!(client.frame(), None);
        // Another one is taken in the middle.
        let mut client = Client::connect(address);
        client.take_mechanism(1, "SCRAM-SHA-256");
        assert_eq!(client.take_mechanism(1, "PLAIN").error_code, illegal);
        assert_eq!(client.frame(), None);
        // The same once more, by a client that is known: its connection goes on.
        let mut client = Client::connect(address);
        client.authenticate(2, ("PLAIN", "ada", "pencil"));
        assert_eq!(client.take_mechanism(1, "PLAIN").error_code, illegal);
        assert_eq!(client.show(2, "\0ada\0pencil").error_code, illegal);
        client.call(3, &ApiVersionsRequest::default());
        // A mechanism that is not taken, with those that are.
        let mut client = Client::connect(address);
        let refused = client.take_mechanism(1, "GSSAPI");
        assert_eq!(refused.error_code, code(ResponseError::UnsupportedSaslMechanism));
        assert_eq!(refused.mechanisms, MECHANISMS.map(text));
        assert_eq!(client.frame(), None);
        // A version of ApiVersions that nobody knows is answered here, too.
        let mut client = Client::connect(address);
        client.send_raw(&[0, 0, 0, 11, 0, 18, 0, 99, 0, 0, 0, 0, 0, 1, b'c']);
        let answer = client.answer::<ApiVersionsRequest>(0);
        assert_eq!(answer.error_code, code(ResponseError::UnsupportedVersion));
        assert_eq!(client.authenticate(2, ("PLAIN", "ada", "pencil")).error_code, 0);
    });
    // A broker that asks nobody.
    let dir = tempfile::tempdir().unwrap();
    with_broker(settings(dir.path()), |_, address| {
        let mut client = Client::connect(address);
        assert_eq!(client.take_mechanism(1, "PLAIN").error_code, illegal);
        assert_eq!(client.show(2, "\0ada\0pencil").error_code, illegal);
        create(&mut client, "t", 1);
        assert_eq!(client.produce("t", batch(&["a"], NO_PRODUCER)).error_code, 0);
    });
}

#[test]
fn a_replayed_exchange_lets_nobody_in() {
    let dir = tempfile::tempdir().unwrap();
    with_broker(demanding(dir.path()), |_, address| {
        let ask = |client: &mut Client| {
            client.take_mechanism(1, "SCRAM-SHA-512");
            let challenge = client.show(2, "n,,n=ada,r=abc");
            String::from_utf8(challenge.auth_bytes.to_vec()).unwrap()
        };
        let mut client = Client::connect(address);
        let proof = prove("SCRAM-SHA-512", ("ada", "pencil"), &ask(&mut client));
        assert_eq!(client.show(2, &proof.token).error_code, 0);
        let mut thief = Client::connect(address);
        ask(&mut thief);
        let refused = thief.show(2, &proof.token);
        assert_eq!(refused.error_code, code(ResponseError::SaslAuthenticationFailed));
        assert_eq!(thief.frame(), None);
    });
}

#[test]
fn the_door_has_limits() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = demanding(dir.path());
    settings.limits.handshakes_max = 2;
    settings.limits.handshake_bytes_max = 2_000;
    settings.limits.handshake_timeout_ms = 5_000;
    with_broker(settings.clone(), |_, address| {
        let mut known = Client::connect(address);
        known.authenticate(2, ("PLAIN", "ada", "pencil"));
        create(&mut known, "t", 1);
        // Two wait, a third finds no place; whoever is in goes on.
        let mut waiting = [Client::connect(address), Client::connect(address)];
        for client in &mut waiting {
            client.call(3, &ApiVersionsRequest::default());
        }
        assert_eq!(Client::connect(address).frame(), None, "one too many");
        assert_eq!(known.produce("t", batch(&["a"], NO_PRODUCER)).error_code, 0);
        let [mut first, mut second] = waiting;
        assert_eq!(first.authenticate(2, ("PLAIN", "ada", "pencil")).error_code, 0);
        // A token that is longer than all that may be said.
        second.take_mechanism(1, "PLAIN");
        let token = "x".repeat(2_000);
        second.send(
            2,
            &SaslAuthenticateRequest::default().with_auth_bytes(token.into_bytes().into()),
        );
        assert_eq!(second.frame(), None, "too much at once");
        // Little by little is no way around it.
        let mut chatty = Client::connect(address);
        let mut answers = 0;
        let asked = chatty.frame_of(3, &ApiVersionsRequest::default());
        for _ in 0..200 {
            chatty.send_raw(&asked);
            if chatty.frame().is_none() {
                break;
            }
            answers += 1;
        }
        assert!(answers * asked.len() <= 2_000, "{answers} answers");
    });
    settings.limits.handshake_timeout_ms = 150;
    with_broker(settings, |_, address| {
        let mut silent = Client::connect(address);
        assert_eq!(silent.frame(), None, "it said nothing");
        let mut slow = Client::connect(address);
        slow.send(
            1,
            &SaslHandshakeRequest::default().with_mechanism(text("SCRAM-SHA-256")),
        );
        // The answer may come too late on a busy machine; then nothing does.
        let frames = std::iter::from_fn(|| slow.frame()).count();
        assert!(frames <= 1, "it began and said no more");
    });
}

#[test]
fn a_broker_that_others_can_reach_demands_something() {
    let dir = tempfile::tempdir().unwrap();
    let open = BrokerSettings {
        listen: "0.0.0.0".parse().unwrap(),
        ..settings(dir.path())
    };
    run(async {
        let refused = Broker::start(open).await.err().unwrap();
        assert!(matches!(refused, BrokerError::OpenToOthers { .. }), "{refused}");
    });
    assert!(!dir.path().join("broker.json").exists(), "the folder is not touched");
}
