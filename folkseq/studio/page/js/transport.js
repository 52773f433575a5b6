// The controls of the player, below the title: the play button first, the others folded.

import { ask } from "./api.js";
import { element, fault } from "./elements.js";
import { secondsOfBars } from "./music.js";

const INSTRUMENTS = [["as written", ""], ["fiddle", 40], ["flute", 73], ["tin whistle", 78], ["recorder", 74], ["accordion", 21], ["concertina", 22],
  ["uilleann pipes", 109], ["banjo", 105], ["guitar", 24], ["harp", 46], ["piano", 0], ["harpsichord", 6], ["marimba", 12], ["clarinet", 71], ["cello", 42], ["choir", 52]];
const place = document.getElementById("transport");

/** Show the controls for the open tune; return a function that loads it into the player again, after other music. */
export function setUpTransport(tune, player) {
  let own = null; // the loaded music of the open tune
  const button = element("button", { type: "button", id: "play", class: "main", disabled: true, onclick: toggle }, "Play");
  const at = element("input", { type: "range", id: "position", min: 0, max: 1, step: 0.01, value: 0, "aria-label": "Position", oninput: () => { holding(); player.seek(Number(at.value)); } });
  const clock = element("span", { class: "clock" });
  const line = element("p", { class: "error", role: "alert", hidden: true });
  const loop = toggleButton("Loop", "loop", false, showLoop);
  const tempo = slider("Tempo", "tempo", 50, 150, 5, 100, value => `${value} %`, value => { player.tempo = value / 100; });
  const instrument = element("select", { id: "instrument", onchange: () => { player.instrument = instrument.value === "" ? null : Number(instrument.value); keep(); } }, ...INSTRUMENTS.map(([name, program]) => new Option(name, program)));
  const metronome = toggleButton("Metronome", "metronome", false, on => { player.metronome = on; keep(); });
  const countIn = toggleButton("Count in", "count-in", false, on => { player.countIn = on; keep(); });
  const swing = slider("Swing", "swing", 50, 75, 1, 50, value => value === 50 ? "even" : `${value} %`, value => { player.swing = value / 100; keep(); }, reload);
  place.replaceChildren(
    element("div", { class: "row" }, button, at, clock),
    element("div", { class: "row" }, loop, tempo, element("details", { id: "sound" }, element("summary", {}, "Sound"),
      element("div", { class: "row" }, element("label", {}, "Instrument ", instrument), metronome, countIn, swing))),
    line);
  restore();
  requestAnimationFrame(() => setTimeout(() => player.synth.fetch().catch(error => fault(line, error.message)))); // after the first paint

  tune.addEventListener("reading", load);
  tune.addEventListener("selection", showLoop);
  player.addEventListener("state", () => {
    show();
    if (player.state !== "stopped") fault(line, "");
  });
  player.addEventListener("time", showTime);
  player.addEventListener("fault", event => fault(line, event.detail));
  document.addEventListener("keydown", event => {
    if (event.key !== " " || event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea, button, summary, a, [contenteditable]")) return;
    event.preventDefault();
    toggle();
  });
  return holding;

  async function load() {
    const { abc, id, reading } = tune;
    if (player.swing === 0.5) return use({ ...reading, id });
    try {
      const swung = await ask("api/read", { abc, swing: player.swing });
      if (tune.abc === abc) use({ ...swung, abc, id });
    } catch (error) {
      fault(line, error.message);
    }
  }

  /** Load a reading; keep playing if it is another version of the same tune. */
  function use(reading) {
    const here = player.music === own && own !== null && own.id === reading.id && reading.events.length > 0;
    const playing = here && player.state === "playing", position = here ? Math.min(player.position, reading.duration_s) : null;
    own = reading;
    button.disabled = !own.events.length;
    if (place.closest("[hidden]")) return; // the player belongs to the performances
    player.load(own, position);
    showLoop();
    if (playing) player.play(position);
  }

  function reload() { if (own) load(); }

  function toggle() {
    if (button.disabled) return;
    if (player.music === own && player.state !== "stopped") player.pause();
    else {
      holding();
      const from = tune.selection && secondsOfBars(own, tune.selection);
      player.play(from && !(player.position >= from.from && player.position < from.to) ? from.from : null);
    }
  }

  /** Load the open tune in place of an alternative. */
  function holding() {
    if (!own || player.music === own) return;
    player.load(own);
    showLoop();
  }

  function showLoop() {
    if (!own || player.music !== own) return;
    const bars = tune.selection && secondsOfBars(own, tune.selection);
    player.loop = !isOn(loop) ? null : bars ?? { from: own.events[0]?.onset_s ?? 0, to: own.duration_s };
  }

  function show() {
    const { state } = player, here = player.music === own;
    button.textContent = state === "loading" && here ? "Loading the sound…" : state === "playing" && here ? "Pause" : "Play";
    button.setAttribute("aria-busy", String(state === "loading"));
    at.max = own?.duration_s ?? 1;
    showTime();
  }

  function showTime() {
    if (player.music !== own || !own) return;
    at.value = player.position;
    at.setAttribute("aria-valuetext", clockOf(player.position));
    clock.textContent = `${clockOf(player.position)} / ${clockOf(own.duration_s)}`;
  }

  function keep() {
    localStorage.setItem("sound", JSON.stringify({ instrument: instrument.value, metronome: isOn(metronome), countIn: isOn(countIn), swing: player.swing }));
  }

  /** Restore the last choices. */
  function restore() {
    const kept = JSON.parse(localStorage.getItem("sound") ?? "{}");
    if (INSTRUMENTS.some(([, program]) => String(program) === kept.instrument)) {
      instrument.value = kept.instrument;
      player.instrument = kept.instrument === "" ? null : Number(kept.instrument);
    }
    for (const [control, on, name] of [[metronome, kept.metronome, "metronome"], [countIn, kept.countIn, "countIn"]]) {
      control.setAttribute("aria-pressed", String(Boolean(on)));
      player[name] = Boolean(on);
    }
    if (kept.swing >= 0.5 && kept.swing <= 0.75) {
      player.swing = kept.swing;
      swing.querySelector("input").value = Math.round(kept.swing * 100);
      swing.querySelector("output").textContent = kept.swing === 0.5 ? "even" : `${Math.round(kept.swing * 100)} %`;
    }
  }
}

const isOn = button => button.getAttribute("aria-pressed") === "true";
const clockOf = seconds => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function toggleButton(name, id, on, change) {
  const button = element("button", { type: "button", id, class: "toggle", "aria-pressed": String(on), onclick: () => {
    button.setAttribute("aria-pressed", String(!isOn(button)));
    change(isOn(button));
  } }, name);
  return button;
}

/** Return a labelled slider; `set(value)` is called while it moves, `done()` when it is released. */
function slider(name, id, min, max, step, value, words, set, done = () => {}) {
  const shown = element("output", { for: id }, words(value));
  const input = element("input", { type: "range", id, min, max, step, value, oninput: () => {
    shown.textContent = words(Number(input.value));
    set(Number(input.value));
  }, onchange: done });
  return element("label", { class: "slider" }, `${name} `, input, " ", shown);
}
