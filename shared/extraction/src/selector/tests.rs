use proptest::prelude::*;

use super::*;

fn read(page: &str, selector: &str) -> Vec<String> {
    let (page, url) = (html::parse(page), Url::parse("https://e.test/d/").unwrap());
    Selection::of(&page, &url, &Budget::default()).read(selector, true, false).values
}

#[test]
fn valid_selectors_pass_and_invalid_ones_fail() {
    for good in ["h1", ".a > b::attr(href)", "::attr(data-x)", "ul li:nth-child(2)", "a[href^=\"/x\"]"] {
        assert!(check_selector(good).is_ok(), "{good}");
    }
    for bad in ["", "h1 >", "a::attr()", "a::attr(x y)", "{", "a::attr(href"] {
        assert!(check_selector(bad).is_err(), "{bad}");
    }
}

#[test]
fn selectors_over_a_limit_are_refused_with_the_reason() {
    let nest = |n: usize| format!("{}a{}", ":is(".repeat(n), ")".repeat(n));
    for (good, parts) in [("a", 1), ("a.b > c", 4), (&nest(MAX_NESTING), MAX_NESTING + 1), ("a:has(b):has(c)", 9)] {
        assert_eq!(check_selector(good), Ok(parts), "{good}");
    }
    assert!(check_selector(&vec!["a"; MAX_COMPOUNDS].join(">")).is_ok());
    for (bad, why) in [
        (vec!["a"; MAX_COMPOUNDS + 1].join(">"), "101 compound"),
        (nest(MAX_NESTING + 1), "4 deep"),
        ("a:has(:is(b:has(c)))".into(), ":has() inside"),
        ("a:has(b:has(c))".into(), "valid CSS selector"),
        (nest(20), "4 deep"),
        (nest(250), "selector"),
    ] {
        let fault = check_selector(&bad).unwrap_err();
        assert!(fault.contains(why), "{bad}: {fault}");
    }
}

#[test]
fn reads_text_and_attributes() {
    let page = "<ul><li>a <b>b</b></li><li></li><li><a href=/x>c</a></li></ul>";
    assert_eq!(read(page, "li"), ["a b", "c"]);
    assert_eq!(read(page, "a::attr(href)"), ["https://e.test/x"]);
    assert!(read(page, "h1").is_empty());
}

#[test]
fn a_template_is_not_part_of_the_page() {
    let page = "<p>a</p><template><p>b</p></template><p>c</p>";
    assert_eq!(read(page, "p"), ["a", "c"]);
    assert!(read(page, "template p").is_empty());
    assert_eq!(read(page, "template + p"), ["c"]);
}

/// Returns the budget spent on a page, and what was found.
fn cost(page: &str, selector: &str) -> (Limits, Selected) {
    cost_within(page, selector, Limits::SELECTION)
}

fn cost_within(page: &str, selector: &str, limits: Limits) -> (Limits, Selected) {
    let (page, url) = (html::parse(page), Url::parse("https://e.test/").unwrap());
    let budget = Budget::default();
    let selected = Selection::limited(&page, &url, budget.part(limits)).read(selector, true, false);
    (budget.taken(), selected)
}

#[test]
fn steps_grow_with_the_page_and_no_faster() {
    let flat = |n: usize| "<i></i>".repeat(n);
    let shapes: [(&str, &dyn Fn(usize) -> String); 12] = [
        ("i:has(~ i:is(b ~ i))", &flat),
        ("b ~ i", &flat),
        ("i ~ i ~ i ~ b", &flat),
        ("i:not(i ~ b):not(:is(i ~ i, b + i) ~ b)", &flat),
        ("i:has(~ b, + b, ~ i ~ i ~ b)", &flat),
        ("i:nth-last-child(2n+1):nth-of-type(3n)", &flat),
        (":empty:only-of-type", &flat),
        ("b b b b b i", &|n| format!("{}{}", "<b>".repeat(n / 8 % 400), flat(n))),
        // Each ancestor is searched for its text.
        (":has(b b b i)", &|n| format!("{}{}", "<b>".repeat(60), flat(n))),
        ("[a*='aaaaaaaaab' i]", &|n| format!("<i a={}>", "a".repeat(60)).repeat(n)),
        (".b.c", &|n| format!("<i class='{}'></i>", "a ".repeat(20)).repeat(n)),
        ("[z]", &|n| format!("<i{}></i>", (0..20).map(|i| format!(" a{i}")).collect::<String>()).repeat(n)),
    ];
    for (selector, shape) in shapes {
        let steps = |n| cost(&shape(n), selector).0.steps;
        let (small, large) = (steps(500), steps(4_000));
        assert!(large <= small * 9, "{selector}: {small} to {large}");
        assert!(large <= 4_000 * 200, "{selector}: {large}");
    }
}

/// Only counted work is bounded, so all work must be counted: one step to number an element, one for each element that
/// a combinator visits, one for each element that is left for a simple selector.
#[test]
fn each_part_takes_its_steps() {
    let page = "<i></i>".repeat(1_000);
    for (selector, parts) in
        [("i", 1), ("* ~ i", 2), ("* ~ * ~ * ~ i", 4), (":has(~ i)", 2), ("i:nth-child(n)", 2), ("i:empty", 2)]
    {
        let steps = cost(&page, selector).0.steps;
        assert!(steps >= (1 + parts) * 990, "{selector}: {steps}");
    }
}

