// The candidates of an answer, best first: each shows its first bars, and can be heard and opened.

import { element } from "./elements.js";
import { inShort } from "./overlap.js";

const list = document.getElementById("candidate-list");
const BARS = 2, WIDTH_PX = 250; // of the drawing, before scaling to the card

/** Empty the list. */
export function clear() { list.replaceChildren(); }

/**
 * Add a candidate at its rank; `open(candidate)` is called when it is chosen, and `compare(abc)` to show its
 * novelty. The player plays it.
 */
export function add(candidate, open, compare, player) {
  const button = element("button", { type: "button", class: "candidate", title: candidate.title, onclick: () => {
    for (const each of list.querySelectorAll("[aria-current]")) each.removeAttribute("aria-current");
    button.setAttribute("aria-current", "true");
    open(candidate);
  } }, element("strong", {}, candidate.title), element("span", { class: "kind" }, kind(candidate.abc)), bars(candidate.abc));
  const listen = element("button", { type: "button", class: "listen", "aria-label": `Listen to ${candidate.title}`, onclick: () => hear(listen, candidate.abc, player) }, "▶");
  const newness = candidate.verdict && element("button", { type: "button", class: "verdict", title: "Compare it with the book", onclick: () => compare(candidate.abc) }, inShort(candidate));
  const item = element("li", { "data-score": candidate.score }, button, listen, newness ?? "");
  const after = [...list.children].find(each => Number(each.dataset.score) < candidate.score);
  list.insertBefore(item, after ?? null);
  crop(item.querySelector(".bars svg"));
  return button;
}

/** Return a description of the tune: "jig in D major". */
function kind(abc) {
  const field = letter => abc.match(new RegExp(`^${letter}:(.*)$`, "m"))?.[1].trim() ?? "";
  const [, tonic, mode] = field("K").match(/^([A-G][#b]?)\s*([a-z]*)/i) ?? ["", "", ""];
  const names = { maj: "major", "": "major", min: "minor", m: "minor", dor: "dorian", mix: "mixolydian", lyd: "lydian", phr: "phrygian", loc: "locrian" };
  return `${field("R") || field("M")} in ${tonic.replace("#", "♯").replace("b", "♭")} ${names[mode.slice(0, 3).toLowerCase()] ?? mode}`;
}

/** Return a drawing of the first bars. */
function bars(abc) {
  const lines = abc.split("\n"), first = lines.findIndex(line => line.startsWith("K:")) + 1;
  const music = lines[first]?.match(new RegExp(`^(?:[^|]*\\|+:?){1,${BARS + 2}}`))?.[0] ?? "";
  const drawing = element("span", { class: "bars", "aria-hidden": "true" });
  const head = lines.slice(0, first).filter(line => /^[XMLK]:/.test(line));
  ABCJS.renderAbc(drawing, [...head, music].join("\n"), { staffwidth: WIDTH_PX, foregroundColor: "currentColor", paddingtop: 0, paddingbottom: 0, paddingleft: 0, paddingright: 8, selectTypes: false });
  return drawing;
}

/** Crop the empty margins of a drawing. */
function crop(svg) {
  if (!svg) return;
  const { x, y, width, height } = svg.getBBox();
  svg.setAttribute("viewBox", `${x - 2} ${y - 2} ${width + 4} ${height + 4}`);
}

/** Play a candidate, or stop it. */
async function hear(listen, abc, player) {
  if (listen.textContent === "■") {
    player.pause();
    return;
  }
  listen.textContent = "■";
  await player.audition(abc);
  listen.textContent = "▶";
}
