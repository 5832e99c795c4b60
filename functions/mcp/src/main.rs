//! The Lambda binary: wires [`mcp::handle`] to the runtime.

use api::App;
use api::config::TableAccess;
use lambda_http::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    if api::app::read_page_if_asked().is_some() {
        return Ok(());
    }
    api::telemetry::start_log(true);
    // Built once per process. A missing variable fails the init with an error that names it.
    let app = App::from_env(TableAccess::All).await?;
    let serve = mcp::serve_with(&app);
    api::runtime::run(|request| mcp::handle(&app, request, serve.clone())).await
}
