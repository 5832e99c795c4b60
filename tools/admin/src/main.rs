//! `admin`: the operator's command line.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    admin::main().await
}
