//! The client's side of SASL, for a client that waits for each answer.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use ring::{digest, hmac, pbkdf2};

use crate::client::{Client, text};

/// How the broker's answer proves that it knows the password, too.
pub struct Proof {
    pub token: String,
    pub verifier: String,
}

impl Client {
    pub fn take_mechanism(&mut self, version: i16, mechanism: &str) -> SaslHandshakeResponse {
        self.call(
            version,
            &SaslHandshakeRequest::default().with_mechanism(text(mechanism)),
        )
    }

    pub fn show(&mut self, version: i16, token: &str) -> SaslAuthenticateResponse {
        let token = Bytes::copy_from_slice(token.as_bytes());
        self.call(version, &SaslAuthenticateRequest::default().with_auth_bytes(token))
    }

    /// Sends a token without a request around it, and waits for the one that answers it.
    pub fn show_bare(&mut self, token: &str) -> Option<String> {
        let mut frame = (token.len() as u32).to_be_bytes().to_vec();
        frame.extend_from_slice(token.as_bytes());
        self.send_raw(&frame);
        let answer = self.frame()?;
        Some(String::from_utf8(answer.to_vec()).unwrap())
    }

    /// Says who it is, in this version of `SaslAuthenticate`. The last answer.
    pub fn authenticate(
        &mut self,
        version: i16,
        (mechanism, user, password): (&str, &str, &str),
    ) -> SaslAuthenticateResponse {
        assert_eq!(self.take_mechanism(1, mechanism).error_code, 0);
        if mechanism == "PLAIN" {
            return self.show(version, &format!("\0{user}\0{password}"));
        }
        let challenge = self.show(version, &format!("n,,n={user},r=abc"));
        assert_eq!(challenge.error_code, 0, "{:?}", challenge.error_message);
        let proof = prove(
            mechanism,
            (user, password),
            std::str::from_utf8(&challenge.auth_bytes).unwrap(),
        );
        let last = self.show(version, &proof.token);
        if last.error_code == 0 {
            assert_eq!(last.auth_bytes, proof.verifier.as_bytes(), "the broker's own proof");
        }
        last
    }
}

/// The answer to a server's first message, where the client's nonce was `abc`.
pub fn prove(mechanism: &str, (user, password): (&str, &str), server_first: &str) -> Proof {
    let (hash, key_derivation) = match mechanism {
        "SCRAM-SHA-256" => (hmac::HMAC_SHA256, pbkdf2::PBKDF2_HMAC_SHA256),
        "SCRAM-SHA-512" => (hmac::HMAC_SHA512, pbkdf2::PBKDF2_HMAC_SHA512),
        other => panic!("{other} proves nothing"),
    };
    let sign = |key: &[u8], message: &[u8]| hmac::sign(&hmac::Key::new(hash, key), message);
    let fields: Vec<&str> = server_first.split(',').collect();
    let value = |index: usize, name: &str| fields[index].strip_prefix(name).unwrap();
    assert!(value(0, "r=").starts_with("abc") && value(0, "r=").len() >= 3 + 24);
    let iterations: u32 = value(2, "i=").parse().unwrap();
    assert!(iterations >= 4_096);
    let mut salted = vec![0; hash.digest_algorithm().output_len()];
    pbkdf2::derive(
        key_derivation,
        NonZeroU32::new(iterations).unwrap(),
        &STANDARD.decode(value(1, "s=")).unwrap(),
        password.as_bytes(),
        &mut salted,
    );
    let client_key = sign(&salted, b"Client Key");
    let stored_key = digest::digest(hash.digest_algorithm(), client_key.as_ref());
    let without_proof = format!("c=biws,{}", fields[0]);
    let signed = format!("n={user},r=abc,{server_first},{without_proof}");
    let signature = sign(stored_key.as_ref(), signed.as_bytes());
    let pairs = client_key.as_ref().iter().zip(signature.as_ref());
    let proof: Vec<u8> = pairs.map(|(a, b)| a ^ b).collect();
    let server_key = sign(&salted, b"Server Key");
    Proof {
        token: format!("{without_proof},p={}", STANDARD.encode(proof)),
        verifier: format!("v={}", STANDARD.encode(sign(server_key.as_ref(), signed.as_bytes()))),
    }
}
