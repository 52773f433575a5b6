// The page: the open tune, and the parts that show and change it.

import { setUpAsk, write } from "./ask.js";
import * as candidates from "./candidates.js";
import { fault } from "./elements.js";
import { setUpScore } from "./score.js";
import { OpenTune } from "./tune.js";

const tune = new OpenTune(), scoreError = document.getElementById("score-error");
setUpScore(tune);
tune.addEventListener("fault", event => fault(scoreError, event.detail));
tune.addEventListener("reading", () => fault(scoreError, ""));

const show = candidate => tune.open(candidate.abc, "new");
const start = () => candidates.clear();
function receive(candidate) {
  const button = candidates.add(candidate, show);
  if (!tune.abc) button.click();
}
try {
  await setUpAsk(start, receive);
  await write(start, receive); // a tune is on the score when the page opens
} catch (error) {
  fault(scoreError, error.message);
}
