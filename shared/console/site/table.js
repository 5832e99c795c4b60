// A job's results as a sortable and filterable table, for ten rows or ten thousand. The document contains only the
// visible rows.

import { classes, html, own, useEffect, useMemo, useRef, useState } from "./ui.js";
import { inline, number, plural } from "./format.js";

const ROW = 36;
const MARGIN = 8;

// Returns the columns of the data, in order of first occurrence.
export function columnsOf(rows) {
  const names = new Set();
  for (const { data } of rows) if (data) Object.keys(data).forEach((name) => names.add(name));
  return [...names];
}

const FIXED = { "#": (row) => row.index, Status: (row) => row.error?.code ?? "success", URL: (row) => row.url };
const valueOf = (row, column) => (column in FIXED ? FIXED[column](row) : own(row.data, column.slice(2)));

const missing = (value) => value === null || value === undefined;

// Missing values come last in both sort directions.
function compare(a, b, down) {
  if (missing(a) || missing(b)) return missing(a) - missing(b);
  return (down ? -1 : 1) * inOrder(a, b);
}

function inOrder(a, b) {
  return typeof a === "number" && typeof b === "number" ? a - b : inline(a).localeCompare(inline(b), "en", { numeric: true });
}

function shownOf(rows, { filter, text }, { column, down }) {
  const wanted = text.trim().toLowerCase();
  const kept = rows.filter((row) => {
    if (filter === "failed" ? row.status !== "error" : filter !== "all" && FIXED.Status(row) !== filter) return false;
    return !wanted || `${row.url} ${inline(row.data ? Object.values(row.data) : row.error?.message)}`.toLowerCase().includes(wanted);
  });
  return kept.sort((a, b) => compare(valueOf(a, column), valueOf(b, column), down) || a.index - b.index);
}

// Returns the origin that all URLs share, so that only their paths need to be shown; empty if there is none.
function sharedOrigin(rows) {
  const first = /^https?:\/\/[^/]+(?=\/)/.exec(rows[0]?.url)?.[0];
  return first && rows.length > 1 && rows.every(({ url }) => url.startsWith(`${first}/`)) ? first : "";
}

// Counts rows by outcome: `success`, or the error code.
export function outcomes(rows) {
  const counts = new Map();
  for (const row of rows) counts.set(FIXED.Status(row), (counts.get(FIXED.Status(row)) ?? 0) + 1);
  return counts;
}

