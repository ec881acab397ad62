"use strict";
// Draws every figure of the page from the JSON beside it. Colours are CSS variables, so that a change between light
// and dark needs no redrawing.
(() => {
  const percent = d3.format(".1%");
  const wholePercent = (value) => `${Math.round(value * 100)}`;
  const number = (value) => (value >= 1000 ? d3.format(",.0f")(value) : `${+value.toPrecision(3)}`);
  const raised = (power) => String(power).replace(/[-0-9]/g, (digit) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(digit)]);
  const flops = (value) => {
    const [digits, power] = value.toExponential(1).split("e");
    return value < 1000 ? number(value) : `${digits} × 10${raised(+power)}`;
  };
  const color = (name) => `var(--${name})`;
  const symbols = {
    circle: d3.symbolCircle, square: d3.symbolSquare, triangle: d3.symbolTriangle, diamond: d3.symbolDiamond,
    star: d3.symbolStar, wye: d3.symbolWye, cross: d3.symbolCross,
  };

  function drawCurves(figure, chart, hidden) {
    const { options } = figure;
    const series = figure.series.filter((one) => !hidden.has(one.key));
    const panels = options.panels;
    const large = Boolean(options.large);
    if (panels) chart.classList.add(large ? (panels.length === 3 ? "third" : "large") : "wide");
    if (!panels) {
      const height = Math.round(Math.max(260, Math.min(400, chart.clientWidth * 0.62)));
      chart.replaceChildren(curvesPlot(figure, figure.rows, series, { width: chart.clientWidth, height }));
      return;
    }
    const holders = holdersOf(chart, panels, large);
    panels.forEach((panel, index) => {
      const holder = holders[index];
      const rows = figure.rows.filter((row) => row.panel === panel.key);
      const size = large ? { height: 300, domain: paddedDomain(figure.rows) } : { height: 210, small: true, domain: [0, 1] };
      holder.replaceChildren(curvesPlot(figure, rows, series, { width: holder.clientWidth, ...size }));
    });
  }

  // A box for each panel: its heading, its note, and the element that holds its plot.
  function holdersOf(chart, panels, large) {
    if (chart.children.length !== panels.length) {
      chart.replaceChildren(...panels.map((panel) => {
        const box = document.createElement("div");
        box.className = "panel";
        box.append(element("h5", large ? capital(panel.key) : panel.key), element("p", panel.note || ""), document.createElement("div"));
        return box;
      }));
    }
    return [...chart.children].map((box) => box.lastElementChild);
  }

  function curvesPlot(figure, rows, series, { width, height, small = false, domain }) {
    const { options } = figure;
    const drawn = rows.filter((row) => series.some((one) => one.key === row.series));
    const moving = drawn.filter((row) => !series.find((one) => one.key === row.series).level);
    const xs = d3.extent(options.shared || !moving.length ? figure.rows : moving, (row) => row.x);
    const marks = [Plot.ruleY([0], { stroke: "none" })];
    let levels = 0;
    for (const one of series) {
      const own = d3.sort(drawn.filter((row) => row.series === one.key), (row) => row.x);
      if (!own.length) continue;
      const stroke = color(one.color);
      if (one.level) {
        const beside = { x: xs[0] === xs[1] ? xs[1] * 2 : xs[1], stroke, strokeWidth: 2, dx: (small ? 6 : 11) + 5 * levels++ };
        marks.push(
          Plot.ruleY([own[0].y], { stroke, strokeDasharray: one.dash, strokeWidth: 1.5, strokeLinecap: "round" }),
          Plot.ruleX(own.slice(0, 1).filter((row) => row.low !== null && row.high !== null), { ...beside, x: () => beside.x, y1: "low", y2: "high", strokeDasharray: one.dash }),
        );
        continue;
      }
      const banded = own.filter((row) => row.low !== null && row.high !== null);
      marks.push(
        banded.length === 1 ? Plot.ruleX(banded, { x: "x", y1: "low", y2: "high", stroke, strokeWidth: small ? 1.5 : 2, strokeOpacity: 0.55 }) : null,
        Plot.areaY(banded, { x: "x", y1: "low", y2: "high", fill: stroke, fillOpacity: series.length > 5 ? 0.06 : 0.1 }),
        Plot.line(own, { x: "x", y: "y", stroke, strokeWidth: small ? 1.5 : 2, strokeDasharray: one.dash || null }),
        Plot.dot(own, { x: "x", y: "y", fill: stroke, symbol: one.symbol, r: small ? 2.2 : 3.5 }),
      );
    }
    marks.push(Plot.tip(moving, Plot.pointer({ x: "x", y: "y", title: (row) => pointText(row, options), fontSize: 12 })));
    const y = domain || paddedDomain(drawn);
    return plot({
      width, height, marginLeft: small ? 36 : 40, marginBottom: small ? 34 : 42, marginTop: small ? 10 : 24, marginRight: (small ? 8 : 20) + 5 * levels,
      x: {
        type: options.log ? "log" : "linear", base: options.log ? options.base || 2 : undefined, domain: xs[0] === xs[1] ? [xs[0] / 2, xs[1] * 2] : xs,
        ticks: options.base === 10 ? decades(xs) : ticksOf(xs, options.log, small || width < 420),
        tickFormat: options.base === 10 ? (value) => flops(value).replace("1.0 × ", "").replace(".0", "") : number,
        label: small ? "N" : options.x, labelAnchor: small ? "right" : "center", labelArrow: "none", tickSize: 4, inset: small ? 3 : 6,
      },
      y: { domain: y, grid: true, ticks: small ? 5 : Math.round(height / 60), tickFormat: small ? (value) => `${wholePercent(value)}%` : wholePercent, label: small ? null : `${options.y} (%)`, labelArrow: "none", tickSize: 0 },
      marks,
    });
  }

  function drawIntervals(figure, chart) {
    const { options } = figure;
    const rows = figure.rows.filter((row) => row.y !== null);
    const low = d3.min(rows, (row) => row.low ?? row.y);
    const high = d3.max(rows, (row) => row.high ?? row.y);
    const format = options.percent ? wholePercent : (value) => value.toFixed(1);
    const longest = d3.max(figure.rows, (row) => row.label.length);
    const marginLeft = Math.min(chart.clientWidth * 0.45, 16 + 7.2 * longest);
    const label = options.percent ? `${options.y} (%)` : options.y;
    chart.replaceChildren(plot({
      width: chart.clientWidth, height: 60 + (marginLeft < 16 + 7.2 * longest ? 46 : 34) * figure.rows.length,
      marginLeft, marginBottom: 42, marginRight: 24,
      x: {
        domain: [Math.max(0, Math.min(low, options.chance ?? low) - 0.05), Math.min(1, high + 0.05)], grid: true, ticks: 6,
        tickFormat: format, label, labelAnchor: "center", labelArrow: "none", tickSize: 0,
      },
      y: { domain: figure.rows.map((row) => row.label), axis: null },
      marks: [
        Plot.axisY({ label: null, tickSize: 0, lineWidth: (marginLeft - 14) / 13.5 }),
        options.chance == null ? null : Plot.ruleX([options.chance], { stroke: color("muted"), strokeDasharray: "2 3" }),
        options.chance == null ? null : Plot.text([options.chance], { x: (d) => d, text: () => "a coin", frameAnchor: "top", dy: -10, fill: color("muted") }),
        Plot.link(rows.filter((row) => row.low !== null), { x1: "low", x2: "high", y1: "label", y2: "label", stroke: color("blue"), strokeWidth: 2, strokeOpacity: 0.55 }),
        Plot.dot(rows, { x: "y", y: "label", fill: color("blue"), r: 4.5 }),
        Plot.text(figure.rows.filter((row) => row.y === null), { y: "label", text: () => "not known", frameAnchor: "left", dx: 6, fill: color("muted") }),
        Plot.tip(rows, Plot.pointer({ x: "y", y: "label", title: (row) => `${row.label}\n${intervalText(row, options.percent)}` })),
      ],
    }));
  }

  // Values with intervals in groups (one a ratio R), a panel for each set of questions; open symbols are beyond the pool.
  function drawMatched(figure, chart, hidden) {
    const { options } = figure;
    chart.classList.add("third");
    const series = figure.series.filter((one) => !hidden.has(one.key));
    const style = new Map(figure.series.map((one) => [one.key, one]));
    const ends = figure.rows.flatMap((row) => [row.low ?? row.y, row.high ?? row.y]);
    const reach = [Math.max(-1, Math.min(0, d3.min(ends)) - 0.03), Math.min(1, Math.max(0, d3.max(ends)) + 0.03)];
    const stroke = (row) => color(style.get(row.series).color);
    const show = options.difference ? (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(Math.round(value * 100))}` : wholePercent;
    const marginLeft = 14 + 6.6 * d3.max(options.groups, (name) => name.length);
    const holders = holdersOf(chart, options.panels, true);
    options.panels.forEach((panel, index) => {
      const rows = figure.rows.filter((row) => row.panel === panel.key && !hidden.has(row.series));
      holders[index].replaceChildren(plot({
        width: holders[index].clientWidth, marginLeft, marginRight: 14, marginTop: 6, marginBottom: 40,
        height: 46 + options.groups.length * (18 + 14 * Math.max(1, series.length)),
        fy: { domain: options.groups, label: null, padding: 0.12, axis: null },
        y: { domain: series.map((one) => one.key), axis: null, padding: 0.5 },
        x: {
          domain: options.domain || reach, ticks: 5, tickFormat: show, tickSize: 0,
          label: `${options.x}${options.difference ? "" : " (%)"}`, labelAnchor: "center", labelArrow: "none",
        },
        marks: [
          Plot.axisFy({ anchor: "left", label: null, tickSize: 0 }),
          Plot.gridX({ ticks: 5, stroke: color("faint"), strokeOpacity: 1 }),
          options.difference ? Plot.ruleX([0], { stroke: color("muted"), strokeWidth: 1.5 }) : null,
          Plot.link(rows.filter((row) => row.low !== null && row.high !== null), { fy: "group", x1: "low", x2: "high", y1: "series", y2: "series", stroke, strokeWidth: 2, strokeOpacity: 0.6 }),
          ...series.map((one) => Plot.dot(rows.filter((row) => row.series === one.key), {
            fy: "group", x: "y", y: "series", symbol: one.symbol, r: 3, stroke: color(one.color), strokeWidth: 1.5, fill: (row) => (row.open ? color("paper") : color(one.color)),
          })),
          Plot.tip(rows, Plot.pointer({ fy: "group", x: "y", y: "series", title: (row) => matchedText(row, options.difference) })),
        ],
      }));
    });
  }

  function matchedText(row, difference) {
    const points = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value * 100).toFixed(1)}`;
    const show = difference ? points : percent;
    const interval = row.low === null ? "" : ` (${show(row.low)} to ${show(row.high)})`;
    const bought = row.n == null || (!difference && row.series === "large") ? "" : `\nN = ${number(row.n)}${row.open ? ", beyond the pool" : ""}`;
    return `${row.label}\n${row.panel}, ${row.group}\n${show(row.y)}${difference ? " points" : ""}${interval}${bought}`;
  }

  function drawReliability(figure, chart) {
    const side = Math.min(chart.clientWidth, 420);
    const biggest = d3.max(figure.rows, (row) => row.count ?? 1);
    chart.replaceChildren(plot({
      width: side, height: side, marginLeft: 44, marginBottom: 42, marginTop: 24, marginRight: 14,
      inset: 12,
      x: { domain: [0, 1], ticks: 5, tickFormat: wholePercent, label: `${figure.options.x} (%)`, labelAnchor: "center", labelArrow: "none", grid: true, tickSize: 0 },
      y: { domain: [0, 1], ticks: 5, tickFormat: wholePercent, label: `${figure.options.y} (%)`, labelArrow: "none", grid: true, tickSize: 0 },
      r: { type: "sqrt", domain: [0, biggest], range: [3, 12] },
      marks: [
        Plot.link([0], { x1: 0, y1: 0, x2: 1, y2: 1, stroke: color("muted"), strokeDasharray: "2 3" }),
        Plot.link(figure.rows.filter((row) => row.low !== null), { x1: "predicted", x2: "predicted", y1: "low", y2: "high", stroke: color("blue"), strokeWidth: 2, strokeOpacity: 0.4 }),
        Plot.line(figure.rows, { x: "predicted", y: "observed", stroke: color("blue"), strokeWidth: 1.5 }),
        Plot.dot(figure.rows, { x: "predicted", y: "observed", r: (row) => row.count ?? biggest / 4, fill: color("blue"), fillOpacity: 0.65, stroke: color("paper") }),
        Plot.tip(figure.rows, Plot.pointer({
          x: "predicted", y: "observed",
          title: (row) => `score ${percent(row.predicted)}\nright ${percent(row.observed)}${row.count == null ? "" : `\n${d3.format(",")(row.count)} solutions`}`,
        })),
      ],
    }));
  }

  function drawConfusion(figure, chart) {
    const names = [...new Set(figure.rows.map((row) => row.predicted))];
    const columns = [...new Set(figure.rows.map((row) => row.oracle))];
    const side = Math.min(chart.clientWidth, 520);
    const short = (name) => (side < 440 ? name.replace("bin ", "").replace(/ \(.*\)/, "") : name.replace("bin ", ""));
    const left = side < 440 ? 34 : 92;
    chart.replaceChildren(plot({
      width: side, height: (side - left) * (names.length / columns.length) * 0.72 + 76, marginLeft: left, marginBottom: 44, marginTop: 30, marginRight: 4,
      x: { domain: columns, label: figure.options.x, labelAnchor: "center", labelArrow: "none", tickFormat: short, tickSize: 0, padding: 0.04 },
      y: { domain: names, label: figure.options.y, labelAnchor: "top", labelArrow: "none", tickFormat: short, tickSize: 0, padding: 0.04 },
      marks: [
        Plot.cell(figure.rows.filter((row) => row.oracle === row.predicted), { x: "oracle", y: "predicted", fill: "none", stroke: color("ink"), strokeWidth: 1.5, inset: -1, rx: 3 }),
        Plot.cell(figure.rows, { x: "oracle", y: "predicted", fill: (row) => `rgba(var(--cell), ${(0.06 + 0.74 * (row.share ?? 0)).toFixed(3)})`, rx: 2 }),
        Plot.text(figure.rows, { x: "oracle", y: "predicted", text: (row) => counted(row.count), fill: color("ink"), fontSize: 13 }),
        Plot.tip(figure.rows, Plot.pointer({
          x: "oracle", y: "predicted",
          title: (row) => `placed in ${row.predicted}\ntruly in ${row.oracle}\n${counted(row.count)} questions${row.share === null ? "" : `, ${percent(row.share)} of the row`}`,
        })),
      ],
    }));
  }

  function counted(value) {
    return d3.format(Number.isInteger(value) || value >= 1000 ? ",.0f" : ",.1f")(value);
  }

  function plot(options) {
    const svg = Plot.plot({ ...options, style: { fontFamily: "inherit", fontSize: "12px" }, marks: options.marks.filter(Boolean) });
    svg.setAttribute("aria-hidden", "true");
    return svg;
  }

  function paddedDomain(rows) {
    const low = d3.min(rows, (row) => row.low ?? row.y) ?? 0;
    const high = d3.max(rows, (row) => row.high ?? row.y) ?? 1;
    const room = Math.max(0.02, (high - low) * 0.06);
    return [Math.max(0, low - room), Math.min(1, high + room)];
  }

  function ticksOf([low, high], log, sparse) {
    if (!log) return high - low <= 12 ? d3.range(Math.ceil(low), Math.floor(high) + 1) : undefined;
    if (high <= 8 && !sparse) return d3.range(Math.ceil(low), Math.floor(high) + 1);
    const powers = d3.range(Math.ceil(Math.log2(low) - 1e-9), Math.floor(Math.log2(high) + 1e-9) + 1);
    const every = sparse && powers.length > 4 ? 2 : powers.length > 9 ? 2 : 1;
    return powers.filter((_, index) => index % every === 0).map((power) => 2 ** power);
  }

  // Powers of ten; where the range holds fewer than two of them, 1, 2 and 5 times powers of ten.
  function decades([low, high]) {
    const powers = d3.range(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)) + 1);
    const within = (values) => values.filter((value) => value >= low * 0.999 && value <= high * 1.001);
    const whole = within(powers.map((power) => 10 ** power));
    return whole.length > 1 ? whole : within(powers.flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power)));
  }

  function intervalText(row, asPercent = true) {
    const show = asPercent ? percent : (value) => value.toFixed(3);
    return row.low === null ? show(row.y) : `${show(row.y)} (${show(row.low)} to ${show(row.high)})`;
  }

  function pointText(row, options) {
    const size = row.n == null ? "" : `N = ${number(row.n)}, `;
    const at = options.unit ? `${size}${flops(row.x)} ${options.unit}` : options.log ? `${number(row.x)} generations` : `position ${number(row.x)}`;
    return `${row.label}\n${at}\n${intervalText(row)}`;
  }

  function legendOf(figure, hidden, redraw) {
    return figure.series.map((one) => {
      const button = element("button", one.label);
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      button.title = "Show or hide";
      button.prepend(swatch(one));
      button.addEventListener("click", () => {
        hidden.has(one.key) ? hidden.delete(one.key) : hidden.add(one.key);
        button.setAttribute("aria-pressed", String(!hidden.has(one.key)));
        redraw();
      });
      return button;
    });
  }

  function keyOf(entries) {
    return entries.map((one) => {
      const key = element("span", one.label);
      key.prepend(one.scale ? scale() : one.box ? box() : swatch(one));
      return key;
    });
  }

  function scale() {
    const bar = document.createElement("i");
    bar.className = "scale";
    return bar;
  }

  function box() {
    const svg = d3.create("svg").attr("width", 18).attr("height", 14).attr("aria-hidden", "true");
    svg.append("rect").attr("x", 1).attr("y", 1).attr("width", 16).attr("height", 12).attr("rx", 3).attr("fill", "none")
      .attr("stroke-width", 1.5).style("stroke", color("ink"));
    return svg.node();
  }

  function swatch(one) {
    const svg = d3.create("svg").attr("width", 34).attr("height", 12).attr("aria-hidden", "true");
    svg.append("line").attr("x1", 1).attr("x2", 33).attr("y1", 6).attr("y2", 6).attr("stroke-width", 2)
      .attr("stroke-linecap", one.level ? "round" : "butt").attr("stroke-dasharray", one.dash || null).style("stroke", color(one.color));
    if (!one.level) {
      const path = d3.symbol(symbols[one.symbol], 40)();
      svg.append("path").attr("d", path).attr("transform", "translate(17,6)").attr("stroke-width", 1.75)
        .style("fill", color(one.open ? "paper" : one.color)).style("stroke", one.open ? color(one.color) : null);
    }
    return svg.node();
  }

  function capital(text) {
    return text.charAt(0).toUpperCase() + text.slice(1);
  }

  function element(name, text) {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  }

  const draw = { curves: drawCurves, intervals: drawIntervals, reliability: drawReliability, confusion: drawConfusion, matched: drawMatched };

  for (const node of document.querySelectorAll("figure[data-kind]")) {
    const figure = JSON.parse(node.querySelector("script.data").textContent);
    const chart = node.querySelector(".chart");
    const hidden = new Set();
    let width = 0;
    const redraw = () => {
      try {
        draw[figure.kind](figure, chart, hidden);
      } catch (error) {
        chart.replaceChildren(element("p", "This chart could not be drawn; its numbers are in the table below."));
        chart.firstChild.className = "failed";
        console.error(figure.id, error);
      }
    };
    node.querySelector(".legend").replaceChildren(...legendOf(figure, hidden, redraw), ...keyOf(figure.options.legend || []));
    new ResizeObserver(() => {
      if (chart.clientWidth && chart.clientWidth !== width) {
        width = chart.clientWidth;
        redraw();
      }
    }).observe(chart);
    width = chart.clientWidth;
    if (width) redraw();
  }
})();
