//! Visits one page, from its URL to its document.

mod answer;
mod fault;
mod picture;

use std::collections::HashMap;
use std::pin::Pin;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use url::Url;

use answer::Answer;
use picture::Picture;

use crate::ask::{Capture, Rendered, Request, WaitFor};
use crate::cdp::{CdpError, Event, Events, Session};
use crate::config::Limits;
use crate::context::Opened;
use crate::error::RenderError;
use crate::proxy::{Over, Pass};
use crate::ready::Ready;
use crate::screen::{Screen, Verdict};
use crate::snapshot::{Probed, World};

/// Interval at which a page is probed.
const LOOK: Duration = Duration::from_millis(100);
/// Maximum part of a page's time that is reserved for reading it.
const KEEP: Duration = Duration::from_secs(2);
/// Maximum number of documents whose responses are kept.
const MAX_ANSWERS: usize = 64;

/// Visits a page until `end`.
pub(crate) async fn visit(
    opened: Opened,
    pass: &Pass,
    request: &Request,
    limits: &Limits,
    end: Instant,
) -> Result<Rendered, RenderError> {
    let Opened { session, events, frame } = opened;
    let visit = Visit {
        screen: Screen::new(request, &frame),
        world: World::new(&frame),
        ready: Ready::new(Instant::now()),
        answers: HashMap::new(),
        shown: None,
        documents: 0,
        asked_last: request.url.clone(),
        ended: None,
        session,
        frame,
        pass,
        request,
        limits,
    };
    visit.run(events, end).await
}

struct Visit<'v> {
    session: Session,
    frame: String,
    pass: &'v Pass,
    request: &'v Request,
    limits: &'v Limits,
    screen: Screen<'v>,
    world: World,
    ready: Ready,
    /// Responses to requests for documents of the page's window, by loader.
    answers: HashMap<String, Answer>,
    /// Loader of the document that is shown.
    shown: Option<String>,
    documents: u32,
    /// The document that the page's window requested last.
    asked_last: Url,
    ended: Option<RenderError>,
}

type Probing = Pin<Box<dyn Future<Output = Probed> + Send>>;

