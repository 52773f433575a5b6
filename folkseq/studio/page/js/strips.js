// Density and pitch classes over time, drawn with the pointer or the keys: a bar for each part of the time, and a grid.

import { element } from "./elements.js";

const SEGMENTS = 8, LEVELS = [0.5, 1.5, 3, 6, 12, 24, 48]; // density levels of the models, in notes per second
const WORDS = ["under 1", "1 to 2", "2 to 4", "4 to 8", "8 to 16", "16 to 32", "over 32"];
const NAMES = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"], SHOWN = name => name.replace("#", "♯").replace(/b$/, "♭");

/** Show the strips; return {values(), allow(model), over(from, to)}. */
export function setUpStrips(place) {
  let density = null, range = { from: 0, to: 20 };
  const classes = Array.from({ length: SEGMENTS }, () => new Set());
  const bars = Array.from({ length: SEGMENTS }, (_, at) => element("div", { class: "bar", role: "slider", tabindex: 0, "aria-valuemin": 0, "aria-valuemax": LEVELS.length - 1, "aria-orientation": "vertical", onkeydown: event => barKey(event, at) }, element("span")));
  const curve = element("div", { class: "curve", role: "group", "aria-label": "Density over time" }, ...bars);
  const cells = NAMES.map((name, row) => classes.map((_, at) => element("td", { role: "gridcell", tabindex: row === 0 && at === 0 ? 0 : -1, "data-row": row, "data-at": at, onkeydown: event => cellKey(event, row, at) })));
  const grid = element("table", { class: "classes", role: "grid", "aria-label": "Pitch classes over time" },
    ...NAMES.map((name, row) => element("tr", { role: "row" }, element("th", { scope: "row" }, SHOWN(name)), ...cells[row])).reverse());
  const span = element("p", { class: "hint over" });
  const clearDensity = element("button", { type: "button", class: "plain", onclick: () => { density = null; show(); } }, "Automatic");
  const clearClasses = element("button", { type: "button", class: "plain", onclick: () => { for (const each of classes) each.clear(); show(); } }, "All free");
  const first = element("section", { class: "strip" }, element("h3", {}, "Density"), curve, clearDensity);
  const second = element("section", { class: "strip" }, element("h3", {}, "Pitch classes"), grid, clearClasses);
  place.replaceChildren(span, first, second);
  draw(curve, ".bar", (bar, event) => {
    const box = bar.getBoundingClientRect();
    setBar(bars.indexOf(bar), Math.floor((box.bottom - event.clientY) / box.height * LEVELS.length));
  });
  let painting = null; // whether cells are added or removed
  draw(grid, "td", (cell, event) => {
    const { row, at } = cell.dataset;
    if (event.type === "pointerdown") painting = !classes[at].has(NAMES[row]);
    setCell(Number(row), Number(at), painting);
  });
  show();
  return {
    values: () => ({
      density: density && !first.hidden ? density.map(level => LEVELS[level]) : null,
      pitch_classes: classes.some(each => each.size) && !second.hidden ? classes.map(each => NAMES.filter(name => each.has(name)).join(",")) : null,
    }),
    allow: model => {
      first.hidden = !model?.density;
      second.hidden = !model?.pitch_classes;
      span.hidden = first.hidden && second.hidden;
    },
    over: (from, to) => {
      range = { from, to };
      show();
    },
  };

  function setBar(at, level) {
    density ??= Array(SEGMENTS).fill(3);
    density[at] = Math.min(Math.max(level, 0), LEVELS.length - 1);
    show();
  }

  function setCell(row, at, on) {
    classes[at][on ? "add" : "delete"](NAMES[row]);
    show();
  }

  function barKey(event, at) {
    const now = density?.[at] ?? 3, to = { ArrowUp: now + 1, ArrowDown: now - 1, Home: 0, End: LEVELS.length - 1 }[event.key];
    const beside = { ArrowLeft: at - 1, ArrowRight: at + 1 }[event.key];
    if (to !== undefined) setBar(at, to);
    else if (beside !== undefined) bars[beside]?.focus();
    else if (event.key === "Delete" || event.key === "Backspace") clearDensity.click();
    else return;
    event.preventDefault();
  }

  function cellKey(event, row, at) {
    const to = { ArrowUp: [row + 1, at], ArrowDown: [row - 1, at], ArrowLeft: [row, at - 1], ArrowRight: [row, at + 1], Home: [row, 0], End: [row, SEGMENTS - 1] }[event.key];
    if (to) {
      const next = cells[to[0]]?.[to[1]];
      if (next) {
        cells[row][at].tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      }
    } else if (event.key === " " || event.key === "Enter") setCell(row, at, !classes[at].has(NAMES[row]));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function show() {
    const { from, to } = range, time = at => (from + (to - from) * at / SEGMENTS).toFixed(1).replace(/\.0$/, "");
    span.textContent = `Draw the values from ${time(0)} to ${time(SEGMENTS)} s.`;
    curve.classList.toggle("free", !density);
    bars.forEach((bar, at) => {
      const level = density?.[at] ?? 3, when = `${time(at)} to ${time(at + 1)} seconds`;
      bar.firstChild.style.height = `${(level + 1) / LEVELS.length * 100}%`;
      bar.setAttribute("aria-label", when);
      bar.setAttribute("aria-valuenow", level);
      bar.setAttribute("aria-valuetext", density ? `${WORDS[level]} notes per second` : "automatic");
      bar.title = density ? `${when}: ${WORDS[level]} notes per second` : when;
    });
    cells.forEach((row, number) => row.forEach((cell, at) => {
      const on = classes[at].has(NAMES[number]);
      cell.setAttribute("aria-selected", String(on));
      cell.setAttribute("aria-label", `${SHOWN(NAMES[number])}, ${time(at)} to ${time(at + 1)} seconds`);
    }));
    clearDensity.disabled = !density;
    clearClasses.disabled = !classes.some(each => each.size);
  }
}

/** Call `paint(element, event)` for each element under a pointer that is held down. */
function draw(place, selector, paint) {
  let held = false;
  const at = event => document.elementFromPoint(event.clientX, event.clientY)?.closest(selector);
  place.addEventListener("pointerdown", event => {
    const found = at(event);
    if (event.button || !found) return;
    held = true;
    place.setPointerCapture(event.pointerId);
    found.focus({ preventScroll: true });
    paint(found, event);
    event.preventDefault();
  });
  place.addEventListener("pointermove", event => {
    const found = held && at(event);
    if (found && place.contains(found)) paint(found, event);
  });
  for (const name of ["pointerup", "pointercancel"]) place.addEventListener(name, () => { held = false; });
}
