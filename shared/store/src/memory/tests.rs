use super::*;
use crate::hosts::UNCHANGED;
use crate::item::{Put, key, n, s, values};
use crate::ops::{ABSENT, tx_put, tx_update};

#[test]
fn conditions_hold_as_dynamodb_reads_them() {
    let row = key("a", "b").with("state", s("running")).with("used", n(5));
    let given = values([(":running", s("running")), (":five", n(5)), (":ten", n(10)), (":one", n(1))]);
    let on = |condition: &str, row: Option<&Item>| holds(condition, row, Some(&given)).unwrap();
    for yes in [
        "",
        "attribute_exists(#pk)",
        "attribute_not_exists(#ended_at)",
        "#state = :running AND #used = :five",
        "attribute_not_exists(#pk) OR #used < :ten",
        "#used >= :five",
        "#used <= :five",
    ] {
        assert!(on(yes, Some(&row)), "{yes}");
    }
    for no in [ABSENT, "#state = :running AND #used = :ten", "#used < :five", "#used >= :ten", "#absent = :five"] {
        assert!(!on(no, Some(&row)), "{no}");
    }
    assert!(on(ABSENT, None) && !on("#used >= :one", None) && !on("attribute_exists(#pk)", None));
    assert!(holds("size(#pk) > :one", Some(&row), Some(&given)).is_err());
    assert!(holds("#used <> :one", Some(&row), Some(&given)).is_err());
    let bracketed = "#used = :five AND (#used = :ten OR (attribute_not_exists(#gone) AND :one = :one))";
    assert!(on(bracketed, Some(&row)) && !on(bracketed, None));
    assert!(!on("(#used = :five OR #used = :ten) AND :one = :five", Some(&row)));
}

#[test]
fn a_pace_is_compared_with_the_one_that_was_read() {
    let row = key("a", "b").with("next", n(1)).with("closed_until", n(2)).with("factor", n(4));
    let row = row.with("changed_at", n(3));
    let read = |told_at: i64, factor: u32| {
        let given = values([
            (":next", n(1)),
            (":closed_until", n(2)),
            (":factor", n(factor)),
            (":changed_at", n(3)),
            (":told_at", n(told_at)),
            (":never", n(0)),
        ]);
        move |row: &Item| holds(UNCHANGED, Some(row), Some(&given)).unwrap()
    };
    assert!(read(0, 4)(&row) && !read(0, 8)(&row) && !read(5, 4)(&row));
    let told = row.with("told_at", n(5));
    assert!(read(5, 4)(&told) && !read(5, 8)(&told) && !read(0, 4)(&told));
}

#[test]
fn updates_set_remove_and_add() {
    let rows = Rows::default();
    let given = values([(":x", s("x")), (":two", n(2))]);
    let change = |update: &str| rows.update_if("t", key("a", "b"), update, "", &given).unwrap();
    change("SET #name = :x, #count = :two, #gone = :x");
    change("SET #count = #count + :two REMOVE #gone, #absent ADD #hits :two");
    change("SET #count = #count - :two");
    change("ADD #hits :two");
    let row = rows.get("t", &key("a", "b")).unwrap().unwrap();
    let wanted = key("a", "b").with("name", s("x")).with("count", n(2)).with("hits", n(4));
    assert_eq!(row, wanted);
    assert!(rows.update_if("t", key("a", "b"), "REMOVE #name", "", &given).is_err());
}

#[test]
fn a_refused_transaction_changes_nothing_and_names_the_refusing_items() {
    let rows = Rows::default();
    let given = || values([(":one", n(1))]);
    let put = |sk: &str| tx_put("t", key("a", sk), ABSENT).unwrap();
    let add = || tx_update("t", key("a", "sum"), "SET #at = :one ADD #sum :one", "", given()).unwrap();
    assert!(matches!(rows.transact(&[put("1"), add()]).unwrap(), Transaction::Written));
    match rows.transact(&[put("2"), put("1"), add()]).unwrap() {
        Transaction::Refused(which) => assert_eq!(which, [false, true, false]),
        Transaction::Written => panic!("refused"),
    }
    let found = rows.range("t", "a", "1", "sum", &["sk", "sum"]);
    assert_eq!(
        found,
        [HashMap::from([("sk".into(), s("1"))]), HashMap::from([("sk".into(), s("sum")), ("sum".into(), n(1))])]
    );
    assert_eq!(rows.get_many("t", &[key("a", "2"), key("a", "1")]).unwrap(), [key("a", "1")]);
}
