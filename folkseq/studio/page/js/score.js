// The score of the open tune, drawn by abcjs.

const paper = document.getElementById("paper"), title = document.getElementById("title");

/** Draw the tune again whenever its text changes. */
export function setUpScore(tune) {
  tune.addEventListener("text", () => draw(tune));
  new ResizeObserver(() => draw(tune)).observe(paper);
}

let drawn = "";

function draw(tune) {
  const width = Math.max(paper.clientWidth - 10, 200), key = `${width} ${tune.abc}`;
  if (!tune.abc || key === drawn) return;
  drawn = key;
  ABCJS.renderAbc(paper, tune.abc, {
    add_classes: true, staffwidth: width, wrap: { minSpacing: 1.6, maxSpacing: 2.7, preferredMeasuresPerLine: 4 },
    foregroundColor: "currentColor", paddingleft: 0, paddingright: 0, selectTypes: ["note"],
  });
  title.textContent = tune.abc.match(/^T:(.*)$/m)?.[1].trim() || "Untitled";
}
