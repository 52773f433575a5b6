// The page of performances: what is asked for, the roll with its player, passages written again, and what is taken away.

import { address, ask, stream } from "./api.js";
import { element, fault } from "./elements.js";
import { musicOf, OpenPerformance } from "./performance.js";
import { isDrums, Roll, summary } from "./roll.js";
import { setUpStrips } from "./strips.js";

const AROUND_S = 2, USUAL_DENSITY = 6, FILES = [[".wav", "WAV"], [".ogg", "Ogg Vorbis"]];
const page = document.getElementById("performances");

/** Build the page; return {performance, enter(), leave(), say(text), show(performance, label)}. */
export function setUpPerformances(player) {
  const performance = new OpenPerformance();
  let own = null, running = null, models = [], entered = false, kept = null;

  // What is asked for
  const model = element("select", { name: "model", "aria-label": "Model" });
  const count = element("input", { type: "number", min: 1, max: 16, value: 4 });
  const seconds = element("input", { type: "number", min: 1, max: 120, value: 20, "aria-label": "Seconds", class: "short" });
  const bold = element("input", { type: "range", min: 0.6, max: 1.4, step: 0.05, value: 1, "aria-label": "From plain to bold" });
  const seed = element("input", { type: "number", min: 0, placeholder: "drawn" });
  const onwards = element("input", { type: "checkbox", id: "onwards" }), beginning = element("span", {}, "go on from the open performance");
  const submit = element("button", { type: "submit", class: "main", disabled: true }, "New performances");
  const stop = element("button", { type: "button", hidden: true, onclick: () => running?.abort() }, "Stop");
  const askLine = element("p", { class: "error", role: "alert", hidden: true }), strips = element("div", { id: "strips" });
  const form = element("form", { onsubmit: event => { event.preventDefault(); write(); } },
    element("p", { class: "sentence" }, seconds, " seconds by ", model, ", ", element("label", { class: "range" }, "plain ", bold, " bold")),
    element("p", {}, element("label", {}, onwards, " ", beginning)),
    element("details", {}, element("summary", {}, "More"), element("label", {}, "How many ", count), element("label", {}, "Seed ", seed)),
    element("p", {}, submit, " ", stop), askLine);

  // The roll
  const title = element("h2", { class: "roll-title" }, "…"), said = element("p", { id: "roll-summary", class: "said" }), status = element("p", { class: "said", role: "status" });
  const line = element("p", { class: "error", role: "alert", hidden: true });
  const play = element("button", { type: "button", class: "main play", disabled: true, onclick: toggle }, "Play");
  const clock = element("span", { class: "clock" }, "0:00");
  const loop = element("button", { type: "button", class: "toggle", "aria-pressed": "false", onclick: () => { press(loop); showLoop(); } }, "Loop");
  const undo = element("button", { type: "button", disabled: true, onclick: () => performance.undo() }, "Undo");
  const redo = element("button", { type: "button", disabled: true, onclick: () => performance.redo() }, "Redo");
  const zoomIn = element("button", { type: "button", "aria-label": "Show less time", onclick: () => roll.zoom(1.5) }, "+");
  const zoomOut = element("button", { type: "button", "aria-label": "Show more time", onclick: () => roll.zoom(1 / 1.5) }, "−");
  const file = element("input", { type: "file", accept: ".mid,.midi,.kar,.abc,.musicxml,.mxl,.xml", hidden: true, onchange: () => { if (file.files[0]) dropped?.(file.files[0]); file.value = ""; } });
  const place = element("div"), menu = element("div", { class: "row", id: "roll-menu" }), alternatives = element("ol", { class: "alternatives" });
  const passageLine = element("p", { class: "error", role: "alert", hidden: true }), take = element("div", { class: "row" });
  const roll = new Roll(place), drawn = setUpStrips(strips), list = element("ol");
  let dropped = null;
  page.replaceChildren(
    element("section", { class: "perform", "aria-labelledby": "perform-heading" }, element("h2", { id: "perform-heading" }, "Ask"), form),
    element("section", { class: "rolling", "aria-label": "Performance" }, title,
      element("div", { class: "row" }, play, clock, loop, undo, redo, zoomOut, zoomIn, element("button", { type: "button", onclick: () => file.click() }, "Open a file…"), file),
      line, place, said, menu, passageLine, alternatives, strips, element("h3", {}, "Take away"), take, status),
    element("section", { class: "performed", "aria-labelledby": "performed-heading" }, element("h2", { id: "performed-heading" }, "Candidates"), list));

  model.addEventListener("change", allow);
  seconds.addEventListener("input", showRange);
  performance.addEventListener("open", showPerformance);
  performance.addEventListener("versions", showVersions);
  performance.addEventListener("fault", event => fault(line, event.detail));
  roll.addEventListener("select", () => { showMenu(); showRange(); showLoop(); });
  roll.addEventListener("seek", () => { if (player.music === own && own) player.seek(roll.cursor); });
  player.addEventListener("state", showState);
  player.addEventListener("time", () => { if (player.music === own && own) showTime(true); });
  player.addEventListener("fault", event => { if (!page.hidden) fault(line, event.detail); });
  addEventListener("keydown", shortcut, { capture: true });
  showMenu();

  return { performance, enter, leave, open, say: text => { status.textContent = text; }, fail: text => fault(line, text), onFile: then => { dropped = then; } };

  /** Open a performance: `performance` as the studio reads it. */
  function open(opened, label) {
    entered = true; // nothing need be written now
    performance.open(opened, label);
    if (label === "opened") goOn(opened);
    const lost = Object.entries(opened.lost).map(([kind, number]) => `${number} × ${kind}`).join(", ");
    status.textContent = lost ? `Not shown and not heard: ${lost}.` : "";
  }

  /** Have what is written next begin with a file that was opened, by a model of its kind. */
  function goOn(opened) {
    onwards.checked = true;
    list.replaceChildren(element("li", { class: "hint" }, "New performances go on from the file, and appear here."));
    const fits = models.find(each => each.drums === isDrums(opened));
    if (fits) model.value = fits.name;
    allow();
  }

  async function enter() {
    kept = { tempo: player.tempo, instrument: player.instrument };
    player.pause();
    Object.assign(player, { tempo: 1, instrument: null });
    if (models.length) return;
    try {
      ({ models } = await ask("api/models", {}, { method: "GET" }));
      models = models.filter(each => each.task === "continue" && each.writes === ".mid" && (each.drums || each.representation.startsWith("performance")));
      model.replaceChildren(...models.map(each => new Option(each.name)));
      const drums = Boolean(performance.current && isDrums(performance.current));
      model.value = models.find(each => each.drums === drums)?.name ?? models[0]?.name ?? "";
      submit.disabled = !models.length;
      allow();
      if (!entered && !(await performance.restore())) await write({ density: [USUAL_DENSITY] });
      entered = true;
    } catch (error) {
      fault(askLine, error.message);
    }
  }

  function leave() {
    running?.abort();
    if (player.music === own) player.pause();
    if (kept) Object.assign(player, kept);
    kept = null;
  }

  /** Write new performances as the form asks, but for what is said otherwise. */
  async function write(others = {}) {
    const prime = onwards.checked && performance.current ? performance.versions[performance.at].midi : null;
    const values = { model: model.value, count: number(count), seconds: number(seconds), seed: number(seed), temperature: Number(bold.value), prime, prime_name: prime && `${performance.name}.mid`, ...drawn.values(), ...others };
    list.replaceChildren(element("li", { class: "waiting" }, "Writing…"));
    await receive("api/performances", values, askLine, stop, found => {
      list.querySelector(".waiting")?.remove();
      const button = element("button", { type: "button", class: "candidate", onclick: () => {
        for (const each of list.querySelectorAll("[aria-current]")) each.removeAttribute("aria-current");
        button.setAttribute("aria-current", "true");
        open(found, "new");
      } }, element("strong", {}, found.title), ` ${found.notes.length} notes`, element("span", { class: "verdict" }, found.verdict?.words ?? ""));
      list.append(element("li", {}, button));
      if (found.index === 1) button.click();
    });
    list.querySelector(".waiting")?.remove();
  }

  /** Write the selected seconds again. */
  async function again(label, temperature) {
    const { start_s, stop_s } = roll.selection, shapes = drawn.values(), shaped = shapes.density || shapes.pitch_classes;
    const { midi } = performance.versions[performance.at], halt = element("button", { type: "button", onclick: () => running?.abort() }, "Stop");
    alternatives.replaceChildren(element("li", { class: "waiting" }, "Writing these seconds again… ", halt));
    const music = found => ({ music: musicOf(found), from: Math.max(start_s - AROUND_S, 0), to: Math.min(stop_s + AROUND_S, found.duration_s) });
    await receive("api/performances/regenerate", { midi, name: performance.name, start_s, stop_s, temperature, model: shaped ? model.value : null, ...shapes }, passageLine, null, found => {
      const inside = found.notes.filter(note => note.onset_s >= start_s && note.onset_s < stop_s);
      const hear = element("button", { type: "button", "aria-label": `Hear version ${found.index}`, onclick: () => { const { music: heard, ...range } = music(found); player.auditionMusic(heard, range); } }, "▶");
      const use = element("button", { type: "button", class: "candidate", onclick: () => {
        alternatives.replaceChildren();
        performance.change(found, `${label}, ${words(start_s, stop_s)}`);
        roll.select(start_s, stop_s);
        play.focus();
      } }, element("strong", {}, `Use version ${found.index}`), ` ${inside.length} notes`);
      alternatives.insertBefore(element("li", { class: "row" }, hear, use), alternatives.querySelector(".waiting"));
      if (found.notices.length) status.textContent = found.notices.join(". ");
    });
    alternatives.querySelector(".waiting")?.remove();
  }

  /** Call `then(answer)` for each performance of a stream; `line` shows what goes wrong, `halt` stops it. */
  async function receive(path, values, line, halt, then) {
    running?.abort();
    const mine = running = new AbortController();
    fault(line, "");
    if (halt) halt.hidden = false;
    try {
      for await (const [, found] of stream(path, values, { signal: mine.signal })) then(found);
    } catch (error) {
      if (error.name !== "AbortError") fault(line, error.message);
    }
    if (halt && mine === running) halt.hidden = true;
  }

  function showPerformance() {
    const { current, same } = performance, position = same ? roll.cursor : null;
    title.textContent = current.title || "Untitled";
    beginning.textContent = `go on from ${title.textContent}`;
    own = musicOf(current);
    player.load(own, position);
    roll.show(current, { same });
    if (!same) alternatives.replaceChildren();
    said.textContent = summary(current);
    play.disabled = !current.notes.length;
    showLoop();
    showTake();
    fault(line, "");
    fault(passageLine, "");
  }

  function showVersions() {
    const { versions, at } = performance;
    undo.disabled = at < 1;
    redo.disabled = at > versions.length - 2;
    undo.title = versions[at]?.label ?? "";
    redo.title = versions[at + 1]?.label ?? "";
  }

  function showMenu() {
    const { selection } = roll;
    if (!selection) {
      menu.replaceChildren(element("p", { class: "hint" }, "Drag over the roll, or hold shift with the arrow keys, to select seconds that are to be written again."));
      return;
    }
    const { start_s, stop_s } = selection, held = performance.current.notes.filter(note => note.onset_s >= start_s && note.onset_s < stop_s).length;
    menu.replaceChildren(element("span", { role: "status" }, `${words(start_s, stop_s)}, ${held} notes: `),
      ...[["Again", 1], ["Plainer", 0.7], ["Bolder", 1.3]].map(([name, heat]) => element("button", { type: "button", onclick: () => again(name, heat) }, name)),
      element("button", { type: "button", onclick: () => { hold(); player.play(start_s); } }, "Play from here"));
  }

  function showRange() {
    const { selection } = roll;
    drawn.over(selection?.start_s ?? 0, selection?.stop_s ?? (number(seconds) || 20));
  }

  function allow() { drawn.allow(models.find(each => each.name === model.value)); }

  function toggle() {
    if (play.disabled) return;
    if (player.music === own && player.state !== "stopped") player.pause();
    else {
      hold();
      player.play(roll.cursor >= own.duration_s - 0.05 ? 0 : roll.cursor);
    }
  }

  /** Have the open performance loaded, in place of an alternative or a tune. */
  function hold() {
    if (player.music === own) return;
    player.load(own, roll.cursor);
    showLoop();
  }

  function showLoop() {
    if (!own || player.music !== own) return;
    const { selection } = roll;
    player.loop = loop.getAttribute("aria-pressed") !== "true" ? null : selection ? { from: selection.start_s, to: selection.stop_s } : { from: 0, to: own.duration_s };
  }

  function showState() {
    const here = player.music === own && own, { state } = player;
    play.textContent = here && state === "loading" ? "Loading the sound…" : here && state === "playing" ? "Pause" : "Play";
    play.setAttribute("aria-busy", String(Boolean(here) && state === "loading"));
    if (here) showTime(state === "playing");
    if (here && state !== "stopped") fault(line, "");
  }

  function showTime(sounding) {
    roll.move(player.position, sounding && player.state === "playing");
    clock.textContent = `${time(player.position)} / ${time(own.duration_s)}`;
  }

  /** Make the MIDI file ready to be dragged; sound is made when it is asked for. */
  function showTake() {
    const { midi } = performance.versions[performance.at], values = suffix => ({ midi, suffix, name: performance.name });
    const link = element("a", { class: "file", draggable: "true" }, "MIDI");
    link.addEventListener("dragstart", event => event.dataTransfer.setData("DownloadURL", `audio/midi:${link.download}:${link.href}`));
    const ready = (made, to) => Object.assign(to, { href: new URL(address("api/prepared", { id: made.id }), document.baseURI).href, download: made.name });
    ask("api/prepare", values(".mid")).then(made => ready(made, link), error => fault(line, error.message));
    take.replaceChildren(link, ...FILES.map(([suffix, name]) => element("button", { type: "button", onclick: async event => {
      event.target.textContent = `${name} is being made…`;
      try {
        ready(await ask("api/prepare", values(suffix)), element("a")).click();
      } catch (error) {
        fault(line, error.message);
      }
      event.target.textContent = name;
    } }, name)));
  }

  /** The keys of the page, before those of the tunes, which are hidden. */
  function shortcut(event) {
    if (page.hidden) return;
    const inField = event.target.closest?.("input:not([type=range]):not([type=checkbox]), select, textarea");
    const step = (event.ctrlKey || event.metaKey) && !event.altKey && { z: event.shiftKey ? "redo" : "undo", y: "redo" }[event.key.toLowerCase()];
    if (step && !inField) performance[step]();
    else if (event.key === " " && !event.target.closest?.("input, select, textarea, button, summary, a, [role=gridcell]")) toggle();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}

const press = button => button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
const number = input => input.value === "" ? null : Number(input.value);
const words = (from, to) => `${from.toFixed(1)} to ${to.toFixed(1)} s`;
const time = seconds => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
