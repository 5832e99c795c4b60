// Credits by day and outcome, as stacked bars and, for accessibility, as a table.

import uPlot from "./uplot.js";
import { html, useEffect, useRef } from "./ui.js";
import { number } from "./format.js";

const OUTCOMES = [["read", "Pages read", "--good"], ["failed", "Pages failed", "--bad"], ["refunded", "Refunded", "--cut"]];
const MIN_DAYS = 7;
const DAY = 86_400_000;
const HEIGHT = 220;

const dayOf = (text) => text.slice(0, 10);

// Sums by day from the first job to today, including days without jobs.
export function byDay(jobs, now = new Date()) {
  const sums = new Map();
  for (const { started_at: started, progress, credits } of jobs) {
    const day = sums.get(dayOf(started)) ?? { read: 0, failed: 0, refunded: 0 };
    day.read += progress.done;
    day.failed += progress.failed;
    day.refunded += credits.refunded ?? 0;
    sums.set(dayOf(started), day);
  }
  const today = Date.parse(dayOf(now.toISOString()));
  const first = Math.min(today - (MIN_DAYS - 1) * DAY, ...[...sums.keys()].map(Date.parse));
  const days = [];
  for (let at = first; at <= today; at += DAY) {
    const day = dayOf(new Date(at).toISOString());
    days.push({ day, at, ...(sums.get(day) ?? { read: 0, failed: 0, refunded: 0 }) });
  }
  return days;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(width, days) {
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const bars = uPlot.paths.bars({ size: [0.6, 48], radius: 0.12 });
  return {
    width, height: HEIGHT, legend: { show: false }, cursor: { show: false }, padding: [12, 8, 0, 0],
    scales: { x: { time: false, range: [-0.6, days.length - 0.4] }, y: { range: (_, __, max) => [0, Math.max(5, max * 1.1)] } },
    axes: [
      { ...axis, grid: { show: false }, incrs: [1, 2, 5, 10, 30], size: 32, values: (_, ticks) => ticks.map((at) => days[at]?.day.slice(5) ?? "") },
      { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? number(tick) : "")) },
    ],
    // Each series is a sum, drawn over the larger one before it.
    series: [{}, ...[...OUTCOMES].reverse().map(([, label, variable]) => ({ label, fill: colour(variable), stroke: colour(variable), width: 0, paths: bars, points: { show: false } }))],
  };
}

function stacked(days) {
  const columns = [days.map(({ read, failed, refunded }) => read + failed + refunded), days.map(({ read, failed }) => read + failed), days.map(({ read }) => read)];
  return [days.map((_, at) => at), ...columns];
}

export function DayChart({ days }) {
  const container = useRef(null);
  useEffect(() => {
    const element = container.current;
    let plot = null;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(options(element.clientWidth, days), stacked(days), element);
    };
    const resizeObserver = new ResizeObserver(draw);
    resizeObserver.observe(element);
    // Colours are drawn, not styled, so the chart is redrawn when the theme changes.
    const themeObserver = new MutationObserver(draw);
    themeObserver.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => {
      resizeObserver.disconnect();
      themeObserver.disconnect();
      plot?.destroy();
    };
  }, [days]);
  const sum = (name) => days.reduce((all, day) => all + day[name], 0);
  return html`<div>
    <ul class="legend" aria-hidden="true">${OUTCOMES.map(([name, label]) => html`<li key=${name}><span class=${`swatch ${name}`}></span>${label} <strong>${number(sum(name))}</strong></li>`)}</ul>
    <div class="chart" ref=${container} role="img" aria-label=${`Credits by day: ${OUTCOMES.map(([name, label]) => `${label} ${sum(name)}`).join(", ")}`}></div>
    <details><summary>As a table</summary><div class="scroll" tabindex="0" role="region" aria-label="Credits by day, as a table"><table class="list"><thead><tr><th scope="col">Day (UTC)</th>${OUTCOMES.map(([name, label]) => html`<th key=${name} scope="col">${label}</th>`)}</tr></thead>
      <tbody>${days.map((day) => html`<tr key=${day.day}><th scope="row">${day.day}</th>${OUTCOMES.map(([name]) => html`<td key=${name} class="figures">${number(day[name])}</td>`)}</tr>`)}</tbody></table></div></details>
  </div>`;
}
