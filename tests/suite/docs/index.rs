//! The index of docs/TESTING.md, from promises to tests: it has a row for each heading of the contract and each rule of the
//! check, and each row names a test. [`super::every_test_that_is_named_exists`] checks the names.

use domain::invariants::Rule;

use super::{headings, named_tests, prose, read, test_cells};

/// The index of docs/TESTING.md has a row for each heading of the contract.
#[test]
fn every_heading_of_the_contract_has_its_tests() {
    let (contract, index) = (read("docs/API.md"), read("docs/TESTING.md"));
    let without: Vec<_> =
        headings(&contract).into_iter().filter(|heading| !index.contains(&format!("\n| {heading} |"))).collect();
    assert!(without.is_empty(), "headings of docs/API.md without a row in docs/TESTING.md: {without:#?}");
}

/// The index has a row for each rule of the check, and no row for a rule that is gone.
#[test]
fn every_rule_of_the_check_has_its_tests() {
    let index = read("docs/TESTING.md");
    let section = index.split("### Rules of the check").nth(1).and_then(|rest| rest.split("\n### ").next()).unwrap();
    let rows: Vec<&str> =
        prose(section).filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).skip(1).collect();
    assert_eq!(rows, Rule::ALL.iter().map(|rule| rule.text()).collect::<Vec<_>>());
}

/// No row of the index is without a test.
#[test]
fn every_row_of_the_index_names_a_test() {
    let index = read("docs/TESTING.md");
    let without: Vec<_> = test_cells(&index)
        .into_iter()
        .filter(|cell| named_tests(cell).is_empty() && ![".sh`", ".mjs`"].iter().any(|script| cell.contains(script)))
        .collect();
    assert!(without.is_empty(), "rows of docs/TESTING.md that name no test: {without:#?}");
}
