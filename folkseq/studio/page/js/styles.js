// abcjs sets style attributes, which the content security policy forbids as markup. The same through the style object is
// allowed. It also adds a sheet for printing to each score, which the page's own style sheet replaces.
const setAttribute = Element.prototype.setAttribute;
Element.prototype.setAttribute = function (name, value) {
  if (name === "style") this.style.cssText = value;
  else setAttribute.call(this, name, value);
};
