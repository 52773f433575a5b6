// abcjs sets style attributes and adds a style sheet for printing to each score, which the content security policy
// forbids. The same styles through the style object are allowed, and the page's own style sheet also covers printing.
const { setAttribute } = Element.prototype, { createElementNS } = Document.prototype;
Element.prototype.setAttribute = function (name, value) {
  if (name === "style") this.style.cssText = value;
  else setAttribute.call(this, name, value);
};
Document.prototype.createElementNS = function (space, name, ...others) {
  return createElementNS.call(this, space, name === "style" ? "metadata" : name, ...others);
};