export function ResultTable({ rows, count, onOpen, label = "Results" }) {
  const [by, setBy] = useState({ column: "#", down: false });
  const [narrowed, narrow] = useState({ filter: "all", text: "" });
  const [at, setAt] = useState(0);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(0);
  const view = useRef(null);
  const columns = useMemo(() => ["#", "Status", "URL", ...columnsOf(rows).map((name) => `d:${name}`)], [rows, count]);
  const shown = useMemo(() => shownOf(rows, narrowed, by), [rows, count, narrowed, by]);
  const kinds = useMemo(() => outcomes(rows), [rows, count]);
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => setHeight(entry.contentRect.height));
    watch.observe(view.current);
    return () => watch.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(top / ROW) - MARGIN);
  const last = Math.min(shown.length, Math.ceil((top + height) / ROW) + MARGIN);
  const columnWidths = {
    gridTemplateColumns: ["56px", "164px", "minmax(180px, 1.5fr)", ...columns.slice(3).map(() => "minmax(104px, 1fr)")].join(" "),
    minWidth: `${400 + 104 * (columns.length - 3)}px`,
  };
  const inView = at >= first && at < last;
  const shared = useMemo(() => sharedOrigin(rows), [rows, count]);
  const move = (to) => {
    const next = Math.min(Math.max(0, to), shown.length - 1);
    setAt(next);
    const { scrollTop, clientHeight } = view.current;
    if (next * ROW < scrollTop) view.current.scrollTop = next * ROW;
    else if ((next + 2) * ROW > scrollTop + clientHeight) view.current.scrollTop = (next + 2) * ROW - clientHeight;
  };
  const press = (event) => {
    const page = Math.max(1, Math.floor(height / ROW) - 1);
    const steps = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: shown.length - 1 };
    if (event.target !== view.current) return;
    if (event.key in steps) move(steps[event.key]);
    else if (event.key === "Enter" && shown[at]) onOpen(shown[at]);
    else return;
    event.preventDefault();
  };
  const sortBy = (column) => setBy((now) => ({ column, down: now.column === column && !now.down }));
  return html`<div class="results">
    <div class="toolbar">
      <input type="search" placeholder="Search in results" aria-label="Search in results" value=${narrowed.text}
        onInput=${(event) => narrow({ ...narrowed, text: event.target.value })} />
      <select aria-label="Show outcomes" value=${narrowed.filter} onChange=${(event) => narrow({ ...narrowed, filter: event.target.value })}>
        <option value="all">All (${number(rows.length)})</option>
        <option value="success">Succeeded (${number(kinds.get("success") ?? 0)})</option>
        <option value="failed">Failed (${number(rows.length - (kinds.get("success") ?? 0))})</option>
        ${[...kinds].filter(([code]) => code !== "success").map(([code, n]) => html`<option key=${code} value=${code}>${code} (${number(n)})</option>`)}
      </select>
      <span class="muted" role=${narrowed.text || narrowed.filter !== "all" ? "status" : undefined}>${plural(shown.length, "row")}</span>
    </div>
    <div class="grid" ref=${view} tabindex="0" role="grid" aria-label=${label} aria-rowcount=${shown.length + 1} aria-colcount=${columns.length}
        aria-activedescendant=${inView ? `row-${at}` : undefined} onScroll=${(event) => setTop(event.target.scrollTop)} onKeyDown=${press}>
      <div class="head" role="row" aria-rowindex="1" style=${columnWidths}>
        ${columns.map((column) => html`<div key=${column} role="columnheader"
          aria-sort=${by.column === column ? (by.down ? "descending" : "ascending") : "none"}>
          <button tabindex="-1" onClick=${() => sortBy(column)}>${column.replace(/^d:/, "")}<span aria-hidden="true">${by.column === column ? (by.down ? " ↓" : " ↑") : ""}</span></button>
        </div>`)}
      </div>
      <div class="rows" role="presentation" style=${{ height: `${shown.length * ROW}px`, minWidth: columnWidths.minWidth }}>
        ${shown.slice(first, last).map((row, offset) => {
          const place = first + offset;
          return html`<div key=${row.index} id=${`row-${place}`} role="row" aria-rowindex=${place + 2} aria-selected=${place === at ? "true" : "false"}
            class=${classes("line", place === at && "at", row.status === "error" && "failed")}
            style=${{ ...columnWidths, transform: `translateY(${place * ROW}px)` }} onClick=${() => { setAt(place); onOpen(row); }}>
            ${columns.map((column) => html`<div key=${column} role="gridcell" class=${classes(column.startsWith("d:") && "data")}>${cell(row, column, shared)}</div>`)}
          </div>`;
        })}
      </div>
    </div>
  </div>`;
}

function cell(row, column, shared) {
  if (column === "#") return html`<span class="muted">${row.index + 1}</span>`;
  if (column === "Status") {
    return row.status === "error" ? html`<span class="bad">${row.error.code}</span>` : html`<span class="good">✓ ${row.render_mode}</span>${row.warnings?.length ? html`<span class="warn" title="has warnings"> ●</span>` : null}`;
  }
  if (column === "URL") return html`<span title=${row.url}>${row.url.slice(shared.length)}</span>`;
  const value = own(row.data, column.slice(2));
  return value === undefined ? "" : value === null ? html`<span class="null">null</span>` : inline(value).slice(0, 300);
}
