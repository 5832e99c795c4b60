//! Detects shells: markup without content that a browser's scripts fill in. Pure, one pass over the bytes. The result
//! is a guess: a wrong yes costs a rendering, a wrong no costs a page.

use domain::media::{Media, essence};

use crate::budget::{Budget, Limits};
use crate::prune::{closing, tag_end};
use crate::{Page, charset, starts_with_tag, xml};

/// Why a page looks like a shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// It stands in for the page until it has checked the client.
    Challenge,
    /// It only redirects to the page, by script.
    Redirect,
    /// The element that scripts fill is empty.
    EmptyRoot,
    /// It asks for JavaScript and has little other text.
    AsksForScripts,
    /// It has scripts and hardly any text.
    LittleText,
    /// It has scripts, and no field was found in it.
    NothingFound,
}

/// Minimum number of letters and digits of a page with content.
const MIN_LETTERS: usize = 200;
/// The same for a page that may already have its menu and footer.
const MIN_LETTERS_WITH_MENU: usize = 1_200;
/// Maximum number of letters and digits of a page that only checks the client.
const MAX_CHALLENGE_LETTERS: usize = 1_500;
/// Minimum length of an inline script that can fill a page, in bytes.
const MIN_SCRIPT: usize = 80;
/// Maximum length of a notice for clients without JavaScript, in bytes; a longer one is the page itself.
const MAX_NOTICE: usize = 1_500;
/// Maximum number of bytes of a page that are examined.
const MAX_BODY: usize = 2 * 1024 * 1024;
/// Maximum number of bytes of one script that are examined.
const MAX_SCRIPT: usize = 16 * 1024;

/// Ids of the elements that frameworks fill.
const ROOTS: [&str; 16] = [
    "root",
    "app",
    "__next",
    "__nuxt",
    "___gatsby",
    "svelte",
    "q-app",
    "main-app",
    "app-root",
    "react-root",
    "reactroot",
    "vue-app",
    "application",
    "mount",
    "spa",
    "gatsby-focus-wrapper",
];

/// Texts found only on pages that check the client before they show another.
const CHALLENGES: [&str; 9] = [
    "/cdn-cgi/challenge-platform/",
    "__cf_chl",
    "cf-browser-verification",
    "_Incapsula_Resource",
    "checking your browser",
    "verifying you are human",
    "enable javascript and cookies to continue",
    "ddos protection by",
    "awsWafCookieDomainList",
];

/// Statements by which scripts navigate to another page.
const NAVIGATIONS: [&str; 6] = [
    "location.replace(",
    "location.assign(",
    "location.href=",
    "location.href =",
    "window.location=",
    "window.location =",
];

/// How many of the caller's fields were found on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldsFound {
    /// All: there is nothing more to gain.
    All,
    /// Some.
    Some,
    /// None.
    Nothing,
}

/// Returns why a page is a shell, or `None` if it is not. Only what a browser shows as a page can be one, and never a page
/// on which everything was found.
pub fn detect_shell(page: &Page<'_>, found: FieldsFound) -> Option<Shell> {
    if found == FieldsFound::All {
        return None;
    }
    if !is_shown_as_page(page.content_type) {
        return None;
    }
    let body = page.body.get(..MAX_BODY).unwrap_or(page.body);
    let text = charset::decode(body, page.content_type);
    // Feeds are sent under the types of pages.
    if !starts_with_tag(&text) || xml::is_xml(&text) {
        return None;
    }
    let nothing_found = found == FieldsFound::Nothing;
    Signs::of(&text, nothing_found).classify(nothing_found)
}

/// Returns whether a browser shows content of this type as a page: HTML, and what it takes for HTML by its bytes (MIME
/// Sniffing, section 7: a missing type and the unknown ones). It saves all other types as files or shows them as text.
fn is_shown_as_page(content_type: Option<&str>) -> bool {
    let essence = essence(content_type.unwrap_or_default());
    match Media::of(content_type) {
        Media::Html | Media::Xhtml => true,
        Media::Unspecified => {
            !essence.contains('/') || matches!(essence.as_str(), "*/*" | "unknown/unknown" | "application/unknown")
        }
        _ => false,
    }
}

/// Properties of a page by which a shell is recognised.
#[derive(Debug, Default)]
struct Signs {
    /// Visible letters and digits.
    letters: usize,
    /// Scripts that can fill it.
    scripts: usize,
    empty_root: bool,
    asks_for_scripts: bool,
    navigates: bool,
    challenge: bool,
}

impl Signs {
    fn classify(&self, nothing_found: bool) -> Option<Shell> {
        let has_fewer_letters_than = |max: usize| self.letters < max;
        if self.challenge && has_fewer_letters_than(MAX_CHALLENGE_LETTERS) {
            return Some(Shell::Challenge);
        }
        if self.scripts == 0 {
            return None;
        }
        if self.navigates && has_fewer_letters_than(MIN_LETTERS) {
            return Some(Shell::Redirect);
        }
        if self.empty_root && has_fewer_letters_than(MIN_LETTERS_WITH_MENU) {
            return Some(Shell::EmptyRoot);
        }
        if self.asks_for_scripts && has_fewer_letters_than(MIN_LETTERS_WITH_MENU) {
            return Some(Shell::AsksForScripts);
        }
        if has_fewer_letters_than(MIN_LETTERS) {
            return Some(Shell::LittleText);
        }
        nothing_found.then_some(Shell::NothingFound)
    }

