// Helpers for DOM elements.

/** Return an element with attributes and children; text is escaped. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Show an error message in a line, or hide the line if there is none. */
export function fault(line, text) {
  line.textContent = text;
  line.hidden = !text;
}
