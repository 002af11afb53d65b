//! An authority, and certificates that come from it, in a folder.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
    SignatureAlgorithm, SigningKey,
};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

/// A certificate and its key, as PEM files.
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// An authority that signs.
pub struct Authority {
    issuer: Issuer<'static, Key>,
    dir: PathBuf,
    pub certificate: PathBuf,
}

struct Key {
    pair: EcdsaKeyPair,
    pkcs8: Vec<u8>,
}

impl Key {
    fn new() -> Key {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Key {
            pair: EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap(),
            pkcs8: pkcs8.as_ref().to_owned(),
        }
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = self.pair.sign(&SystemRandom::new(), message).unwrap();
        Ok(signature.as_ref().to_owned())
    }
}

impl Authority {
    pub fn new(dir: &Path, name: &str) -> Authority {
        let key = Key::new();
        let mut params = named(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = dir.join(format!("{name}.pem"));
        let signed = params.self_signed(&key).unwrap();
        write_pem(&certificate, "CERTIFICATE", signed.der());
        Authority {
            issuer: Issuer::new(params, key),
            dir: dir.to_owned(),
            certificate,
        }
    }

    /// A certificate for these hosts.
    pub fn sign(&self, name: &str, hosts: &[&str]) -> Pair {
        let key = Key::new();
        let mut params = named(name, hosts);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        let pair = Pair {
            certificate: self.dir.join(format!("{name}.pem")),
            key: self.dir.join(format!("{name}.key")),
        };
        write_pem(&pair.certificate, "CERTIFICATE", signed.der());
        write_pem(&pair.key, "PRIVATE KEY", &key.pkcs8);
        pair
    }
}

fn named(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(u64::from(name.len() as u32).into());
    params
}

fn write_pem(path: &Path, what: &str, der: &[u8]) {
    let mut file = fs::File::create(path).unwrap();
    writeln!(file, "-----BEGIN {what}-----").unwrap();
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        file.write_all(line).unwrap();
        writeln!(file).unwrap();
    }
    writeln!(file, "-----END {what}-----").unwrap();
}
