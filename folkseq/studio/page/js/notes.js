// The notes of a performance: names, indices, and a description in words.

import { DRUMS } from "./synth.js";

const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];

/** Return the name of a pitch; middle C is C4. */
export const nameOf = pitch => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;

/** Return the index of the first note that begins at or after a time. */
export function indexOf(notes, time) {
  let low = 0, high = notes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (notes[middle].onset_s < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Return whether a performance has only drums. */
export const isDrums = ({ notes }) => notes.length > 0 && notes.every(note => note.channel % 16 === DRUMS);

/** Return a description of a performance's contents. */
export function summary({ notes, pedal, duration_s }) {
  if (!notes.length) return "No notes.";
  if (isDrums({ notes })) return `${notes.length.toLocaleString("en")} strokes of drums in ${duration_s.toFixed(1)} s.`;
  const pitches = notes.map(note => note.pitch).sort((one, other) => one - other);
  const words = [`${notes.length.toLocaleString("en")} notes in ${duration_s.toFixed(1)} s`, `${nameOf(pitches[0])} to ${nameOf(pitches.at(-1))}`];
  if (pedal.length) words.push(`the pedal is pressed ${pedal.length === 1 ? "once" : `${pedal.length} times`}`);
  return `${words.join(", ")}.`;
}
