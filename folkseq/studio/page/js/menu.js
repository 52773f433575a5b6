// Actions for the selected bars, in a menu beside them, and for the whole tune, in a row below it.

import { element } from "./elements.js";

const FILL = [["again", "Again", "Rewrite these bars"], ["plainer", "Plainer", "Rewrite these bars with fewer surprises"],
  ["bolder", "Bolder", "Rewrite these bars with more surprises"], ["vary", "Vary", "Change every second bar a little; the last bar stays"]];
const WHOLE = [["continue", "Continue", "Continue from the end of the tune"], ["second_part", "New second part", "Keep the first part and write a new second part"]];
const VOICES = ["Harmonise", "Write alto, tenor and bass under the whole tune"];
const GAP_PX = 6;

/** Show the menus; `alternatives(title, path, values)` asks for alternatives. Return the row of the whole tune. */
export function setUpMenu(tune, player, alternatives) {
  const menu = document.getElementById("menu"), paper = document.getElementById("paper"), row = document.getElementById("whole");
  const model = () => document.getElementById("ask-form").elements.model.value;
  const harmonise = () => alternatives("Harmonised", "api/harmonise", {});
  const undo = button("Undo", "", () => tune.undo()), redo = button("Redo", "", () => tune.redo());
  menu.append(
    ...FILL.map(([way, name, title]) => button(name, title, () => alternatives(`${name}: ${inWords(tune.selection)}`, "api/rewrite", { way, ...tune.selection }))),
    button("Loop", "Repeat these bars", loop), button(...VOICES, harmonise));
  row.append(undo, redo, ...WHOLE.map(([way, name, title]) => button(name, title, () => alternatives(name, "api/rewrite", { way, model: model() }))), button(...VOICES, harmonise));

  let pressed = false, used = false; // during the selection of bars; since then
  paper.addEventListener("pointerdown", () => { pressed = true; });
  for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, () => {
    if (pressed) pressed = used = false;
    show();
  });
  tune.addEventListener("selection", () => {
    used = false;
    show();
  });
  tune.addEventListener("drawn", show);
  menu.addEventListener("click", () => {
    used = true;
    show();
  });
  paper.addEventListener("keydown", event => {
    if (event.key !== "Enter" || event.target !== paper || !tune.selection) return;
    event.preventDefault(); // otherwise the key would press the button that gets the focus
    used = false;
    show();
    menu.querySelector("button").focus();
  });
  menu.addEventListener("keydown", event => {
    if (event.key !== "Escape") return;
    tune.select(null);
    paper.focus();
  });
  tune.addEventListener("versions", showVersions);
  showVersions();
  document.addEventListener("keydown", event => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
    const key = event.key.toLowerCase(), again = key === "y" || event.shiftKey;
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    if (again) tune.redo();
    else tune.undo();
  });
  return row;

  /** Show the menu below the last selected bar. */
  function show() {
    const marks = paper.querySelectorAll(".mark"), mark = marks[marks.length - 1];
    menu.hidden = pressed || used || !tune.selection || !mark;
    if (menu.hidden) return;
    const around = menu.offsetParent.getBoundingClientRect(), box = mark.getBoundingClientRect();
    menu.style.top = `${box.bottom - around.top + GAP_PX}px`;
    menu.style.left = `${Math.max(Math.min(box.left - around.left, around.width - menu.offsetWidth), 0)}px`;
  }

  function showVersions() {
    undo.disabled = tune.at < 1;
    redo.disabled = tune.at >= tune.versions.length - 1;
    undo.title = undo.disabled ? "" : `Undo: ${tune.versions[tune.at].label}`;
    redo.title = redo.disabled ? "" : `Redo: ${tune.versions[tune.at + 1].label}`;
  }

  function loop() {
    const [on, play] = ["loop", "play"].map(id => document.getElementById(id));
    on.click();
    if (on.getAttribute("aria-pressed") === "true" && player.state === "stopped") play.click();
  }
}

const button = (name, title, onclick) => element("button", { type: "button", title, onclick }, name);

function inWords({ first, last }) {
  return first === last ? (first ? `bar ${first}` : "the pickup") : `bars ${first} to ${last}`;
}
