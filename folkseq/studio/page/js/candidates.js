// The candidates of an answer, the best first.

import { element } from "./elements.js";
import { inShort } from "./overlap.js";

const list = document.getElementById("candidate-list");

/** Empty the list. */
export function clear() { list.replaceChildren(); }

/**
 * Add a candidate at its rank; `open(candidate)` is called when it is chosen, and `compare(abc)` when someone asks how new
 * it is.
 */
export function add(candidate, open, compare) {
  const button = element("button", { type: "button", class: "candidate", title: candidate.title, onclick: () => {
    for (const each of list.querySelectorAll("[aria-current]")) each.removeAttribute("aria-current");
    button.setAttribute("aria-current", "true");
    open(candidate);
  } }, element("strong", {}, candidate.title));
  const newness = candidate.verdict && element("button", { type: "button", class: "verdict", title: "Compare it with the book", onclick: () => compare(candidate.abc) }, inShort(candidate));
  const item = element("li", { "data-score": candidate.score }, button, newness ?? "");
  const after = [...list.children].find(each => Number(each.dataset.score) < candidate.score);
  list.insertBefore(item, after ?? null);
  return button;
}
