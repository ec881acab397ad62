"use strict";
// Draws every figure of the page from the JSON beside it. Colours are CSS variables, so that a change between light
// and dark needs no redrawing.
(() => {
  const percent = d3.format(".1%");
  const wholePercent = (value) => `${Math.round(value * 100)}`;
  const number = (value) => (value >= 1000 ? d3.format(",.0f")(value) : `${+value.toPrecision(3)}`);
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
    if (panels) chart.classList.add(large ? "large" : "wide");
    if (!panels) {
      const height = Math.round(Math.max(260, Math.min(400, chart.clientWidth * 0.62)));
      chart.replaceChildren(curvesPlot(figure, figure.rows, series, { width: chart.clientWidth, height }));
      return;
    }
    if (chart.children.length !== panels.length) {
      chart.replaceChildren(...panels.map((panel) => {
        const box = document.createElement("div");
        box.className = "panel";
        box.append(element("h5", large ? capital(panel.key) : panel.key), element("p", panel.note || ""), document.createElement("div"));
        return box;
      }));
    }
    panels.forEach((panel, index) => {
      const holder = chart.children[index].lastElementChild;
      const rows = figure.rows.filter((row) => row.panel === panel.key);
      const size = large ? { height: 300, domain: paddedDomain(figure.rows) } : { height: 210, small: true, domain: [0, 1] };
      holder.replaceChildren(curvesPlot(figure, rows, series, { width: holder.clientWidth, ...size }));
    });
  }

  function curvesPlot(figure, rows, series, { width, height, small = false, domain }) {
    const { options } = figure;
    const drawn = rows.filter((row) => series.some((one) => one.key === row.series));
    const moving = drawn.filter((row) => !series.find((one) => one.key === row.series).level);
    const xs = d3.extent(moving.length ? moving : figure.rows, (row) => row.x);
    const marks = [Plot.ruleY([0], { stroke: "none" })];
    for (const one of series) {
      const own = d3.sort(drawn.filter((row) => row.series === one.key), (row) => row.x);
      if (!own.length) continue;
      const stroke = color(one.color);
      if (one.level) {
        marks.push(Plot.ruleY([own[0].y], { stroke, strokeDasharray: one.dash, strokeWidth: 1.5, strokeLinecap: "round" }));
        continue;
      }
      const banded = own.filter((row) => row.low !== null && row.high !== null);
      marks.push(
        Plot.areaY(banded, { x: "x", y1: "low", y2: "high", fill: stroke, fillOpacity: series.length > 5 ? 0.06 : 0.1 }),
        Plot.line(own, { x: "x", y: "y", stroke, strokeWidth: small ? 1.5 : 2, strokeDasharray: one.dash || null }),
        Plot.dot(own, { x: "x", y: "y", fill: stroke, symbol: one.symbol, r: small ? 2.2 : 3.5 }),
      );
    }
    marks.push(Plot.tip(moving, Plot.pointer({ x: "x", y: "y", title: (row) => pointText(row, options), fontSize: 12 })));
    const y = domain || paddedDomain(drawn);
    return plot({
      width, height, marginLeft: small ? 36 : 40, marginBottom: small ? 34 : 42, marginTop: small ? 10 : 24, marginRight: small ? 8 : 20,
      x: {
        type: options.log ? "log" : "linear", base: options.log ? 2 : undefined, domain: xs[0] === xs[1] ? [xs[0] / 2, xs[1] * 2] : xs,
        ticks: ticksOf(xs, options.log, small || width < 420), tickFormat: number,
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

  function drawReliability(figure, chart) {
    const side = Math.min(chart.clientWidth, 420);
    const biggest = d3.max(figure.rows, (row) => row.count ?? 1);
    chart.replaceChildren(plot({
      width: side, height: side, marginLeft: 44, marginBottom: 42, marginTop: 24, marginRight: 14,
      x: { domain: [0, 1], ticks: 5, tickFormat: wholePercent, label: `${figure.options.x} (%)`, labelAnchor: "center", labelArrow: "none", grid: true, tickSize: 0 },
      y: { domain: [0, 1], ticks: 5, tickFormat: wholePercent, label: `${figure.options.y} (%)`, labelArrow: "none", grid: true, tickSize: 0 },
      r: { type: "sqrt", domain: [0, biggest], range: [0, 12] },
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
        Plot.cell(figure.rows, { x: "oracle", y: "predicted", fill: (row) => `rgba(var(--cell), ${(0.06 + 0.74 * (row.share ?? 0)).toFixed(3)})`, rx: 2 }),
        Plot.text(figure.rows, { x: "oracle", y: "predicted", text: (row) => d3.format(",")(row.count), fill: color("ink"), fontSize: 13 }),
        Plot.tip(figure.rows, Plot.pointer({
          x: "oracle", y: "predicted",
          title: (row) => `placed in ${row.predicted}\ntruly in ${row.oracle}\n${d3.format(",")(row.count)} questions${row.share === null ? "" : `, ${percent(row.share)} of the row`}`,
        })),
      ],
    }));
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

  function intervalText(row, asPercent = true) {
    const show = asPercent ? percent : (value) => value.toFixed(3);
    return row.low === null ? show(row.y) : `${show(row.y)} (${show(row.low)} to ${show(row.high)})`;
  }

  function pointText(row, options) {
    const at = options.log ? `${number(row.x)} generations` : `position ${number(row.x)}`;
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
      key.prepend(swatch(one));
      return key;
    });
  }

  function swatch(one) {
    const svg = d3.create("svg").attr("width", 34).attr("height", 12).attr("aria-hidden", "true");
    svg.append("line").attr("x1", 1).attr("x2", 33).attr("y1", 6).attr("y2", 6).attr("stroke-width", 2)
      .attr("stroke-linecap", one.level ? "round" : "butt").attr("stroke-dasharray", one.dash || null).style("stroke", color(one.color));
    if (!one.level) {
      const path = d3.symbol(symbols[one.symbol], 40)();
      svg.append("path").attr("d", path).attr("transform", "translate(17,6)").style("fill", color(one.color));
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

  function download(figure) {
    const rows = figure.rows.map((row) => Object.fromEntries(figure.columns.map((column) => [column.heading, row[column.key]])));
    const url = URL.createObjectURL(new Blob([d3.csvFormat(rows, figure.columns.map((column) => column.heading))], { type: "text/csv" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = `${figure.id}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  const draw = { curves: drawCurves, intervals: drawIntervals, reliability: drawReliability, confusion: drawConfusion };

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
    node.querySelector(".csv").addEventListener("click", () => download(figure));
    new ResizeObserver(() => {
      if (chart.clientWidth && chart.clientWidth !== width) {
        width = chart.clientWidth;
        redraw();
      }
    }).observe(chart);
    width = chart.clientWidth;
    redraw();
  }
})();
