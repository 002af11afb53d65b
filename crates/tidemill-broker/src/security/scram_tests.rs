use super::*;
use crate::security::exchange::{Exchange, Step};
use crate::security::users::{SEED_BYTES, Users};
use crate::security::{Password, SaslMechanism, SaslSettings};

/// The example of RFC 7677, section 3.
const CLIENT_FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const WITHOUT_PROOF: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const PROOF: &str = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const VERIFIER: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
/// The same example by SHA-512, computed with Python's hashlib and hmac.
const PROOF_512: &str = "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==";
const VERIFIER_512: &str = "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==";

fn iterations() -> NonZeroU32 {
    NonZeroU32::new(4_096).unwrap()
}

fn challenge(hash: Hash, password: &str) -> (Challenge, String) {
    let salt = STANDARD.decode(SALT).unwrap();
    let keys = ScramKeys::derive(hash, password, &salt, iterations());
    let first = ClientFirst::parse(CLIENT_FIRST.as_bytes()).unwrap();
    assert_eq!(first.user(), "user");
    let (challenge, server_first) = first.challenge(keys, SERVER_NONCE);
    (challenge, String::from_utf8(server_first).unwrap())
}

fn finish(challenge: Challenge, token: &str) -> Result<(String, String), SaslFault> {
    let (user, token) = challenge.finish(token.as_bytes())?;
    Ok((user, String::from_utf8(token).unwrap()))
}

#[test]
fn the_published_example_comes_out_as_published() {
    for (hash, proof, verifier) in [(Hash::Sha256, PROOF, VERIFIER), (Hash::Sha512, PROOF_512, VERIFIER_512)] {
        let (challenge, server_first) = challenge(hash, "pencil");
        assert_eq!(server_first, SERVER_FIRST);
        let told = finish(challenge, &format!("{WITHOUT_PROOF},p={proof}"));
        assert_eq!(told, Ok(("user".to_owned(), verifier.to_owned())), "{hash:?}");
    }
}

#[test]
fn a_last_message_that_is_wrong_is_refused() {
    let good = format!("{WITHOUT_PROOF},p={PROOF}");
    let malformed = SaslFault::Malformed("the last message has another form");
    let nonce = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    let cases = [
        ("rubber", good.clone(), SaslFault::WrongCredentials),
        ("pencil", good.replace("dHzb", "dHzc"), SaslFault::WrongCredentials),
        // An extension belongs to what is signed.
        (
            "pencil",
            format!("{WITHOUT_PROOF},x=1,p={PROOF}"),
            SaslFault::WrongCredentials,
        ),
        // The client's own nonce alone, another server's, and that of an exchange before.
        (
            "pencil",
            good.replace(nonce, "r=rOprNGfwEbeRWgbNEkqO"),
            SaslFault::ForeignNonce,
        ),
        ("pencil", good.replace("$k0", "$k1"), SaslFault::ForeignNonce),
        // `y,,` and `p=tls-unique,,` where `n,,` was said first.
        ("pencil", good.replace("c=biws", "c=eSws"), SaslFault::ChannelBinding),
        (
            "pencil",
            good.replace("c=biws", "c=cD10bHMtdW5pcXVlLCw="),
            SaslFault::ChannelBinding,
        ),
        ("pencil", String::new(), malformed),
        ("pencil", CLIENT_FIRST.to_owned(), malformed),
        ("pencil", WITHOUT_PROOF.to_owned(), malformed),
        ("pencil", format!("{nonce},c=biws,p={PROOF}"), malformed),
        ("pencil", format!("{WITHOUT_PROOF},p="), malformed),
        ("pencil", format!("{WITHOUT_PROOF},p=***"), malformed),
        ("pencil", format!("{WITHOUT_PROOF},p=dHzb"), malformed),
        // A proof by another hash.
        ("pencil", format!("{WITHOUT_PROOF},p={PROOF_512}"), malformed),
    ];
    for (password, token, expected) in cases {
        let (challenge, _) = challenge(Hash::Sha256, password);
        assert_eq!(finish(challenge, &token), Err(expected), "{token}");
    }
}

#[test]
fn a_first_message_says_who_comes() {
    let check = |token: &[u8], expected: &str| {
        let told = match ClientFirst::parse(token) {
            Ok(first) => format!(
                "{} | {} | {} | {}",
                first.user, first.nonce, first.gs2_header, first.bare
            ),
            Err(fault) => fault.to_string(),
        };
        assert_eq!(told, expected, "{}", String::from_utf8_lossy(token));
    };
    check(b"n,,n=ada,r=abc", "ada | abc | n,, | n=ada,r=abc");
    check(b"y,,n=ada,r=abc", "ada | abc | y,, | n=ada,r=abc");
    check(b"n,a=ada,n=ada,r=abc", "ada | abc | n,a=ada, | n=ada,r=abc");
    // Kafka's clients add an extension where a token stands for the password.
    check(b"n,,n=ada,r=abc,x=1", "ada | abc | n,, | n=ada,r=abc,x=1");
    check(b"n,,n=a=2Cb=3Dc,r=abc", "a,b=c | abc | n,, | n=a=2Cb=3Dc,r=abc");
    check("n,,n=Ǻda,r=abc".as_bytes(), "Ǻda | abc | n,, | n=Ǻda,r=abc");
    check(b"n,a=bob,n=ada,r=abc", &SaslFault::ForAnother.to_string());
    check(b"p=tls-exporter,,n=ada,r=abc", &SaslFault::ChannelBinding.to_string());
    check(b"n,,m=x,n=ada,r=abc", &SaslFault::Extension.to_string());
    check(b"n,,n=ada,r=\xFF", "the first message is not UTF-8");
    for bad in [
        "",
        ",",
        "n",
        "n,,",
        "n,,n=ada",
        "n,,r=abc",
        "n,,r=abc,n=ada",
        "n,,n=,r=abc",
        "n,,n=ada,r=",
        "n,,n=ada,r=a b",
        "n,,n=a=2cb,r=abc",
        "n,,n=a=,r=abc",
        "x,,n=ada,r=abc",
        "n,b=ada,n=ada,r=abc",
    ] {
        check(bad.as_bytes(), "the first message has another form");
    }
}

