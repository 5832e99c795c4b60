//! The Lambda binary: wires [`mcp::handle`] to the runtime, with a streamed response.

use std::convert::Infallible;

use api::App;
use api::config::TableAccess;
use lambda_http::{Error, run_with_streaming_response, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    if api::app::read_page_if_asked().is_some() {
        return Ok(());
    }
    api::telemetry::start_log(true);
    // Built once per process; a missing variable fails the init and says which.
    let app = App::from_env(TableAccess::All).await?;
    let serve = mcp::by(&app);
    run_with_streaming_response(service_fn(|request| async {
        Ok::<_, Infallible>(mcp::handle(&app, request, serve.clone()).await)
    }))
    .await
}
