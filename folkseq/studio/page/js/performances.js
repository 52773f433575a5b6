// The page of performances: the form, the roll with its player, rewritten passages, and export.

import { askForPerformances } from "./ask-performances.js";
import { address, ask } from "./api.js";
import { element, fault } from "./elements.js";
import { summary } from "./notes.js";
import { rewritePassages } from "./passages.js";
import { musicOf, OpenPerformance } from "./performance.js";
import { Roll } from "./roll.js";
import { setUpStrips } from "./strips.js";
import { download } from "./take.js";

const FILES = [[".wav", "WAV"], [".ogg", "Ogg Vorbis"]];
const page = document.getElementById("performances");

/** Build the page; return {performance, enter(), leave(), open(performance, label), onFile(then)}. */
export function setUpPerformances(player) {
  const performance = new OpenPerformance(), place = element("div"), strips = element("div", { id: "strips" });
  const roll = new Roll(place), drawn = setUpStrips(strips);
  let own = null, heard = null, kept = null, dropped = null;
  const asking = askForPerformances(performance, drawn, { open: found => open(found, "new"), changed: showRange });
  const passages = rewritePassages(performance, roll, drawn, { model: () => asking.model, hear, playFrom, say });

  const title = element("h2", { class: "roll-title" }, "…"), said = element("p", { id: "roll-summary", class: "said" });
  const status = element("p", { class: "said", role: "status" }), line = element("p", { class: "error", role: "alert", hidden: true });
  const play = element("button", { type: "button", class: "main play", disabled: true, onclick: toggle }, "Play");
  const clock = element("span", { class: "clock" }, "0:00");
  const loop = element("button", { type: "button", class: "toggle", "aria-pressed": "false", onclick: () => { press(loop); showLoop(); } }, "Loop");
  const undo = element("button", { type: "button", disabled: true, onclick: () => performance.undo() }, "Undo");
  const redo = element("button", { type: "button", disabled: true, onclick: () => performance.redo() }, "Redo");
  const zooms = [["−", "Show more time", 1 / 1.5], ["+", "Show less time", 1.5]].map(([sign, name, factor]) => element("button", { type: "button", "aria-label": name, onclick: () => roll.zoom(factor) }, sign));
  const file = element("input", { type: "file", accept: ".mid,.midi,.kar,.abc,.musicxml,.mxl,.xml", hidden: true, onchange: () => { if (file.files[0]) dropped?.(file.files[0]); file.value = ""; } });
  const take = element("div", { class: "row" });
  page.replaceChildren(
    element("section", { class: "perform", "aria-labelledby": "perform-heading" }, element("h2", { id: "perform-heading" }, "Ask"), asking.form),
    element("section", { class: "rolling", "aria-label": "Performance" }, title,
      element("div", { class: "row" }, play, clock, loop, undo, redo, ...zooms, element("button", { type: "button", onclick: () => file.click() }, "Open a file…"), file),
      line, place, said, ...passages.parts, strips, element("h3", {}, "Take away"), take, status),
    element("section", { class: "performed", "aria-labelledby": "performed-heading" }, element("h2", { id: "performed-heading" }, "Candidates"), asking.list));

  performance.addEventListener("open", showPerformance);
  performance.addEventListener("fault", event => fault(line, event.detail));
  roll.addEventListener("select", () => { showRange(); showLoop(); });
  roll.addEventListener("seek", () => { if (own && player.music === own) player.seek(roll.cursor); });
  player.addEventListener("state", showState);
  player.addEventListener("time", () => { if (isHere()) showTime(); });
  player.addEventListener("fault", event => { if (!page.hidden) fault(line, event.detail); });
  addEventListener("keydown", shortcut, { capture: true });
  return { performance, enter, leave, open, onFile: then => { dropped = then; } };

  /** Open a performance that the studio has read. */
  function open(opened, label) {
    performance.open(opened, label);
    if (label === "opened") asking.goOn(opened);
    const lost = Object.entries(opened.lost).map(([kind, number]) => `${number} × ${kind}`).join(", ");
    say(lost ? `Not shown or played: ${lost}.` : "");
  }

  function say(text) { status.textContent = text; }

  /** Enter from the tunes view; its tempo and instrument do not apply here. */
  function enter() {
    kept = { tempo: player.tempo, instrument: player.instrument };
    player.pause();
    Object.assign(player, { tempo: 1, instrument: null });
    return asking.begin(() => performance.restore());
  }

  function leave() {
    asking.halt();
    passages.halt();
    if (isHere()) player.pause();
    if (kept) Object.assign(player, kept);
    kept = null;
  }

  function isHere() { return Boolean(player.music) && (player.music === own || player.music === heard); }

  function showPerformance() {
    const { current, same, versions, at } = performance;
    title.textContent = current.title || "Untitled";
    own = musicOf(current);
    player.load(own, same ? roll.cursor : null);
    roll.show(current, { same });
    said.textContent = summary(current);
    play.disabled = !current.notes.length;
    undo.disabled = at < 1;
    redo.disabled = at > versions.length - 2;
    undo.title = versions[at]?.label ?? "";
    redo.title = versions[at + 1]?.label ?? "";
    fault(line, "");
    showLoop();
    showTake();
  }

  /** Show the seconds to which the drawn values apply. */
  function showRange() {
    const { selection } = roll;
    drawn.over(selection?.start_s ?? 0, selection?.stop_s ?? asking.seconds);
  }

  function toggle() {
    if (play.disabled) return;
    if (isHere() && player.state !== "stopped") player.pause();
    else playFrom(roll.cursor >= own.duration_s - 0.05 ? 0 : roll.cursor);
  }

  function playFrom(start_s) {
    if (player.music !== own) player.load(own, roll.cursor); // replaces a version or a tune
    showLoop();
    player.play(start_s);
  }

  /** Play a part of a version, and show the version in the roll meanwhile. */
  async function hear(found, range) {
    const music = heard = musicOf(found);
    roll.show(found, { same: true });
    await player.auditionMusic(music, range);
    if (heard !== music) return;
    heard = null;
    roll.show(performance.current, { same: true });
  }

  function showLoop() {
    if (!own || player.music !== own) return;
    const { selection } = roll;
    player.loop = loop.getAttribute("aria-pressed") !== "true" ? null : selection ? { from: selection.start_s, to: selection.stop_s } : { from: 0, to: own.duration_s };
  }

  function showState() {
    const here = isHere(), { state } = player;
    play.textContent = here && state === "loading" ? "Loading the sound…" : here && state === "playing" ? "Pause" : "Play";
    play.setAttribute("aria-busy", String(here && state === "loading"));
    if (!here) return;
    showTime();
    if (state !== "stopped") fault(line, "");
  }

  function showTime() {
    roll.move(player.position, player.state === "playing");
    clock.textContent = `${time(player.position)} / ${time(player.music.duration_s)}`;
  }

  /** Prepare the MIDI file for dragging; audio is made on request. */
  function showTake() {
    const values = suffix => ({ midi: performance.midi, suffix, name: performance.name });
    const link = element("a", { class: "file", draggable: "true", ondragstart: event => event.dataTransfer.setData("DownloadURL", `audio/midi:${link.download}:${link.href}`) }, "MIDI");
    ask("api/prepare", values(".mid")).then(made => {
      Object.assign(link, { href: new URL(address("api/prepared", { id: made.id }), document.baseURI).href, download: made.name });
    }, error => fault(line, error.message));
    take.replaceChildren(link, ...FILES.map(([suffix, name]) => {
      let making = null;
      const button = element("button", { type: "button", onclick: async () => {
        if (making) {
          making.abort();
          return;
        }
        making = new AbortController();
        button.textContent = `${name} is being made… Stop`;
        try {
          download(await ask("api/prepare", values(suffix), { signal: making.signal }));
        } catch (error) {
          if (error.name !== "AbortError") fault(line, error.message);
        }
        making = null;
        button.textContent = name;
      } }, name);
      return button;
    }));
  }

  /** Handle the keys of this view before those of the hidden tunes view. */
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
const time = seconds => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
