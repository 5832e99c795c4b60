// Downloads results as files. CSV has the fields, the page's URL and its error, as the command line writes it.

import { own } from "./ui.js";
import { columnsOf } from "./table.js";

const cell = (value) => {
  const text = value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

function csv(rows) {
  const columns = columnsOf(rows);
  const line = (cells) => `${cells.map(cell).join(",")}\n`;
  return line([...columns, "page_url", "page_error"])
    + rows.map((row) => line([...columns.map((name) => own(row.data, name)), row.url, row.error?.code])).join("");
}

export const FORMATS = {
  CSV: { extension: "csv", type: "text/csv", write: csv },
  NDJSON: { extension: "ndjson", type: "application/x-ndjson", write: (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join("") },
  JSON: { extension: "json", type: "application/json", write: (rows, summary) => JSON.stringify({ ...summary, results: rows }, null, 1) },
};

// Passes a file to the browser. It is created locally, without a request.
export function download(format, name, rows, summary) {
  const { extension, type, write } = FORMATS[format];
  const sorted = [...rows].sort((a, b) => a.index - b.index);
  const url = URL.createObjectURL(new Blob([write(sorted, summary)], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.${extension}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