#[test]
fn nested_texts_are_not_collected_again_and_again() {
    for words in [2_000, 16_000, 64_000] {
        let page = format!("{}{}", "<div>".repeat(480), "word ".repeat(words));
        let (taken, selected) = cost(&page, "div");
        let bytes: usize = selected.values.iter().map(String::len).sum();
        assert!(bytes <= MAX_SELECTED && taken.bytes <= 2 * MAX_SELECTED as u64, "{words}: {bytes} {taken:?}");
        assert!(selected.cut_warning.is_some_and(|cut| cut.contains("64 KiB")), "{words}");
    }
    // White space takes no room, but steps.
    let page = format!("{}{}x", "<div>".repeat(480), " ".repeat(50_000));
    let few = Limits { steps: 1_000_000, ..Limits::SELECTION };
    let (taken, selected) = cost_within(&page, "div", few);
    assert!(taken.steps <= few.steps + 1_000 && taken.bytes < 1_000, "{taken:?}");
    assert!(selected.cut_warning.is_some_and(|cut| cut.contains("steps")));
    let page = format!("<a href=/{}>x", "y".repeat(60_000)).repeat(100);
    let (taken, selected) = cost(&page, "a::attr(href)");
    assert_eq!((selected.values.len(), selected.cut_warning.is_some()), (1, true));
    assert!(taken.bytes <= 2 * MAX_SELECTED as u64, "{taken:?}");
}

#[test]
fn elements_without_text_cost_steps_too() {
    let document = html::parse(&"<b></b>".repeat(5_000));
    let budget = Budget::default();
    html::text_within(document.root_element(), &budget, 100);
    assert!(budget.taken().steps >= 5_000, "{}", budget.taken().steps);
    let few = Budget::limited(crate::budget::Limits { steps: 100, ..crate::budget::Limits::PAGE });
    assert!(!html::text_within(document.root_element(), &few, 100).1 && few.taken().steps <= 101);
}

#[test]
fn a_text_within_its_room_is_the_text() {
    let page = "<div> a  b<p>é <b> c</b>\n\n d<script>no</script> </div>";
    let document = html::parse(page);
    let whole = html::text(document.root_element());
    for room in 0..=whole.len() + 2 {
        let (text, all) = html::text_within(document.root_element(), &Budget::default(), room);
        assert!(whole.starts_with(&text) && (!all || text == whole), "{room}: {text:?}");
        assert!(text.len() <= room && (room < whole.len() + 2 || all), "{room}: {text:?}");
    }
}

/// Selectors of every kind that the parser accepts, from few names, so that they match something.
fn selector() -> impl Strategy<Value = String> {
    let simple = prop_oneof![
        "[abi]|\\*|\\.x|\\.y|#x|:root|:empty|:scope",
        "\\[(c|class|id|TYPE)\\]|\\[c(=|~=|\\|=|\\^=|\\$=|\\*=)'(x|X|y|x y|)'( i| s)?\\]|\\[type=X\\]|\\[\\*\\|c=x\\]",
        ":(first|last|only)-(child|of-type)|:nth-(last-)?(child|of-type)\\((odd|2n|-n\\+2|3|n\\+2|0)\\)",
    ];
    let compound = prop::collection::vec(simple, 1..3).prop_map(|mut all| {
        // A type selector comes first.
        all.sort_by_key(|s| !s.starts_with(|c: char| c.is_ascii_alphabetic() || c == '*'));
        all.concat()
    });
    compound.prop_recursive(3, 12, 3, |inner| {
        let joined = (inner.clone(), "[ >+~]", inner.clone()).prop_map(|(a, c, b)| format!("{a} {c} {b}"));
        let nested = (inner.clone(), "is|not|where|has", inner.clone()).prop_map(|(a, f, b)| format!("{a}:{f}({b})"));
        let relative = (inner.clone(), "[>+~]", inner.clone()).prop_map(|(a, c, b)| format!("{a}:has({c} {b})"));
        let either = (inner.clone(), inner).prop_map(|(a, b)| format!(":is({a}, {b})"));
        prop_oneof![joined, nested, relative, either]
    })
}

fn page() -> impl Strategy<Value = String> {
    "(<(a|b|i|p|svg|math)( class='(x|y|X|x y)'| id=x| c=(x|X|y|\"x y\"|x-y)| type=(x|X)){0,2}>|</(a|b|i|p|svg)>|t| |<!-- -->){0,24}"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]
    #[test]
    fn it_matches_what_scraper_does(page in page(), selector in selector()) {
        let document = html::parse(&page);
        if let (Ok(theirs), Ok((ours, _))) = (scraper::Selector::parse(&selector), parse(&selector)) {
            let budget = Budget::default();
            let tree = Tree::of(&document, &budget);
            let found: Vec<_> = eval::matches(&ours, &tree, &budget).unwrap().iter().map(|at| tree.elements[at].node.id()).collect();
            let mut want: Vec<_> = document.select(&theirs).map(|e| e.id()).collect();
            let order: Vec<_> = tree.elements.iter().map(|e| e.node.id()).collect();
            want.sort_by_key(|id| order.iter().position(|o| o == id));
            prop_assert_eq!(found, want, "{} on {}", selector, document.html());
        }
    }
}

#[test]
fn money_gets_a_decimal_point_before_separate_cents() {
    let (page, url) = (html::parse("<p>$19<sup>99</sup></p>"), Url::parse("https://e.test/").unwrap());
    let budget = Budget::default();
    let read = |money| Selection::of(&page, &url, &budget).read("p", false, money).values;
    assert_eq!((read(true), read(false)), (vec!["$19.99".to_owned()], vec!["$1999".to_owned()]));
}
