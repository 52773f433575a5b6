// The form that asks for tunes, worded as a sentence.

import { ask, stream } from "./api.js";
import { fault } from "./elements.js";

const form = document.getElementById("ask-form"), stop = document.getElementById("stop");
const errorLine = document.getElementById("ask-error"), command = document.getElementById("command");
let models = [], running = null;

/** Fill the choices, and call `onCandidate(candidate)` for each tune of an answer, `onStart()` before the first. */
export async function setUpAsk(onStart, onCandidate) {
  form.addEventListener("submit", event => {
    event.preventDefault();
    write(onStart, onCandidate);
  });
  form.addEventListener("input", showCommand);
  form.elements.model.addEventListener("change", showChoices);
  stop.addEventListener("click", () => running?.abort());
  ({ models } = await ask("api/models", {}, { method: "GET" }));
  const writers = models.filter(model => model.task === "continue" && model.representation.startsWith("abc"));
  form.elements.model.replaceChildren(...writers.map(model => new Option(model.name)));
  showChoices();
  form.querySelector("[type=submit]").disabled = false;
}

/** Return the models. */
export const known = () => models;

/** Write tunes with the settings of the form. */
export async function write(onStart, onCandidate) {
  running?.abort();
  const own = running = new AbortController();
  fault(errorLine, "");
  stop.hidden = false;
  onStart();
  try {
    for await (const [kind, answer] of stream("api/tunes", asked(), { signal: own.signal })) {
      if (kind === "candidate") onCandidate(answer);
      else fault(errorLine, answer.text);
    }
  } catch (error) {
    if (error.name !== "AbortError") fault(errorLine, error.message);
  } finally {
    if (own === running) {
      running = null;
      stop.hidden = true;
    }
  }
}

function asked() {
  const values = Object.fromEntries(new FormData(form));
  for (const name of ["temperature", "count", "seed", "bars", "vary", "top_p"]) if (values[name]) values[name] = Number(values[name]);
  return values;
}

function showChoices() {
  const model = models.find(each => each.name === form.elements.model.value);
  if (!model) return;
  for (const [name, every, any] of [["rhythm", model.rhythms, "tune"], ["meter", model.meters, "any"], ["mode", model.modes, "any"], ["instrument", model.instruments, "any instrument"]]) {
    const select = form.elements[name], value = select.value;
    select.replaceChildren(new Option(any, ""), ...every.map(each => new Option(each)));
    if (every.includes(value)) select.value = value;
  }
  showCommand();
}

/** Show the command line that writes the same tunes. */
function showCommand() {
  const { model, count, opening, ...others } = asked();
  const options = Object.entries(others).filter(([name, value]) => value !== "" && !(name === "temperature" && value === 1));
  const words = options.map(([name, value]) => `--${name.replaceAll("_", "-")} ${quoted(String(value))}`);
  if (opening) words.push(`--prime ${quoted(opening)}`);
  command.textContent = ["folkseq sample --model", quoted(model), "-n", count || 1, ...words].join(" ");
}

export const quoted = text => /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
