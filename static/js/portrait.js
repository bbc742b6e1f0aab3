// A portrait: everybody in the photo before another background.

import { portraitCreate } from "./api.js";
import { el } from "./dom.js";
import { gettext } from "./i18n.js";

const BACKGROUNDS = [
  ["blur", gettext("Out of focus")],
  ["colour", gettext("One colour")],
  ["transparent", gettext("Nothing")],
];

/** `show(make, done)` shows the picture that `make` gives; `say` tells what is shown. */
export function portraitPanel({ show, say }) {
  const backgrounds = BACKGROUNDS.map(([value, words], index) =>
    el("label", { class: "pictures-choice" }, el("input", { type: "radio", name: "background", value, class: "visually-hidden", checked: index === 0 }), words));
  const strength = el("input", { type: "range", name: "strength", min: "1", max: "100", value: "50" });
  const strengthField = el("label", { class: "pictures-range" }, gettext("How far out of focus"), strength);
  const colour = el("input", { type: "color", value: "#ffffff" });
  const colourField = el("label", { class: "pictures-colour", hidden: true }, gettext("Colour of the background"), colour);
  const element = el("form", {}, el("fieldset", { class: "pictures-choices" }, el("legend", {}, gettext("Background")), ...backgrounds), strengthField, colourField);

  function begin() {
    const background = element.elements.background.value;
    strengthField.hidden = background !== "blur";
    colourField.hidden = background !== "colour";
    const options = { background, strength: background === "blur" && strength.value, colour: background === "colour" && colour.value };
    say(gettext("Looking for people …"));
    show((file) => portraitCreate(file, options), (figure) => {
      figure.querySelectorAll(".face-mark").forEach((mark) => (mark.hidden = true));
      say(gettext("People are sharp; animals and what people hold may count as people."));
    });
  }

  element.addEventListener("change", begin);
  element.addEventListener("submit", (event) => event.preventDefault());
  return { element, ending: "portrait", begin };
}
