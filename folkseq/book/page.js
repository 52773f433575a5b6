const players = [...document.querySelectorAll("audio")];
const speed = document.getElementById("speed"), again = document.getElementById("again"), find = document.getElementById("find");
function set(player) {
  player.preservesPitch = true;
  player.playbackRate = Number(speed.value);
  player.loop = again.checked;
}
for (const player of players) {
  player.addEventListener("play", () => {
    set(player);
    players.forEach(other => other === player || other.pause());
  });
}
for (const control of [speed, again]) control?.addEventListener("change", () => players.forEach(set));
find.addEventListener("input", () => {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of document.querySelectorAll("tbody tr")) {
    const fits = words.every(word => row.textContent.toLowerCase().includes(word));
    row.hidden = !fits;
    document.querySelector(row.dataset.tune).hidden = !fits;
    shown += fits;
  }
  document.getElementById("none").hidden = shown > 0;
});
addEventListener("beforeprint", () => players.forEach(player => player.pause()));