    /// Collects the signs of a page. With `needs_scripts`, searches for scripts however much text the page has.
    fn of(page: &str, needs_scripts: bool) -> Signs {
        let (bytes, budget) = (page.as_bytes(), Budget::limited(Limits::PAGE));
        let mut signs = Signs::default();
        let mut at = 0;
        // The element to be filled, if only blanks and comments followed its start tag.
        let mut root: Option<&str> = None;
        let mut shown = false;
        while let Some(open) = memchr::memchr(b'<', &bytes[at..]).map(|found| at + found) {
            // There is enough text for a page; most pages end the scan here.
            if signs.letters >= MAX_CHALLENGE_LETTERS && (signs.scripts > 0 || !needs_scripts) {
                break;
            }
            let letters = letters(&page[at..open]);
            if letters > 0 {
                root = None;
                signs.letters += if shown { letters } else { 0 };
            }
            if bytes[open..].starts_with(b"<!--") {
                let end = memchr::memmem::find(&bytes[open + 4..], b"-->");
                at = end.map_or(bytes.len(), |end| open + 4 + end + 3);
                continue;
            }
            let Some(end) = tag_end(bytes, open) else { break };
            let tag = &page[open..end];
            at = end;
            if let Some(name) = root.take() {
                signs.empty_root |= tag.starts_with("</") && name_of(&tag[1..]).eq_ignore_ascii_case(name);
            }
            let name = name_of(tag);
            if name.is_empty() {
                continue;
            }
            let lower = name.to_ascii_lowercase();
            match lower.as_str() {
                "body" | "main" | "div" | "p" | "h1" => shown = true,
                _ => {}
            }
            if matches!(lower.as_str(), "script" | "style" | "noscript" | "title" | "template" | "svg" | "textarea") {
                let close = closing(bytes, end, &lower, &budget).unwrap_or(bytes.len());
                signs.add_hidden_element(&lower, tag, &page[end..close]);
                at = close;
            } else if is_root(&lower, tag) {
                root = Some(name);
            }
        }
        if at < page.len() && shown {
            signs.letters += letters(&page[at..]);
        }
        signs
    }

    /// Collects the signs of an element whose content is not shown.
    fn add_hidden_element(&mut self, name: &str, tag: &str, content: &str) {
        match name {
            "script" => {
                let tag = tag.to_ascii_lowercase();
                if tag.contains("json") || tag.contains("speculationrules") || tag.contains("importmap") {
                    return;
                }
                let content = &content[..content.floor_char_boundary(MAX_SCRIPT)];
                self.scripts += usize::from(tag.contains("src=") || content.trim().len() >= MIN_SCRIPT);
                self.navigates |= NAVIGATIONS.iter().any(|call| content.contains(call));
                self.scripts += usize::from(self.navigates && self.scripts == 0);
                self.challenge |= is_challenge(&tag) || is_challenge(content);
            }
            "noscript" => {
                let start = content[..content.floor_char_boundary(4_000)].to_ascii_lowercase();
                self.asks_for_scripts |= start.contains("javascript") || start.contains("java script");
                // Some pages have all their content in here.
                self.letters += if content.len() > MAX_NOTICE { shown_letters(content) } else { 0 };
                self.challenge |= is_challenge(&start);
            }
            "title" => self.challenge |= content.trim().eq_ignore_ascii_case("just a moment..."),
            _ => {}
        }
    }
}

fn is_challenge(text: &str) -> bool {
    CHALLENGES.iter().any(|sign| text.contains(sign))
}

/// Counts letters and digits, roughly: every character outside ASCII counts as one.
fn letters(text: &str) -> usize {
    text.bytes().filter(|b| b.is_ascii_alphanumeric() || *b >= 0xc0).count()
}

/// Counts the letters and digits of markup between its tags.
fn shown_letters(markup: &str) -> usize {
    markup.split('<').map(|part| letters(part.split_once('>').map_or("", |(_, text)| text))).sum()
}

/// Returns the name of a start tag as written, or an empty text if it is not a start tag.
fn name_of(tag: &str) -> &str {
    let rest = &tag[1..];
    let end = rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/')).unwrap_or(rest.len());
    if rest.starts_with(|c: char| c.is_ascii_alphabetic()) { &rest[..end] } else { "" }
}

/// Returns whether scripts are to fill the element, by its id or because it is a framework's own element.
fn is_root(name: &str, tag: &str) -> bool {
    if name == "app-root" || name == "ng-app" {
        return true;
    }
    if !matches!(name, "div" | "main" | "section" | "body") {
        return false;
    }
    let Some(id) = tag.find("id=").map(|at| &tag[at + 3..]) else { return false };
    let id = id.trim_start_matches(['"', '\'']);
    let id = &id[..id.find(['"', '\'', ' ', '>']).unwrap_or(id.len())];
    ROOTS.iter().any(|root| root.eq_ignore_ascii_case(id))
}

#[cfg(test)]
mod tests;
