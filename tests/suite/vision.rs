//! `process_images`: pictures are read if the caller asks and its plan allows it, for fields that words leave open, few
//! and small ones, fetched behind the address guard.

use std::time::{Duration, Instant};

use domain::Plan;
use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::model::{Reply, ScriptedModel, fields};
use crate::support::site::Site;
use crate::support::stack::World;

async fn world(model: &ScriptedModel, more: &[(&str, &str)]) -> World {
    let base = model.base();
    let mut vars = more.to_vec();
    vars.extend([("MODEL_URL", base.as_str()), ("MODEL_NAME", "m"), ("MODEL_KEY", "k"), ("MODEL_VISION", "true")]);
    World::with_vars(&vars).await
}

/// A page whose voltage is only on a picture.
fn page(site: &Site, pictures: &[String]) -> String {
    let pictures: String = pictures.iter().map(|address| format!("<img src=\"{address}\">")).collect();
    let text = "A heater from Bergen that keeps small rooms warm through long winters, as its makers say of it.";
    site.add_page("heater", &format!("<title>Heater</title><main><h1>Heater</h1><p>{text}</p>{pictures}</main>"))
}

fn call(url: &str, images: bool) -> Value {
    let field = |name: &str, kind: &str, example: Value| json!({"field": name, "type": kind, "example": example});
    let schema = json!([
        field("title", "string", json!("A kettle")),
        field("origin", "string", json!("Oslo")),
        field("voltage", "integer", json!(110)),
        field("wattage", "integer", json!(900)),
    ]);
    json!({ "url": url, "schema": schema, "options": { "process_images": images, "no_cache": true } })
}

fn text_reply() -> Reply {
    fields([("origin", json!("Bergen"), "A heater from Bergen")])
}

fn pictures_reply() -> Reply {
    fields([("voltage", json!(230), "230 V"), ("wattage", json!(900), "1,500 W")])
}

#[tokio::test]
async fn open_fields_are_read_from_three_pictures_in_one_call() {
    let model = ScriptedModel::start(vec![text_reply(), pictures_reply()]).await;
    let (world, site) = (world(&model, &[]).await, Site::start().await);
    let pictures = ["/404", "/picture/100/a", "/picture/6000000/large", "/p/1", "/picture/200/b", "/picture/300/c"];
    let mut pictures: Vec<String> = pictures.iter().map(|path| site.url(path)).collect();
    // Decoration does not count as content, and a seventh picture is not read.
    pictures.insert(0, site.url("/picture/100/logo.png"));
    pictures.push(site.url("/picture/100/seventh"));
    let got = world.post("/v1/extract", &call(&page(&site, &pictures), true)).await.json();
    assert_eq!((&got["status"], &got["images_processed"]), (&json!("success"), &json!(3)), "{got}");
    let data = json!({"title": "Heater", "origin": "Bergen", "voltage": 230, "wattage": null});
    assert_eq!((&got["data"], &got["model_fields"]), (&data, &json!(["origin", "voltage"])), "{got}");
    let warnings = got["warnings"].to_string();
    assert!(
        warnings.contains("field \\\"voltage\\\": read from a picture; the page's text does not confirm it"),
        "{got}"
    );
    // The quoted words do not say the value.
    assert!(warnings.contains("field \\\"wattage\\\": the model's value was refused"), "{got}");

    let calls = model.calls();
    let [text, seen] = calls.as_slice() else { panic!("one call for words, one for pictures: {}", calls.len()) };
    assert_eq!((text.pictures().len(), text.fields()), (0, vec!["origin".into(), "voltage".into(), "wattage".into()]));
    assert_eq!(seen.fields(), ["voltage", "wattage"], "the fields that are still open");
    assert!(seen.pictures().len() == 3 && seen.pictures()[0].starts_with("data:image/png;base64,iVBORw0KGgo"));
    let requested = site.counts();
    assert!(
        !requested.contains_key("/picture/100/logo.png") && !requested.contains_key("/picture/100/seventh"),
        "{requested:?}"
    );
    let usage = world.get("/v1/usage").await.json();
    assert_eq!((&usage["model"]["calls"], world.used().await), (&json!(2), 1), "{usage}");
}

