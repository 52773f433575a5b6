// Export of the tune: files to download or to drag into another program. Small files are made as soon as the tune has
// been read, since a drag cannot wait; the others are made on request.

import { address, ask } from "./api.js";
import { element, fault } from "./elements.js";

const READY = [[".mid", "MIDI"], [".abc", "ABC"], [".musicxml", "MusicXML"]];
const MADE = [[".pdf", "PDF"], [".wav", "WAV"]];
const MORE = [[".svg", "SVG"], [".png", "PNG"], [".ogg", "Ogg Vorbis"], [".flac", "FLAC"], [".mxl", "MusicXML, compressed"]];
const place = document.getElementById("take");

/** Show the row of formats below the score; return the row, to which other modules add, and `say(text)`, which shows a message. */
export function setUpTake(tune, player = null) {
  const links = new Map(READY.map(([suffix, name]) => [suffix, link(suffix, name)]));
  const swung = element("input", { type: "checkbox" });
  const swing = element("label", { hidden: true }, swung, " with the swing that is heard");
  const more = element("details", { class: "more-formats" }, element("summary", {}, "More"),
    element("div", { class: "formats" }, ...MORE.map(([suffix, name]) => button(suffix, name)), swing));
  const row = element("div", { class: "formats" }, ...links.values(), ...MADE.map(([suffix, name]) => button(suffix, name)), more);
  const said = element("p", { role: "status", class: "taken" }), line = element("p", { class: "error", role: "alert", hidden: true });
  place.replaceChildren(element("h2", {}, "Take away"), row, said, line,
    element("p", { class: "hint" }, "Drag the MIDI, ABC or MusicXML file to a folder or into another program, or press it to download."));
  let asked = 0;
  tune.addEventListener("reading", makeReady);
  tune.addEventListener("text", () => {
    asked += 1;
    for (const each of links.values()) clear(each, "is being prepared…");
    fault(line, "");
    said.textContent = "";
  });
  swung.addEventListener("change", makeReady);
  player?.addEventListener("state", showSwing);
  more.addEventListener("toggle", showSwing);
  return { row, say: text => { said.textContent = text; } };

  function link(suffix, name) {
    const made = element("a", { class: "file", draggable: "true", role: "link", "aria-disabled": "true", ondragstart: event => {
      if (!made.href) {
        event.preventDefault();
        return;
      }
      event.dataTransfer.effectAllowed = "copy";
      event.dataTransfer.setData("DownloadURL", `${made.dataset.type}:${made.download}:${made.href}`);
      event.dataTransfer.setData("text/uri-list", made.href);
    }, onclick: () => { if (made.href) report(made.download, JSON.parse(made.dataset.lost)); } }, element("span", { "aria-hidden": "true", class: "grip" }, "⠿"), name);
    return made;
  }

  /** Make the small files for dragging. */
  function makeReady() {
    const own = ++asked;
    for (const [suffix, made] of links) {
      if (!tune.abc || (suffix !== ".abc" && !tune.reading.notes.length)) clear(made, "the text cannot be read");
      else ask("api/prepare", values(suffix)).then(file => {
        if (own !== asked) return;
        made.href = new URL(address("api/prepared", { id: file.id }), document.baseURI).href;
        made.download = file.name;
        made.title = file.name;
        Object.assign(made.dataset, { type: file.type, lost: JSON.stringify(file.lost) });
        made.removeAttribute("aria-disabled");
      }, error => {
        if (own === asked) clear(made, error.message);
      });
    }
  }

  function clear(made, why) {
    made.removeAttribute("href");
    made.removeAttribute("download");
    made.setAttribute("aria-disabled", "true");
    made.title = why;
  }

  function button(suffix, name) {
    let running = null;
    const made = element("button", { type: "button", onclick: async () => {
      if (running) {
        running.abort();
        return;
      }
      running = new AbortController();
      made.textContent = `${name} is being made… Stop`;
      fault(line, "");
      try {
        const file = await ask("api/prepare", values(suffix), { signal: running.signal });
        download(file);
        report(file.name, file.lost);
      } catch (error) {
        if (error.name !== "AbortError") fault(line, error.message);
      }
      running = null;
      made.textContent = name;
    } }, name);
    return made;
  }

  function values(suffix) {
    const heard = [".mid", ".wav", ".ogg", ".flac"].includes(suffix);
    return { abc: tune.abc, suffix, swing: heard && !swing.hidden && swung.checked ? player.swing : null };
  }

  function showSwing() { swing.hidden = !player || player.swing === 0.5; }

  function report(name, lost) {
    const left = Object.entries(lost).map(([kind, count]) => `${count} × ${kind}`).join(", ");
    said.textContent = `Saved ${name}.${left ? ` It leaves out: ${left}.` : ""}`;
  }
}

/** Download a prepared file. */
export function download(file) {
  element("a", { href: address("api/prepared", { id: file.id }), download: file.name }).click();
}
