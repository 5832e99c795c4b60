//! Visits one page, from its URL to its document.

mod fault;
mod response;
mod screenshot;

use std::collections::HashMap;
use std::pin::Pin;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use url::Url;

use response::DocumentResponse;
use screenshot::Screenshot;

use crate::cdp::{CdpError, Event, Events, Session};
use crate::config::Limits;
use crate::context::OpenPage;
use crate::error::RenderError;
use crate::proxy::{ExceededLimit, ProxyAccess};
use crate::readiness::Readiness;
use crate::request::{Capture, Rendered, Request, WaitFor};
use crate::request_filter::{RequestFilter, Verdict};
use crate::snapshot::{ProbeResult, World};

/// Interval at which a page is probed.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum part of a page's time that is reserved for reading it.
const MAX_READ_RESERVE: Duration = Duration::from_secs(2);
/// Maximum number of documents whose responses are kept.
const MAX_RESPONSES: usize = 64;

/// Visits a page until `end`.
pub(crate) async fn visit(
    opened: OpenPage,
    access: &ProxyAccess,
    request: &Request,
    limits: &Limits,
    end: Instant,
) -> Result<Rendered, RenderError> {
    let OpenPage { session, events, frame } = opened;
    let visit = Visit {
        filter: RequestFilter::new(request, &frame),
        world: World::new(&frame),
        readiness: Readiness::new(Instant::now()),
        responses: HashMap::new(),
        shown: None,
        documents: 0,
        last_requested: request.url.clone(),
        error: None,
        session,
        frame,
        access,
        request,
        limits,
    };
    visit.run(events, end).await
}

struct Visit<'v> {
    session: Session,
    frame: String,
    access: &'v ProxyAccess,
    request: &'v Request,
    limits: &'v Limits,
    filter: RequestFilter<'v>,
    world: World,
    readiness: Readiness,
    /// Responses to requests for documents of the page's window, by loader.
    responses: HashMap<String, DocumentResponse>,
    /// Loader of the document that is shown.
    shown: Option<String>,
    documents: u32,
    /// The document that the page's window requested last.
    last_requested: Url,
    /// Set when the visit has failed.
    error: Option<RenderError>,
}

type Probing = Pin<Box<dyn Future<Output = ProbeResult> + Send>>;

