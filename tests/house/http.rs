//! Requests to a running server.

use serde_json::Value;

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in `{}`", self.body))
    }
}

/// `GET url`.
#[track_caller]
pub fn get(url: &str) -> Answer {
    request("GET", url, "")
}

/// A request with a JSON body, where it is not empty.
#[track_caller]
pub fn request(method: &str, url: &str, body: &str) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let method = method.parse::<reqwest::Method>().expect("a method");
        let mut request = reqwest::Client::new().request(method, url);
        if !body.is_empty() {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
        Answer {
            status: answer.status().as_u16(),
            body: answer.text().await.expect("a body"),
        }
    })
}
