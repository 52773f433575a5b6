// Dropped or chosen files: a performance in MIDI, or a tune in ABC or MusicXML.

import { ask } from "./api.js";
import { element, fault } from "./elements.js";
import { go } from "./views.js";

const MOST_BYTES = 3 << 20, status = document.getElementById("status");

/** Open dropped files, by `openTune(abc, label)` or among the performances; return the function that opens a file. */
export function setUpDrop(openTune, performances) {
  const line = element("p", { class: "error", role: "alert", hidden: true });
  status.after(line);
  document.addEventListener("dragover", event => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", event => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
  document.addEventListener("drop", event => {
    document.body.classList.remove("dropping");
    const [file] = event.dataTransfer.files;
    if (!file) return;
    event.preventDefault();
    open(file);
  });
  return open;

  async function open(file) {
    fault(line, "");
    status.textContent = `Opening ${file.name}…`;
    let told = "";
    try {
      if (file.size > MOST_BYTES) throw new Error(`${file.name}: is larger than ${MOST_BYTES >> 20} MB; give a shorter one`);
      const { abc, performance, notices } = await ask("api/open", { name: file.name, data: await base64(file) });
      if (performance) performances.open(performance, "opened");
      else openTune(abc, "opened");
      told = notices.join(". ");
      go(performance ? "performances" : "tunes");
    } catch (error) {
      fault(line, error.message);
    }
    status.textContent = told;
  }
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.replace(/^[^,]*,/, ""));
    reader.onerror = () => reject(new Error(`${file.name}: cannot be read; open it again`));
    reader.readAsDataURL(file);
  });
}
