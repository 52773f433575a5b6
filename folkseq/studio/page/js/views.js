// The switch between tunes and performances, by the address: #performances, or the id of anything in there.

const [tunes, performances] = ["tunes", "performances"].map(id => document.getElementById(id));
const links = document.querySelectorAll("#views a"), skip = document.querySelector(".skip");

/** Show the view in the address, now and on each change, and call `changed(name)`. */
export function setUpViews(changed) {
  let shown = "";
  function show() {
    const named = document.getElementById(decodeURIComponent(location.hash.slice(1)) || "tunes");
    const view = performances.contains(named) ? performances : tunes;
    if (view.id === shown) return;
    shown = view.id;
    for (const each of [tunes, performances]) each.hidden = each !== view;
    for (const link of links) {
      if (link.hash === `#${shown}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    skip.hash = view === tunes ? "#score" : "#roll";
    skip.textContent = view === tunes ? "Skip to the score" : "Skip to the piano roll";
    changed(shown);
  }
  addEventListener("hashchange", show);
  show();
}

/** Show tunes or performances. */
export function go(name) { location.hash = name; }
