// The candidates of an answer, the best first.

import { element } from "./elements.js";

const list = document.getElementById("candidate-list");

/** Empty the list. */
export function clear() { list.replaceChildren(); }

/** Add a candidate at its rank; `open(candidate)` is called when it is chosen. */
export function add(candidate, open) {
  const button = element("button", { type: "button", class: "candidate", onclick: () => {
    for (const each of list.querySelectorAll("[aria-current]")) each.removeAttribute("aria-current");
    button.setAttribute("aria-current", "true");
    open(candidate);
  } }, element("strong", {}, candidate.title), " ", element("span", { class: "verdict" }, candidate.verdict?.words ?? ""));
  const item = element("li", { "data-score": candidate.score }, button);
  const after = [...list.children].find(each => Number(each.dataset.score) < candidate.score);
  list.insertBefore(item, after ?? null);
  return button;
}
