// Selection of bars on the score: by dragging, by clicks with shift, and by the arrow keys.

import { element } from "./elements.js";

const MOVED_PX = 6, HINT = "No bar is selected: drag over bars, or click one";

/** Enable the selection of bars on the paper; `regions()` returns the rectangles of the bars, relative to it. */
export function setUpSelection(tune, paper, regions) {
  const marks = element("div", { class: "marks", "aria-hidden": "true" }), said = element("p", { class: "said", role: "status" }, HINT);
  paper.prepend(marks);
  paper.after(said);
  let anchor = null, end = null; // the first and the latest bar of a selection
  let from = null; // the start of a drag
  const show = () => {
    const { selection } = tune, bars = selection ? regions().filter(each => each.number >= selection.first && each.number <= selection.last) : [];
    const joined = bars.filter((each, index) => bars[index - 1]?.line !== each.line).map(each => ({ ...each, right: bars.findLast(one => one.line === each.line).right }));
    marks.replaceChildren(...joined.map(({ left, right, top, bottom }) => {
      const mark = element("div", { class: "mark" });
      Object.assign(mark.style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
      return mark;
    }));
  };
  tune.addEventListener("selection", () => {
    show();
    const { selection } = tune;
    said.textContent = selection ? inWords(selection) : HINT;
  });
  tune.addEventListener("drawn", show);

  /** Return the number of the bar at a point, or of the nearest bar on its line. */
  function barAt({ clientX, clientY }, near = false) {
    const around = paper.getBoundingClientRect(), x = clientX - around.left, y = clientY - around.top;
    const line = regions().filter(each => y >= each.top && y <= each.bottom);
    const hit = line.find(each => x >= each.left && x <= each.right);
    const far = each => Math.max(each.left - x, x - each.right);
    return (hit ?? (near ? line.sort((one, other) => far(one) - far(other))[0] : undefined))?.number ?? null;
  }

  paper.addEventListener("pointerdown", event => {
    if (event.button) return;
    const bar = barAt(event, true);
    from = { x: event.clientX, y: event.clientY, bar, moved: false };
  });
  paper.addEventListener("pointermove", event => {
    if (!from || from.bar === null) return;
    if (!from.moved && Math.hypot(event.clientX - from.x, event.clientY - from.y) < MOVED_PX) return;
    if (!from.moved) {
      from.moved = true;
      [anchor, end] = [from.bar, null];
      paper.setPointerCapture(event.pointerId);
    }
    const bar = barAt(event, true);
    if (bar !== null && bar !== end) tune.select(anchor, end = bar);
  });
  paper.addEventListener("pointerup", event => {
    if (from && !from.moved) {
      const bar = barAt(event);
      if (bar === null) tune.select(null);
      else if (event.shiftKey && anchor !== null) tune.select(anchor, end = bar);
      else tune.select(anchor = end = bar);
    }
    from = null;
  });
  paper.addEventListener("pointercancel", () => { from = null; });

  paper.addEventListener("keydown", event => {
    const numbers = [...new Set(tune.reading?.bars.map(bar => bar.number) ?? [])], { selection } = tune;
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape" && selection) tune.select(null);
    else if (step && numbers.length) {
      if (!selection) anchor = end = null;
      else if (!within(selection, anchor, end)) [anchor, end] = [selection.first, selection.last];
      const at = end === null ? (step > 0 ? -1 : numbers.length) : numbers.indexOf(end);
      end = numbers[Math.min(Math.max(at + step, 0), numbers.length - 1)];
      if (!event.shiftKey || anchor === null) anchor = end;
      tune.select(anchor, end);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

const within = ({ first, last }, one, other) => first === Math.min(one, other) && last === Math.max(one, other);

function inWords({ first, last }) {
  const names = [...new Set([first, last])].map(number => number ? `bar ${number}` : "the pickup");
  const words = `${names.join(" to ")} selected`;
  return words[0].toUpperCase() + words.slice(1);
}
