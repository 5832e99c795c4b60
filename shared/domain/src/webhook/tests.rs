use proptest::prelude::*;

use super::*;
use crate::credits::Charge;
use crate::ids::Nonce;
use crate::job::CrawlFigures;
use crate::job::tests::job;
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp(1_795_478_400_000); // 2026-11-24T00:00:00Z
const LEASE: i64 = 45_000;

fn nonce() -> Nonce {
    Nonce::from_random(1)
}

fn end(outcome: Outcome, done: u32, failed: u32) -> Settlement {
    let tally = Tally { total: done + failed, done, failed, cancelled: 0, pending: 0 };
    let charge = Charge { charged: tally.started(), refund_monthly: 0, refund_prepaid: 0 };
    Settlement { outcome, charge, tally, figures: CrawlFigures::default(), ended_at: NOW }
}

fn delivery() -> Delivery {
    let webhook = Webhook { url: "https://hooks.test/in".into(), events: JobEvent::ALL.into() };
    Delivery::of(&webhook, &job(4), &end(Outcome::Completed, 3, 1), nonce())
}

fn tried(delivery: &Delivery, now: Timestamp) -> Delivery {
    match delivery.begin_try(now, LEASE, nonce()) {
        TryDecision::Try(leased) => *leased,
        other => panic!("{other:?}"),
    }
}

