//! A whole local stack in this process, in memory, and a client of its API.

use std::ops::Deref;
use std::sync::Arc;

use api::app::AppDependencies;
use api::config::Config;
use api::env::Env;
use domain::invariants::check;
use domain::job::ModelUse;
use domain::{AccountId, Plan, Schema};
use local::{LocalConfig, Stack};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use runtime::settings::Settings;
use serde_json::{Value, json};
use store::accounts::Binding;

use super::clocks::RunningClock;

/// A running stack with its dev account's client.
pub struct World {
    pub stack: Stack,
    pub dev: Caller,
}

impl Deref for World {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.dev
    }
}

/// A client for plain HTTP. Installs the TLS provider, unless this process has one already. It reads no certificates: that takes
/// longer than many tests.
pub fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().tls_certs_only([]).build().unwrap()
}

/// A client with a key.
#[derive(Clone)]
pub struct Caller {
    http: Client,
    base: String,
    pub key: String,
}

/// A response, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// `error.code`.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|v| v.to_str().unwrap()).unwrap_or_default()
    }

    pub fn number(&self, name: &str) -> i64 {
        self.header(name).parse().unwrap_or_else(|_| panic!("header {name}: {:?}", self.headers))
    }

    pub fn job(&self) -> String {
        self.header("x-job-id").to_owned()
    }
}

/// The configuration of a test stack; `vars` are read like environment variables.
pub fn config(vars: &[(&str, &str)]) -> LocalConfig {
    let lookup = |name: &str| {
        let given = vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        given.or_else(|| (name == "FETCH_ALLOW").then(|| "127.0.0.0/8".to_owned()))
    };
    let env = Env(&lookup);
    let defaults = Settings { sweep_secs: 1, ..Settings::default() };
    LocalConfig {
        bind_address: std::net::Ipv4Addr::LOCALHOST.into(),
        names: local::ServerNames::default(),
        port: 0,
        dynamodb_port: None,
        sqs_port: None,
        credentials: None,
        worker_concurrency: lookup("WORKER_CONCURRENCY").map_or(8, |n| n.parse().unwrap()),
        data_dir: None,
        browser: lookup("BROWSER").map(Into::into),
        dev_key: Some("sk_live_test".into()),
        dev_rate: Some(1_000_000),
        // So that a slow machine does not refuse a test's call.
        limits: local::Limits { wait: std::time::Duration::from_secs(60), ..local::Limits::default() },
        config: Config::read(&env, defaults).unwrap(),
    }
}

impl World {
    pub async fn start() -> World {
        World::with_vars(&[]).await
    }

    pub async fn with_vars(vars: &[(&str, &str)]) -> World {
        World::with_config(config(vars)).await
    }

    pub async fn with_config(config: LocalConfig) -> World {
        World::with_dependencies(
            config,
            AppDependencies { clock: Arc::new(RunningClock::start()), ..AppDependencies::default() },
        )
        .await
    }

    pub async fn with_dependencies(config: LocalConfig, dependencies: AppDependencies) -> World {
        let stack = Stack::start_with(config, dependencies).await.unwrap();
        let dev = Caller { http: client(), base: stack.url(), key: stack.key().to_owned() };
        World { stack, dev }
    }

    /// Creates another account with its own key; `schema` makes the key static.
    pub async fn account(&self, id: &str, plan: Plan, rate: Option<u64>, schema: Option<Value>) -> Caller {
        let (store, now) = (self.stack.engine().store(), self.stack.engine().now());
        let account = AccountId::parse(id).unwrap();
        store.accounts.create_account(&account, plan, rate, now).await.unwrap();
        let key = format!("sk_test_{id}");
        let bound = schema.map(|s| Binding { schema: Schema::parse(&s).unwrap(), model: ModelUse::Auto });
        store.accounts.add_key(&account, &api::auth::key_hash(&key), "test", bound.as_ref(), now).await.unwrap();
        Caller { key, ..self.dev.clone() }
    }

    /// Asserts every invariant.
    pub async fn assert_sound(&self) {
        let snapshot = self.stack.engine().store().audit.snapshot().await.unwrap();
        assert_eq!(check(&snapshot, self.stack.engine().now(), 60), []);
    }
}

/// The schema that most tests use.
pub fn schema() -> Value {
    json!([
        { "field": "title", "type": "string", "example": "A title" },
        { "field": "price", "type": "float", "example": 9.99 },
    ])
}

impl Caller {
    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn with_key(&self, key: &str) -> Caller {
        Caller { key: key.into(), ..self.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).header("X-API-Key", &self.key)
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn delete(&self, job: &str) -> Answer {
        self.send(self.request(Method::DELETE, &format!("/v1/jobs/{job}"))).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).body(body.to_string())).await
    }

    pub async fn post_idempotent(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path).header("Idempotency-Key", key).body(body.to_string());
        self.send(request).await
    }

    /// A batch with the usual schema, read to its end.
    pub async fn batch(&self, urls: &[String], options: Value) -> Answer {
        self.post("/v1/batch", &json!({ "urls": urls, "schema": schema(), "options": options })).await
    }

    /// Starts a call. Returns the job's id from the head, and a task that reads the body.
    pub async fn begin(&self, path: &str, body: Value) -> (String, tokio::task::JoinHandle<Value>) {
        let response = self.request(Method::POST, path).body(body.to_string()).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
        (job, tokio::spawn(async move { serde_json::from_str(&response.text().await.unwrap()).unwrap() }))
    }

    /// Credits used this month.
    pub async fn used(&self) -> i64 {
        self.get("/v1/usage").await.json()["monthly"]["used"].as_i64().unwrap()
    }

    pub async fn job(&self, job: &str) -> Value {
        self.get(&format!("/v1/jobs/{job}")).await.json()
    }
}
