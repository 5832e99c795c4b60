//! Tables and queues that only the real function binaries use, each binary on its own Runtime API. The test acts as the
//! triggers: it sends requests, schedules, and the messages of the queues.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::invariants::check;
use domain::segment::Totals;
use domain::{AccountId, Job, JobId, Plan};
use local::ServerNames;
use local::dynamodb::DynamoDb;
use local::listener::{Credentials, Listener};
use local::sqs::Sqs;
use runtime::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use store::client::connect;
use store::queue::{self, Queue, QueueNames, QueueUrls, Received, create_queues};
use store::{RetryPolicy, Store, TableNames};
use tokio::net::TcpListener;

use super::binaries::binary;
use super::lambda_stub::{LambdaStub, Reply};
use super::recorder::Recorder;
use super::rows;
use super::runtime_api::{Answer, RuntimeApi};
use super::sqs_event::{failures, sqs_event};
use super::template::Actions;
use super::until;

pub const KEY: &str = "sk_live_cloud_test";
/// Timeout of an invocation that should not end early.
pub const TIMEOUT: Duration = Duration::from_secs(900);
/// Visibility timeout of received messages, in seconds: longer than a test takes.
const HIDE_SECS: u32 = 900;

pub struct Cloud {
    pub store: Store,
    pub units: Queue,
    pub settle: Queue,
    pub notify: Queue,
    urls: QueueUrls,
    db: DynamoDb,
    sqs: Sqs,
    db_listener: Listener,
    sqs_listener: Listener,
    credentials: Credentials,
}

/// A function's output so far, one JSON value per line.
pub struct FunctionOutput {
    /// Its standard output.
    pub metrics: Arc<Mutex<Vec<Value>>>,
    /// Its standard error.
    pub log: Arc<Mutex<Vec<Value>>>,
}

/// Reads lines of JSON until the stream ends. A line that is not JSON fails the test when it reads the lines.
fn json_lines(stream: impl Read + Send + 'static) -> Arc<Mutex<Vec<Value>>> {
    let output = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&output);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            // A panic while this is locked poisons it, so that no later lock succeeds.
            let mut lines = lines.lock().unwrap();
            let line = line.unwrap();
            lines.push(serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}")));
        }
    });
    output
}

/// Records the actions of a function on its tables and queues, as IAM sees them.
pub struct FunctionRecorder {
    seen: Arc<Mutex<Actions>>,
    db: Recorder,
    sqs: Recorder,
    lambda: LambdaStub,
}

impl FunctionRecorder {
    /// The actions so far. Panics if a request was not understood.
    pub fn actions(&self) -> Actions {
        for failures in [self.db.failures(), self.sqs.failures(), self.lambda.failures()] {
            failures.assert_none();
        }
        self.seen.lock().unwrap().clone()
    }

    /// The number of connections that it made to tables and queues.
    pub fn connections(&self) -> usize {
        self.db.connections() + self.sqs.connections()
    }

    /// Makes the queues refuse the function's sends, or accept them again.
    pub fn refuse_sends(&self, refuse: bool) {
        self.sqs.refuse_sends(refuse);
    }
}

/// A function's process; killed on drop with SIGKILL.
pub struct Function {
    pub api: RuntimeApi,
    child: Child,
}

impl Cloud {
    /// New tables with one account on the plan scale, and new queues.
    pub async fn start() -> Cloud {
        let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (db_socket, sqs_socket) = (bind().await, bind().await);
        let db = DynamoDb::start(None).await.unwrap();
        let sqs = Sqs::start(Some(sqs_socket.local_addr().unwrap()));
        let (credentials, names) = (Credentials::random(), ServerNames::default());
        let db_listener = Listener::start(db_socket, db.service().clone(), &credentials, &names).unwrap();
        let sqs_listener = Listener::start(sqs_socket, sqs.service().clone(), &credentials, &names).unwrap();
        let store = Store::new(
            connect(&db.service().connection()).await,
            TableNames::default(),
            RetryPolicy::default(),
            86_400,
        );
        store.admin.create_tables().await.unwrap();
        let (account, now) = (AccountId::parse("dev").unwrap(), SystemClock.now());
        store.accounts.create_account(&account, Plan::Scale, None, now).await.unwrap();
        store.accounts.add_key(&account, &api::auth::key_hash(KEY), "test", None, now).await.unwrap();
        super::receiver::rotate(&store, "dev", now, 0, 7).await;
        let client = queue::connect(&sqs.service().connection()).await;
        let urls = create_queues(&client, &QueueNames::default()).await.unwrap();
        let queue = |url: &str| Queue::new(client.clone(), url, RetryPolicy::default());
        Cloud {
            store,
            units: queue(&urls.units),
            settle: queue(&urls.settle),
            notify: queue(&urls.notify),
            urls,
            db,
            sqs,
            db_listener,
            sqs_listener,
            credentials,
        }
    }

