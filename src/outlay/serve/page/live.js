"use strict";
const at = (id) => document.getElementById(id);
const make = (name, className, text) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};
const number = (value) => Number(value).toLocaleString("en", { maximumFractionDigits: 1 });
let state = null;
let under_way = null;

function headers() {
  const key = at("key").value.trim();
  return { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) };
}

function told(message) {
  at("problem").textContent = message;
  at("problem").hidden = !message;
}

async function policy() {
  const reply = await fetch("v1/policy", { headers: headers() });
  if (reply.status === 401) {
    at("keyed").hidden = false;
    return;
  }
  if (!reply.ok) return;
  const said = await reply.json();
  at("policy").textContent = said.says.join("\n");
  const what = `${said.policy.task}, ${said.policy.model}${said.policy.verifier ? ` with ${said.policy.verifier}` : ""}`;
  at("says").textContent = `Each question gets as much compute as the policy says it is worth: ${what}.`;
  at("budget").options[0].textContent = `the policy's (${number(said.default_budget)})`;
  while (at("budget").options.length > 1) at("budget").remove(1);
  for (const budget of said.budgets) {
    const option = make("option", "", `up to ${number(budget)} samples`);
    option.value = budget;
    at("budget").append(option);
  }
  at("examples").replaceChildren(...said.examples.map((text) => {
    const button = make("button", "", text);
    button.type = "button";
    button.addEventListener("click", () => { at("question").value = text; ask(); });
    return button;
  }));
}

function begin() {
  state = { candidates: new Map(), chosen: null, answer: undefined };
  for (const id of ["decisions", "cards", "bars", "facts", "cost"]) at(id).replaceChildren();
  at("final").textContent = "…";
  for (const id of ["saved", "counted", "bars-hint"]) at(id).textContent = "";
  at("cost-section").hidden = true;
  at("main").hidden = false;
  told("");
}

const STRATEGIES = {
  best_of_n: "samples, the best by its score", weighted_best_of_n: "samples, scores summed by answer",
  majority: "samples, the most frequent answer", greedy: "one greedy sample",
};

function decided(event) {
  const name = event.strategy.name;
  const plain = event.purpose === "answer" ? STRATEGIES[name] : event.generations === 1 ? "sample" : "samples";
  const what = plain || name.replaceAll("_", " ");
  const bin = event.bin === null || event.bin === undefined ? "" : `, difficulty bin ${event.bin} (0 is the easiest)`;
  const why = event.purpose === "pilot" ? "look first: " : "";
  happened("", `${why}${event.generations} more ${what}${bin}`, event);
}

function happened(className, text, event) {
  const line = make("li", className);
  if (event.seconds !== undefined) line.append(make("span", "when", `${event.seconds.toFixed(2)} s`));
  line.append(text);
  at("decisions").append(line);
}

function candidate(one) {
  state.candidates.set(one.place, one);
  const card = make("article", "card");
  card.dataset.place = one.place;
  const top = make("div", "top");
  top.append(make("span", "", `#${one.place + 1}`), make("span", "tokens", `${number(one.tokens)} tokens`));
  const answer = make("span", one.answer === null ? "answer none" : "answer", one.answer === null ? "no answer" : one.answer);
  answer.title = one.answer === null ? "" : one.answer;
  card.append(top, answer);
  if (one.score !== null && one.score !== undefined) {
    top.insertBefore(make("span", "", `score ${one.score.toFixed(2)}`), top.lastChild);
    const meter = make("div", "meter");
    const fill = make("span");
    fill.style.width = `${Math.max(one.score * 100, 1)}%`;
    meter.append(fill);
    card.append(meter);
  }
  const details = make("details");
  details.append(make("summary", "", "text"), make("pre", "", one.text));
  card.append(details);
  const after = [...at("cards").children].find((other) => Number(other.dataset.place) > one.place);
  at("cards").insertBefore(card, after || null);
  bars();
}

function bars() {
  const groups = new Map();
  let scored = false;
  for (const one of state.candidates.values()) {
    if (one.answer === null) continue;
    const group = groups.get(one.answer) || { count: 0, score: 0 };
    group.count += 1;
    group.score += one.score || 0;
    scored = scored || (one.score !== null && one.score !== undefined);
    groups.set(one.answer, group);
  }
  const weight = (group) => (scored ? group.score : group.count);
  const ranked = [...groups].sort((a, b) => weight(b[1]) - weight(a[1]));
  const most = Math.max(...ranked.map(([, group]) => weight(group)), 1e-9);
  const rows = ranked.slice(0, 8).flatMap(([answer, group]) => {
    const chosen = state.answer === answer ? " chosen" : "";
    const name = make("span", `name${chosen}`, answer);
    name.title = answer;
    return [name, bar(weight(group) / most, chosen), make("span", "figure", scored ? `${group.score.toFixed(2)} (${group.count})` : `${group.count}`)];
  });
  at("bars").replaceChildren(...rows);
  at("bars-hint").textContent = scored ? "sum of scores (number of candidates)" : "number of candidates";
  at("counted").textContent = `${state.candidates.size} drawn`;
}

