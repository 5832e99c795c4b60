//! The whole stack in one process, on embedded stores: the same handlers and the same SDK, with another endpoint.
//!
//! Only the operator's tool, the benchmarks and the tests depend on this crate.

pub mod config;
pub mod dynamodb;
pub mod embedded;
pub mod event;
pub mod folder;
pub mod health;
pub mod listener;
#[cfg(unix)]
pub mod socket;
pub mod sqs;
pub mod stack;

mod front;
mod host;
pub mod layout;
mod peers;
mod queues;
mod sample;
mod seed;

use std::process::ExitCode;

pub use api::app::AppDependencies;
pub use config::LocalConfig;
pub use front::Limits;
pub use host::ServerNames;
pub use stack::Stack;

/// Runs the local server: starts the stack, prints how to reach it, and serves until Ctrl-C or SIGTERM.
pub async fn main() -> ExitCode {
    main_with(AppDependencies::default()).await
}

/// The same with other dependencies, such as another clock or rows in memory.
pub async fn main_with(dependencies: AppDependencies) -> ExitCode {
    api::telemetry::start_log(false);
    let mut config = match LocalConfig::from_env() {
        Ok(config) => config,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    config.config.settings.reader = api::app::reader();
    let stack = match Stack::start_with(config, dependencies).await {
        Ok(stack) => stack,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::FAILURE;
        }
    };
    announce(&stack);
    stack::interrupted().await;
    tracing::info!("stopping; units that have started may finish (Ctrl-C again stops at once)");
    tokio::select! {
        () = stack.stop() => ExitCode::SUCCESS,
        () = stack::interrupted() => ExitCode::FAILURE,
    }
}

/// Prints the key, endpoints and credentials; the ready line comes last.
#[allow(clippy::print_stdout)] // this is the program's output, not its log
fn announce(stack: &Stack) {
    let base = stack.url();
    println!("API key of the account \"dev\": {}", stack.key());
    let listeners = stack.listeners();
    for (name, listener) in [("DYNAMODB", &listeners.dynamodb), ("SQS", &listeners.sqs)] {
        if let Some(listener) = listener {
            println!("export AWS_ENDPOINT_URL_{name}={}", listener.url());
        }
    }
    if listeners.dynamodb.is_some() || listeners.sqs.is_some() {
        let credentials = &listeners.credentials;
        println!("export AWS_ACCESS_KEY_ID={}", credentials.access_key);
        println!("export AWS_SECRET_ACCESS_KEY={}", credentials.secret_key);
    }
    println!("console: {base}/");
    println!("try:\n  {}", sample::curl(&base, stack.key()));
    println!("listening on {base}");
}
