//! Lost responses, truncated bodies, a killed server: nothing is lost, and nothing is charged twice.

use runo_client::{BatchOptions, Client, FieldType, PageOptions, Row, Schema};

use crate::support::ports::free_port;
use crate::support::proxy::Proxy;
use crate::support::server::{Folder, KEY, Server, assert_sound};
use crate::support::site::Site;
use crate::support::stack::World;

fn schema() -> Schema {
    Schema::from([("title", FieldType::String)])
}

fn client(base: &str, key: &str) -> Client {
    Client::builder().api_key(key).base_url(base).build().unwrap()
}

#[tokio::test]
async fn a_call_whose_response_is_lost_runs_and_charges_once() {
    let (world, site) = (World::start().await, Site::start().await);
    for (async_mode, credits) in [(false, 3), (true, 6)] {
        let proxy = Proxy::start(world.base(), &[0, 0]).await;
        let client = client(&proxy.base, &world.key);
        let batch = client.batch(site.urls("/p", 3), schema()).async_mode(async_mode);
        let mut job = batch.start::<Row>().await.unwrap();
        assert!(job.results().await.unwrap().iter().all(|page| page.ok()));
        assert!(proxy.connections() >= 3);
        assert_eq!((world.used().await, site.hits()), (credits, usize::try_from(credits).unwrap()));
    }
}

#[tokio::test]
async fn a_truncated_body_is_resumed() {
    let (world, site) = (World::start().await, Site::start().await);
    let proxy = Proxy::start(world.base(), &[9_000, 5_000, 5_000]).await;
    let mut job = client(&proxy.base, &world.key).batch(site.urls("/p", 200), schema()).start::<Row>().await.unwrap();
    let mut indexes = Vec::new();
    while let Some(page) = job.next().await {
        indexes.push(page.unwrap().index().unwrap());
    }
    indexes.sort_unstable();
    assert_eq!(indexes, (0..200).collect::<Vec<u64>>());
    assert!(proxy.connections() >= 4);
    assert_eq!((job.summary().unwrap().credits_charged, world.used().await), (Some(200), 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_survives_a_kill_of_the_server() {
    let (folder, site) = (Folder::new("rust-client"), Site::start().await);
    let port = free_port().to_string();
    let mut server = Some(Server::start_with(&folder.0, &[("PORT", &port)]));
    let client = client(&server.as_ref().unwrap().base, KEY);
    // So that the batch does not end before the kill.
    site.hold_after(500);
    // Pages that were under way at the kill are read again in a child process, which takes longer.
    let page = PageOptions { timeout_ms: Some(8_000), ..PageOptions::default() };
    let options = BatchOptions { page, concurrency: Some(8), ..BatchOptions::default() };
    let mut job = client.batch(site.urls("/p", 1_000), schema()).options(options).start::<Row>().await.unwrap();
    let mut indexes = Vec::new();
    while let Some(page) = job.next().await {
        let page = page.unwrap();
        assert!(page.ok(), "{page:?}");
        indexes.push(page.index().unwrap());
        if indexes.len() == 50 {
            drop(server.take()); // SIGKILL
            assert!(site.hits() < 1_000, "the server was killed too late");
            site.open_gate();
            server = Some(Server::start_with(&folder.0, &[("PORT", &port)]));
        }
    }
    indexes.sort_unstable();
    assert_eq!(indexes, (0..1_000).collect::<Vec<u64>>());
    let summary = job.summary().unwrap();
    assert_eq!((summary.total, summary.credits_charged), (Some(1_000), Some(1_000)));
    assert_eq!(client.usage().await.unwrap().monthly.used, 1_000);
    assert_sound(&folder.0);
}
