//! Encrypted connections, with certificates of an authority of the test's own.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use kafka_protocol::messages::ApiVersionsRequest;
use tempfile::TempDir;
use tidemill_broker::{Broker, BrokerError, BrokerSecurity, BrokerSettings, TlsSettings};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::certificates::{Authority, Pair};
use crate::client::{Client, NO_PRODUCER, batch, create, produce_request, run, settings, values, with_broker};
use crate::sasl::{MECHANISMS, sasl};

/// An authority, and a broker with a certificate of it.
pub struct House {
    pub dir: TempDir,
    pub authority: Authority,
    pub broker: Pair,
}

impl House {
    pub fn new() -> House {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new(dir.path(), "authority");
        let broker = authority.sign("broker", &["127.0.0.1", "localhost"]);
        House { dir, authority, broker }
    }

    /// A broker that demands TLS, and of its clients a certificate of `client_ca` where there is one.
    pub fn settings(&self, client_ca: Option<&Path>) -> BrokerSettings {
        BrokerSettings {
            security: BrokerSecurity {
                tls: Some(TlsSettings {
                    certificate: self.broker.certificate.clone(),
                    key: self.broker.key.clone(),
                    client_ca: client_ca.map(Path::to_owned),
                }),
                sasl: None,
            },
            ..settings(&self.dir.path().join("log"))
        }
    }

    /// A client that trusts the authority.
    fn client(&self, certificate: Option<&Pair>, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
        trusting(&self.authority, certificate, versions)
    }
}

const BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

fn trusting(
    authority: &Authority,
    certificate: Option<&Pair>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(&authority.certificate).unwrap())
        .unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match certificate {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let chain = vec![CertificateDer::from_pem_file(&pair.certificate).unwrap()];
            let key = PrivateKeyDer::from_pem_file(&pair.key).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    })
}

/// Whether the broker answers a client. With TLS 1.3 a client hears only after its own part that it is not wanted.
fn is_served(address: SocketAddr, config: &Arc<ClientConfig>) -> bool {
    let Ok(mut client) = Client::connect_tls(address, Arc::clone(config)) else {
        return false;
    };
    let asked = client.frame_of(3, &ApiVersionsRequest::default());
    client.try_send_raw(&asked).is_ok() && client.try_frame().is_some()
}

#[test]
fn records_come_and_go_encrypted() {
    let house = House::new();
    with_broker(house.settings(None), |_, address| {
        let mut first = Client::connect_tls(address, house.client(None, &BOTH)).unwrap();
        create(&mut first, "t", 1);
        create(&mut first, "u", 1);
        for (version, value) in [(&TLS12, "a"), (&TLS13, "b")] {
            let mut client = Client::connect_tls(address, house.client(None, &[version])).unwrap();
            assert_eq!(client.produce("t", batch(&[value], NO_PRODUCER)).error_code, 0);
        }
        let mut client = Client::connect_tls(address, house.client(None, &BOTH)).unwrap();
        assert_eq!(values(client.fetch("t", 0, 0).records), ["a", "b"]);
        // Larger than any record of TLS, both ways; and two requests at once.
        let large = "x".repeat(3_000_000);
        assert_eq!(client.produce("u", batch(&[&large], NO_PRODUCER)).error_code, 0);
        assert_eq!(values(client.fetch("u", 0, 0).records), std::slice::from_ref(&large));
        client.send(3, &ApiVersionsRequest::default());
        client.send(3, &ApiVersionsRequest::default());
        client.answer::<ApiVersionsRequest>(3);
        client.answer::<ApiVersionsRequest>(3);
        // A client that trusts somebody else does not even ask.
        let stranger = Authority::new(house.dir.path(), "stranger");
        assert!(Client::connect_tls(address, trusting(&stranger, None, &BOTH)).is_err());
    });
}

#[test]
fn a_client_without_tls_gets_no_answer_and_holds_nobody_up() {
    let house = House::new();
    let mut demanding = house.settings(None);
    demanding.limits.handshakes_max = 4;
    demanding.limits.handshake_timeout_ms = 5_000;
    demanding.limits.failed_authentication_delay_ms = 0;
    with_broker(demanding, |_, address| {
        for _ in 0..5 {
            let mut plain = Client::connect(address);
            plain.send(3, &ApiVersionsRequest::default());
            assert_eq!(plain.frame(), None);
        }
        // One that begins like TLS and says no more holds its place for no longer than the limit.
        let mut silent = Client::connect(address);
        silent.send_raw(&[22, 3, 1]);
        assert!(is_served(address, &house.client(None, &BOTH)));
        assert_eq!(silent.frame(), None);
        // And one that goes on with something else.
        let mut babble = Client::connect(address);
        babble.send_raw(&[22, 3, 1, 0, 4, 9, 9, 9, 9]);
        assert!(babble.ends_without_a_frame());
        assert!(is_served(address, &house.client(None, &BOTH)));
    });
    // The other way around.
    let dir = tempfile::tempdir().unwrap();
    with_broker(settings(dir.path()), |_, address| {
        assert!(!is_served(address, &house.client(None, &BOTH)));
        Client::connect(address).call(3, &ApiVersionsRequest::default());
    });
}

