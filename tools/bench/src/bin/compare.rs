//! Runo beside the bare loop and its peers, on loopback, on one generated site, in one run:
//!
//! ```text
//! tools/bench/run.sh                    # builds what is measured, then measures everything: some 20 minutes
//! tools/bench/run.sh --quick            # small sizes, one round: does it work?
//! tools/bench/run.sh --only crawl       # only scenarios whose name has "crawl" in it
//! ```
//!
//! Every round runs each scenario once, so that whatever else the machine does meets all of them; medians over the
//! rounds are reported, and the ratio to the bare loop is taken within a round. The tables go to stdout, and with the
//! raw figures (`results.json`) and the plots (SVG) into `--out`.
//!
//! Peers are measured where they are found: `scrapy` on PATH or in `SCRAPY`, crawlee below `CRAWLEE_DIR` (a folder
//! with `node_modules/crawlee`), `spider` (of `spider_cli`) on PATH or in `SPIDER`. What is not found is said.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::compare::main()
}