fn users() -> Users {
    let mechanisms = [SaslMechanism::ScramSha256, SaslMechanism::ScramSha512];
    let user = [("ada".to_owned(), Password::new("pencil"))];
    Users::derive(&SaslSettings::new(mechanisms, user), &[3; SEED_BYTES])
}

/// What the server asks of `user`, and the exchange that waits for the answer.
fn asked(users: &Users, user: &str, server_nonce: &str) -> (Exchange, String) {
    let exchange = Exchange::begin(SaslMechanism::ScramSha256, server_nonce.to_owned());
    match exchange.step(users, format!("n,,n={user},r=abc").as_bytes()) {
        Step::Challenge(exchange, token) => (exchange, String::from_utf8(token).unwrap()),
        _ => panic!("no challenge for {user}"),
    }
}

/// A client's answer to what the server asked, with this password.
fn answer(user: &str, password: &str, server_first: &str) -> String {
    let fields: Vec<&str> = server_first.split(',').collect();
    let salt = STANDARD.decode(fields[1].strip_prefix("s=").unwrap()).unwrap();
    let hash = Hash::Sha256;
    let mut salted = vec![0; 32];
    pbkdf2::derive(hash.pbkdf2(), iterations(), &salt, password.as_bytes(), &mut salted);
    let client_key = hash.sign(&salted, b"Client Key");
    let stored_key = digest::digest(hash.digest(), client_key.as_ref());
    let without_proof = format!("c=biws,{}", fields[0]);
    let signed = format!("n={user},r=abc,{server_first},{without_proof}");
    let signature = hash.sign(stored_key.as_ref(), signed.as_bytes());
    let pairs = client_key.as_ref().iter().zip(signature.as_ref());
    let proof: Vec<u8> = pairs.map(|(a, b)| a ^ b).collect();
    format!("{without_proof},p={}", STANDARD.encode(proof))
}

fn told(step: Step) -> String {
    match step {
        Step::Challenge(..) => "asked".to_owned(),
        Step::Known { user, .. } => user,
        Step::Refused(fault) => fault.to_string(),
    }
}

#[test]
fn an_answer_serves_once_and_in_its_turn() {
    let users = users();
    let (exchange, server_first) = asked(&users, "ada", "first");
    let good = answer("ada", "pencil", &server_first);
    assert_eq!(told(exchange.step(&users, good.as_bytes())), "ada");
    // Again, to another exchange of the same user.
    let (exchange, _) = asked(&users, "ada", "second");
    assert_eq!(
        told(exchange.step(&users, good.as_bytes())),
        SaslFault::ForeignNonce.to_string()
    );
    // The last message first, and the first one twice.
    let exchange = Exchange::begin(SaslMechanism::ScramSha256, "third".to_owned());
    assert_eq!(
        told(exchange.step(&users, good.as_bytes())),
        "the first message has another form"
    );
    let (exchange, _) = asked(&users, "ada", "fourth");
    assert_eq!(
        told(exchange.step(&users, b"n,,n=ada,r=abc")),
        "the last message has another form"
    );
    let (exchange, _) = asked(&users, "ada", "fifth");
    assert_eq!(told(exchange.step(&users, &[b'a'; 9_000])), "the message is too long");
}

#[test]
fn an_unknown_user_is_asked_like_any_other() {
    let users = users();
    let salt = |user: &str| {
        let (_, server_first) = asked(&users, user, "nonce");
        server_first.split(',').nth(1).unwrap().to_owned()
    };
    assert_eq!(salt("eve"), salt("eve"));
    assert_ne!(salt("eve"), salt("bob"));
    assert_eq!(salt("eve").len(), salt("ada").len());
    for password in ["pencil", "", "\0"] {
        let (exchange, server_first) = asked(&users, "eve", "nonce");
        let token = answer("eve", password, &server_first);
        assert_eq!(
            told(exchange.step(&users, token.as_bytes())),
            SaslFault::WrongCredentials.to_string()
        );
    }
    // The keys of nobody are known to everybody, and prove nothing: a client key whose hash they hold does not exist, and
    // they are no one's besides.
    let keys = ScramKeys {
        stored_key: digest::digest(Hash::Sha256.digest(), &[0; 32]).as_ref().to_owned(),
        ..ScramKeys::nobodys(Hash::Sha256, b"salt", iterations())
    };
    let first = ClientFirst::parse(b"n,,n=eve,r=abc").unwrap();
    let (challenge, server_first) = first.challenge(keys.clone(), "nonce");
    let without_proof = "c=biws,r=abcnonce";
    let signed = format!(
        "n=eve,r=abc,{},{without_proof}",
        String::from_utf8(server_first).unwrap()
    );
    let proof = STANDARD.encode(Hash::Sha256.sign(&keys.stored_key, signed.as_bytes()));
    assert_eq!(
        finish(challenge, &format!("{without_proof},p={proof}")),
        Err(SaslFault::WrongCredentials)
    );
}