#[test]
fn a_certificate_of_the_authority_is_demanded_where_one_is_named() {
    let house = House::new();
    let clients = Authority::new(house.dir.path(), "clients");
    let ours = clients.sign("ours", &[]);
    let foreign = house.authority.sign("foreign", &[]);
    with_broker(house.settings(Some(&clients.certificate)), |_, address| {
        for version in BOTH {
            assert!(is_served(address, &house.client(Some(&ours), &[version])));
            assert!(!is_served(address, &house.client(None, &[version])), "no certificate");
            assert!(
                !is_served(address, &house.client(Some(&foreign), &[version])),
                "another authority's"
            );
        }
        let mut client = Client::connect_tls(address, house.client(Some(&ours), &BOTH)).unwrap();
        create(&mut client, "t", 1);
        assert_eq!(client.produce("t", batch(&["a"], NO_PRODUCER)).error_code, 0);
    });
}

#[test]
fn a_password_is_asked_within_tls() {
    let house = House::new();
    let mut settings = house.settings(None);
    settings.security.sasl = Some(sasl());
    with_broker(settings, |_, address| {
        let config = house.client(None, &BOTH);
        for mechanism in MECHANISMS {
            let mut client = Client::connect_tls(address, Arc::clone(&config)).unwrap();
            assert_eq!(client.authenticate(2, (mechanism, "ada", "pencil")).error_code, 0);
            create(&mut client, mechanism, 1);
            assert_eq!(client.produce(mechanism, batch(&["a"], NO_PRODUCER)).error_code, 0);
            let mut client = Client::connect_tls(address, Arc::clone(&config)).unwrap();
            assert_ne!(client.authenticate(2, (mechanism, "ada", "rubber")).error_code, 0);
            assert_eq!(client.frame(), None);
        }
        let mut client = Client::connect_tls(address, config).unwrap();
        client.send(9, &produce_request("t", batch(&["a"], NO_PRODUCER)));
        assert_eq!(client.frame(), None);
    });
}

#[test]
fn files_that_do_not_serve_are_named() {
    let house = House::new();
    let other = house.authority.sign("other", &["127.0.0.1"]);
    let dir = house.dir.path();
    let empty = dir.join("empty.pem");
    fs::write(&empty, "").unwrap();
    let secret = dir.join("locked.key");
    fs::write(
        &secret,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nc2VjcmV0\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    let check = |change: &dyn Fn(&mut TlsSettings), expected: &str| {
        let mut settings = house.settings(None);
        change(settings.security.tls.as_mut().unwrap());
        let error = run(Broker::start(settings)).err().unwrap();
        let is_of_tls = matches!(error, BrokerError::Tls { .. } | BrokerError::Io { .. });
        let told = error.to_string().replace(&dir.display().to_string(), "DIR");
        assert!(is_of_tls && told.starts_with(expected), "{told}");
        assert!(!told.contains("c2VjcmV0"), "{told}");
    };
    check(
        &|tls| tls.certificate = dir.join("absent.pem"),
        "failed to read `DIR/absent.pem`",
    );
    check(
        &|tls| tls.certificate.clone_from(&empty),
        "`DIR/empty.pem` does not serve for TLS: it holds no certificate",
    );
    check(
        &|tls| tls.key.clone_from(&secret),
        "`DIR/locked.key` does not serve for TLS: it holds no private key without a password",
    );
    check(
        &|tls| tls.key.clone_from(&other.key),
        "`DIR/other.key` does not serve for TLS: with its certificate: ",
    );
    check(
        &|tls| tls.client_ca = Some(empty.clone()),
        "`DIR/empty.pem` does not serve for TLS: it holds no certificate",
    );
    assert!(!dir.join("log").exists(), "the folder is not touched");
}

#[test]
fn clients_are_told_the_name_that_the_certificate_bears() {
    let house = House::new();
    let mut settings = house.settings(None);
    settings.advertised_host = Some("localhost".to_owned());
    with_broker(settings, |broker, address| {
        assert_eq!(broker.bootstrap(), format!("localhost:{}", address.port()));
    });
}
