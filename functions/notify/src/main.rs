//! The Lambda binary: wires [`notify::handle`] to the runtime.

use api::App;
use api::config::TableAccess;
use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    api::telemetry::start_log(true);
    // Built once per process. A missing variable fails the init with an error that names it.
    let app = App::from_env(TableAccess::All).await?;
    let app = &app;
    run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        Ok::<_, Error>(notify::handle(app, event.payload).await)
    }))
    .await
}
