// A job's results as a sortable and filterable table, for ten rows or ten thousand. The document contains only the
// visible rows.

import { classes, html, own, useEffect, useMemo, useRef, useState } from "./ui.js";
import { inline, number, plural } from "./format.js";

const ROW_HEIGHT = 36;
const EXTRA_ROWS = 8;

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
  return (down ? -1 : 1) * compareValues(a, b);
}

function compareValues(a, b) {
  return typeof a === "number" && typeof b === "number" ? a - b : inline(a).localeCompare(inline(b), "en", { numeric: true });
}

function filteredAndSorted(rows, { filter, text }, { column, down }) {
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
  const [sort, setSort] = useState({ column: "#", down: false });
  const [filters, setFilters] = useState({ filter: "all", text: "" });
  const [selected, setSelected] = useState(0);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(0);
  const view = useRef(null);
  const columns = useMemo(() => ["#", "Status", "URL", ...columnsOf(rows).map((name) => `d:${name}`)], [rows, count]);
  const shown = useMemo(() => filteredAndSorted(rows, filters, sort), [rows, count, filters, sort]);
  const kinds = useMemo(() => outcomes(rows), [rows, count]);
  useEffect(() => {
    const resizeObserver = new ResizeObserver(([entry]) => setHeight(entry.contentRect.height));
    resizeObserver.observe(view.current);
    return () => resizeObserver.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - EXTRA_ROWS);
  const last = Math.min(shown.length, Math.ceil((top + height) / ROW_HEIGHT) + EXTRA_ROWS);
  const columnWidths = {
    gridTemplateColumns: ["56px", "164px", "minmax(180px, 1.5fr)", ...columns.slice(3).map(() => "minmax(104px, 1fr)")].join(" "),
    minWidth: `${400 + 104 * (columns.length - 3)}px`,
  };
  const inView = selected >= first && selected < last;
  const shared = useMemo(() => sharedOrigin(rows), [rows, count]);
  const move = (to) => {
    const next = Math.min(Math.max(0, to), shown.length - 1);
    setSelected(next);
    const { scrollTop, clientHeight } = view.current;
    if (next * ROW_HEIGHT < scrollTop) view.current.scrollTop = next * ROW_HEIGHT;
    else if ((next + 2) * ROW_HEIGHT > scrollTop + clientHeight) view.current.scrollTop = (next + 2) * ROW_HEIGHT - clientHeight;
  };
  const onKeyDown = (event) => {
    const page = Math.max(1, Math.floor(height / ROW_HEIGHT) - 1);
    const steps = { ArrowDown: selected + 1, ArrowUp: selected - 1, PageDown: selected + page, PageUp: selected - page, Home: 0, End: shown.length - 1 };
    if (event.target !== view.current) return;
    if (event.key in steps) move(steps[event.key]);
    else if (event.key === "Enter" && shown[selected]) onOpen(shown[selected]);
    else return;
    event.preventDefault();
  };
  const sortBy = (column) => setSort((now) => ({ column, down: now.column === column && !now.down }));
  return html`<div class="results">
    <div class="toolbar">
      <input type="search" placeholder="Search in results" aria-label="Search in results" value=${filters.text}
        onInput=${(event) => setFilters({ ...filters, text: event.target.value })} />
      <select aria-label="Show outcomes" value=${filters.filter} onChange=${(event) => setFilters({ ...filters, filter: event.target.value })}>
        <option value="all">All (${number(rows.length)})</option>
        <option value="success">Succeeded (${number(kinds.get("success") ?? 0)})</option>
        <option value="failed">Failed (${number(rows.length - (kinds.get("success") ?? 0))})</option>
        ${[...kinds].filter(([code]) => code !== "success").map(([code, n]) => html`<option key=${code} value=${code}>${code} (${number(n)})</option>`)}
      </select>
      <span class="muted" role=${filters.text || filters.filter !== "all" ? "status" : undefined}>${plural(shown.length, "row")}</span>
    </div>
    <div class="grid" ref=${view} tabindex="0" role="grid" aria-label=${label} aria-rowcount=${shown.length + 1} aria-colcount=${columns.length}
        aria-activedescendant=${inView ? `row-${selected}` : undefined} onScroll=${(event) => setTop(event.target.scrollTop)} onKeyDown=${onKeyDown}>
      <div class="head" role="row" aria-rowindex="1" style=${columnWidths}>
        ${columns.map((column) => html`<div key=${column} role="columnheader"
          aria-sort=${sort.column === column ? (sort.down ? "descending" : "ascending") : "none"}>
          <button tabindex="-1" onClick=${() => sortBy(column)}>${column.replace(/^d:/, "")}<span aria-hidden="true">${sort.column === column ? (sort.down ? " ↓" : " ↑") : ""}</span></button>
        </div>`)}
      </div>
      <div class="rows" role="presentation" style=${{ height: `${shown.length * ROW_HEIGHT}px`, minWidth: columnWidths.minWidth }}>
        ${shown.slice(first, last).map((row, offset) => {
          const position = first + offset;
          return html`<div key=${row.index} id=${`row-${position}`} role="row" aria-rowindex=${position + 2} aria-selected=${position === selected ? "true" : "false"}
            class=${classes("line", position === selected && "at", row.status === "error" && "failed")}
            style=${{ ...columnWidths, transform: `translateY(${position * ROW_HEIGHT}px)` }} onClick=${() => { setSelected(position); onOpen(row); }}>
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
