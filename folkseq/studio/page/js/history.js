// The history: the open tune is saved with its versions after each change, and earlier tunes can be opened again. A
// reload opens the tune that was open in this tab, or else the newest.

import { ask } from "./api.js";
import { element, fault } from "./elements.js";

const WAIT_MS = 400, RETRY_MS = 3000, MOST_VERSIONS = 1000, MOST_SIGNS = 3_000_000, LONGEST_LABEL = 200, MOST_UNHEARD = 100, PAGE = 20;
const REFUSED = [400, 413]; // statuses of documents that cannot be saved
const ANSWER = { method: "GET" };
const list = document.getElementById("history-list");

/** Save the open tune from now on, and list what is saved. */
export class TuneHistory {
  #tune;
  #revisions = new Map(); // of the documents that this page has opened or saved
  #unsaved = new Map(); // documents to send, by id; also stored in the tab
  #unheard = new Map(); // ids of unanswered saves, by document
  #saved = ""; // the saved state of the open tune
  #waiting = null;
  #sending = null;
  #shown = PAGE;
  #asked = 0; // number of times that a tune was opened or changed
  #line = element("p", { class: "error", role: "alert", hidden: true });
  #versions = element("ol");
  #details = element("details", { hidden: true }, element("summary"), this.#versions);
  #more = element("button", { type: "button", class: "quiet", hidden: true, onclick: () => { this.#shown += PAGE; this.list(); } }, "Earlier tunes");