/// The specification's own example, which its libraries test with.
#[test]
fn the_signature_matches_the_specifications_example() {
    let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let secrets = Secrets::default().rotated(secret, Timestamp(0), 0);
    let sent_at = Timestamp(1_614_265_330_999);
    let signed = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", sent_at, r#"{"test": 2432232314}"#).unwrap();
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn two_secrets_sign_during_a_rotation() {
    let secret = |n| Secret::from_random(n, n);
    let one = Secrets::default().rotated(secret(1), NOW, 60);
    let two = one.rotated(secret(2), NOW, 60);
    let signatures = |secrets: &Secrets, at: Timestamp| secrets.sign("m", at, "{}").map(|s| s.split(' ').count());
    assert_eq!(signatures(&one, NOW.plus_secs(1_000_000)), Some(1));
    assert_eq!((signatures(&two, NOW.plus_secs(59)), signatures(&two, NOW.plus_secs(60))), (Some(2), Some(1)));
    assert!(two.sign("m", NOW, "{}").unwrap().ends_with(&one.sign("m", NOW, "{}").unwrap()), "the newest first");
    let three = two.rotated(secret(3), NOW.plus_secs(1), 1_000);
    assert_eq!(three.valid(NOW.plus_secs(2)).collect::<Vec<_>>(), [&secret(3), &secret(2)], "never more than two");
    assert_eq!(signatures(&Secrets::default(), NOW), None);
}

#[test]
fn a_secret_round_trips_and_is_never_printed() {
    let secret = Secret::from_random(u128::MAX, 5);
    assert_eq!(Secret::parse(&secret.text()), Some(secret.clone()));
    assert!(secret.text().starts_with("whsec_") && secret.text().len() == 50);
    let secrets = Secrets::default().rotated(secret.clone(), NOW, 0);
    assert!(!format!("{secrets:?}").contains(&secret.text()[6..20]));
    let stored = serde_json::to_string(&secrets).unwrap();
    assert_eq!(serde_json::from_str::<Secrets>(&stored).unwrap(), secrets);
    for bad in
        ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!KQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    {
        assert_eq!(Secret::parse(bad), None, "{bad}");
    }
}

#[test]
fn each_end_of_a_job_is_one_event() {
    let of = |outcome, done, failed| JobEvent::of(outcome, &end(outcome, done, failed).tally);
    assert_eq!(of(Outcome::Completed, 1, 9), JobEvent::Completed);
    assert_eq!(of(Outcome::Completed, 0, 9), JobEvent::Failed);
    assert_eq!(of(Outcome::Cancelled, 0, 0), JobEvent::Cancelled);
    assert_eq!(of(Outcome::Expired, 0, 9), JobEvent::Expired);
    for event in JobEvent::ALL {
        assert_eq!(JobEvent::parse(event.name()), Some(event));
        assert_eq!(serde_json::to_string(&event).unwrap(), format!("\"{}\"", event.name()));
    }
}

#[test]
fn the_message_has_the_jobs_figures_and_no_results() {
    let body: serde_json::Value = serde_json::from_str(&delivery().body).unwrap();
    let id = job(4).id;
    let wanted = json!({
        "type": "job.completed",
        "timestamp": "2026-11-24T00:00:00Z",
        "data": {
            "job_id": id,
            "endpoint": "/batch",
            "progress": { "total": 4, "done": 3, "failed": 1, "cancelled": 0, "pending": 0 },
            "credits": { "reserved": 4, "charged": 4, "refunded": 0, "monthly": 2, "prepaid": 2 },
            "result": format!("/v1/jobs/{id}/result"),
        },
    });
    assert_eq!(body, wanted);
    assert_eq!(message_id(&id), id.as_str().replace("job_", "msg_"));
}

#[test]
fn events_without_a_subscription_are_not_sent() {
    let webhook = Webhook { url: "https://hooks.test/".into(), events: vec![JobEvent::Failed] };
    let skipped = Delivery::of(&webhook, &job(1), &end(Outcome::Completed, 1, 0), nonce());
    assert_eq!(skipped.state, DeliveryState::Skipped);
    assert_eq!(skipped.begin_try(NOW, LEASE, nonce()), TryDecision::NothingToSend);
    assert_eq!(skipped.resend(NOW, nonce()), Resend::Skipped);
}

/// Ten tries in 75 hours and a half, give or take a tenth.
#[test]
fn tries_follow_the_schedule_and_end() {
    for (jitter, max_minutes) in [(0, 4_081), (10, 4_535), (20, 4_988)] {
        let (mut delivery, mut now) = (delivery(), NOW);
        let mut waits = Vec::new();
        for n in 1..=MAX_TRIES {
            let leased = tried(&delivery, now);
            assert_eq!((leased.tries, leased.round), (n, n));
            delivery = leased.answered(Answer::Status(500, None), now, jitter, nonce());
            if delivery.is_pending() {
                assert_eq!(
                    delivery.begin_try(delivery.next.plus_ms(-1), LEASE, nonce()),
                    TryDecision::NotBefore(delivery.next)
                );
                waits.push(delivery.next.ms_since(now));
                now = delivery.next;
            }
        }
        assert_eq!((delivery.state, delivery.last_status), (DeliveryState::Failed, Some(500)));
        assert_eq!(waits.len(), 9);
        let wanted: Vec<u64> = SCHEDULE_SECS.iter().map(|secs| secs * 10 * (90 + jitter)).collect();
        assert_eq!(waits, wanted);
        assert_eq!(now.ms_since(NOW) / 60_000, max_minutes);
        assert_eq!(delivery.begin_try(now, LEASE, nonce()), TryDecision::NothingToSend);
    }
}

#[test]
fn success_and_410_end_a_delivery_and_other_statuses_do_not() {
    let leased = tried(&delivery(), NOW);
    let after = |answer| leased.answered(answer, NOW, 10, nonce());
    for status in [200, 204, 299] {
        assert_eq!(after(Answer::Status(status, None)).state, DeliveryState::Delivered, "{status}");
    }
    assert_eq!(after(Answer::Status(410, None)).state, DeliveryState::Gone);
    for status in [100, 301, 302, 400, 401, 404, 429, 500, 503] {
        let again = after(Answer::Status(status, None));
        assert_eq!((again.state, again.last_status), (DeliveryState::Pending, Some(status)), "{status}");
        assert_eq!(again.next, NOW.plus_secs(5), "{status}");
    }
    assert_eq!(after(Answer::None).last_status, None);
    assert_eq!(leased.revoked(nonce()).state, DeliveryState::Revoked);
}

/// A wait that a receiver asks for is limited to an hour, and never shortens the schedule's wait.
#[test]
fn a_receiver_may_ask_for_a_longer_wait() {
    for jitter in 0..21 {
        let mut delivery = delivery();
        let mut waits = Vec::new();
        for (round, asked) in [(1, 60), (2, 60), (3, u64::MAX), (4, 3_600)] {
            let leased = tried(&delivery, delivery.next);
            let now = delivery.next;
            assert_eq!(leased.round, round);
            delivery = leased.answered(Answer::Status(503, Some(asked)), now, jitter, nonce());
            waits.push(delivery.next.ms_since(now));
        }
        let planned = |secs: u64| secs * 10 * (90 + jitter);
        let asked = |secs: u64| secs * 10 * (100 + jitter % 11);
        assert_eq!(waits, [asked(60), planned(300), asked(3_600), planned(7_200)], "{jitter}");
    }
    // A requested wait does not reopen a delivery that has ended.
    let leased = tried(&delivery(), NOW);
    assert_eq!(leased.answered(Answer::Status(200, Some(9)), NOW, 0, nonce()).state, DeliveryState::Delivered);
    let last = Delivery { round: MAX_TRIES, ..leased };
    assert_eq!(last.answered(Answer::Status(429, Some(9)), NOW, 0, nonce()).state, DeliveryState::Failed);
}

#[test]
fn a_try_excludes_others_until_its_lease_ends() {
    let leased = tried(&delivery(), NOW);
    assert_eq!(leased.begin_try(NOW, LEASE, nonce()), TryDecision::UnderWay);
    assert_eq!(leased.resend(NOW, nonce()), Resend::UnderWay);
    let dead = NOW.plus_ms(LEASE);
    assert_eq!(tried(&leased, dead).tries, 2);
    let last = Delivery { round: MAX_TRIES, ..leased };
    match last.begin_try(dead, LEASE, nonce()) {
        TryDecision::Exhausted(over) => assert_eq!(over.state, DeliveryState::Failed),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_resent_message_gets_all_its_tries_again() {
    let delivered = tried(&delivery(), NOW).answered(Answer::Status(200, None), NOW, 0, nonce());
    let Resend::Send(again) = delivered.resend(NOW, nonce()) else { panic!("it is resent") };
    assert_eq!((again.state, again.round, again.tries, again.next), (DeliveryState::Pending, 0, 1, NOW));
    assert_eq!(again.body, delivered.body);
    let leased = tried(&again, NOW);
    assert_eq!((leased.tries, leased.round), (2, 1));
    let delivered = leased.answered(Answer::Status(200, None), NOW, 0, nonce());
    let soon = NOW.plus_secs(RESEND_SECS);
    assert_eq!(delivered.resend(soon.plus_ms(-1), nonce()), Resend::TooSoon(soon));
    assert!(matches!(delivered.resend(soon, nonce()), Resend::Send(_)));
}

proptest! {
    /// Whatever happens, versions increase by one, tries are counted once, and a round never has more than ten.
    #[test]
    fn rows_only_go_forward(steps in prop::collection::vec((0u8..4, 0u16..600, 0i64..90_000_000), 1..80)) {
        let (mut row, mut now, mut tries) = (delivery(), NOW, 0);
        for (what, status, wait) in steps {
            now = now.plus_ms(wait);
            let new = match what {
                0 => match row.resend(now, nonce()) { Resend::Send(new) => *new, _ => continue },
                1 if row.trying => row.answered(Answer::Status(status, None), now, wait.unsigned_abs(), nonce()),
                _ => match row.begin_try(now, LEASE, nonce()) {
                    TryDecision::Try(new) => { tries += 1; *new }
                    TryDecision::Exhausted(new) => *new,
                    _ => continue,
                },
            };
            prop_assert_eq!(new.version, row.version + 1);
            prop_assert_eq!(new.tries, tries);
            prop_assert!(new.round <= MAX_TRIES && new.body == row.body && new.job == row.job);
            prop_assert!(!new.trying || new.is_pending());
            row = new;
        }
    }
}
