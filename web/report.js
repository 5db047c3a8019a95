// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
// The interactive figures of a report: zoom by dragging, double click to go back, numbers under the pointer, curves on and off.
// Without this script, and on paper, the page shows the static drawings.
(() => {
  "use strict";
  const root = document.documentElement;
  const plots = [];

  // -- numbers -------------------------------------------------------------------------------------------------------------------
  const superscript = n => String(n).replace(/./g, c => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[+c]));
  const human = (v, digits = 4) => {
    if (v === null || v === undefined || !Number.isFinite(v)) return "–";
    if (v === 0) return "0";
    const size = Math.abs(v);
    let text;
    if (size >= 1e5 || size < 1e-3) {
      const [m, e] = v.toExponential(digits - 1).split("e");
      text = `${+m}×10${superscript(+e)}`;
    } else text = String(+v.toPrecision(digits));
    return text.replace("-", "−");
  };
  const axisText = a => (a.unit ? `${a.label} (${a.unit})` : a.label);
  const withUnit = (v, a) => (a.unit ? `${human(v)} ${a.unit}` : human(v));
  const colour = name => getComputedStyle(root).getPropertyValue(name).trim();
  const seriesColour = s => colour(`--c${s.colour < 0 ? 7 : s.colour % 7}`);
  const nameOf = (f, s, x, i) => (s.names && s.names[i] !== undefined ? s.names[i] : f.x.names && f.x.names[x] !== undefined ? f.x.names[x] : null);

  // Index of the number nearest to v in an ascending array.
  const nearest = (xs, v) => {
    let low = 0, high = xs.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (xs[middle] < v) low = middle; else high = middle;
    }
    return high > low && Math.abs(xs[high] - v) < Math.abs(xs[low] - v) ? high : low;
  };

  // -- drawing on uPlot's canvas ---------------------------------------------------------------------------------------------------
  const position = (u, x, y) => [u.valToPos(x, "x", true), u.valToPos(y, "y", true)];
  const visible = (f, x, y) => y !== null && x !== null && !(f.y.log && y <= 0) && !(f.x.log && x <= 0);

  const drawBand = (u, f, s, ctx) => {
    let run = [];
    const flush = () => {
      if (run.length > 1) {
        ctx.beginPath();
        run.forEach(([x, , high], i) => (i ? ctx.lineTo(x, high) : ctx.moveTo(x, high)));
        for (let i = run.length - 1; i >= 0; i--) ctx.lineTo(run[i][0], run[i][1]);
        ctx.fill();
      }
      run = [];
    };
    ctx.globalAlpha = 0.22;
    ctx.fillStyle = seriesColour(s);
    s.xs.forEach((x, i) => {
      if (!visible(f, x, s.y[i]) || s.error[i] === null) return flush();
      let low = s.y[i] - s.error[i];
      if (f.y.log && low <= 0) low = u.scales.y.min;
      const [px, high] = position(u, x, s.y[i] + s.error[i]);
      run.push([px, u.valToPos(low, "y", true), high]);
    });
    flush();
    ctx.globalAlpha = 1;
  };

  const drawBars = (u, f, s, ctx) => {
    ctx.strokeStyle = seriesColour(s);
    ctx.lineWidth = 1.2 * devicePixelRatio;
    ctx.beginPath();
    s.xs.forEach((x, i) => {
      if (!visible(f, x, s.y[i]) || s.error[i] === null) return;
      let low = s.y[i] - s.error[i];
      if (f.y.log && low <= 0) low = u.scales.y.min;
      const [px, high] = position(u, x, s.y[i] + s.error[i]);
      ctx.moveTo(px, u.valToPos(low, "y", true));
      ctx.lineTo(px, high);
    });
    ctx.stroke();
  };

  const drawMarks = (u, f, s, ctx) => {
    const half = Math.max(2, Math.min(9, (0.35 * u.bbox.width) / devicePixelRatio / (s.xs.length + 1))) * devicePixelRatio;
    ctx.strokeStyle = seriesColour(s);
    ctx.lineWidth = 1.8 * devicePixelRatio;
    ctx.beginPath();
    s.xs.forEach((x, i) => {
      if (!visible(f, x, s.y[i])) return;
      const [px, py] = position(u, x, s.y[i]);
      ctx.moveTo(px - half, py);
      ctx.lineTo(px + half, py);
    });
    ctx.stroke();
  };

  const drawPoints = (u, f, s, ctx) => {
    const n = s.xs.length, radius = (n > 150 ? 2 : n > 40 ? 2.6 : 3.4) * devicePixelRatio;
    ctx.fillStyle = seriesColour(s);
    s.xs.forEach((x, i) => {
      if (!visible(f, x, s.y[i])) return;
      const [px, py] = position(u, x, s.y[i]);
      ctx.beginPath();
      ctx.arc(px, py, radius, 0, 2 * Math.PI);
      ctx.fill();
    });
  };

  const drawHistogram = (u, f, s, ctx) => {
    ctx.globalAlpha = 0.55;
    ctx.fillStyle = seriesColour(s);
    s.xs.forEach((x, i) => {
      if (!visible(f, x, s.y[i])) return;
      const [left, top] = position(u, x - s.width / 2, s.y[i]);
      const [right, zero] = position(u, x + s.width / 2, f.y.log ? u.scales.y.min : 0);
      ctx.fillRect(Math.round(left), Math.min(top, zero), Math.round(right) - Math.round(left), Math.abs(zero - top));
    });
    ctx.globalAlpha = 1;
  };

  const clipped = (u, draw) => {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    draw(ctx);
    ctx.restore();
  };

  const under = (u, f) => clipped(u, ctx => {
    if (f.diagonal) {
      const low = Math.min(u.scales.x.min, u.scales.y.min), high = Math.max(u.scales.x.max, u.scales.y.max);
      ctx.strokeStyle = colour("--fg");
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(...position(u, low, low));
      ctx.lineTo(...position(u, high, high));
      ctx.stroke();
      ctx.setLineDash([]);
    }
    f.series.forEach(s => {
      if (s.off) return;
      if (s.kind === "bars") drawHistogram(u, f, s, ctx);
      if (s.error) (s.kind === "points" ? drawBars : drawBand)(u, f, s, ctx);
    });
  });

  const drawCurve = (u, s, ctx) => { // a line that turns back in x: a circle, an orbit
    ctx.strokeStyle = seriesColour(s);
    ctx.lineWidth = 1.8 * devicePixelRatio;
    ctx.setLineDash(s.dashed ? [6 * devicePixelRatio, 4 * devicePixelRatio] : []);
    ctx.beginPath();
    let pen = false;
    s.curve.x.forEach((x, i) => {
      const there = x !== null && s.curve.y[i] !== null;
      if (there) (pen ? ctx.lineTo(...position(u, x, s.curve.y[i])) : ctx.moveTo(...position(u, x, s.curve.y[i])));
      pen = there;
    });
    ctx.stroke();
    ctx.setLineDash([]);
  };

  const over = (u, f) => clipped(u, ctx => f.series.forEach(s => {
    if (s.off) return;
    if (s.curve) drawCurve(u, s, ctx);
    if (s.kind === "points") drawPoints(u, f, s, ctx);
    if (s.kind === "marks") drawMarks(u, f, s, ctx);
  }));

  // -- ranges ----------------------------------------------------------------------------------------------------------------------
  const padded = (low, high, log, pad) => {
    if (!(low <= high)) return log ? [1, 10] : [0, 1];
    if (log) {
      const factor = Math.max(1.2, (high / low) ** pad);
      return [low / factor, high * factor];
    }
    const spread = high > low ? pad * (high - low) : low === 0 ? 1 : 0.1 * Math.abs(low);
    return [low - spread, high + spread];
  };

  const rangeX = f => {
    let low = Infinity, high = -Infinity;
    let pad = 0;
    f.series.forEach(s => {
      if (s.kind === "points") pad = 0.03;
      s.xs.forEach((x, i) => {
        if (!visible(f, x, s.y[i])) return;
        low = Math.min(low, x - s.width / 2);
        high = Math.max(high, x + s.width / 2);
      });
    });
    if (f.x.discrete && high - low < 24) return [low - 0.5, high + 0.5, 0];
    return [low, high, pad];
  };

  const rangeY = (f, from, to) => {
    let low = Infinity, high = -Infinity;
    f.series.forEach(s => !s.off && s.xs.forEach((x, i) => {
      if (!visible(f, x, s.y[i]) || x < from || x > to) return;
      const e = s.error && s.error[i] !== null ? s.error[i] : 0;
      low = Math.min(low, f.y.log ? s.y[i] : s.y[i] - e);
      high = Math.max(high, s.y[i] + e);
      if (s.kind === "bars" && !f.y.log) low = Math.min(low, 0);
    }));
    return [low, high];
  };

  // -- a plot ----------------------------------------------------------------------------------------------------------------------
  const readout = (f, u, out) => {
    const left = u.cursor.left;
    if (left === undefined || left < 0) {
      out.textContent = "Drag to zoom, double click to see all.";
      return;
    }
    const at = u.posToVal(left, "x"), y = u.posToVal(u.cursor.top, "y");
    let head = "";
    const parts = [];
    f.series.forEach(s => {
      if (s.off || !s.xs.length) return;
      let i = nearest(s.xs, at);
      if (f.diagonal) { // the nearest point in the plane
        let best = Infinity;
        s.xs.forEach((x, k) => {
          const d = (u.valToPos(x, "x") - left) ** 2 + (u.valToPos(s.y[k], "y") - u.cursor.top) ** 2;
          if (d < best) [best, i] = [d, k];
        });
      }
      const x = s.xs[i], name = nameOf(f, s, x, i);
      if (!head) head = name !== null ? name : f.x.discrete ? `${f.x.label} ${x}` : `${f.x.label} ${withUnit(x, f.x)}`;
      const error = s.error && s.error[i] !== null ? ` ± ${human(s.error[i], 2)}` : "";
      parts.push(`${s.name ? `${s.name} ` : ""}${human(s.y[i])}${error}`);
      if (f.diagonal) parts.push(`theory ${human(x)}`);
    });
    out.textContent = parts.length ? `${head}: ${parts.join(", ")}${f.y.unit ? ` ${f.y.unit}` : ""}` : human(y);
  };

  const legend = (f, u) => {
    const box = document.createElement("div");
    box.className = "legend";
    if (!f.series.some(s => s.name)) return null;
    f.series.forEach((s, k) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", String(!s.off));
      const ns = "http://www.w3.org/2000/svg", svg = document.createElementNS(ns, "svg");
      svg.setAttribute("viewBox", "0 0 26 10");
      const shape = document.createElementNS(ns, s.kind === "points" ? "circle" : "line");
      const set = attributes => Object.entries(attributes).forEach(([name, value]) => shape.setAttribute(name, value));
      const key = s.colour < 0 ? 7 : s.colour % 7;
      if (s.kind === "points") set({ cx: 13, cy: 5, r: 3.4, class: `f${key}` });
      else set({ x1: s.kind === "marks" ? 5 : 1, x2: s.kind === "marks" ? 21 : 25, y1: 5, y2: 5, "stroke-width": s.kind === "bars" ? 8 : 2,
        "stroke-dasharray": s.dashed && s.kind === "line" ? "6 4" : "none", class: `s${key}` });
      svg.append(shape);
      button.append(svg, s.name);
      button.addEventListener("click", () => {
        s.off = !s.off;
        button.setAttribute("aria-pressed", String(!s.off));
        u().setSeries(k + 1, { show: !s.off });
        u().redraw(true, true);
      });
      box.append(button);
    });
    return box;
  };

  const build = plot => {
    const { f, box } = plot;
    const width = box.clientWidth, height = f.diagonal ? Math.min(width, 440) : f.wide ? 330 : 300;
    const [low, high, pad] = rangeX(f);
    const text = v => human(v, 6);
    f.x.n = f.x.names ? f.x.names.length : 0;
    const shown = (a, u) => { // on a logarithmic axis: powers of ten, and 2 and 5 times them when there are few
      const scale = u.scales[a === f.x ? "x" : "y"], few = Math.log10(scale.max / scale.min) < 2;
      return v => {
        const m = Math.round(v / 10 ** Math.floor(Math.log10(v) + 1e-9) * 1e6) / 1e6;
        return m === 1 || (few && (m === 2 || m === 5));
      };
    };
    // uPlot's own marks of a logarithmic axis never end for some ranges (7e-8 to 1): its sums of steps round to where they were
    const decades = (u, axis, min, max) => {
      const marks = [];
      for (let e = Math.floor(Math.log10(min)); 10 ** e <= max; e++)
        for (let k = 1; k < 10; k++) marks.push(Number(`${k}e${e}`));
      return marks.filter(v => v >= min && v <= max);
    };
    const named = a => a.discrete && a.names && a.n <= 24;
    const turned = a => named(a) && 8 * Math.max(...a.names.map(name => name.length)) + 8 > (width - 90) / a.n;
    const axis = (a, vertical) => ({
      label: axisText(a), labelSize: 20, labelGap: 2, stroke: colour("--fg"), font: "13px system-ui, sans-serif", labelFont: "13px system-ui, sans-serif",
      grid: { stroke: colour("--grid"), width: 1 }, ticks: { stroke: colour("--fg"), width: 1, size: 5 }, gap: 6,
      ...(a.log ? { splits: decades } : {}),
      ...(a.discrete ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5] } : {}),
      values: (u, splits) => splits.map(v => (v === null || (a.log && !shown(a, u)(v)) ? "" : named(a) ? a.names[v] ?? "" : text(v))),
      ...(turned(a) ? { rotate: 45, size: Math.min(110, 18 + 5.6 * Math.max(...a.names.map(name => name.length))), space: 12 }
        : named(a) ? { size: 30, space: 12 }
        : !vertical ? { size: 30 } : { size: (u, values) => 16 + 7.4 * Math.max(3, ...(values || []).map(v => v.length)) }),
    });
    const data = f.series.length > 1 ? uPlot.join(f.series.map(s => [s.xs, s.y])) : [f.series[0].xs, f.series[0].y];
    const options = {
      width, height, legend: { show: false }, pxAlign: 0,
      cursor: { drag: { x: true, y: false }, points: { show: false } },
      scales: {
        x: { time: false, distr: f.x.log ? 3 : 1, range: (u, a, b) => {
          plot.view = plot.zoomed ? [a, b] : padded(low, high, f.x.log, f.diagonal ? 0.05 : pad);
          return plot.view;
        } },
        y: { distr: f.y.log ? 3 : 1, range: () => padded(...rangeY(f, ...(plot.view || [-Infinity, Infinity])), f.y.log, 0.05) }, // x comes first
      },
      axes: [axis(f.x, false), axis(f.y, true)],
      series: [{}, ...f.series.map(s => ({
        label: s.name, show: !s.off, stroke: seriesColour(s), width: s.kind === "line" && s.xs.length > 400 ? 1.2 : 1.8, dash: s.dashed ? [6, 4] : undefined,
        points: { show: false },
        paths: s.kind === "line" && !s.curve ? undefined : s.kind === "steps" ? uPlot.paths.stepped({ align: 1 }) : () => null,
      }))],
      hooks: {
        drawAxes: [u => under(u, f)],
        draw: [u => over(u, f)],
        setCursor: [u => readout(f, u, plot.out)],
        setSelect: [u => { plot.zoomed = u.select.width > 0; }],
      },
    };
    plot.u = new uPlot(options, data, plot.canvas);
    plot.u.over.addEventListener("dblclick", () => { plot.zoomed = false; }, true);
  };

  const sorted = s => { // uPlot wants ascending x
    const order = s.xs.map((_, i) => i).filter(i => s.xs[i] !== null).sort((a, b) => s.xs[a] - s.xs[b] || a - b);
    for (const key of ["y", "error", "names"]) if (s[key]) s[key] = order.map(i => s[key][i]);
    s.xs = order.map(i => s.xs[i]);
  };

  const start = figure => {
    const f = JSON.parse(figure.querySelector("script").textContent);
    if (f.heat) return heat(figure, f);
    if (typeof uPlot === "undefined" || !f.series.length) return;
    f.series.forEach(s => {
      s.xs = f.xs[s.x].slice();
      const xs = s.xs.filter(x => x !== null);
      if (s.kind === "line" && xs.some((x, i) => i > 0 && x < xs[i - 1])) s.curve = { x: s.xs, y: s.y };
      sorted(s);
    });
    const box = figure.querySelector(".plot");
    figure.classList.add("live");
    const plot = { f, box, canvas: document.createElement("div"), out: document.createElement("div"), zoomed: false };
    plot.out.className = "readout";
    const keys = legend(f, () => plot.u);
    if (keys) box.append(keys);
    box.append(plot.canvas, plot.out);
    build(plot);
    readout(f, plot.u, plot.out);
    plots.push(plot);
  };

  // -- heat maps: the drawing is an image in the SVG; the numbers appear under the pointer -------------------------------------------
  const heat = (figure, f) => {
    const image = figure.querySelector("svg image"), { rows, columns, range } = f.heat;
    const bytes = Uint8Array.from(atob(f.heat.cells), c => c.charCodeAt(0)), cells = new DataView(bytes.buffer);
    const out = document.createElement("div");
    const idle = "Point at the map to read its numbers.";
    out.className = "readout";
    out.textContent = idle;
    figure.querySelector(".heat").append(out);
    const along = (a, v) => (a.discrete ? (a.names && a.names[v] !== undefined ? a.names[v] : `${a.label} ${human(v)}`) : `${a.label} ${withUnit(v, a)}`);
    image.addEventListener("pointermove", event => {
      const r = image.getBoundingClientRect();
      const j = Math.min(columns - 1, Math.max(0, Math.floor(((event.clientX - r.left) / r.width) * columns)));
      const i = Math.min(rows - 1, Math.max(0, Math.floor(((r.bottom - event.clientY) / r.height) * rows)));
      const code = cells.getUint16(2 * (i * columns + j), true);
      const value = code === 65535 ? "no number" : withUnit(range[0] + (code / 65534) * (range[1] - range[0]), f.z);
      const at = f.gallery ? Math.floor : v => v; // the number of a picture
      out.textContent = `${along(f.y, at(f.heat.y[i]))}, ${along(f.x, at(f.heat.x[j]))}: ${value}`;
    });
    image.addEventListener("pointerleave", () => { out.textContent = idle; });
  };

  // -- page ------------------------------------------------------------------------------------------------------------------------
  const rebuild = () => plots.forEach(plot => {
    plot.u.destroy();
    build(plot);
  });

  const theme = document.getElementById("theme"), media = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (media.matches ? "dark" : "light")) === "dark";
  const label = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.hidden = false;
  label();
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    label();
    rebuild();
  });
  media.addEventListener("change", () => {
    label();
    rebuild();
  });

  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(d => { d.open = true; }));

  document.querySelectorAll("figure").forEach(figure => {
    try {
      start(figure);
    } catch (error) { // the static drawing stays
      figure.classList.remove("live");
      console.error(figure.id, error);
    }
  });
  let width = innerWidth, timer = 0;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(timer);
    timer = setTimeout(rebuild, 150);
  });
})();
