//! What can be measured, each by its name.

mod throughput;

use super::Bench;
use super::bare::{self, Extractor};
use super::figures::{Results, Throughput};
use super::runo::{Kind, Work};
use crate::Fault;

/// The bare loop with selectors, which everything is put in relation to.
pub(crate) fn base(fields: usize) -> String {
    Scenario::Bare(Extractor::Css, fields).name()
}

/// One thing that is measured once in each round.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scenario {
    Bare(Extractor, usize),
    Runo { kind: Kind, work: Work, queued: bool, fields: usize },
}

/// All of them, in the order of a round.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    for fields in [2, 10] {
        all.extend([Extractor::Css, Extractor::Runo].map(|e| Scenario::Bare(e, fields)));
        for (kind, modes) in [(Kind::Whole, &[false, true][..]), (Kind::Unstored, &[false])] {
            for work in [Work::Batch, Work::Crawl] {
                all.extend(modes.iter().map(|&queued| Scenario::Runo { kind, work, queued, fields }));
            }
        }
    }
    all
}

impl Scenario {
    pub(crate) fn name(self) -> String {
        match self {
            Scenario::Bare(Extractor::Css, fields) => format!("bare loop, selectors, {fields} fields"),
            Scenario::Bare(Extractor::Runo, fields) => format!("bare loop, Runo's extraction, {fields} fields"),
            Scenario::Runo { kind, work, queued, fields } => {
                let store = if kind == Kind::Whole { "Runo" } else { "Runo without store" };
                let mode = if queued { "async" } else { "sync" };
                let work = if work == Work::Batch { "batch" } else { "crawl" };
                format!("{store}, {mode} {work}, {fields} fields")
            }
        }
    }

    /// Runs it once.
    ///
    /// # Errors
    /// It could not be measured, or what was measured did not do its work.
    pub(crate) async fn run(self, bench: &Bench, round: usize, results: &mut Results) -> Result<(), Fault> {
        match self {
            Scenario::Bare(extractor, fields) => {
                let measured = bare::measure(bench, extractor, fields).await?;
                results.throughput.push(Throughput { name: self.name(), round, fields, ..measured });
            }
            Scenario::Runo { kind: Kind::Unstored, .. } if bench.unstored.is_none() => {
                results.skip("Runo without store: no server without store (--server-without-store)".to_owned());
            }
            Scenario::Runo { kind, work, queued, fields } => {
                let measured = throughput::measure(bench, kind, work, queued, fields).await?;
                results.throughput.push(Throughput { name: self.name(), round, fields, ..measured });
            }
        }
        Ok(())
    }
}