#[tokio::test]
async fn pictures_are_read_only_if_needed_requested_and_allowed() {
    let model = ScriptedModel::start(vec![text_reply()]).await;
    let (world, site) = (world(&model, &[]).await, Site::start().await);
    let url = page(&site, &[site.url("/picture/100/a")]);
    let pro = world.account("pro", Plan::Pro, Some(100), None).await;
    let got = pro.post("/v1/extract", &call(&url, true)).await.json();
    assert!(got["warnings"].to_string().contains("process_images was ignored: it requires the plan scale"), "{got}");
    let unasked = world.post("/v1/extract", &call(&url, false)).await.json();
    assert!(!unasked.to_string().contains("process_images"), "{unasked}");
    let mut never = call(&url, true);
    never["options"]["model"] = json!("never");
    let never = world.post("/v1/extract", &never).await.json();
    assert!(never["warnings"].to_string().contains("options.model is"), "{never}");
    assert!([&got, &unasked, &never].iter().all(|got| got["images_processed"].is_null()));
    assert_eq!((model.calls().len(), site.counts().get("/picture/100/a")), (2, None));

    // Where words fill every field, no picture is read.
    model.script(vec![fields([
        ("origin", json!("Bergen"), "A heater from Bergen"),
        ("voltage", json!(5), "5"),
        ("wattage", json!(7), "7"),
    ])]);
    let in_text = site.add_page("in-text", "<title>H</title><main><h1>Heater</h1><p>A heater from Bergen with 5 and 7.</p><img src='/picture/100/b'></main>");
    let got = world.post("/v1/extract", &call(&in_text, true)).await.json();
    assert_eq!((&got["data"]["wattage"], &got["images_processed"]), (&json!(7), &Value::Null), "{got}");
    assert_eq!(model.calls().len(), 3);
}

#[tokio::test]
async fn without_a_vision_model_there_is_a_warning() {
    let model = ScriptedModel::start(vec![text_reply()]).await;
    let (blind, site) = (world(&model, &[("MODEL_VISION", "false")]).await, Site::start().await);
    let got = blind.post("/v1/extract", &call(&page(&site, &[site.url("/picture/9/a")]), true)).await.json();
    assert!(got["warnings"].to_string().contains("no model that reads pictures is configured"), "{got}");
    assert_eq!((&got["images_processed"], site.counts().get("/picture/9/a")), (&Value::Null, None));
}

#[tokio::test]
async fn pictures_are_fetched_behind_the_guard_and_in_time() {
    let model = ScriptedModel::start(vec![text_reply(), pictures_reply()]).await;
    let (world, site) = (world(&model, &[("FETCH_ALLOW", "127.0.0.1/32")]).await, Site::start().await);
    // One of this machine's addresses is allowed. Another one listens and must not be requested, whatever leads there.
    // The process's own listener is refused too.
    let neighbour = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let there = neighbour.local_addr().unwrap();
    let forbidden = ["http://169.254.169.254/latest/a.png", "http://10.0.0.1/c.png"];
    let mut pictures: Vec<String> = forbidden.iter().map(|address| (*address).to_owned()).collect();
    pictures.push(format!("http://{there}/d.png"));
    pictures.push(site.url(&format!("/to/{there}/e.png")));
    pictures.push(format!("{}/f.png", world.base()));
    let got = world.post("/v1/extract", &call(&page(&site, &pictures), true)).await.json();
    assert!(got["warnings"].to_string().contains("none of the page's pictures could be fetched"), "{got}");
    assert_eq!((&got["images_processed"], model.calls().len()), (&Value::Null, 1));
    assert!(neighbour.accept().now_or_never().is_none(), "nothing connected");

    model.script(vec![text_reply(), pictures_reply()]);
    let start = Instant::now();
    let slow = [site.url("/slow-picture/60000"), site.url("/picture/100/a")];
    let mut body = call(&page(&site, &slow), true);
    body["options"]["timeout_ms"] = json!(60_000);
    let got = world.post("/v1/extract", &body).await.json();
    assert_eq!((&got["images_processed"], &got["data"]["voltage"]), (&json!(1), &json!(230)), "{got}");
    assert!(start.elapsed() < Duration::from_secs(30), "five seconds per picture: {:?}", start.elapsed());
}

/// Also in async mode: the model is asked at once, because pictures are read after words.
#[tokio::test]
async fn pictures_of_an_async_job_are_read_at_once() {
    let model = ScriptedModel::start(vec![text_reply(), pictures_reply()]).await;
    let (world, site) = (world(&model, &[("MODEL_BATCH", "openai")]).await, Site::start().await);
    let mut body = call("", true);
    body.as_object_mut().unwrap().remove("url");
    (body["urls"], body["async_mode"]) = (json!([page(&site, &[site.url("/picture/100/a")])]), json!(true));
    let got = world.post("/v1/batch", &body).await.json();
    assert_eq!(
        (&got["results"][0]["images_processed"], &got["results"][0]["data"]["voltage"]),
        (&json!(1), &json!(230)),
        "{got}"
    );
    assert_eq!((model.provider().statuses().len(), model.calls().len()), (0, 2));
}
