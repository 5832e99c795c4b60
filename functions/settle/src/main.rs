//! The Lambda binary: wires [`settle::handle`] to the runtime.

use api::App;
use api::config::TableAccess;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    if api::app::read_page_if_asked().is_some() {
        return Ok(());
    }
    api::telemetry::start_log(true);
    // Built once per process. A missing variable fails the init with an error that names it.
    let app = App::from_env(TableAccess::All).await?;
    let app = &app;
    run(service_fn(move |event: LambdaEvent<Value>| async move {
        let until = app.invocation_end(event.context.deadline);
        Ok::<_, Error>(settle::handle(app, event.payload, until).await?)
    }))
    .await
}
