// The form for new performances, and the resulting candidates.

import { ask, stream } from "./api.js";
import { quoted } from "./ask.js";
import { element, fault } from "./elements.js";
import { isDrums } from "./notes.js";
import { inShort } from "./overlap.js";

const USUAL_DENSITY = 6; // of the first performances; without a density the model may write almost nothing

/**
 * Return {form, list, begin(restore), goOn(opened), halt(), seconds, model}; `open(found)` is called for a chosen
 * candidate that does not continue the open performance, and `changed()` when the duration changes.
 */
export function askForPerformances(performance, drawn, { open, changed }) {
  let running = null, models = [];
  const model = element("select", { name: "model", "aria-label": "Model", onchange: () => allow() });
  const count = element("input", { type: "number", min: 1, max: 16, value: 4 });
  const seconds = element("input", { type: "number", min: 1, max: 120, value: 20, "aria-label": "Seconds", class: "short", oninput: changed });
  const bold = element("input", { type: "range", min: 0.6, max: 1.4, step: 0.05, value: 1, "aria-label": "From plain to bold" });
  const topP = element("input", { type: "number", min: 0, max: 1, step: 0.01, placeholder: "1" });
  const tempo = element("input", { type: "number", min: 20, max: 400, value: 120 }), ofDrums = element("label", { hidden: true }, "Tempo ", tempo);
  const seed = element("input", { type: "number", min: 0, placeholder: "drawn" });
  const onwards = element("input", { type: "checkbox" }), beginning = element("span", {}, "continue the open performance");
  const submit = element("button", { type: "submit", class: "main", disabled: true }, "New performances");
  const stop = element("button", { type: "button", hidden: true, onclick: () => running?.abort() }, "Stop");
  const line = element("p", { class: "error", role: "alert", hidden: true }), command = element("code"), list = element("ol");
  const form = element("form", { oninput: showCommand, onsubmit: event => { event.preventDefault(); write(); } },
    element("p", { class: "sentence" }, seconds, " seconds by ", model, ", ", element("label", { class: "range" }, "plain ", bold, " bold")),
    element("p", {}, element("label", {}, onwards, " ", beginning)),
    element("details", { ontoggle: showCommand }, element("summary", {}, "More"), element("label", {}, "How many ", count), element("label", {}, "Top-p ", topP), ofDrums,
      element("label", {}, "Seed ", seed), element("p", { class: "command" }, command)),
    element("p", {}, submit, " ", stop), line);
  performance.addEventListener("open", () => { beginning.textContent = `continue ${performance.name || "the open performance"}`; });
  return { form, list, begin, goOn, halt: () => running?.abort(), get seconds() { return number(seconds) || 20; }, get model() { return model.value; } };

  /** Fetch the list of models; write a performance if none is open. */
  async function begin(restore) {
    if (models.length) return;
    try {
      ({ models } = await ask("api/models", {}, { method: "GET" }));
      models = models.filter(each => each.task === "continue" && each.writes === ".mid" && (each.drums || each.representation.startsWith("performance")));
      model.replaceChildren(...models.map(each => new Option(each.name)));
      submit.disabled = !models.length;
      if (!performance.current) await restore();
      choose(Boolean(performance.current && isDrums(performance.current)));
      if (!performance.current) await write({ density: [USUAL_DENSITY] });
    } catch (error) {
      fault(line, error.message);
    }
  }

  /** Choose a model of drums, or another one. */
  function choose(drums) {
    model.value = (models.find(each => each.drums === drums) ?? models[0])?.name ?? "";
    allow();
  }

  function allow() {
    const chosen = models.find(each => each.name === model.value);
    drawn.allow(chosen);
    ofDrums.hidden = !chosen?.representation.startsWith("packed");
  }

  /** Make the next performances continue an opened file. */
  function goOn(opened) {
    onwards.checked = true;
    list.replaceChildren(element("li", { class: "hint" }, "New performances continue the file and appear here."));
    if (models.length) choose(isDrums(opened));
  }

  function asked() {
    const values = { model: model.value, count: number(count), seconds: number(seconds), seed: number(seed), temperature: Number(bold.value), top_p: number(topP) };
    return { ...values, ...drawn.values(), bpm: ofDrums.hidden ? null : number(tempo) };
  }

  /** Write performances with the settings of the form, except those that are overridden. */
  async function write(others = {}) {
    running?.abort();
    const own = running = new AbortController(), from = onwards.checked && performance.current ? performance.id : null;
    const prime = from && { prime: performance.midi, prime_name: `${performance.name}.mid` };
    const waiting = element("li", { class: "waiting" }, "Writing…");
    fault(line, "");
    stop.hidden = false;
    list.replaceChildren(waiting);
    try {
      for await (const [, found] of stream("api/performances", { ...asked(), ...prime, ...others }, { signal: own.signal })) {
        const button = candidate(found, from);
        list.insertBefore(element("li", {}, button), waiting);
        if (found.index === 1) button.click();
      }
    } catch (error) {
      if (error.name !== "AbortError") fault(line, error.message);
    }
    waiting.remove();
    if (own === running) stop.hidden = true;
  }

  function candidate(found, from) {
    const button = element("button", { type: "button", class: "candidate", onclick: () => {
      for (const each of list.querySelectorAll("[aria-current]")) each.removeAttribute("aria-current");
      button.setAttribute("aria-current", "true");
      if (from && from === performance.id) performance.change(found, "gone on");
      else open(found);
    } }, element("strong", {}, found.title), ` ${found.notes.length} notes`, element("span", { class: "verdict" }, found.verdict ? inShort(found) : ""));
    return button;
  }

  /** Show the equivalent command line. */
  function showCommand() {
    const { model: name, count: many, seconds: length, bpm, density, pitch_classes: classes, ...others } = asked();
    const words = Object.entries({ ...others, density: density?.join(","), pitch_classes: classes?.join("/"), ...(bpm ? { bpm, bars: Math.max(Math.round(length * bpm / 240), 1) } : { seconds: length }) });
    const given = words.filter(([key, value]) => value !== null && value !== undefined && !(key === "temperature" && value === 1));
    command.textContent = ["folkseq sample --model", quoted(name), "-n", many ?? 1, ...given.map(([key, value]) => `--${key.replace("_", "-")} ${quoted(String(value))}`)].join(" ");
  }
}

const number = input => input.value === "" ? null : Number(input.value);
