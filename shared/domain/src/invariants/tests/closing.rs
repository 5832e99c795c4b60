//! Closing a month: when, with which sums, and what the checkpoint stands for from then on.

use super::*;

const DAY: u64 = 86_400;

fn october() -> Month {
    Month::parse("2026-10").unwrap()
}

/// A number of days after the end of October.
fn day(days: u64) -> Timestamp {
    october().end().plus_secs(days * DAY)
}

/// A crawl that refunded some to both pools, and an extract; written in October.
fn ledger() -> Vec<LedgerEntry> {
    let (crawl, extract) = (JobId::from_random(1), JobId::from_random(2));
    let mut ledger = vec![
        LedgerEntry::TopUp { amount: 10 },
        reserve(&crawl, 6, 4, october()),
        settle(&crawl, 3, 5, 2, october()),
        reserve(&extract, 1, 0, october()),
    ];
    // The order of the keys.
    if extract < crawl {
        ledger[1..].rotate_right(1);
    }
    ledger
}

fn money() -> MoneyRows {
    MoneyRows { months: BTreeMap::from([(october(), 2)]), prepaid: Some(8), ..MoneyRows::default() }
}

fn walked(money: &MoneyRows, ledger: &[LedgerEntry], now: Timestamp) -> Walked {
    let mut walk = AccountWalk::begin(&AccountId::parse("a").unwrap(), money.clone(), now);
    for entry in ledger {
        walk.take(entry);
    }
    walk.end()
}

/// The account after October was closed, a week after its end.
fn closed() -> MoneyRows {
    let checkpoints = walked(&money(), &ledger(), day(7)).closable;
    assert_eq!(checkpoints.len(), 1);
    MoneyRows { closed: [october()].into(), checkpoints, ..money() }
}

fn kept_until(until: Timestamp) -> MoneyRows {
    let mut money = closed();
    money.checkpoints.values_mut().for_each(|checkpoint| checkpoint.keep_until = Some(until));
    money
}

#[test]
fn a_month_is_closed_a_week_after_its_end_with_the_sums_of_its_entries() {
    let sums = Sums {
        entries: 3,
        last_job: [1, 2].map(JobId::from_random).into_iter().max(),
        reserved_monthly: 7,
        reserved_prepaid: 4,
        charged: 3,
        refunded_monthly: 5,
        refunded_prepaid: 2,
    };
    let closable = walked(&money(), &ledger(), day(7)).closable;
    assert_eq!(closable, [(october(), Checkpoint { sums, counted_to: day(6), keep_until: None })].into());
    assert_eq!(walked(&money(), &ledger(), day(7).plus_ms(-1)).closable, [].into());
}

#[test]
fn a_month_that_is_at_fault_or_not_yet_quiet_is_not_closed() {
    let off = MoneyRows { months: BTreeMap::from([(october(), 3)]), ..money() };
    assert_eq!(walked(&off, &ledger(), day(30)).closable, [].into());
    let none = MoneyRows { months: BTreeMap::new(), ..money() };
    assert_eq!(walked(&none, &ledger(), day(30)).closable, [].into());
    // The sums are right, but a SETTLE has no RESERVE.
    let (mut alone, stranger) = (ledger(), JobId::from_random(3));
    alone.push(settle(&stranger, 0, 0, 0, october()));
    let found = walked(&money(), &alone, day(30));
    assert_eq!((found.closable, found.violations.len()), ([].into(), 1));
    // A job that ended late has just written its refund.
    let mut late = ledger();
    let written = day(20);
    let LedgerEntry::Settle(settle) = late.iter_mut().find(|e| matches!(e, LedgerEntry::Settle(_))).unwrap() else {
        unreachable!()
    };
    settle.at = written;
    assert_eq!(walked(&money(), &late, day(21)).closable, [].into());
    assert_eq!(walked(&money(), &late, day(21).plus_ms(1)).closable.len(), 1);
}

#[test]
fn a_checkpoint_stands_for_its_entries_while_they_are_there_and_afterwards() {
    let whole = walked(&closed(), &ledger(), day(8));
    assert_eq!((whole.violations, whole.closable, whole.confirmed), (vec![], [].into(), vec![october()]));
    let kept = kept_until(day(100));
    assert_eq!(walked(&kept, &ledger(), day(98)).confirmed, [], "it is confirmed already");
    // TTL takes them one by one.
    let ledger = ledger();
    for gone in 0..4u32 {
        let left: Vec<LedgerEntry> =
            ledger.iter().enumerate().filter(|(i, _)| *i == 0 || *i as u32 > gone).map(|(_, e)| e.clone()).collect();
        assert_eq!(walked(&kept, &left, day(99)).violations, [], "{gone} gone");
    }
    let left = walked(&kept, &ledger[..1], day(1_000));
    assert_eq!((left.violations, left.closable), (vec![], [].into()));
}

