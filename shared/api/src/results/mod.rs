//! Writes a job's results as they come: as one JSON document, as lines, or as events. White space or comments keep the
//! connection alive, and the end is well-formed in every case.

mod out;
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
use out::{Out, Wait};
use writer::Writer;

/// Delay before the rows are read again after a fault of the store.
const FAULT_PAUSE: Duration = Duration::from_secs(1);
/// Least time between two `progress` events.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

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
    let mut out = Out::new(engine, (sender, held), style.format, until);
    let seed = if endpoint == Endpoint::Crawl { Some(stream.url(0).await.unwrap_or_default()) } else { None };
    let mut writer = Writer::new(style.format, endpoint, seed.as_deref());
    let mut last_progress = None;
    loop {
        match next(&mut stream, &mut out, until).await {
            Wait::Ready(StreamEvent::Result(item)) => {
                if !out.has_room().await {
                    return hand_over(&mut stream, &mut out, &mut writer, log, Some(item.place)).await;
                }
                out.send(writer.unit(&item)).await;
                if out.is_full() {
                    let rest = Some(stream.place());
                    return hand_over(&mut stream, &mut out, &mut writer, log, rest).await;
                }
                let due = last_progress.is_none_or(|at: Instant| at.elapsed() >= PROGRESS_EVERY);
                if due && let Some(progress) = writer.progress(&stream.tally()) {
                    out.send(progress).await;
                    last_progress = Some(Instant::now());
                }
            }
            Wait::Ready(StreamEvent::End(job)) => {
                let tally = job.tally.unwrap_or_default();
                if let Some(progress) = writer.progress(&tally) {
                    out.send(progress).await;
                }
                note(log, &tally);
                return out.close(writer.end(&job, &tally)).await;
            }
            Wait::TimeUp => return hand_over(&mut stream, &mut out, &mut writer, log, None).await,
            Wait::ClientGone => return out.close("").await,
        }
    }
}

/// Adds the tally to the request's log line. Called before the last piece is sent: what comes after it may never run.
fn note(log: Option<RequestLog>, tally: &Tally) {
    log.iter().for_each(|log| log.tally(tally));
}

/// Waits for the next item; retries after faults of the store.
async fn next(stream: &mut ResultStream, out: &mut Out, until: Instant) -> Wait<StreamEvent> {
    let work = async {
        loop {
            match stream.next().await {
                Ok(item) => return item,
                Err(error) => {
                    tracing::warn!(job = %stream.job().id, %error, "could not read results; retrying");
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
            }
        }
    };
    out.while_waiting(until, work).await
}

/// Ends a body whose time or size is used up. Ended units are written as far as there is room, open ones read
/// `pending`, and `next` says where to continue. `rest` is the place of the first result that is ready and that the body
/// leaves out, if it is known already: nothing is added then.
async fn hand_over(
    stream: &mut ResultStream,
    out: &mut Out,
    writer: &mut Writer,
    log: Option<RequestLog>,
    mut rest: Option<u32>,
) {
    if let Err(error) = stream.refresh().await {
        tracing::warn!(job = %stream.job().id, %error, "could not read progress; using what is known");
    }
    // The first open unit, which the rest includes.
    let mut open = u32::MAX;
    while rest.is_none() {
        match stream.next_now().await {
            Ok(Some(next)) if !out.has_room().await => {
                let place = match next {
                    Available::Result(item) => item.place,
                    Available::Open(seq) => seq,
                };
                rest = Some(place.min(open));
            }
            Ok(Some(Available::Result(item))) => {
                out.send(writer.unit(&item)).await;
                rest = out.is_full().then(|| stream.place().min(open));
            }
            Ok(Some(Available::Open(seq))) => {
                open = open.min(seq);
                let url = stream.url(seq).await.unwrap_or_default();
                out.send(writer.open(&url, stream.job())).await;
            }
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(job = %stream.job().id, %error, "could not read results; the body ends without them");
                break;
            }
        }
    }
    // The one unit of an extract is the whole document: without room for its result, it reads `pending`.
    let unit = match (rest, stream.job().endpoint) {
        (Some(0), Endpoint::Extract) => {
            let url = stream.url(0).await.unwrap_or_default();
            writer.open(&url, stream.job())
        }
        _ => String::new(),
    };
    let totals = stream.totals();
    let (tally, job) = (totals.tally, stream.job().clone());
    note(log, &tally);
    // The job may have ended just now, with every result written.
    let whole = rest.is_none_or(|from| from >= job.admitted);
    if job.state.ended() && tally.pending == 0 && whole {
        out.close(writer.end(&job, &job.tally.unwrap_or(tally))).await;
    } else {
        let figures = job.figures(&totals);
        out.close(unit + &writer.still_running(&job, &tally, &figures, rest)).await;
    }
}
