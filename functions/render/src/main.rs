//! The Lambda binary: wires [`renderer::handle`] to the runtime. It is the entry point of its image.

use api::env::{Env, process_env};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use render::Request;

#[tokio::main]
async fn main() -> Result<(), Error> {
    api::telemetry::start_log(true);
    // Built once per process. Anything missing fails the init with an error that names it.
    let built = renderer::renderer(&Env(&process_env));
    let renderer = &built.inspect_err(|error| tracing::error!("{error}"))?;
    run(service_fn(move |event: LambdaEvent<Request>| async move {
        Ok::<_, Error>(renderer::handle(renderer, event.payload).await)
    }))
    .await
}
