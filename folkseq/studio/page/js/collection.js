// The collection: tunes that are saved in a folder where a DAW finds them, and a book of them.

import { ask, stream } from "./api.js";
import { element, fault } from "./elements.js";
import { download } from "./take.js";

const ANSWER = { method: "GET" };
const FORMS = [[".html", "a page with players"], [".pdf", "a PDF to print"], [".abc", "one ABC file"]];

/** Show the collection below the formats of `take`; `open(abc, label)` is called for a chosen tune. */
export function setUpCollection(tune, take, open) {
  const collect = element("button", { type: "button", class: "main", onclick: () => attempt(async () => {
    const saved = await ask("api/collection", { abc: tune.abc });
    await show();
    take.say(`Saved ${saved.suffixes.map(suffix => saved.name + suffix).join(" and ")} in ${folder.textContent}.`);
  }, collect) }, "Collect");
  const line = element("p", { class: "error", role: "alert", hidden: true });
  const folder = element("code"), list = element("ol"), summary = element("summary", {}, "Collection");
  const title = element("input", { name: "title", value: "Tunes", maxlength: 200, "aria-label": "Title of the book" });
  const form = element("select", { "aria-label": "Form of the book" }, ...FORMS.map(([suffix, name]) => new Option(name, suffix)));
  const make = element("button", { type: "submit" }, "Make the book"), progress = element("progress", { hidden: true, max: 1, "aria-label": "Progress of the book" });
  const book = element("form", { class: "formats", hidden: true, onsubmit: makeBook }, title, form, make, progress);
  const undo = element("p", { role: "status" });
  let running = null;
  take.row.append(collect);
  take.row.parentElement.append(line, element("details", { id: "collection" }, summary,
    element("p", { class: "hint" }, "Tunes are kept in ", folder, ", as .abc and .mid; add this folder to the browser of a DAW."), list, undo, book));
  attempt(show);

  async function attempt(action, button = null) {
    fault(line, "");
    if (button) button.disabled = true;
    try {
      await action();
    } catch (error) {
      if (error.name !== "AbortError") fault(line, error.message);
    }
    if (button) button.disabled = false;
  }

  async function show() {
    const { folder: place, tunes } = await ask("api/collection", {}, ANSWER);
    folder.textContent = place;
    summary.textContent = tunes.length ? `Collection (${tunes.length})` : "Collection";
    book.hidden = !tunes.length;
    list.replaceChildren(...tunes.map(item));
  }

  function item(each) {
    const remove = element("button", { type: "button", class: "quiet", hidden: !each.own, "aria-label": `Remove ${each.title}`, onclick: () => attempt(async () => {
      const removed = await ask("api/collection/remove", { name: each.name });
      undo.replaceChildren(`Removed ${each.name}. `, element("button", { type: "button", class: "quiet", onclick: () => attempt(async () => {
        await ask("api/collection", { abc: removed.abc });
        undo.replaceChildren();
        await show();
      }) }, "Undo"));
      await show();
    }, remove) }, "Remove");
    return element("li", {}, element("button", { type: "button", class: "titled", title: each.title, onclick: () => attempt(async () => {
      open((await ask("api/collection/tune", { name: each.name }, ANSWER)).abc, "from the collection");
    }) }, each.title), " ", element("span", { class: "quiet" }, each.suffixes.join(" ")), " ", remove);
  }

  async function makeBook(event) {
    event.preventDefault();
    if (running) {
      running.abort();
      return;
    }
    running = new AbortController();
    make.textContent = "Stop";
    progress.hidden = false;
    progress.removeAttribute("value");
    await attempt(async () => {
      const notices = [];
      for await (const [kind, answer] of stream("api/book", { title: title.value, suffix: form.value }, { signal: running.signal })) {
        if (kind === "bookprogress") progress.value = answer.done / answer.total;
        else if (kind === "notice") notices.push(answer.text);
        else {
          download(answer);
          take.say([`Saved ${answer.name}.`, ...notices].join(" "));
        }
      }
    });
    running = null;
    progress.hidden = true;
    make.textContent = "Make the book";
  }
}
