// Alternatives to music in the tune: each shows its bars as a score, and can be heard in context and taken.

import { stream } from "./api.js";
import { element, fault } from "./elements.js";

const AROUND = 2, NEW_BARS = 2; // context bars in playback; fewest bars shared with a book to mention
const APART = 1000; // distance between the seeds of one request, if a seed was given
const SETTINGS = [["count", "How many", 1, 16, 1, "4"], ["plainer", "Temperature of plainer", 0, 4, 0.05, "0.6"], ["bolder", "Temperature of bolder", 0, 4, 0.05, "1.4"], ["seed", "Seed", 0, 2 ** 32, 1, "drawn"]];

/** Return a function `show(title, path, values)` that asks for alternatives to the open tune and shows them. */
export function setUpAlternatives(tune, player) {
  const place = document.getElementById("alternatives"), heading = element("h3", { id: "alternatives-heading", tabindex: "-1" });
  const list = element("ol", { "aria-labelledby": "alternatives-heading" }), said = element("p", { class: "said", role: "status" });
  const line = element("p", { class: "error", role: "alert", hidden: true });
  const cancel = element("button", { type: "button", onclick: () => running?.abort() }, "Cancel");
  const more = element("button", { type: "button", onclick: () => write() }, "More");
  const close = element("button", { type: "button", onclick: () => leave(true) }, "Close");
  place.append(element("div", { class: "row" }, heading, cancel, more, close), said, line, list);
  place.addEventListener("keydown", event => {
    if (event.key === "Escape") leave(true);
  });
  const form = element("form", { class: "row", onsubmit: event => event.preventDefault() }, ...SETTINGS.map(([name, words, min, max, step, usual]) =>
    element("label", {}, `${words} `, element("input", { type: "number", name, min, max, step, placeholder: usual }))));
  document.getElementById("whole").after(element("details", { id: "settings" }, element("summary", {}, "Settings"), form));
  let asked = null, running = null, texts = new Map(), origin = null, listening = null; // texts: item by text
  tune.addEventListener("text", () => {
    if (place.hidden) return;
    if (!texts.has(tune.abc)) return leave();
    for (const [abc, item] of texts) item?.setAttribute("aria-current", String(abc === tune.abc));
  });
  return show;

  function show(title, path, values) {
    leave();
    asked = { title, path, values: { abc: tune.abc, ...values }, times: 0 };
    origin = document.activeElement;
    texts = new Map([[tune.abc, null]]);
    heading.textContent = title;
    place.hidden = false;
    heading.focus({ preventScroll: true });
    return write();
  }

  /** Ask for alternatives, and add the new ones. */
  async function write() {
    const own = running = new AbortController();
    said.textContent = "Writing …";
    cancel.hidden = false;
    more.hidden = true;
    place.setAttribute("aria-busy", "true");
    place.scrollIntoView({ block: "nearest" });
    fault(line, "");
    for (const notice of place.querySelectorAll(".notice")) notice.remove();
    try {
      for await (const [kind, answer] of stream(asked.path, { ...asked.values, ...settings() }, { signal: own.signal })) {
        if (kind === "notice") list.before(element("p", { class: "notice" }, sentence(answer.text)));
        else if (!texts.has(answer.abc)) add(answer);
      }
    } catch (error) {
      if (error.name !== "AbortError" && own === running) fault(line, sentence(error.message));
    }
    if (own !== running) return;
    running = null;
    cancel.hidden = true;
    more.hidden = false;
    place.removeAttribute("aria-busy");
    const found = texts.size - 1;
    if (place.contains(document.activeElement)) place.scrollIntoView({ block: "nearest" });
    said.textContent = found ? `${found} ${found === 1 ? "alternative" : "alternatives"}` : "";
  }

  /** Return the given settings that the request supports. */
  function settings() {
    const given = [...new FormData(form)].filter(([name, value]) => value && (asked.path === "api/rewrite" || name === "count" || name === "seed"));
    const values = Object.fromEntries(given.map(([name, value]) => [name, Number(value)]));
    if ("seed" in values) values.seed += APART * asked.times;
    asked.times += 1;
    return values;
  }

  function add(answer) {
    const number = texts.size, score = element("div", { role: "img", "aria-label": answer.summary || "Four voices" });
    const frame = element("div", { class: "small-score" }, score);
    const listen = element("button", { type: "button", "aria-label": `Listen to alternative ${number}`, onclick: () => hear(answer, listen) }, "Listen");
    const take = element("button", { type: "button", class: "main", "aria-label": `Take alternative ${number}`, onclick: () => {
      tune.change(answer.abc, asked.title.toLowerCase());
      said.textContent = `Alternative ${number} is in the tune`;
    } }, "Take");
    const { bars, source, source_span: span } = answer.copied;
    const shared = bars >= NEW_BARS ? [element("p", { class: "verdict" }, `Like ${span} of ${source}`)] : [];
    const record = element("details", { class: "verdict" }, element("summary", {}, "Record"), `${recordOf(answer.abc)}; ${answer.nll.toFixed(2)} nats a token`);
    const item = element("li", { class: "alternative" }, frame, ...shared, element("div", { class: "row" }, listen, take), record);
    texts.set(answer.abc, item);
    list.append(item);
    draw(score, answer.score);
    if (frame.scrollHeight > frame.clientHeight + 1) for (const [name, value] of [["tabindex", "0"], ["role", "group"], ["aria-label", `Score of alternative ${number}`]]) frame.setAttribute(name, value);
  }

  async function hear(answer, button) {
    const stopped = listening === button;
    player.pause();
    if (stopped) return;
    listening = button;
    button.textContent = "Stop";
    await player.audition(answer.abc, { bars: { first: answer.first, last: answer.last }, around: AROUND });
    button.textContent = "Listen";
    if (listening === button) listening = null;
  }

  /** Close, and stop generation and playback. */
  function leave(back = false) {
    running?.abort();
    running = null;
    if (listening) player.pause();
    list.replaceChildren();
    fault(line, "");
    for (const notice of place.querySelectorAll(".notice")) notice.remove();
    place.hidden = true;
    if (back) (origin?.checkVisibility() ? origin : document.getElementById("paper")).focus();
  }
}

/** Draw a few bars at the width of their container. */
function draw(place, abc) {
  const width = Math.max(place.clientWidth - 8, 150), scale = 0.8, voices = /^V:/m.test(abc);
  ABCJS.renderAbc(place, abc, {
    staffwidth: width - 10, scale, wrap: voices ? undefined : { minSpacing: 1.1, maxSpacing: 2.2, preferredMeasuresPerLine: 4 },
    foregroundColor: "currentColor", paddingleft: 0, paddingright: 0, paddingtop: 2, paddingbottom: 2,
  });
}

const recordOf = abc => abc.match(/^% (folkseq [0-9].*)$/m)?.[1] ?? "";
const sentence = text => text[0].toUpperCase() + text.slice(1);
