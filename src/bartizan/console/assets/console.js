// What JavaScript adds; every page does its work without it. No eval, no inline code: the policy of the page forbids both.
"use strict";

// light-dark() in a custom property resolves only where it is used, so a probe element asks the browser what it means now.
const resolved = (name) => {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
};

const milliseconds = (value) => (value == null ? "–" : value < 10 ? `${value.toFixed(1)} ms` : value < 10000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`);

// One line a decade, or three where there are few; all nine of a logarithmic scale would be a grey wall.
const decades = (low, high) => {
  const steps = high / low > 150 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power += 1) ticks.push(...steps.map((step) => Number((step * 10 ** power).toPrecision(1))));
  return ticks.filter((tick) => low <= tick && tick <= high);
};

function draw(figure) {
  const rows = [...figure.querySelectorAll("tbody tr")];
  const column = (name) => rows.map((row) => (row.dataset[name] ? Number(row.dataset[name]) : null));
  const place = figure.querySelector(".plot");
  const axis = { stroke: resolved("--quiet"), grid: { stroke: resolved("--line"), width: 1 }, ticks: { stroke: resolved("--line"), width: 1 } };
  const line = (label, name, dash) => ({ label, stroke: resolved(name), width: 1.6, dash, spanGaps: false, points: { show: rows.length < 60, size: 5 }, value: (_, value) => milliseconds(value) });
  place.replaceChildren();
  return new uPlot({
    width: place.clientWidth,
    height: 230,
    tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), "Etc/UTC"),
    scales: { x: { range: [Number(figure.dataset.from), Number(figure.dataset.to)] }, y: { distr: 3 } },
    axes: [{ ...axis, values: "{HH}:{mm}" }, { splits: (_, __, low, high) => decades(low, high), ...axis, size: 58, values: (_, ticks) => ticks.map((tick) => (tick == null ? "" : tick < 1000 ? `${tick} ms` : `${tick / 1000} s`)) }],
    series: [{ label: "UTC", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" }, line("median", "--accent"), line("95th percentile", "--bad"), line("judging, 95th", "--warn", [4, 4])],
  }, [column("at"), column("p50"), column("p95"), column("judged")], place);
}

function charts() {
  if (typeof uPlot === "undefined") return;
  for (const figure of document.querySelectorAll("[data-chart]")) {
    let plot = draw(figure);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { plot.destroy(); plot = draw(figure); });
    new ResizeObserver(() => plot.setSize({ width: figure.querySelector(".plot").clientWidth, height: 230 })).observe(figure);
  }
}

// Arrow keys walk the rows of a list once one of its links has the focus.
document.addEventListener("keydown", (event) => {
  const row = event.target.closest?.("[data-rows] tbody tr");
  if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
  const rows = [...row.parentElement.rows];
  const to = { ArrowDown: rows[row.rowIndex], ArrowUp: rows[row.rowIndex - 2], Home: rows[0], End: rows.at(-1) }[event.key];
  const link = to?.querySelector("a");
  if (link) { event.preventDefault(); link.focus(); }
});

// In the review queue a single key is a word on the item, unless somebody writes.
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.repeat || event.target.closest?.("input, select, textarea")) return;
  document.querySelector(`[data-keys] [data-key="${CSS.escape(event.key)}"]`)?.click();
});

document.addEventListener("DOMContentLoaded", charts);