    /// A function's environment. The worker's has no accounts table.
    pub fn environment(&self, function: &str) -> Vec<(&'static str, String)> {
        let tables = TableNames::default();
        let mut vars = vec![
            ("AWS_LAMBDA_FUNCTION_NAME", function.to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.db_listener.url()),
            ("AWS_ENDPOINT_URL_SQS", self.sqs_listener.url()),
            ("AWS_ACCESS_KEY_ID", self.credentials.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.credentials.secret_key.clone()),
            ("JOBS_TABLE", tables.jobs),
            ("HOSTS_TABLE", tables.hosts),
            ("UNITS_QUEUE_URL", self.urls.units.clone()),
            ("SETTLE_QUEUE_URL", self.urls.settle.clone()),
            ("NOTIFY_QUEUE_URL", self.urls.notify.clone()),
            ("FETCH_ALLOW", "127.0.0.0/8".to_owned()),
            ("RUST_LOG", "error".to_owned()),
        ];
        if function != "worker" {
            vars.push(("ACCOUNTS_TABLE", tables.accounts));
        }
        vars
    }

    /// Starts a function.
    pub async fn function(&self, name: &str) -> Function {
        self.function_with(name, &[]).await
    }

    pub async fn function_with(&self, name: &str, more: &[(&'static str, &str)]) -> Function {
        let api = RuntimeApi::start().await;
        let mut vars = self.environment(name);
        vars.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let child = command(name, &api, &vars).spawn().unwrap();
        Function { api, child }
    }

    /// Starts a function behind recorders of its tables and queues, with a stub of the renderer.
    pub async fn recorded_function(&self, name: &str, more: &[(&'static str, &str)]) -> (Function, FunctionRecorder) {
        let seen = Arc::default();
        let db = Recorder::start(self.db.service().clone(), Arc::clone(&seen)).await;
        let sqs = Recorder::start(self.sqs.service().clone(), Arc::clone(&seen)).await;
        let lambda = LambdaStub::start(Arc::clone(&seen), |_| Box::pin(async { Reply::Answer(rendered()) })).await;
        let mut vars = vec![("AWS_ENDPOINT_URL_DYNAMODB", db.url()), ("AWS_ENDPOINT_URL_SQS", sqs.url())];
        vars.extend(lambda.variables());
        vars.extend(more);
        let function = self.function_with(name, &vars).await;
        (function, FunctionRecorder { seen, db, sqs, lambda })
    }

    /// Starts a function with the default log level, and reads its output.
    pub async fn function_with_output(&self, name: &str) -> (Function, FunctionOutput) {
        let api = RuntimeApi::start().await;
        let vars: Vec<_> = self.environment(name).into_iter().filter(|(name, _)| *name != "RUST_LOG").collect();
        let mut command = command(name, &api, &vars);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, log) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        (Function { api, child }, FunctionOutput { metrics: json_lines(out), log: json_lines(log) })
    }

    /// Acts once as an event source mapping: receives messages, invokes the function, deletes the messages that did not
    /// fail. Returns the received messages and the ids of those that failed.
    pub async fn deliver(&self, queue: &Queue, function: &Function) -> (Vec<Received>, Vec<String>) {
        let received = queue.receive(10, 0, HIDE_SECS).await.unwrap();
        if received.is_empty() {
            return (received, Vec::new());
        }
        let answer = function.api.invoke(&sqs_event(queue, &received), TIMEOUT).value().await;
        let failed = failures(&answer);
        let done = received.iter().filter(|r| !failed.contains(&r.message_id)).map(|r| &r.receipt_handle);
        assert!(queue.delete(&done.collect::<Vec<_>>()).await.complete());
        (received, failed)
    }

    /// Delivers the messages of both queues until the job has ended.
    pub async fn deliver_until_ended(&self, worker: &Function, settle: &Function, job: &JobId) -> Job {
        until("the job ends", async || {
            self.deliver(&self.units, worker).await;
            self.deliver(&self.settle, settle).await;
            self.job(job).await.state.ended()
        })
        .await;
        self.assert_sound().await;
        self.job(job).await
    }

    /// The number of pending units of a job.
    pub async fn pending(&self, job: &JobId) -> u32 {
        let job = self.job(job).await;
        Totals::of(&self.store.segments.all_segments(&job).await.unwrap(), job.admitted).tally.pending
    }

    pub async fn job(&self, job: &JobId) -> Job {
        self.store.jobs.job(job).await.unwrap().unwrap()
    }

    /// Asserts every invariant.
    pub async fn assert_sound(&self) {
        assert_eq!(check(&self.store.audit.snapshot().await.unwrap(), SystemClock.now(), 60), []);
    }

    /// Adds to the account's month row, so that it differs from the ledger's sum.
    pub async fn falsify_month(&self, more: i64) {
        let month = SystemClock.now().month();
        rows::add(self.db.service(), "ACCT#dev", &format!("MONTH#{month}"), "used", more).await;
    }

    /// Adds a credit that was used in a past month.
    pub async fn add_past_usage(&self, month: &str) {
        let job = "job_longago000000";
        let text = |text: &str| json!({ "S": text });
        let entry = json!({
            "pk": text("ACCT#dev"), "sk": text(&format!("LEDGER#{job}#RESERVE")), "job": text(job), "month": text(month),
            "monthly": { "N": "1" }, "prepaid": { "N": "0" }, "at": { "N": "0" },
        });
        rows::put_all(self.db.service(), &[entry]).await;
        rows::add(self.db.service(), "ACCT#dev", &format!("MONTH#{month}"), "used", 1).await;
    }

    /// Deletes a result that the job's row or a segment names.
    pub async fn delete_result(&self, job: &JobId) {
        rows::delete(self.db.service(), &format!("JOB#{job}"), "RESULT#000000#001").await;
    }

    /// Sends a message with any body, as only another sender would.
    pub async fn send_raw(&self, body: &str) {
        let message = json!({ "QueueUrl": self.urls.units, "MessageBody": body });
        rows::call(self.sqs.service(), "AmazonSQS.SendMessage", &message).await;
    }
}

/// A function's command, with only `vars` and the API's address in its environment.
fn command(name: &str, api: &RuntimeApi, vars: &[(&'static str, String)]) -> Command {
    let mut command = Command::new(binary(name));
    command.env_clear().envs(vars.iter().cloned()).env("AWS_LAMBDA_RUNTIME_API", api.address());
    command.stdin(Stdio::null());
    command
}

impl Function {
    /// Starts a function that must exit before it asks for work. Returns its exit status and its error output.
    pub async fn fails_to_start(name: &str, vars: &[(&'static str, String)]) -> (ExitStatus, String) {
        let api = RuntimeApi::start().await;
        let child = command(name, &api, vars).stderr(Stdio::piped()).spawn().unwrap();
        let function = Mutex::new(Function { api: api.clone(), child });
        // A function that asks for work would wait for it without end.
        let over = async || function.lock().unwrap().child.try_wait().unwrap().is_some() || api.polls() > 0;
        until("the function exits or asks for work", over).await;
        assert_eq!(api.polls(), 0, "{name} asked for work");
        let mut function = function.into_inner().unwrap();
        let _ = function.child.kill();
        let status = function.child.wait().unwrap();
        let mut output = String::new();
        function.child.stderr.take().unwrap().read_to_string(&mut output).unwrap();
        (status, output + &api.init_errors().concat())
    }

    /// Sends a request as API Gateway does.
    pub fn request(&self, method: &str, path: &str, more: &[(&str, &str)], body: &Value, time: Duration) -> Answer {
        let mut request = http::Request::builder().method(method).uri(path).header("x-api-key", KEY);
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.api.invoke(&local::event::event(&parts, body.as_bytes()), time)
    }

    /// Sends a GET and returns the body. Panics if the status is not 200.
    pub async fn get(&self, path: &str) -> Value {
        let mut answer = self.request("GET", path, &[], &Value::Null, TIMEOUT);
        assert_eq!(answer.prelude().await["statusCode"], 200);
        answer.body().await
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A page as the renderer returns it.
fn rendered() -> Value {
    let page = render::Rendered {
        final_url: "http://127.0.0.1/rendered".parse().unwrap(),
        status: 200,
        html: "<title>Rendered</title><h1>Rendered</h1><p>Price: $19.50</p>".into(),
        screenshot: None,
        notes: Vec::new(),
        robots_tag: None,
        bytes: 0,
        requests: 1,
    };
    serde_json::to_value(render::Answer::pack(Ok(page), render::MAX_ANSWER_BYTES)).unwrap()
}
