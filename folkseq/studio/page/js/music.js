// The player's data: messages sorted by time, and the positions of bars in them.

const SHORTEST_S = 0.01, KEY_PRESSURE = 0xA0, CONTROLLER = 0xB0;
const BY_THEMSELVES = [[7, 100], [10, 64], [11, 127], [1, 0], [64, 0], [66, 0], [67, 0]].map(([number, value]) => [CONTROLLER, number, value]).concat([[0xE0, 0, 64]]);

/** Return the messages of a reading or a performance: {time, kind, …}; at equal times, ends of notes come first. */
export function messages({ events, beats = [], controls = [] }) {
  const found = [];
  for (const { onset_s, duration_s, pitch, velocity, channel } of events) {
    found.push({ time: onset_s, order: 2, kind: "on", channel, pitch, velocity });
    found.push({ time: onset_s + Math.max(duration_s, SHORTEST_S), order: 0, kind: "off", channel, pitch });
  }
  for (const { onset_s, bar } of beats) found.push({ time: onset_s, order: 1, kind: "click", bar });
  for (const { time_s, channel, data } of controls) found.push({ time: time_s, order: 1, kind: "control", channel, data });
  return found.sort((one, other) => one.time - other.time || one.order - other.order);
}

/** Return a key for the state that a control message sets: a controller, the bend, the program and so on of a channel. */
export const setBy = ({ channel, data }) => `${channel} ${data[0]} ${[CONTROLLER, KEY_PRESSURE].includes(data[0]) ? data[1] : ""}`;

/** Return the control messages that restore the state of the channels at a position: defaults, then the last messages. */
export function stateAt(list, position, channels) {
  const found = new Map();
  const put = message => {
    found.delete(setBy(message)); // keep the order of the last messages
    found.set(setBy(message), message);
  };
  for (const channel of channels) for (const data of BY_THEMSELVES) put({ channel, data });
  for (const message of list) {
    if (message.time >= position - 1e-9) break;
    if (message.kind === "control") put(message);
  }
  return [...found.values()];
}

/** Return the index of the first message at or after a time. */
export function indexAt(list, time) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].time < time - 1e-9) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Return the range {from, to} in seconds of the first playing of bars first … last; null if they are never played. */
export function secondsOfBars({ steps, notes, bars }, { first, last }, around = 0) {
  const numbers = [...new Set(bars.map(bar => bar.number))], at = number => numbers.indexOf(number);
  const low = numbers[Math.max(at(first) - around, 0)], high = numbers[Math.min(at(last) + around, numbers.length - 1)];
  let from = null, to = null, bar = low;
  for (const step of steps) {
    if (step.voice) continue;
    const number = notes[step.note].bar;
    if (number >= bar && number <= high) {
      from ??= step.onset_s;
      to = step.onset_s + step.duration_s;
      bar = number;
    } else if (from !== null) break;
  }
  return from === null ? null : { from, to };
}

/** Return the count-in clicks of the bar before a time, including the silence before a pickup. */
export function countIn({ beats = [], events }, from) {
  const bars = beats.flatMap((beat, index) => beat.bar ? [index] : []);
  const at = Math.max(bars.findLastIndex(index => beats[index].onset_s <= from + 1e-9), 0);
  const lengths = [at, at + 1].map(place => beats.slice(bars[place], bars[place + 1]).length);
  const place = bars[lengths[1] > lengths[0] && bars[at + 2] ? at + 1 : at], end = beats[place + Math.max(...lengths)];
  if (place === undefined || !end) return [];
  const before = beats.slice(place, place + Math.max(...lengths)).map(beat => ({ ...beat, onset_s: from - end.onset_s + beat.onset_s }));
  const first = events.find(event => event.onset_s >= from - 1e-9)?.onset_s ?? from;
  const silent = beats.filter(beat => beat.onset_s >= from - 1e-9 && beat.onset_s < first - 1e-9);
  return [...before, ...silent].map(({ onset_s, bar }) => ({ time: onset_s, kind: "click", bar, always: true }));
}
