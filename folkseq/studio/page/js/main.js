// The page: the open tune, and the parts that show and change it.

import { setUpAlternatives } from "./alternatives.js";
import { setUpAsk, write } from "./ask.js";
import * as candidates from "./candidates.js";
import { setUpCollection } from "./collection.js";
import { setUpDrop } from "./drop.js";
import { setUpEditor } from "./editor.js";
import { fault } from "./elements.js";
import { kept, TuneHistory } from "./history.js";
import { setUpMenu } from "./menu.js";
import { setUpOverlap } from "./overlap.js";
import { setUpPerformances } from "./performances.js";
import { Player } from "./player.js";
import { pointAt, setUpScore } from "./score.js";
import { setUpTake } from "./take.js";
import { OpenTune } from "./tune.js";
import { setUpTransport } from "./transport.js";
import { setUpViews } from "./views.js";
import { setUpWhy } from "./why.js";

const tune = new OpenTune(), player = new Player(), scoreError = document.getElementById("score-error");
globalThis.studio = { tune, player }; // for the browser's console
const showInText = setUpEditor(tune, pointAt);
setUpScore(tune, player, showInText);
const loadTune = setUpTransport(tune, player);
const alternatives = setUpAlternatives(tune, player);
setUpWhy(tune, setUpMenu(tune, player, alternatives), alternatives);
tune.addEventListener("fault", event => fault(scoreError, event.detail));
tune.addEventListener("reading", () => fault(scoreError, tune.reading.faults.find(each => !each.lost)?.text ?? ""));

const performances = setUpPerformances(player);
globalThis.studio.performance = performances.performance;
performances.onFile(setUpDrop((abc, label) => history.show(abc, label), performances));
setUpViews(name => {
  if (name === "performances") performances.enter();
  else {
    performances.leave();
    loadTune();
  }
});

const history = new TuneHistory(tune), compare = setUpOverlap(tune, player);
setUpCollection(tune, setUpTake(tune, player), (abc, label) => history.show(abc, label));

let found = [], opened = false;
const show = candidate => history.show(candidate.abc, "new", candidate.id);
const add = candidate => candidates.add(candidate, show, compare, player);
function start() {
  candidates.clear();
  kept.candidates = found = [];
}
function receive(candidate) {
  found.push({ ...candidate, id: crypto.randomUUID() });
  kept.candidates = found;
  const button = add(found.at(-1));
  if (!opened && !tune.abc) button.click();
  opened = true;
}
try {
  opened = await history.restore();
  found = kept.candidates;
  found.forEach(add);
  await setUpAsk(start, receive);
  if (!opened) await write(start, receive); // show a tune when the page opens
} catch (error) {
  fault(scoreError, error.message);
}
