// The surprise of each note: notes are shaded by it, and each shows alternatives that the model finds likely.

import { ask, Refusal } from "./api.js";
import { element, fault } from "./elements.js";
import { elementsOf } from "./score.js";

// Lower bounds in bits of each level; every bit halves the probability.
const LEVELS = [[0, "expected"], [1, "a little surprising"], [3, "surprising"], [6, "very surprising"]];
const POINTED_MS = 250, LEFT_MS = 500;

/** Add the switch to a row; `alternatives(title, path, values)` shows continuations of a choice. */
export function setUpWhy(tune, row, alternatives) {
  const paper = document.getElementById("paper"), legend = document.getElementById("legend"), box = document.getElementById("choices");
  const model = () => document.getElementById("ask-form").elements.model.value;
  const button = element("button", { type: "button", class: "toggle", "aria-pressed": "false", title: "Show how much each note surprises the model", onclick: toggle }, "Surprise");
  row.append(button);
  let found = null, running = null, asking = null, timer = null, at = null; // the surprise of the text, pending requests, and the current note

  for (const name of ["drawn", "reading"]) tune.addEventListener(name, refresh);
  tune.addEventListener("text", () => { running?.abort(); leave(true); });
  paper.addEventListener("pointerover", event => {
    const note = noteOf(event.target);
    if (isOn() && note !== null) later(() => showChoices(note), POINTED_MS);
  });
  paper.addEventListener("pointerout", () => later(() => leave(), LEFT_MS));
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", () => later(() => leave(), LEFT_MS));
  paper.addEventListener("focusin", event => {
    const note = noteOf(event.target);
    if (isOn() && note !== null) later(() => showChoices(note), POINTED_MS);
  });
  paper.addEventListener("keydown", byKey, true);
  box.addEventListener("keydown", event => {
    const buttons = [...box.querySelectorAll("button")], next = buttons.indexOf(document.activeElement) + ({ ArrowDown: 1, ArrowUp: -1 }[event.key] ?? 0);
    if (event.key === "Escape") {
      const note = at;
      leave(true);
      focusNote(note);
    } else if (event.key.startsWith("Arrow")) buttons[Math.min(Math.max(next, 0), buttons.length - 1)]?.focus();
    else return;
    event.preventDefault();
  });

  const isOn = () => button.getAttribute("aria-pressed") === "true";

  function toggle() {
    button.setAttribute("aria-pressed", String(!isOn()));
    if (isOn()) return refresh();
    running?.abort();
    found = null;
    leave(true);
    mark();
    legend.replaceChildren();
  }

  async function refresh() {
    if (!isOn() || tune.reading?.abc !== tune.abc) return;
    if (found?.abc === tune.abc) return mark();
    if (running && !running.signal.aborted && running.abc === tune.abc) return;
    const own = running = new AbortController(), { abc } = tune;
    own.abc = abc;
    legend.replaceChildren(element("p", { class: "said", role: "status" }, "Reading the tune …"));
    try {
      const answer = await ask("api/surprise", { abc, model: model() }, { signal: own.signal });
      found = { ...answer, abc };
      mark();
      showLegend();
    } catch (error) {
      if (error.name === "AbortError") return;
      found = null;
      mark();
      const line = element("p", { class: "error", role: "alert" });
      legend.replaceChildren(line);
      fault(line, error instanceof Refusal ? error.message : String(error));
    } finally {
      if (own === running) running = null;
    }
  }

  /** Shade the notes, and describe the shades in words. */
  function mark() {
    for (const each of paper.querySelectorAll("[data-note]")) {
      each.classList.remove(...LEVELS.map((_, level) => `surprise-${level}`));
      for (const name of ["data-note", "tabindex", "role", "aria-label"]) each.removeAttribute(name);
      each.querySelector(":scope > title")?.remove();
    }
    paper.querySelector("svg")?.setAttribute("role", found ? "group" : "img"); // an image has no parts to focus
    for (const { note, bits } of found?.notes ?? []) {
      const words = bits === null ? "unknown to the model" : `${levelOf(bits)[1]}, ${bits.toFixed(1)} bits`;
      for (const [place, each] of elementsOf(note).entries()) {
        each.dataset.note = note;
        if (bits !== null) each.classList.add(`surprise-${LEVELS.indexOf(levelOf(bits))}`);
        if (place) continue;
        each.prepend(document.createElementNS("http://www.w3.org/2000/svg", "title"));
        each.firstChild.textContent = words;
        each.setAttribute("role", "button");
        each.setAttribute("aria-label", `${tune.abc.slice(tune.reading.notes[note].start, tune.reading.notes[note].stop)}: ${words}`);
        each.setAttribute("tabindex", note === found.notes[0].note ? "0" : "-1");
      }
    }
  }

  function showLegend() {
    const swatch = level => element("span", { class: `swatch surprise-${level}`, "aria-hidden": "true" }, "●");
    legend.replaceChildren(
      element("p", { class: "legend" }, ...LEVELS.flatMap(([, words], level) => [element("span", {}, swatch(level), ` ${words}`), " "])),
      element("p", { class: "said" }, `On average ${found.mean.toFixed(1)} bits per note. Point at a note, or move to it with the keys, to see alternatives.`),
      ...(found.notice ? [element("p", { class: "said" }, found.notice[0].toUpperCase() + found.notice.slice(1))] : []));
  }

  function byKey(event) {
    const note = isOn() ? noteOf(event.target) : null;
    if (note === null) return;
    const notes = found.notes.map(each => each.note), place = notes.indexOf(note);
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") focusNote(notes[place + (event.key === "ArrowRight" ? 1 : -1)]);
    else if (event.key === "Enter" || event.key === " " || event.key === "ArrowDown") showChoices(note, true);
    else if (event.key === "Escape" && !box.hidden) leave(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function focusNote(note) {
    const [target] = note === undefined || note === null ? [] : elementsOf(note);
    if (!target) return;
    for (const each of paper.querySelectorAll('[data-note][tabindex="0"]')) each.setAttribute("tabindex", "-1");
    target.setAttribute("tabindex", "0");
    target.focus();
  }

  /** Show alternatives to a note above it. */
  async function showChoices(note, focus = false) {
    clearTimeout(timer);
    if (note === at && !box.hidden && !focus) return;
    asking?.abort();
    const own = asking = new AbortController(), { abc } = tune;
    at = note;
    const list = element("ul", {}), said = element("p", { class: "said", role: "status" }, "Asking the model …");
    box.replaceChildren(element("p", {}, "Alternatives here"), said, list);
    box.hidden = false;
    put(note);
    try {
      const { choices } = await ask("api/alternatives", { abc, model: model(), at: note }, { signal: own.signal });
      said.remove();
      list.replaceChildren(...choices.map(each => element("li", {}, element("button", { type: "button", "aria-current": each.is_present && "true", onclick: () => {
        leave(true);
        alternatives(`Bar ${tune.reading.notes[note].bar} on, with ${each.text}`, "api/branch", { at: note, choice: each.text, model: model() });
      } }, element("code", {}, each.text), ` ${percent(each.probability)}${each.is_present ? ", as it is" : ""}`))));
      put(note);
      if (focus) list.querySelector("button")?.focus();
    } catch (error) {
      if (error.name !== "AbortError") said.textContent = error.message;
    }
  }

  function put(note) {
    const around = box.offsetParent.getBoundingClientRect(), [target] = elementsOf(note);
    if (!target) return;
    const { left, top } = target.getBoundingClientRect();
    box.style.left = `${Math.max(Math.min(left - around.left - 20, around.width - box.offsetWidth), 0)}px`;
    box.style.top = `${top - around.top - box.offsetHeight - 12}px`;
  }

  function later(act, wait) {
    clearTimeout(timer);
    timer = setTimeout(act, wait);
  }

  /** Close the choices; a pointer that leaves does not close them while one of them has the focus. */
  function leave(certain = false) {
    clearTimeout(timer);
    if (!certain && box.contains(document.activeElement)) return;
    asking?.abort();
    at = null;
    box.hidden = true;
  }
}

const levelOf = bits => LEVELS.findLast(([from]) => bits >= from);
const percent = share => share < 0.01 ? "under 1 %" : `${Math.round(share * 100)} %`;

function noteOf(target) {
  const found = target.closest?.("[data-note]");
  return found ? Number(found.dataset.note) : null;
}
