// Formats numbers and times for people.

const NUMBER = new Intl.NumberFormat("en");
const WHEN = new Intl.DateTimeFormat("en", { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false });

export const number = (value) => (value === null || value === undefined ? "–" : NUMBER.format(value));

// A percentage; a share above zero is never shown as 0 %.
export function percent(part, whole) {
  const share = whole ? (100 * part) / whole : 0;
  return part && share < 1 ? "under 1 %" : `${Math.floor(share)} %`;
}

export const when = (text) => (text ? WHEN.format(new Date(text)) : "–");

// The time from `from` to `to`, or until now.
export function duration(from, to = new Date()) {
  const seconds = Math.max(0, Math.round((new Date(to) - new Date(from)) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

// Any value of a result, on one line.
export function inline(value) {
  if (value === null || value === undefined) return "null";
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(inline).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;
