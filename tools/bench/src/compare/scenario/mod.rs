//! The scenarios that can be measured, by name.

mod latency;
mod overload;
mod scale;
mod store;
mod throughput;

use super::Bench;
use super::bare::{self, Extractor};
use super::figures::{Results, Throughput};
use super::peers::{self, Peer};
use super::runo::{Kind, Work};
use crate::Fault;
use scale::Series;

/// Returns the name of the bare loop with selectors, the baseline of all ratios.
pub(crate) fn baseline_name(fields: usize) -> String {
    Scenario::Bare(Extractor::Css, fields).name()
}

/// Returns the name of the bare loop that reads pages as Runo does. What differs between it and Runo is the engine and
/// the store.
pub(crate) fn runo_baseline_name(fields: usize) -> String {
    Scenario::Bare(Extractor::Runo, fields).name()
}

/// A scenario, measured once in each round.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scenario {
    Bare(Extractor, usize),
    Runo { kind: Kind, work: Work, queued: bool, fields: usize },
    Peer(Peer),
    Extracts,
    Heads,
    Cancels,
    AsyncUrl,
    StoreAlone,
    Scale(Series),
    Paging,
    OverloadExtracts,
    OverloadBatches,
}

/// Returns all scenarios in the order of a round. Scenarios that are compared run shortly after one another, because a
/// shared machine is not equally fast at all times.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    for fields in [2, 10] {
        all.extend([Extractor::Css, Extractor::Runo].map(|e| Scenario::Bare(e, fields)));
        for (kind, modes) in [(Kind::Unstored, &[false][..]), (Kind::Whole, &[false, true])] {
            if kind == Kind::Whole && fields == 2 {
                all.push(Scenario::StoreAlone);
            }
            for work in [Work::Batch, Work::Crawl] {
                all.extend(modes.iter().map(|&queued| Scenario::Runo { kind, work, queued, fields }));
            }
        }
    }
    all.extend([Peer::Scrapy, Peer::Crawlee, Peer::Spider].map(Scenario::Peer));
    all.extend([Scenario::Extracts, Scenario::Heads, Scenario::Cancels, Scenario::AsyncUrl]);
    all.extend([Series::Batch, Series::Crawl, Series::AtOnce].map(Scenario::Scale));
    all.extend([Scenario::Paging, Scenario::OverloadExtracts, Scenario::OverloadBatches]);
    all
}

impl Scenario {
    pub(crate) fn name(self) -> String {
        match self {
            Scenario::Bare(Extractor::Css, fields) => format!("bare loop, selectors, {fields} fields"),
            Scenario::Bare(Extractor::Runo, fields) => format!("bare loop, Runo's extraction, {fields} fields"),
            Scenario::Runo { kind, work, queued, fields } => {
                let store = if kind == Kind::Whole { "Runo" } else { "Runo, rows in memory" };
                let mode = if queued { "async" } else { "sync" };
                let work = if work == Work::Batch { "batch" } else { "crawl" };
                format!("{store}, {mode} {work}, {fields} fields")
            }
            Scenario::Peer(peer) => format!("peer: {}", peer.name()),
            Scenario::Extracts => "latency: extracts".to_owned(),
            Scenario::Heads => "latency: heads of large batches".to_owned(),
            Scenario::Cancels => "latency: cancel".to_owned(),
            Scenario::AsyncUrl => "latency: one async URL".to_owned(),
            Scenario::StoreAlone => "store alone".to_owned(),
            Scenario::Scale(series) => format!("scale: {}", series.name()),
            Scenario::Paging => "scale: lists and results".to_owned(),
            Scenario::OverloadExtracts => "overload: extracts".to_owned(),
            Scenario::OverloadBatches => "overload: batches".to_owned(),
        }
    }

    /// Runs the scenario once.
    ///
    /// # Errors
    /// It could not be measured, or the measured program did not do its work.
    pub(crate) async fn run(self, bench: &Bench, round: usize, results: &mut Results) -> Result<(), Fault> {
        match self {
            Scenario::Bare(extractor, fields) => {
                let measured = bare::measure(bench, extractor, fields).await?;
                results.throughput.push(Throughput { name: self.name(), round, fields, ..measured });
            }
            Scenario::Runo { kind: Kind::Unstored, .. } if bench.unstored.is_none() => {
                results
                    .skip("Runo, rows in memory: build `unstored`, or name it with --server-without-store".to_owned());
            }
            Scenario::Runo { kind, work, queued, fields } => {
                let measured = throughput::measure(bench, kind, work, queued, fields).await?;
                results.throughput.push(Throughput { name: self.name(), round, fields, ..measured });
            }
            Scenario::Peer(peer) => match peer.find() {
                Err(why) => results.skip(why),
                Ok(program) => {
                    let measured = peers::measure(bench, peer, &program).await?;
                    results.throughput.push(Throughput { name: self.name(), round, fields: 2, ..measured });
                }
            },
            Scenario::Extracts => latency::extracts(bench, results).await?,
            Scenario::Heads => latency::heads(bench, results).await?,
            Scenario::Cancels => latency::cancels(bench, results).await?,
            Scenario::AsyncUrl => latency::asyncs(bench, results).await?,
            Scenario::StoreAlone if bench.unstored.is_none() => {
                results.skip("store alone: build `unstored`, or name it with --server-without-store".to_owned());
            }
            Scenario::StoreAlone => {
                let rate = store::store_alone(bench).await?;
                results.number("the store alone, 32 writers", "writes/s", rate);
            }
            Scenario::Scale(series) => scale::series(bench, series, round, results).await?,
            Scenario::Paging => scale::paging(bench, results).await?,
            Scenario::OverloadExtracts => overload::extracts(bench, round, results).await?,
            Scenario::OverloadBatches => overload::batches(bench, round, results).await?,
        }
        Ok(())
    }
}
