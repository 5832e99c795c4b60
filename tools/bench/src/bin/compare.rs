//! Compares Runo with the bare loop and its peers, on loopback, on one generated site, in one run:
//!
//! ```text
//! tools/bench/run.sh                    # builds what is measured, then measures everything: about a quarter of an hour
//! tools/bench/run.sh --quick            # small sizes, one round: a smoke test
//! tools/bench/run.sh --only crawl       # only scenarios whose name contains "crawl"
//! ```
//!
//! Every round runs each scenario once, so that other load on the machine affects all of them. Medians over the rounds
//! are reported; the ratio to the bare loop is taken within a round. The tables go to stdout and, with the raw figures
//! (`results.json`) and the plots (SVG), into `--out`.
//!
//! Peers are measured if they are found: `scrapy` on PATH or in `SCRAPY`, crawlee in `CRAWLEE_DIR` (a folder that
//! contains `node_modules/crawlee`), `spider` (of `spider_cli`) on PATH or in `SPIDER`. Missing peers are reported.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::compare::main()
}
