//! The files of `site/`, by the name under which they are served.

const JS: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

/// Name, media type and bytes of each file.
pub(crate) const FILES: [(&str, &str, &[u8]); 40] = [
    ("api.js", JS, include_bytes!("../site/api.js")),
    ("app.js", JS, include_bytes!("../site/app.js")),
    ("calls.js", JS, include_bytes!("../site/calls.js")),
    ("chart.js", JS, include_bytes!("../site/chart.js")),
    ("download.js", JS, include_bytes!("../site/download.js")),
    ("follow.js", JS, include_bytes!("../site/follow.js")),
    ("format.js", JS, include_bytes!("../site/format.js")),
    ("gate.js", JS, include_bytes!("../site/gate.js")),
    ("htm.js", JS, include_bytes!("../site/htm.js")),
    ("icon.svg", SVG, include_bytes!("../site/icon.svg")),
    ("job.js", JS, include_bytes!("../site/job.js")),
    ("jobs.js", JS, include_bytes!("../site/jobs.js")),
    ("layout.css", CSS, include_bytes!("../site/layout.css")),
    ("licences.txt", TEXT, include_bytes!("../site/licences.txt")),
    ("live.js", JS, include_bytes!("../site/live.js")),
    ("memory.js", JS, include_bytes!("../site/memory.js")),
    ("options-form.js", JS, include_bytes!("../site/options-form.js")),
    ("options.js", JS, include_bytes!("../site/options.js")),
    ("page.js", JS, include_bytes!("../site/page.js")),
    ("parts.css", CSS, include_bytes!("../site/parts.css")),
    ("parts.js", JS, include_bytes!("../site/parts.js")),
    ("preact-hooks.js", JS, include_bytes!("../site/preact-hooks.js")),
    ("preact.js", JS, include_bytes!("../site/preact.js")),
    ("schema-editor.js", JS, include_bytes!("../site/schema-editor.js")),
    ("schema.js", JS, include_bytes!("../site/schema.js")),
    ("session.js", JS, include_bytes!("../site/session.js")),
    ("snippets-view.js", JS, include_bytes!("../site/snippets-view.js")),
    ("snippets.js", JS, include_bytes!("../site/snippets.js")),
    ("stream.js", JS, include_bytes!("../site/stream.js")),
    ("table.js", JS, include_bytes!("../site/table.js")),
    ("tables.css", CSS, include_bytes!("../site/tables.css")),
    ("theme.css", CSS, include_bytes!("../site/theme.css")),
    ("theme.js", JS, include_bytes!("../site/theme.js")),
    ("try.js", JS, include_bytes!("../site/try.js")),
    ("ui.js", JS, include_bytes!("../site/ui.js")),
    ("uplot.css", CSS, include_bytes!("../site/uplot.css")),
    ("uplot.js", JS, include_bytes!("../site/uplot.js")),
    ("usage.js", JS, include_bytes!("../site/usage.js")),
    ("why.js", JS, include_bytes!("../site/why.js")),
    ("words.js", JS, include_bytes!("../site/words.js")),
];