impl Visit<'_> {
    async fn run(mut self, mut events: Events, end: Instant) -> Result<Rendered, RenderError> {
        let start = Instant::now();
        let reserve = MAX_READ_RESERVE.min(end.saturating_duration_since(start) / 5);
        let read_start = end - reserve;
        let navigation = self.session.call("Page.navigate", json!({ "url": self.request.url.as_str() }));
        tokio::pin!(navigation);
        let (mut navigation_done, mut probing): (bool, Option<Probing>) = (false, None);
        let mut tick = tokio::time::interval(PROBE_INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(read_start.into()) => break,
                event = events.recv() => match event {
                    Some(event) => self.handle_event(&event),
                    None => return Err(self.lost_error()),
                },
                answer = &mut navigation, if !navigation_done => {
                    navigation_done = true;
                    self.handle_navigation(answer)?;
                }
                probed = await_probe(&mut probing) => {
                    probing = None;
                    self.handle_probe(probed);
                }
                _ = tick.tick() => {
                    if navigation_done && probing.is_none() {
                        probing = Some(Box::pin(self.world.probe(&self.session, self.selector())));
                    }
                }
            }
            if let Some(error) = self.error.take() {
                return Err(error);
            }
            // Once a page exceeds a limit, its connections are closed. A document that was cut off is then never parsed, so waiting
            // until the timeout would only occupy a place.
            if self.readiness.is_stalled(self.limits.quiet_timeout, Instant::now())
                && let Some(error) = self.limit_error()
            {
                return Err(error);
            }
            let wait_for = self.request.wait_for.as_ref();
            if navigation_done && self.readiness.is_ready(wait_for, self.limits.quiet_timeout, Instant::now()) {
                break;
            }
        }
        drop(probing);
        let late = RenderError::Timeout(self.request.timeout);
        if !self.readiness.is_parsed() {
            return Err(self.limit_error().unwrap_or(late));
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
    fn handle_event(&mut self, event: &Event) {
        let params = &event.params;
        let now = Instant::now();
        let id = params["requestId"].as_str().unwrap_or_default();
        let own = params["frameId"] == self.frame.as_str();
        match event.method.as_str() {
            "Fetch.requestPaused" => self.handle_paused_request(params),
            "Fetch.authRequired" => self.handle_auth_challenge(params),
            "Network.requestWillBeSent" => {
                let url = params["request"]["url"].as_str().unwrap_or_default();
                if url.starts_with("http") {
                    self.readiness.request_sent(id, params["type"].as_str().unwrap_or_default(), now);
                    if self.readiness.requests > self.limits.requests {
                        self.access.traffic.stop(ExceededLimit::Requests(self.limits.requests));
                    }
                }
            }
            "Network.responseReceived" => {
                let response = &params["response"];
                if response["mimeType"] == "text/event-stream" {
                    self.readiness.request_ended(id, now);
                }
                if own && params["type"] == "Document" && self.responses.len() < MAX_RESPONSES {
                    let loader = params["loaderId"].as_str().unwrap_or_default().to_owned();
                    self.responses.insert(loader, DocumentResponse::of(response));
                }
            }
            "Network.loadingFinished" | "Network.loadingFailed" => self.readiness.request_ended(id, now),
            "Page.frameNavigated" => self.handle_frame_navigated(&params["frame"], now),
            "Page.domContentEventFired" => self.readiness.parsed(),
            "Page.loadEventFired" => self.readiness.loaded(now),
            // There is no user, so dialogs are answered at once: "leave the page" with yes, all others with no.
            "Page.javascriptDialogOpening" => {
                let accept = params["type"] == "beforeunload";
                self.session.post("Page.handleJavaScriptDialog", json!({ "accept": accept }));
            }
            "Page.downloadWillBegin" if own && self.documents == 0 => {
                self.error = Some(RenderError::NoPage("a download".into()));
            }
            "Inspector.targetCrashed" => {
                let text = "the page's process crashed, or was ended because it used too much memory";
                self.error = Some(RenderError::LimitExceeded(text.into()));
            }
            _ => {}
        }
    }

    /// Decides about a paused request.
    fn handle_paused_request(&mut self, params: &Value) {
        let id = &params["requestId"];
        let main = params["frameId"] == self.frame.as_str() && params["resourceType"] == "Document";
        if let Some(url) = params["request"]["url"].as_str().and_then(|url| Url::parse(url).ok()).filter(|_| main) {
            self.last_requested = url;
        }
        match self.filter.decide(params) {
            Verdict::Continue => self.session.post("Fetch.continueRequest", json!({ "requestId": id })),
            Verdict::ContinueWith(headers) => {
                self.session.post("Fetch.continueRequest", json!({ "requestId": id, "headers": headers }));
            }
            Verdict::Block => {
                self.session.post("Fetch.failRequest", json!({ "requestId": id, "errorReason": "BlockedByClient" }));
            }
            Verdict::Divert(to) => {
                self.session.post("Fetch.failRequest", json!({ "requestId": id, "errorReason": "Aborted" }));
                self.error = Some(RenderError::Diverted(to));
            }
        }
    }

    /// Answers a request for credentials: the proxy gets this page's, a site gets none.
    fn handle_auth_challenge(&self, params: &Value) {
        let answer = if params["authChallenge"]["source"] == "Proxy" {
            let (username, password) = self.access.credentials();
            json!({ "response": "ProvideCredentials", "username": username, "password": password })
        } else {
            json!({ "response": "CancelAuth" })
        };
        let params = json!({ "requestId": params["requestId"], "authChallengeResponse": answer });
        self.session.post("Fetch.continueWithAuth", params);
    }

    /// Processes that a frame shows another document; ignores frames other than the page's own.
    fn handle_frame_navigated(&mut self, frame: &Value, now: Instant) {
        if frame["id"] != self.frame.as_str() {
            return;
        }
        self.world.reset();
        self.readiness.navigated(now);
        self.shown = frame["loaderId"].as_str().map(str::to_owned);
        self.documents += 1;
        if self.documents > self.limits.documents {
            self.error = Some(RenderError::LimitExceeded("the page navigated through too many documents".into()));
        } else if frame.get("unreachableUrl").is_some() && self.documents > 1 {
            // The page's scripts navigated to a document that cannot be loaded.
            self.error = Some(self.unreachable_error("net::ERR_FAILED"));
        }
    }

    /// Processes the result of the first navigation.
    fn handle_navigation(&mut self, answer: Result<Value, CdpError>) -> Result<(), RenderError> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(CdpError::Closed) => return Err(self.lost_error()),
            Err(CdpError::Refused(text)) => {
                return Err(RenderError::Unreachable(format!("the browser reported: {text}")));
            }
        };
        if answer["isDownload"] == true {
            return Err(RenderError::NoPage("a download".into()));
        }
        match answer["errorText"].as_str() {
            Some("net::ERR_HTTP_RESPONSE_CODE_FAILURE") | None => Ok(()),
            Some(text) => Err(self.unreachable_error(text)),
        }
    }

    fn handle_probe(&mut self, probed: ProbeResult) {
        // If the world does not answer, it has disappeared with its document.
        self.world.set_context(probed.context);
        if let Some((unchanged, found)) = probed.state {
            let unchanged = Duration::from_secs_f64((unchanged / 1_000.0).clamp(0.0, 3_600.0));
            self.readiness.probed(unchanged, found, Instant::now());
        }
    }

    /// Reads the document that is shown. Handles the page's events meanwhile.
    async fn read(&mut self, events: &mut Events) -> Result<Rendered, RenderError> {
        let answer = self.shown.as_ref().and_then(|loader| self.responses.get(loader));
        let status = answer.map_or(200, |answer| answer.status);
        let robots_tag = answer.and_then(|answer| answer.robots_tag.clone());
        let media_type = answer.map_or("text/html", |answer| answer.media_type.as_str());
        if !matches!(media_type, "text/html" | "application/xhtml+xml") {
            return Err(RenderError::NoPage(media_type.to_owned()));
        }
        let (session, max, max_screenshot) = (self.session.clone(), self.limits.html, self.limits.screenshot);
        let mut world = World::new(&self.frame);
        let screenshot = self.request.wants(Capture::Screenshot);
        let reading = async move {
            let snapshot = world.snapshot(&session, max).await?;
            let picture =
                if screenshot { screenshot::take(&session, max_screenshot).await } else { Screenshot::Failed };
            Ok((snapshot, picture))
        };
        tokio::pin!(reading);
        let (snapshot, picture) = loop {
            tokio::select! {
                read = &mut reading => break read.map_err(|error| self.read_error(error))?,
                event = events.recv() => match event {
                    Some(event) => self.handle_event(&event),
                    None => return Err(self.lost_error()),
                },
            }
            if let Some(error) = self.error.take() {
                return Err(error);
            }
        };
        let mut snapshot = snapshot;
        if !matches!(snapshot.url.scheme(), "http" | "https") {
            // The browser shows a page of its own for a response without a document.
            if status < 400 {
                return Err(RenderError::Unreachable("the page navigated to something that is not a web page".into()));
            }
            snapshot.html.clear();
            snapshot.url = self.last_requested.clone();
            snapshot.url.set_fragment(None);
        }
        Ok(Rendered {
            final_url: snapshot.url,
            status,
            html: snapshot.html,
            notes: self.notes(picture.note(screenshot)),
            screenshot: picture.png(),
            robots_tag,
            bytes: self.access.traffic.bytes(),
            requests: self.readiness.requests,
        })
    }

    fn notes(&self, screenshot_note: Option<String>) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(limit) = self.access.traffic.exceeded_limit() {
            notes.push(format!("the page needed more than {limit}; everything beyond that was left out"));
        }
        if self.selector().is_some() && !self.readiness.has_selector_matched() {
            notes.push("no element that matches \"wait_for\" appeared in time".into());
        }
        notes.extend(screenshot_note);
        notes
    }
}

/// Waits for the running probe; for ever if there is none.
async fn await_probe(probing: &mut Option<Probing>) -> ProbeResult {
    match probing {
        Some(probing) => probing.await,
        None => std::future::pending().await,
    }
}
