// The novelty of the open tune: a verdict under the title, and a view beside the book's tune with the shared bars marked.

import { ask, stream } from "./api.js";
import { element, fault } from "./elements.js";

const WAIT_MS = 500, SLOW_MS = 100, SVG = "http://www.w3.org/2000/svg";
const title = document.getElementById("title"), line = document.getElementById("newness"), model = document.getElementById("ask-form").elements.model;

/** Show the novelty of the open tune after each reading; return `compare(abc)`, which shows a tune beside the book's tune. */
export function setUpOverlap(tune, player = null) {
  let timer = null, running = null;
  const compare = viewer(player);
  tune.addEventListener("text", () => {
    running?.abort();
    clearTimeout(timer);
    line.replaceChildren();
  });
  tune.addEventListener("reading", () => {
    clearTimeout(timer);
    title.title = tune.reading.title; // the full text of a long title
    if (tune.reading.notes.length) timer = setTimeout(show, WAIT_MS);
  });
  model.addEventListener("change", () => { if (tune.reading?.notes.length) show(); });
  return compare;

  async function show() {
    running?.abort();
    const own = running = new AbortController(), { abc } = tune;
    const slow = setTimeout(() => line.replaceChildren("How new is it? …"), SLOW_MS);
    try {
      const found = await ask("api/overlap", { abc, model: model.value }, { signal: own.signal });
      clearTimeout(slow);
      if (own !== running || abc !== tune.abc) return;
      const look = element("button", { type: "button", class: "link", onclick: () => compare(abc, found) }, "see both side by side");
      line.replaceChildren("How new is it? ", `${inShort(found)}. `, ...(found.copied.source && found.verdict.kind !== "new" ? [look] : []));
    } catch (error) {
      clearTimeout(slow);
      if (error.name !== "AbortError") line.replaceChildren(`How new is it? ${error.message}`);
    }
  }
}

/** Return a verdict as a sentence without its full stop, which names tunes by their titles only. */
export function inWords(words, ...sources) {
  for (const source of sources.filter(Boolean)) words = words.replaceAll(source, `“${titleOf(source)}”`);
  return `${words[0].toUpperCase()}${words.slice(1)}`.replace(/bars (\d+)-(\d+)/g, "bars $1–$2");
}

/** Return a shortened verdict. */
export const inShort = ({ verdict, copied }) => inWords(verdict.words.replace(/; [^;]* in the corpus [^;]*$/, ""), verdict.source, copied?.source);

/** Return the title in a label of the corpus: a tune's title, or a MIDI file's name. */
const titleOf = source => source.match(/X:\S+ (.+)$/)?.[1] ?? source.replace(/^.*\//, "").replace(/\.midi?$/, "").replaceAll("_", " ");

/** Return the function that opens the two tunes side by side. */
function viewer(player) {
  const heading = element("h2", { id: "compare-title", tabindex: "-1" }), words = element("p"), error = element("p", { class: "error", role: "alert", hidden: true });
  const sides = element("div", { class: "sides" });
  const close = element("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = element("dialog", { id: "compare", "aria-labelledby": "compare-title", onclose: () => { running?.abort(); player?.pause(); } }, heading, words, error, sides, close);
  let running = null;
  document.body.append(dialog);
  return async function compare(abc, known = null) {
    running?.abort();
    const own = running = new AbortController();
    heading.textContent = "How new is it?";
    fault(error, "");
    words.textContent = "…";
    sides.replaceChildren();
    if (!dialog.open) dialog.showModal();
    heading.focus();
    try {
      const found = known?.there ? known : await ask("api/overlap", { abc, model: model.value }, { signal: own.signal });
      words.textContent = `${inWords(found.verdict.words, found.verdict.source, found.copied.source)}.`;
      if (found.there) {
        for (const [side, whose] of [[found.here, "This tune"], [found.there, "The book’s tune, on the same tonic"]]) sides.append(shown(side, whose, player));
        for (const side of sides.children) draw(side);
      } else if (found.hint && found.copied.source) sides.append(...asking(found, abc, compare));
    } catch (reason) {
      words.textContent = "";
      if (reason.name !== "AbortError") fault(error, reason.message);
    }
  };

  /** Return the element that tells how to get missing books. */
  function asking(found, abc, again) {
    const facts = `${found.copied.source}: ${found.copied.source_span}`;
    const build = element("button", { type: "button", hidden: !found.can_build, onclick: async () => {
      build.disabled = true;
      const own = running = new AbortController();
      try {
        for await (const [kind, answer] of stream("api/books", { model: model.value }, { signal: own.signal })) {
          if (kind === "building") build.textContent = `Building the book… ${Math.round(answer.seconds)} s`;
        }
        await again(abc);
      } catch (reason) {
        build.disabled = false;
        build.textContent = "Build the book";
        if (reason.name !== "AbortError") fault(error, reason.message);
      }
    } }, "Build the book");
    return [element("p", {}, facts), element("p", {}, `${found.hint}.`), build];
  }
}

function shown(side, whose, player) {
  const numbers = side.bars.map(bar => bar.number), first = numbers[0], last = numbers.at(-1);
  const bars = first === last ? `bar ${first}` : `bars ${first}–${last}`;
  const hear = element("button", { type: "button", hidden: !player, onclick: () => player.audition(side.abc) }, "Play");
  const some = element("button", { type: "button", hidden: !player, onclick: () => player.audition(side.abc, { bars: { first, last } }) }, `Play ${bars}`);
  const made = element("section", { "aria-label": whose }, element("h3", {}, element("span", { class: "titled", title: side.title }, side.title || "Untitled")),
    element("p", { class: "quiet" }, `${whose}; shared: ${bars}`), element("div", { class: "formats" }, hear, some), element("div", { class: "paper" }));
  made.side = side;
  return made;
}

/** Draw the score of a side, and mark its shared bars. */
function draw(section) {
  const paper = section.querySelector(".paper"), { abc, bars } = section.side;
  const untitled = abc.replace(/^T:.*$/gm, title => `%${title.slice(1)}`); // the heading shows the title; positions stay the same
  const [score] = ABCJS.renderAbc(paper, untitled, {
    add_classes: true, staffwidth: Math.max(paper.clientWidth - 20, 200), wrap: { minSpacing: 1.4, maxSpacing: 2.5, preferredMeasuresPerLine: 4 },
    foregroundColor: "currentColor", paddingleft: 0, paddingright: 0,
  });
  const drawing = paper.querySelector("svg"), start = bars[0].start, stop = bars.at(-1).stop;
  for (const system of score.lines) {
    for (const staff of system.staff ?? []) {
      const boxes = staff.voices.flat().filter(each => each.endChar > start && each.startChar < stop).flatMap(each => each.abselem?.elemset ?? []).map(each => each.getBBox());
      const box = boxes.filter(each => each.width).reduce(union, null);
      if (!box) continue;
      const mark = document.createElementNS(SVG, "rect");
      for (const [name, value] of Object.entries({ class: "shared", x: box.left - 4, y: box.top - 6, width: box.right - box.left + 8, height: box.bottom - box.top + 12, rx: 4 })) mark.setAttribute(name, value);
      drawing.prepend(mark);
    }
  }
}

function union(box, { x, y, width, height }) {
  const own = { left: x, top: y, right: x + width, bottom: y + height };
  return box ? { left: Math.min(box.left, own.left), top: Math.min(box.top, own.top), right: Math.max(box.right, own.right), bottom: Math.max(box.bottom, own.bottom) } : own;
}