#[test]
fn a_closed_entry_that_is_lost_before_its_expiry_is_a_fault() {
    for money in [closed(), kept_until(day(100))] {
        for gone in 1..4 {
            let mut ledger = ledger();
            ledger.remove(gone);
            let rules: Vec<_> = walked(&money, &ledger, day(98)).violations.into_iter().map(|v| v.rule).collect();
            assert!(rules.contains(&"checkpoint = sum of its entries".into()), "{gone}: {rules:?}");
            assert_eq!(walked(&money, &ledger, day(98)).confirmed, []);
        }
    }
}

#[test]
fn rows_that_contradict_a_checkpoint_are_a_fault() {
    let used = MoneyRows { months: BTreeMap::from([(october(), 1)]), ..kept_until(day(9)) };
    let balance = MoneyRows { prepaid: Some(9), ..kept_until(day(9)) };
    for (money, rule) in [(used, "month row = sum of the ledger"), (balance, "prepaid row = sum of the ledger")] {
        let found = walked(&money, &ledger()[..1], day(1_000)).violations;
        assert_eq!(found.iter().map(|v| &*v.rule).collect::<Vec<_>>(), [rule]);
    }
}

#[test]
fn a_falsified_checkpoint_is_a_fault_while_its_entries_exist() {
    let falsify: [fn(&mut Sums); 7] = [
        |sums| sums.entries += 1,
        |sums| sums.last_job = Some(JobId::from_random(9)),
        |sums| sums.reserved_monthly += 1,
        |sums| sums.reserved_prepaid += 1,
        |sums| sums.charged += 1,
        |sums| sums.refunded_monthly += 1,
        |sums| sums.refunded_prepaid += 1,
    ];
    for falsify in falsify {
        for mut money in [closed(), kept_until(day(100))] {
            money.checkpoints.values_mut().for_each(|checkpoint| falsify(&mut checkpoint.sums));
            let found = walked(&money, &ledger(), day(98));
            assert!(found.violations.iter().any(|v| v.rule == "checkpoint = sum of its entries"), "{:?}", money);
            assert_eq!(found.confirmed, []);
        }
    }
    let lost = MoneyRows { checkpoints: BTreeMap::new(), ..closed() };
    let found = walked(&lost, &ledger(), day(8)).violations;
    assert_eq!(found.iter().map(|v| &*v.rule).collect::<Vec<_>>(), ["a closed month has its checkpoint"]);
}

/// The job's refund counts once, in addition to the checkpoint, whatever delayed it and even if its RESERVE has
/// expired.
#[test]
fn a_settlement_after_its_month_was_closed_counts_beside_the_checkpoint() {
    let job = JobId::from_random(1);
    let month = october();
    let entries = [LedgerEntry::TopUp { amount: 10 }, reserve(&job, 6, 4, month)];
    let before = MoneyRows { months: BTreeMap::from([(month, 6)]), prepaid: Some(6), ..MoneyRows::default() };
    let checkpoints = walked(&before, &entries, day(7)).closable;
    let mut after = MoneyRows { months: BTreeMap::from([(month, 1)]), prepaid: Some(8), checkpoints, ..before };
    let mut late = settle(&job, 3, 5, 2, month);
    if let LedgerEntry::Settle(settle) = &mut late {
        settle.at = day(7);
    }
    let [topped_up, reserved] = entries;
    let found = walked(&after, &[topped_up.clone(), reserved, late.clone()], day(8));
    assert_eq!((found.violations, found.confirmed), (vec![], vec![month]));
    after.checkpoints.values_mut().for_each(|checkpoint| checkpoint.keep_until = Some(day(100)));
    assert_eq!(walked(&after, &[topped_up, late], day(101)).violations, []);
}

#[test]
fn entries_expire_only_after_a_second_count_and_top_ups_never() {
    let keeps = |money: MoneyRows| -> Vec<Option<Timestamp>> {
        let mut walk = AccountWalk::begin(&AccountId::parse("a").unwrap(), money, day(8));
        ledger().iter().map(|entry| walk.take(entry)).collect()
    };
    assert_eq!(keeps(money()), [None; 4]);
    assert_eq!(keeps(closed()), [None; 4]);
    let until = Some(day(100));
    assert_eq!(
        keeps(kept_until(day(100))),
        [None, until, until, until],
        "a top-up's key refuses a repeated payment for ever"
    );
}
