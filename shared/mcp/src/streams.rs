//! Serves the tools over a pair of streams, for an agent that started this process: its standard input and output.

use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{CallFailed, Carrier, Tools};

/// Serves until the input ends; calls in progress have 5 s more. Writes nothing but the protocol.
///
/// # Errors
/// The agent does not speak the protocol.
pub async fn serve<C: Carrier>(
    tools: Tools<C>,
    input: impl AsyncRead + Send + Unpin + 'static,
    output: impl AsyncWrite + Send + Unpin + 'static,
) -> Result<(), CallFailed> {
    let running = match tools.serve((input, output)).await {
        Ok(running) => running,
        // The agent only checked whether the program exists, and closed the connection.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(ServerInitializeError::ExpectedInitializeRequest(_)) => {
            return Err(CallFailed(
                "the agent does not speak the Model Context Protocol: it did not send initialize first".to_owned(),
            ));
        }
        Err(error) => return Err(CallFailed(format!("the agent does not speak the Model Context Protocol: {error}"))),
    };
    running.waiting().await.map(drop).map_err(|error| CallFailed(format!("the tools could not be served: {error}")))
}
