//! Writes a job's results as they come: as one JSON document, as lines, or as events. White space or comments keep the
//! connection alive, and the end is well-formed in every case.

mod body_sender;
mod summary;
mod writer;

use std::time::Duration;

use domain::Endpoint;
use domain::progress::Tally;
use engine::Engine;
use engine::result_stream::{Available, Order, ResultStream, StreamEvent};
use tokio::time::Instant;

use crate::body::Sender;
use crate::held::HeldCall;
use crate::prefer::Format;
use crate::telemetry::RequestLog;
use body_sender::{BodySender, Wait};
use writer::Writer;

/// Delay before the rows are read again after a store error.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Minimum time between two `progress` events.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// How a job's results are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) format: Format,
    /// How long the body may be held open.
    pub(crate) hold: Duration,
}

/// Returns the order of an endpoint's results in a format.
pub(crate) fn order(format: Format, endpoint: Endpoint) -> Order {
    match (format, endpoint) {
        (Format::Json, Endpoint::Extract | Endpoint::Batch) => Order::Input,
        (Format::Json, Endpoint::Crawl) | (Format::Lines | Format::Events, _) => Order::Completion,
    }
}

/// Writes the body of the job that `stream` follows. Ends early if the client is gone; the job goes on.
pub(crate) async fn write(
    engine: Engine,
    stream: ResultStream,
    (sender, held, log): (Sender, Option<HeldCall>, Option<RequestLog>),
    style: Style,
) {
    let endpoint = stream.job().endpoint;
    let mut stream = stream.in_order(order(style.format, endpoint));
    let until = Instant::now() + style.hold;
    let mut body = BodySender::new(engine, (sender, held), style.format, until);
    let seed = if endpoint == Endpoint::Crawl { Some(stream.url(0).await.unwrap_or_default()) } else { None };
    let mut writer = Writer::new(style.format, endpoint, seed.as_deref());
    let mut last_progress = None;
    loop {
        match next(&mut stream, &mut body, until).await {
            Wait::Ready(StreamEvent::Result(item)) => {
                if !body.has_room().await {
                    return end_early(&mut stream, &mut body, &mut writer, log, Some(item.place)).await;
                }
                body.send(writer.unit(&item)).await;
                if body.is_full() {
                    let next_place = Some(stream.place());
                    return end_early(&mut stream, &mut body, &mut writer, log, next_place).await;
                }
                let due = last_progress.is_none_or(|at: Instant| at.elapsed() >= PROGRESS_INTERVAL);
                if due && let Some(progress) = writer.progress(&stream.tally()) {
                    body.send(progress).await;
                    last_progress = Some(Instant::now());
                }
            }
            Wait::Ready(StreamEvent::End(job)) => {
                let tally = job.tally.unwrap_or_default();
                if let Some(progress) = writer.progress(&tally) {
                    body.send(progress).await;
                }
                log_tally(log, &tally);
                return body.close(writer.end(&job, &tally)).await;
            }
            Wait::TimeUp => return end_early(&mut stream, &mut body, &mut writer, log, None).await,
            Wait::ClientGone => return body.close("").await,
        }
    }
}

/// Adds the tally to the request's log line. Called before the last piece is sent: what comes after it may never run.
fn log_tally(log: Option<RequestLog>, tally: &Tally) {
    log.iter().for_each(|log| log.tally(tally));
}

/// Waits for the next item; retries after store errors.
async fn next(stream: &mut ResultStream, body: &mut BodySender, until: Instant) -> Wait<StreamEvent> {
    let work = async {
        loop {
            match stream.next().await {
                Ok(item) => return item,
                Err(error) => {
                    tracing::warn!(job = %stream.job().id, %error, "could not read results; retrying");
                    tokio::time::sleep(RETRY_DELAY).await;
                }
            }
        }
    };
    body.while_waiting(until, work).await
}

/// Ends a body whose time or size is used up. Results of ended units are written as far as there is room, open units are
/// listed as `pending`, and `next` says where to continue. `next_place` is the place of the first result that is ready and
/// that the body leaves out, if that is known already: no result is added then.
async fn end_early(
    stream: &mut ResultStream,
    body: &mut BodySender,
    writer: &mut Writer,
    log: Option<RequestLog>,
    mut next_place: Option<u32>,
) {
    if let Err(error) = stream.refresh().await {
        tracing::warn!(job = %stream.job().id, %error, "could not read progress; using what is known");
    }
    // The first open unit: the next body must include it.
    let mut first_open = u32::MAX;
    while next_place.is_none() {
        match stream.next_now().await {
            Ok(Some(next)) if !body.has_room().await => {
                let place = match next {
                    Available::Result(item) => item.place,
                    Available::Open(seq) => seq,
                };
                next_place = Some(place.min(first_open));
            }
            Ok(Some(Available::Result(item))) => {
                body.send(writer.unit(&item)).await;
                next_place = body.is_full().then(|| stream.place().min(first_open));
            }
            Ok(Some(Available::Open(seq))) => {
                first_open = first_open.min(seq);
                let url = stream.url(seq).await.unwrap_or_default();
                body.send(writer.open_unit(&url, stream.job())).await;
            }
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(job = %stream.job().id, %error, "could not read results; the body ends without them");
                break;
            }
        }
    }
    // The one unit of an extract is the whole document: without room for its result, it is `pending`.
    let unit = match (next_place, stream.job().endpoint) {
        (Some(0), Endpoint::Extract) => {
            let url = stream.url(0).await.unwrap_or_default();
            writer.open_unit(&url, stream.job())
        }
        _ => String::new(),
    };
    let totals = stream.totals();
    let (tally, job) = (totals.tally, stream.job().clone());
    log_tally(log, &tally);
    // The job may have ended just now, with every result written.
    let is_complete = next_place.is_none_or(|from| from >= job.admitted);
    if job.state.ended() && tally.pending == 0 && is_complete {
        body.close(writer.end(&job, &job.tally.unwrap_or(tally))).await;
    } else {
        let figures = job.figures(&totals);
        body.close(unit + &writer.end_incomplete(&job, &tally, &figures, next_place)).await;
    }
}
