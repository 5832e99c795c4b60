//! `admin`: the operator's tool.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    admin::main().await
}
