use super::*;

#[test]
fn keys_are_written_as_on_disk() {
    let owner = &AccountId::parse("acme").unwrap();
    let id = &JobId::parse("job_0123456789abcdef").unwrap();
    let (at, november) = (Timestamp(1_795_478_400_000), Month::parse("2026-11").unwrap());
    for (written, on_disk) in [
        (account(owner), "ACCT#acme"),
        (job(id), "JOB#job_0123456789abcdef"),
        (api_key("0a"), "KEY#0a"),
        (host("x.test:443"), "HOST#x.test:443"),
        (origin("https://x.test:443"), "ORIGIN#https://x.test:443"),
        // `cached` takes a key that only a whole call has.
        (CACHE.key("0a"), "CACHE#0a"),
        (model_account(owner), "MODEL#acme"),
        (day(at), "DAY#2026-11-24"),
        (month(november), "MONTH#2026-11"),
        (closed(november), "CLOSED#2026-11"),
        (idempotency("k"), "IDEM#k"),
        (held(7), "HELD#7"),
        (reserve(id), "LEDGER#job_0123456789abcdef#RESERVE"),
        (settle(id), "LEDGER#job_0123456789abcdef#SETTLE"),
        (top_up("t"), "LEDGER#TOPUP#t"),
        (input(12), "INPUT#000012"),
        (seen("0a"), "SEEN#0a"),
        (segment(12), "SEG#00000012"),
        (result(12, 3), "RESULT#000012#003"),
        (capture(12), "CAPTURE#000012"),
        (ask(12, 3), "ASK#000012#003"),
        (model_batch(12), "MODELBATCH#0000000012"),
        (list_running(owner), "ACCT#acme#RUNNING"),
        (list_finished(owner), "ACCT#acme#FINISHED"),
        (list_sort(at, id), "001795478400000#job_0123456789abcdef"),
        (list_from(at), "001795478400000"),
        (due_shard(3), "DUE#3"),
        (due(id), "DUE#2"),
        (delivery_shard(3), "DELIVERY#3"),
        (delivery_due(id), "DELIVERY#2"),
    ] {
        assert_eq!(written, on_disk);
    }
    let without_prefix = [PROFILE, PREPAID, SECRETS, KEY_ROW, META, SPEC, DELIVERY, PACE, ROBOTS, CACHED_RESULT];
    assert_eq!(
        without_prefix,
        ["PROFILE", "PREPAID", "WEBHOOK", "KEY", "META", "SPEC", "DELIVERY", "PACE", "ROBOTS", "RESULT"]
    );
    let of_the_system = [MODEL, MODEL_DUE, CHECK, PROGRESS, WORKERS, HEARTBEAT, PING];
    assert_eq!(of_the_system, ["MODEL", "DUE#MODEL", "CHECK", "PROGRESS", "WORKERS", "HEARTBEAT", "PING"]);
}

#[test]
fn keys_are_read_back() {
    let id = &JobId::parse("job_0123456789abcdef").unwrap();
    assert_eq!(held_of(&held(7)), Some(7));
    assert_eq!(segment_of(&segment(12)), Some(12));
    assert_eq!(result_of(&result(1_234_567, 3)), Some((1_234_567, 3)));
    assert_eq!(ask_of(&ask(12, 3)), Some((12, 3)));
    assert_eq!(model_batch_of(&model_batch(12)), Some(12));
    assert_eq!(entry_of(&reserve(id)), Some(EntryKind::Reserve));
    assert_eq!(entry_of(&settle(id)), Some(EntryKind::Settle));
    // The operator chooses a top-up's id.
    assert_eq!(entry_of(&top_up("t#SETTLE")), Some(EntryKind::TopUp));
    assert_eq!((entry_of(&held(7)), result_of(&ask(12, 3)), segment_of(META)), (None, None, None));
}

#[test]
fn a_prefix_is_stripped_once_and_bounds_its_keys() {
    assert_eq!(KEY.rest("KEY#KEY#0a"), Some("KEY#0a"));
    assert_eq!(KEY.rest(KEY_ROW), None);
    let (from, to) = SEGMENT.range();
    assert_eq!((from.as_str(), to.as_str()), ("SEG#", "SEG#~"));
    assert!((from..=to).contains(&segment(u32::MAX)));
}