  constructor(tune) {
    this.#tune = tune;
    list.before(this.#line, this.#details);
    list.after(this.#more);
    tune.addEventListener("versions", () => {
      this.#asked += 1;
      this.#showVersions();
      this.#note();
      this.#sendSoon(WAIT_MS);
    });
    addEventListener("pagehide", () => this.#send());
  }

  /** Open the tune of this tab, or the newest one; return whether there is one. */
  async restore() {
    const unsaved = JSON.parse(sessionStorage.getItem("unsaved") ?? "[]");
    for (const each of unsaved) this.#unsaved.set(each.id, each);
    for (const each of unsaved) this.#revisions.set(each.id, each.revision);
    for (const each of unsaved) this.#unheard.set(each.id, each.unheard);
    this.list();
    try {
      const id = sessionStorage.getItem("tune") ?? (await ask("api/history", { count: 1 }, ANSWER)).documents[0]?.id;
      return Boolean(id) && !this.#tune.abc && await this.open(id);
    } catch (error) {
      fault(this.#line, error.message);
      return false;
    }
  }

  /** Open a tune of the history with its versions; return whether it exists. */
  async open(id) {
    const asked = ++this.#asked;
    try {
      const unsaved = this.#unsaved.get(id), found = unsaved ?? await ask("api/history/tune", { id }, ANSWER);
      if (asked !== this.#asked) return true; // another tune was opened meanwhile
      if (!unsaved) {
        this.#revisions.set(id, found.revision);
        this.#saved = textOf(found);
      }
      this.#tune.open("", "", found);
      this.list();
      return true;
    } catch (error) {
      fault(this.#line, error.message);
      return false;
    }
  }

  /** Open a tune for the first time, or with versions that were added since. */
  async show(abc, label, id = crypto.randomUUID()) {
    if (!((this.#revisions.has(id) || this.#unsaved.has(id)) && await this.open(id))) this.#tune.open(abc, label, { id });
  }

  /** Queue the open tune for saving. */
  #note() {
    if (!this.#tune.abc) return;
    const document = bounded(this.#tune);
    sessionStorage.setItem("tune", document.id);
    if (textOf(document) === this.#saved) this.#unsaved.delete(document.id);
    else this.#unsaved.set(document.id, document);
    this.#keep();
  }

  /** Store unsaved documents in the tab, where a reload finds them. */
  #keep() {
    try {
      const all = [...this.#unsaved.values()].map(each => ({ ...each, revision: this.#revisions.get(each.id) ?? 0, unheard: this.#unheard.get(each.id) ?? [] }));
      sessionStorage.setItem("unsaved", JSON.stringify(all));
    } catch { /* too large for it */ }
  }

  #sendSoon(wait) {
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => this.#send(), wait);
  }

  /** Send unsaved documents one after another, so that revisions stay in order. */
  async #send() {
    if (this.#sending) {
      this.#sendSoon(WAIT_MS);
      return;
    }
    this.#sending = true;
    let failed = null;
    for (const document of [...this.#unsaved.values()]) {
      try {
        await this.#sendOne(document);
      } catch (error) {
        failed ??= error;
      }
    }
    fault(this.#line, failed ? `This tune is not saved yet: ${failed.message}` : "");
    if (failed && !REFUSED.includes(failed.status)) this.#sendSoon(RETRY_MS);
    this.#sending = false;
  }

  async #sendOne(document) {
    const { id, at, versions } = document, unheard = this.#unheard.get(id) ?? [], save = crypto.randomUUID();
    this.#unheard.set(id, [...unheard, save].slice(-MOST_UNHEARD));
    this.#keep();
    try {
      const { revision } = await ask("api/history", { id, at, versions, revision: this.#revisions.get(id) ?? 0, save, unheard });
      this.#revisions.set(id, revision);
      this.#unheard.delete(id);
    } catch (error) {
      if (error.status !== 409) throw error;
      const own = crypto.randomUUID(); // another page has changed the tune: continue as a copy
      this.#unsaved.delete(id);
      this.#unsaved.set(own, { ...document, id: own });
      if (this.#tune.id === id) {
        this.#tune.id = own;
        sessionStorage.setItem("tune", own);
      }
      this.#keep();
      return this.#sendOne({ ...document, id: own });
    }
    if (this.#unsaved.get(id) && textOf(this.#unsaved.get(id)) === textOf(document)) this.#unsaved.delete(id);
    if (this.#tune.id === id) this.#saved = textOf(document);
    this.#keep();
    this.list();
  }

  /** List the tunes of the history. */
  async list() {
    try {
      const { documents, count, faults } = await ask("api/history", { count: Math.min(this.#shown, 200) }, ANSWER);
      list.replaceChildren(...documents.map(each => this.#item(each)), ...faults.map(text => element("li", { class: "error" }, text)));
      this.#more.hidden = count <= this.#shown || this.#shown >= 200;
    } catch (error) {
      fault(this.#line, error.message);
    }
  }

  #item({ id, title, versions, saved_s }) {
    const saved = new Date(saved_s * 1000), today = saved.toDateString() === new Date().toDateString();
    const when = today ? saved.toLocaleTimeString([], { timeStyle: "short" }) : saved.toLocaleDateString();
    return element("li", {}, element("button", { type: "button", class: "titled", title, "aria-current": id === this.#tune.id && "true", onclick: () => this.open(id) }, title),
      " ", element("span", { class: "quiet" }, element("time", { datetime: saved.toISOString() }, when), versions > 1 ? `, ${versions} versions` : ""));
  }

  #showVersions() {
    const { versions, at } = this.#tune;
    this.#details.hidden = versions.length < 2;
    this.#details.firstChild.textContent = `Versions of this tune (${versions.length})`;
    const shown = versions.map((version, index) => element("li", {}, element("button", { type: "button", class: "titled", "aria-current": index === at && "true", onclick: () => this.#tune.goTo(index) }, `${index + 1}. ${version.label || "changed"}`)));
    this.#versions.replaceChildren(...shown.reverse());
  }
}

/** Return a key that distinguishes documents. */
const textOf = ({ id, at, versions }) => JSON.stringify([id, at, versions.map(({ abc, label }) => [abc, label])]);

/** Return a tune with as many versions as a document can hold; the oldest are dropped. */
function bounded({ id, at, versions }) {
  let first = Math.max(Math.min(versions.length - MOST_VERSIONS, at), 0), signs = 0;
  for (let index = versions.length - 1; index > first; index--) {
    signs += versions[index].abc.length;
    if (signs > MOST_SIGNS) first = Math.min(index, at);
  }
  return { id, at: at - first, versions: versions.slice(first, first + MOST_VERSIONS).map(({ abc, label }) => ({ abc, label: label.slice(0, LONGEST_LABEL) })) };
}

/** Store the candidates in this tab, and return the stored ones. */
export const kept = {
  get candidates() { return JSON.parse(sessionStorage.getItem("candidates") ?? "[]"); },
  set candidates(all) {
    try {
      sessionStorage.setItem("candidates", JSON.stringify(all));
    } catch { /* too many for the tab's memory */ }
  },
};
