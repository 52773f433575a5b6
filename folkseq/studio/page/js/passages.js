// The selected passage of the performance: its times can be edited, and it can be rewritten in versions to hear and use.

import { stream } from "./api.js";
import { element, fault } from "./elements.js";

const AROUND_S = 2, WAYS = [["Again", 1], ["Plainer", 0.7], ["Bolder", 1.3]];

/** Return {parts, halt()}: the elements below the roll; `hear(found, {from, to})` plays a version. */
export function rewritePassages(performance, roll, drawn, { model, hear, playFrom, say }) {
  let running = null;
  const from = time("From, in seconds"), to = time("To, in seconds"), held = element("span", { role: "status" });
  const buttons = [...WAYS.map(([name, temperature]) => element("button", { type: "button", onclick: () => again(name, temperature) }, name)),
    element("button", { type: "button", onclick: () => playFrom(roll.selection.start_s) }, "Play from here")];
  const hint = element("p", { class: "hint" }, "Drag over the roll, or hold shift with the arrow keys, to select a passage to rewrite.");
  const menu = element("div", { class: "row", role: "group", "aria-label": "Selected seconds", id: "roll-menu" }, from, " to ", to, " s", held, ...buttons);
  const list = element("ol", { class: "alternatives", "aria-live": "polite" }), line = element("p", { class: "error", role: "alert", hidden: true });
  roll.addEventListener("select", show);
  performance.addEventListener("open", () => {
    if (!performance.same) list.replaceChildren();
    fault(line, "");
    show();
  });
  show();
  return { parts: [menu, hint, line, list], halt: () => running?.abort() };

  function time(label) {
    return element("input", { type: "number", min: 0, step: 0.1, class: "short", "aria-label": label, onchange: () => {
      if (from.value !== "" && to.value !== "") roll.select(Number(from.value), Number(to.value));
    } });
  }

  function show() {
    const { selection } = roll, notes = selection && within(performance.current, selection);
    from.value = selection?.start_s.toFixed(1) ?? "";
    to.value = selection?.stop_s.toFixed(1) ?? "";
    held.textContent = selection ? `${notes} notes` : "";
    hint.hidden = Boolean(selection);
    for (const each of buttons) each.disabled = !selection;
  }

  /** Rewrite the selected passage. */
  async function again(name, temperature) {
    running?.abort();
    const own = running = new AbortController(), { start_s, stop_s } = roll.selection, shapes = drawn.values();
    const asked = { midi: performance.midi, name: performance.name, start_s, stop_s, temperature, model: shapes.density || shapes.pitch_classes ? model() : null, ...shapes };
    const waiting = element("li", { class: "waiting" }, "Rewriting this passage… ", element("button", { type: "button", onclick: () => own.abort() }, "Stop"));
    fault(line, "");
    list.replaceChildren(waiting);
    try {
      for await (const [, found] of stream("api/performances/regenerate", asked, { signal: own.signal })) list.insertBefore(version(found, name, { start_s, stop_s }), waiting);
    } catch (error) {
      if (error.name !== "AbortError") fault(line, error.message);
    }
    waiting.remove();
  }

  function version(found, name, range) {
    const { start_s, stop_s } = range, number = found.index;
    if (found.notices.length) say(found.notices.join(". "));
    return element("li", { class: "row" },
      element("button", { type: "button", "aria-label": `Hear version ${number}`, onclick: () => hear(found, { from: Math.max(start_s - AROUND_S, 0), to: Math.min(stop_s + AROUND_S, found.duration_s) }) }, "▶"),
      element("button", { type: "button", class: "candidate", onclick: () => {
        list.replaceChildren();
        performance.change(found, `${name}, ${start_s.toFixed(1)} to ${stop_s.toFixed(1)} s`);
        roll.select(start_s, stop_s);
        roll.focus();
      } }, element("strong", {}, `Use version ${number}`), ` ${within(found, range)} notes`));
  }
}

/** Return the number of notes that begin in a time range. */
const within = ({ notes }, { start_s, stop_s }) => notes.filter(note => note.onset_s >= start_s && note.onset_s < stop_s).length;
