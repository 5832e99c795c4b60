//! Every code block of the documentation is run, parsed or listed with a reason. The list is a table in docs/TESTING.md.

use std::path::Path;

use serde_json::Value;

use super::{files, read};

/// Documents whose bash blocks run beside a server, each in a test of `guides`.
pub(super) const RUN_BESIDE_A_SERVER: [&str; 11] = [
    "README.md",
    "docs/MCP.md",
    "docs/WEBHOOKS.md",
    "docs/guides/background.md",
    "docs/guides/batch.md",
    "docs/guides/crawl.md",
    "docs/guides/model.md",
    "docs/guides/quick-start.md",
    "docs/guides/rendering.md",
    "docs/guides/webhooks.md",
    "tools/cli/README.md",
];
/// Documents whose code blocks run in tests of their own: the blocks' language, and the test.
const RUN_ELSEWHERE: [(&str, &str, &str); 5] = [
    ("clients/python/README.md", "python", "clients/python/tests/test_readme.py"),
    ("clients/typescript/README.md", "ts", "clients/typescript/tests/readme.test.ts"),
    ("clients/rust/README.md", "rust,no_run", "clients/rust/src/lib.rs"),
    ("docs/OPERATIONS.md", "bash", "tests/suite/docs/commands.rs"),
    ("docs/guides/deploy.md", "bash", "tests/suite/docs/commands.rs"),
];
/// Languages of blocks that do something.
const COMMAND_LANGUAGES: [&str; 6] = ["bash", "sh", "python", "ts", "js", "rust,no_run"];
/// Languages of blocks that show something.
const OUTPUT_LANGUAGES: [&str; 2] = ["text", ""];

/// A code block.
pub(super) struct Block {
    pub language: String,
    pub line: usize,
    pub text: String,
    /// Whether only empty lines separate this block from the previous one.
    follows: bool,
}

impl Block {
    pub(super) fn is_command(&self) -> bool {
        COMMAND_LANGUAGES.contains(&self.language.as_str())
    }
}

/// The code blocks of a document, those in lists included.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let (mut found, mut open, mut follows) = (Vec::<Block>::new(), None::<Block>, false);
    for (line, at) in text.lines().zip(1..) {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(language)) => {
                open = Some(Block { language: language.to_owned(), line: at, text: String::new(), follows });
            }
            (Some(_), Some(_)) => {
                found.extend(open.take());
                follows = true;
            }
            (Some(block), None) => block.text.extend([line, "\n"]),
            (None, None) => follows &= line.trim().is_empty(),
        }
    }
    found
}

/// The output that a document shows right after each block: `…` stands for anything.
pub(super) fn shown_after(blocks: &[Block], at: usize) -> Option<&Block> {
    blocks.get(at + 1).filter(|block| block.follows && !block.is_command())
}

/// The rows of the table in docs/TESTING.md: a document, and how a block of it begins.
fn listed() -> Vec<(String, String)> {
    let text = read("docs/TESTING.md");
    let table = text.split("| Document | Block | ").nth(1).expect("docs/TESTING.md has the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let code = |row: &str| row.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    rows.map(|row| (code(row)[0].clone(), code(row)[1].clone())).collect()
}

/// Whether the table says that a block is not run.
pub(super) fn is_listed(document: &str, block: &Block) -> bool {
    listed().iter().any(|(of, start)| of == document && block.text.trim_start().starts_with(start.as_str()))
}

#[test]
fn every_code_block_is_run_or_listed_with_a_reason() {
    let (listed, mut used, mut faults, mut seen) = (listed(), Vec::new(), Vec::new(), 0);
    for (path, text) in files("", ".md") {
        let document = path.to_str().unwrap().to_owned();
        let blocks = blocks(&text);
        for (at, block) in blocks.iter().enumerate() {
            let here = format!("{document}:{}", block.line);
            let row = (listed.iter())
                .position(|(of, start)| *of == document && block.text.trim_start().starts_with(start.as_str()));
            used.extend(row);
            let elsewhere =
                RUN_ELSEWHERE.iter().any(|(of, language, _)| (*of, *language) == (&document, &block.language));
            let is_run = block.language == "bash" && RUN_BESIDE_A_SERVER.contains(&document.as_str()) || elsewhere;
            let is_output = at > 0 && shown_after(&blocks, at - 1).is_some() && blocks[at - 1].is_command();
            seen += usize::from(block.is_command());
            if block.is_command() {
                if !is_run && row.is_none() {
                    faults.push(format!("{here}: no test runs this block, and docs/TESTING.md does not list it"));
                }
            } else if block.language == "json" {
                let text = block.text.replace("[ … ]", "[]").replace("{ … }", "{}");
                let values = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
                if !is_output && values.into_iter().any(|value| value.is_err()) {
                    faults.push(format!("{here}: this is not JSON"));
                }
            } else if !OUTPUT_LANGUAGES.contains(&block.language.as_str()) {
                faults.push(format!("{here}: no test knows the language {:?}", block.language));
            }
        }
    }
    let idle = (0..listed.len()).filter(|row| !used.contains(row)).map(|row| &listed[row]);
    faults.extend(idle.map(|(of, start)| format!("docs/TESTING.md: {of} has no block that begins with {start}")));
    for (document, _, test) in RUN_ELSEWHERE {
        let name = Path::new(document).file_name().unwrap().to_str().unwrap();
        assert!(read(test).contains(name), "{test} runs {document}");
    }
    assert!(seen > 60, "the blocks were found: {seen}");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn blocks_and_their_output_are_found() {
    let text =
        "# A\n```bash\none\n```\n\n```json\n{}\n```\n1. List\n   ```bash\n   two\n   ```\nWords.\n\n```text\nx\n```\n";
    let found = blocks(text);
    let plain: Vec<_> = found.iter().map(|block| (block.language.as_str(), block.text.trim(), block.line)).collect();
    assert_eq!(plain, [("bash", "one", 2), ("json", "{}", 6), ("bash", "two", 10), ("text", "x", 15)]);
    assert!(shown_after(&found, 0).is_some(), "an output follows at once");
    assert!(shown_after(&found, 2).is_none(), "words are between");
}

/// The site has every document, and tools/book.py knows the source of each chapter without a file.
#[test]
fn every_document_is_a_page_of_the_site() {
    let (summary, preprocessor) = (read("docs/SUMMARY.md"), read("tools/book.py"));
    let without: Vec<_> = (files("docs", ".md").into_iter())
        .map(|(path, _)| path.strip_prefix("docs").unwrap().to_str().unwrap().to_owned())
        .filter(|page| page != "SUMMARY.md" && !summary.contains(&format!("]({page})")))
        .collect();
    assert!(without.is_empty(), "docs/SUMMARY.md does not list {without:?}");
    let empty = summary.lines().filter_map(|line| line.split_once('[')?.1.strip_suffix("]()"));
    let unknown: Vec<_> = empty.filter(|name| !preprocessor.contains(&format!("\"{name}\""))).collect();
    assert!(unknown.is_empty(), "tools/book.py has no text for {unknown:?}");
}
