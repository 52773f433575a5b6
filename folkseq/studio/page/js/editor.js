// The text editor of the tune, with faults marked in place: a text area over a layer with the marks.

import { element } from "./elements.js";

const WAIT_MS = 350, SAME_MS = 5000; // pause before typing is read; longer pause before a new undo step

/** Show the editor; `onCaret(index)` is called with the note at the caret, or null. Return `show(index)` for a note. */
export function setUpEditor(tune, onCaret) {
  const details = document.getElementById("editor"), layer = element("pre", { class: "layer", "aria-hidden": "true" });
  const faults = element("ul", { class: "faults", id: "faults" });
  const area = element("textarea", { spellcheck: "false", autocapitalize: "off", autocomplete: "off", "aria-label": "The tune in ABC", "aria-describedby": "faults" });
  document.getElementById("abc").append(element("div", { class: "text" }, layer, area), faults);
  let timer = null, group = 0, typed = 0;

  area.addEventListener("input", () => {
    mark([]);
    clearTimeout(timer);
    timer = setTimeout(change, WAIT_MS);
  });
  area.addEventListener("blur", () => { change(); group += 1; });
  document.addEventListener("selectionchange", () => { if (document.activeElement === area) onCaret(noteAt(area.selectionStart)); });
  tune.addEventListener("text", () => {
    clearTimeout(timer);
    if (area.value !== tune.abc) area.value = tune.abc;
    mark([]);
  });
  tune.addEventListener("reading", () => { if (area.value === tune.abc) showFaults(); });
  return index => {
    const note = tune.reading?.notes[index];
    if (!details.open || !note) return;
    area.focus({ preventScroll: true });
    area.setSelectionRange(note.start, note.stop);
  };

  function change() {
    clearTimeout(timer);
    if (area.value === tune.abc) return;
    if (performance.now() - typed > SAME_MS) group += 1;
    typed = performance.now();
    tune.change(area.value, "typing", `typing ${group}`);
  }

  function noteAt(place) {
    if (!tune.reading || tune.reading.abc !== area.value) return null;
    const index = tune.reading.notes.findIndex(note => note.start <= place && place < note.stop);
    return index < 0 ? null : index;
  }

  function showFaults() {
    const found = tune.reading.faults;
    mark(found);
    area.setAttribute("aria-invalid", String(found.some(each => !each.lost)));
    faults.replaceChildren(...found.map(each => {
      const where = each.start === null ? "" : `Line ${area.value.slice(0, each.start).split("\n").length}: `;
      const words = `${where}${each.text}${each.lost ? " (not heard)" : ""}`;
      return element("li", { class: each.lost ? "lost" : "error" }, each.start === null ? words : element("button", { type: "button", class: "plain", onclick: () => {
        area.focus();
        area.setSelectionRange(each.start, each.stop);
      } }, words));
    }));
    details.classList.toggle("faulty", found.length > 0);
  }

  /** Show the text in the layer, with marks at faults. */
  function mark(found) {
    const text = area.value, made = [];
    let at = 0;
    for (const { start, stop, lost } of [...found].sort((one, other) => one.start - other.start)) {
      if (start === null || start < at) continue;
      made.push(text.slice(at, start), element("mark", { class: lost ? "lost" : "" }, text.slice(start, stop)));
      at = stop;
    }
    layer.replaceChildren(...made, `${text.slice(at)}\n`);
    if (!found.length) faults.replaceChildren();
  }
}
