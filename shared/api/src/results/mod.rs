//! Writes a job's results while they come: as one JSON document, as lines, or as events. White space or comments keep
//! the connection awake, and the end is well-formed in every case.

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

/// Wait before the rows are asked again after a fault of the store.
const FAULT_PAUSE: Duration = Duration::from_secs(1);
/// `progress` events come at most this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// How a job's results are to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) format: Format,
    /// For how long at most.
    pub(crate) hold: Duration,
}

/// In what order a format gives the results of an endpoint.
pub(crate) fn order(format: Format, endpoint: Endpoint) -> Order {
    match (format, endpoint) {
        (Format::Json, Endpoint::Extract | Endpoint::Batch) => Order::Input,
        (Format::Json, Endpoint::Crawl) | (Format::Lines | Format::Events, _) => Order::Completion,
    }
}

/// Writes the body of a job that a stream follows. Ends early where nobody reads any more; the job is none of its.
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
    let mut told = None;
    loop {
        match next(&mut stream, &mut out, until).await {
            Wait::Ready(StreamEvent::Result(item)) => {
                out.send(writer.unit(&item)).await;
                if out.is_full() {
                    return hand_over(&mut stream, &mut out, &mut writer, log).await;
                }
                let due = told.is_none_or(|at: Instant| at.elapsed() >= PROGRESS_EVERY);
                if due && let Some(progress) = writer.progress(&stream.tally()) {
                    out.send(progress).await;
                    told = Some(Instant::now());
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
            Wait::TimeUp => return hand_over(&mut stream, &mut out, &mut writer, log).await,
            Wait::NobodyReads => return out.close("").await,
        }
    }
}

/// For the request's line, before the last piece: what comes after it may never run.
fn note(log: Option<RequestLog>, tally: &Tally) {
    log.iter().for_each(|log| log.tally(tally));
}

/// The next item; faults of the store are waited out.
async fn next(stream: &mut ResultStream, out: &mut Out, until: Instant) -> Wait<StreamEvent> {
    let work = async {
        loop {
            match stream.next().await {
                Ok(item) => return item,
                Err(error) => {
                    tracing::warn!(job = %stream.job().id, %error, "could not read results; asking again");
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
            }
        }
    };
    out.while_waiting(until, work).await
}

/// Ends a body that cannot wait any longer, or cannot carry more: what has ended is given as far as there is room, what is
/// open reads `pending`, and `next` says where to go on.
async fn hand_over(stream: &mut ResultStream, out: &mut Out, writer: &mut Writer, log: Option<RequestLog>) {
    if let Err(error) = stream.refresh().await {
        tracing::warn!(job = %stream.job().id, %error, "could not read progress; what is known has to do");
    }
    // The place of the first result that this body leaves out though it is there.
    let mut rest = out.is_full().then(|| stream.place());
    let mut open = u32::MAX;
    while rest.is_none() {
        match stream.next_now().await {
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
    let totals = stream.totals();
    let (tally, job) = (totals.tally, stream.job().clone());
    note(log, &tally);
    // It may have ended in this very moment, with everything given.
    let whole = rest.is_none_or(|from| from >= job.admitted);
    if job.state.ended() && tally.pending == 0 && whole {
        out.close(writer.end(&job, &job.tally.unwrap_or(tally))).await;
    } else {
        let figures = job.figures(&totals);
        out.close(writer.still_running(&job, &tally, &figures, rest)).await;
    }
}
