//! The broker's end of TLS, made of its files.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::settings::TlsSettings;
use crate::error::BrokerError;

/// Reads the files and checks that they belong together. Does not look at the time: a certificate that has run out is for
/// clients to refuse.
pub(crate) fn acceptor(settings: &TlsSettings) -> Result<TlsAcceptor, BrokerError> {
    let provider = Arc::new(ring::default_provider());
    let unfit = |path: &Path, reason: String| BrokerError::Tls {
        path: path.to_owned(),
        reason,
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unfit(&settings.certificate, error.to_string()))?;
    let builder = match &settings.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(path)? {
                roots.add(authority).map_err(|error| unfit(path, error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| unfit(path, error.to_string()))?)
        }
    };
    let chain = certificates(&settings.certificate)?;
    let config = builder
        .with_single_cert(chain, private_key(&settings.key)?)
        .map_err(|error| unfit(&settings.key, format!("with its certificate: {error}")))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, BrokerError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match found {
        Ok(found) if found.is_empty() => Err(no_pem(path, "it holds no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(unread(path, error, "it holds no certificate")),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, BrokerError> {
    let nothing = "it holds no private key without a password";
    PrivateKeyDer::from_pem_file(path).map_err(|error| unread(path, error, nothing))
}

fn no_pem(path: &Path, reason: &str) -> BrokerError {
    BrokerError::Tls {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

/// What the file says stays in the file: it may be a key.
fn unread(path: &Path, error: pem::Error, nothing: &str) -> BrokerError {
    match error {
        pem::Error::Io(source) => BrokerError::io("read", path)(source),
        pem::Error::NoItemsFound => no_pem(path, nothing),
        _ => no_pem(path, "it is not PEM"),
    }
}
