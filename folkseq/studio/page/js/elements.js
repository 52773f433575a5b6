// Small helpers for elements.

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

/** Show a sentence about something that went wrong, beside what caused it, or hide the line. */
export function fault(line, text) {
  line.textContent = text;
  line.hidden = !text;
}