impl Visit<'_> {
    async fn run(mut self, mut events: Events, end: Instant) -> Result<Rendered, RenderError> {
        let start = Instant::now();
        let keep = KEEP.min(end.saturating_duration_since(start) / 5);
        let soft = end - keep;
        let navigated = self.session.ask("Page.navigate", json!({ "url": self.request.url.as_str() }));
        tokio::pin!(navigated);
        let (mut arrived, mut probing): (bool, Option<Probing>) = (false, None);
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(soft.into()) => break,
                event = events.recv() => match event {
                    Some(event) => self.happened(&event),
                    None => return Err(self.lost()),
                },
                answer = &mut navigated, if !arrived => {
                    arrived = true;
                    self.arrived(answer)?;
                }
                probed = seen(&mut probing) => {
                    probing = None;
                    self.probed(probed);
                }
                _ = tick.tick() => {
                    if arrived && probing.is_none() {
                        probing = Some(Box::pin(self.world.probe(&self.session, self.selector())));
                    }
                }
            }
            if let Some(error) = self.ended.take() {
                return Err(error);
            }
            let wait_for = self.request.wait_for.as_ref();
            if arrived && self.ready.is_ready(wait_for, self.limits.settle, Instant::now()) {
                break;
            }
        }
        drop(probing);
        let late = RenderError::Timeout(self.request.timeout);
        if !self.ready.is_parsed() {
            return Err(self.too_much().unwrap_or(late));
        }
        match tokio::time::timeout_at(end.into(), self.read(&mut events)).await {
            Ok(read) => read,
            Err(_) => Err(late),
        }
    }

    fn selector(&self) -> Option<&str> {
        match &self.request.wait_for {
            Some(WaitFor::Selector(selector)) => Some(selector),
            Some(WaitFor::After(_)) | None => None,
        }
    }

    /// Processes an event of the page.
    fn happened(&mut self, event: &Event) {
        let params = &event.params;
        let now = Instant::now();
        let id = params["requestId"].as_str().unwrap_or_default();
        let own = params["frameId"] == self.frame.as_str();
        match event.method.as_str() {
            "Fetch.requestPaused" => self.paused(params),
            "Fetch.authRequired" => self.challenged(params),
            "Network.requestWillBeSent" => {
                let url = params["request"]["url"].as_str().unwrap_or_default();
                if url.starts_with("http") {
                    self.ready.sent(id, params["type"].as_str().unwrap_or_default(), now);
                    if self.ready.requests > self.limits.requests {
                        self.pass.ledger.stop(Over::Requests(self.limits.requests));
                    }
                }
            }
            "Network.responseReceived" => {
                let response = &params["response"];
                if response["mimeType"] == "text/event-stream" {
                    self.ready.ended(id, now);
                }
                if own && params["type"] == "Document" && self.answers.len() < MAX_ANSWERS {
                    let loader = params["loaderId"].as_str().unwrap_or_default().to_owned();
                    self.answers.insert(loader, Answer::of(response));
                }
            }
            "Network.loadingFinished" | "Network.loadingFailed" => self.ready.ended(id, now),
            "Page.frameNavigated" => self.navigated(&params["frame"], now),
            "Page.domContentEventFired" => self.ready.parsed(),
            "Page.loadEventFired" => self.ready.loaded(now),
            // There is no user, so dialogs are answered at once: "leave the page" with yes, all others with no.
            "Page.javascriptDialogOpening" => {
                let accept = params["type"] == "beforeunload";
                self.session.post("Page.handleJavaScriptDialog", json!({ "accept": accept }));
            }
            "Page.downloadWillBegin" if own && self.documents == 0 => {
                self.ended = Some(RenderError::NoPage("a download".into()));
            }
            "Inspector.targetCrashed" => {
                let text = "the page's process crashed, or was ended because it used too much memory";
                self.ended = Some(RenderError::TooMuch(text.into()));
            }
            _ => {}
        }
    }

    /// Decides about a paused request.
    fn paused(&mut self, params: &Value) {
        let id = &params["requestId"];
        let main = params["frameId"] == self.frame.as_str() && params["resourceType"] == "Document";
        if let Some(url) = params["request"]["url"].as_str().and_then(|url| Url::parse(url).ok()).filter(|_| main) {
            self.asked_last = url;
        }
        match self.screen.judge(params) {
            Verdict::Pass => self.session.post("Fetch.continueRequest", json!({ "requestId": id })),
            Verdict::With(headers) => {
                self.session.post("Fetch.continueRequest", json!({ "requestId": id, "headers": headers }));
            }
            Verdict::Out => {
                self.session.post("Fetch.failRequest", json!({ "requestId": id, "errorReason": "BlockedByClient" }));
            }
            Verdict::Divert(to) => {
                self.session.post("Fetch.failRequest", json!({ "requestId": id, "errorReason": "Aborted" }));
                self.ended = Some(RenderError::Diverted(to));
            }
        }
    }

    /// Answers a request for credentials: the proxy gets this page's, a site gets none.
    fn challenged(&self, params: &Value) {
        let answer = if params["authChallenge"]["source"] == "Proxy" {
            let (username, password) = self.pass.credentials();
            json!({ "response": "ProvideCredentials", "username": username, "password": password })
        } else {
            json!({ "response": "CancelAuth" })
        };
        let params = json!({ "requestId": params["requestId"], "authChallengeResponse": answer });
        self.session.post("Fetch.continueWithAuth", params);
    }

    /// Records that another document is shown in one of the page's frames.
    fn navigated(&mut self, frame: &Value, now: Instant) {
        if frame["id"] != self.frame.as_str() {
            return;
        }
        self.world.forget();
        self.ready.navigated(now);
        self.shown = frame["loaderId"].as_str().map(str::to_owned);
        self.documents += 1;
        if self.documents > self.limits.documents {
            self.ended = Some(RenderError::TooMuch("the page navigated through too many documents".into()));
        } else if frame.get("unreachableUrl").is_some() && self.documents > 1 {
            // Its scripts navigated to a document that cannot be loaded.
            self.ended = Some(self.unreachable("net::ERR_FAILED"));
        }
    }

    /// Processes the result of the first navigation.
    fn arrived(&mut self, answer: Result<Value, CdpError>) -> Result<(), RenderError> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(CdpError::Closed) => return Err(self.lost()),
            Err(CdpError::Refused(text)) => {
                return Err(RenderError::Unreachable(format!("the browser reported: {text}")));
            }
        };
        if answer["isDownload"] == true {
            return Err(RenderError::NoPage("a download".into()));
        }
        match answer["errorText"].as_str() {
            Some("net::ERR_HTTP_RESPONSE_CODE_FAILURE") | None => Ok(()),
            Some(text) => Err(self.unreachable(text)),
        }
    }

    fn probed(&mut self, probed: Probed) {
        // A world that does not answer is gone with its document.
        self.world.keep(probed.context);
        if let Some((unchanged, found)) = probed.seen {
            let unchanged = Duration::from_secs_f64((unchanged / 1_000.0).clamp(0.0, 3_600.0));
            self.ready.looked(unchanged, found, Instant::now());
        }
    }

    /// Reads the document that is shown. Handles the page's events meanwhile.
    async fn read(&mut self, events: &mut Events) -> Result<Rendered, RenderError> {
        let answer = self.shown.as_ref().and_then(|loader| self.answers.get(loader));
        let status = answer.map_or(200, |answer| answer.status);
        let robots_tag = answer.and_then(|answer| answer.robots_tag.clone());
        let kind = answer.map_or("text/html", |answer| answer.kind.as_str());
        if !matches!(kind, "text/html" | "application/xhtml+xml") {
            return Err(RenderError::NoPage(kind.to_owned()));
        }
        let (session, max, fits) = (self.session.clone(), self.limits.html, self.limits.screenshot);
        let mut world = World::new(&self.frame);
        let screenshot = self.request.wants(Capture::Screenshot);
        let reading = async move {
            let snapshot = world.snapshot(&session, max).await?;
            let picture = if screenshot { picture::take(&session, fits).await } else { Picture::None };
            Ok((snapshot, picture))
        };
        tokio::pin!(reading);
        let (snapshot, picture) = loop {
            tokio::select! {
                read = &mut reading => break read.map_err(|error| self.read_error(error))?,
                event = events.recv() => match event {
                    Some(event) => self.happened(&event),
                    None => return Err(self.lost()),
                },
            }
            if let Some(error) = self.ended.take() {
                return Err(error);
            }
        };
        let mut snapshot = snapshot;
        if !matches!(snapshot.url.scheme(), "http" | "https") {
            // The browser shows a page of its own for a response without a document.
            if status < 400 {
                return Err(RenderError::Unreachable(
                    "the page navigated to something that is not a document of a site".into(),
                ));
            }
            snapshot.html.clear();
            snapshot.url = self.asked_last.clone();
            snapshot.url.set_fragment(None);
        }
        Ok(Rendered {
            final_url: snapshot.url,
            status,
            html: snapshot.html,
            notes: self.notes(picture.note(screenshot)),
            screenshot: picture.png(),
            robots_tag,
            bytes: self.pass.ledger.bytes(),
            requests: self.ready.requests,
        })
    }

    fn notes(&self, of_picture: Option<String>) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(over) = self.pass.ledger.over() {
            notes.push(format!("the page needed more than {over}; everything beyond that was left out"));
        }
        if self.selector().is_some() && !self.ready.has_found() {
            notes.push("no element that matches \"wait_for\" appeared in time".into());
        }
        notes.extend(of_picture);
        notes
    }
}

/// Waits for the probe under way; for ever if there is none.
async fn seen(probing: &mut Option<Probing>) -> Probed {
    match probing {
        Some(probing) => probing.await,
        None => std::future::pending().await,
    }
}