function bar(share, kind) {
  const whole = make("div", `bar${kind}`);
  const fill = make("span");
  fill.style.width = `${Math.max(share * 100, 0.5)}%`;
  whole.append(fill);
  return whole;
}

function stopped(event) {
  happened("end", `stopped: ${event.because}`, event);
}

function ended(said) {
  state.answer = said.answer;
  at("final").textContent = said.answer === null ? "no answer" : said.answer;
  for (const one of said.candidates || []) {
    if (!state.candidates.has(one.place)) candidate(one);
  }
  const chosen = (said.candidates || []).find((one) => one.chosen);
  const card = chosen && at("cards").querySelector(`[data-place="${chosen.place}"]`);
  if (card) card.classList.add("chosen");
  bars();
  const facts = [
    ["P(right)", said.confidence === null ? "not known" : `${(said.confidence * 100).toFixed(0)}%`],
    ["difficulty bin", said.bin === null ? "—" : said.bin],
    ["seconds", said.cost.seconds.toFixed(2)],
  ];
  at("facts").replaceChildren(...facts.map(([name, value]) => {
    const pair = make("div");
    pair.append(make("dt", "", name), make("dd", "", value));
    return pair;
  }));
  cost(said);
  if (!at("decisions").querySelector(".end")) stopped({ because: said.stopped_because });
}

function cost(said) {
  const own = said.cost.generated_tokens;
  const uniform = said.uniform;
  const most = Math.max(own, uniform ? uniform.tokens : 0, 1);
  const rows = [make("span", "name chosen", "this answer"), make("span", "figure", `${number(said.generations)} samples, ${number(own)} tokens`), bar(own / most, " chosen")];
  if (uniform) {
    const more = uniform.at_least ? "≥ " : "";
    rows.push(make("span", "name", "uniform best-of-N"),
      make("span", "figure", `${more}${number(uniform.generations)} samples, ${more}${number(uniform.tokens)} tokens`),
      bar(uniform.tokens / most, " other"));
    at("cost-hint").textContent = `beside uniform best-of-N for ${uniform.for}`;
    const times = uniform.generations / said.generations;
    at("saved").textContent = times >= 1.05 ? `${more}${times.toFixed(1)} times fewer samples than uniform`
      : times <= 0.95 ? `${(1 / times).toFixed(1)} times more samples than uniform, for this question` : "As many samples as uniform";
  }
  const judged = said.cost.verifier_prompt_tokens + said.cost.verifier_generated_tokens;
  if (judged) at("cost-hint").textContent += `${uniform ? "; " : ""}the verifier read ${number(judged)} tokens for this answer`;
  at("cost").replaceChildren(...rows);
  at("cost-section").hidden = false;
}

async function ask() {
  if (under_way) {
    under_way.abort();
    return;
  }
  const question = at("question").value.trim();
  if (!question) return;
  begin();
  under_way = new AbortController();
  at("go").textContent = "Stop";
  at("go").classList.add("stop");
  const outlay = { explain: true, progress: true };
  if (at("budget").value) outlay.budget = { generations: Number(at("budget").value) };
  if (at("target").value) outlay.target_confidence = Number(at("target").value);
  const body = { model: "outlay", stream: true, messages: [{ role: "user", content: question }], outlay };
  try {
    const reply = await fetch("v1/chat/completions", { method: "POST", headers: headers(), body: JSON.stringify(body), signal: under_way.signal });
    if (!reply.ok) {
      const said = await reply.json().catch(() => null);
      if (reply.status === 401) at("keyed").hidden = false;
      throw new Error(said && said.error ? said.error.message : `the server answered with status ${reply.status}`);
    }
    await read(reply.body.getReader());
  } catch (error) {
    told(error.name === "AbortError" ? "Stopped: the work on it was cancelled." : error.message);
  } finally {
    under_way = null;
    at("go").textContent = "Ask";
    at("go").classList.remove("stop");
  }
}

async function read(reader) {
  const decoder = new TextDecoder();
  let rest = "";
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    rest += decoder.decode(value, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) text = taken(line, text);
  }
  if (state.answer === undefined) at("final").textContent = text || "no answer";
}

function taken(line, text) {
  if (line.startsWith(": outlay ")) {
    const event = JSON.parse(line.slice(9));
    ({ spend: decided, candidate, stop: stopped })[event.event]?.(event);
    return text;
  }
  if (!line.startsWith("data: {")) return text;
  const piece = JSON.parse(line.slice(6));
  if (piece.error) throw new Error(piece.error.message);
  if (piece.outlay) ended(piece.outlay);
  return text + (piece.choices?.[0]?.delta?.content || "");
}

at("form").addEventListener("submit", (event) => { event.preventDefault(); ask(); });
at("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); ask(); }
});
at("key").addEventListener("change", policy);
policy();
