// Hides faces: which ones and how. The boxes on the picture choose the faces.

import { ApiError, detectionCreate, previewCreate, redactionCreate } from "./api.js";
import { el } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { drawFaces } from "./stage.js";

const COVERS = [
  ["blur", gettext("Blurred")],
  ["pixelate", gettext("Squares")],
  ["bar", gettext("Bar")],
  ["emoji", gettext("Smiley")],
];
// The smallest face that is looked for: one too small to be described can still be recognised.
const MIN_FACE_PX = 20;

/** `show(make, done)` shows the picture that `make` gives; `say` tells what is shown. */
export function hidePanel({ show, say }) {
  const covers = COVERS.map(([value, words], index) =>
    el("label", { class: "pictures-choice" }, el("input", { type: "radio", name: "cover", value, class: "visually-hidden", checked: index === 0 }), words));
  const colour = el("input", { type: "color", value: "#000000" });
  const colourField = el("label", { class: "pictures-colour", hidden: true }, gettext("Colour of the bars"), colour);
  const hint = el("p", { class: "muted small" }, gettext("Press a face on the picture to show or hide it. A face that was not found is not hidden: look at the picture before you publish it."));
  const element = el("form", { class: "hide" }, el("fieldset", { class: "pictures-choices" }, el("legend", {}, gettext("How faces are hidden")), ...covers), colourField, hint);
  let found = null;
  let hidden = new Set();

  const cover = () => element.elements.cover.value;

  function apply() {
    colourField.hidden = cover() !== "bar";
    if (!found) return;
    const make = (file) => (hidden.size
      ? redactionCreate(file, { cover: cover(), faces: [...hidden].join(","), min_face_px: MIN_FACE_PX, colour: cover() === "bar" && colour.value })
      : previewCreate({ file }));
    show(make, mark);
  }

  /** Draws the boxes, which show and hide their faces. */
  function mark(figure) {
    if (!figure.querySelector(".face-box")) drawFaces(figure, found);
    figure.querySelectorAll(".face-mark").forEach((face) => (face.hidden = false));
    for (const box of figure.querySelectorAll("button.face-box")) {
      const index = Number(box.dataset.face);
      box.setAttribute("aria-label", fill(gettext("Face %(number)s"), { number: index + 1 }));
      box.setAttribute("aria-pressed", String(hidden.has(index)));
      box.onclick = () => {
        if (!hidden.delete(index)) hidden.add(index);
        box.setAttribute("aria-pressed", String(hidden.has(index)));
        apply();
      };
    }
    const count = found.faces.length;
    say(fill(ngettext("%(hidden)s of %(count)s face hidden.", "%(hidden)s of %(count)s faces hidden.", count), { hidden: hidden.size, count }));
  }

  element.addEventListener("change", apply);
  element.addEventListener("submit", (event) => event.preventDefault());
  return {
    element,
    ending: "hidden",
    begin() {
      found = null;
      say(gettext("Looking for faces …"));
      show(async (file) => {
        found = await detectionCreate(file, MIN_FACE_PX);
        if (!found.faces.length) throw new ApiError(422, "no_face", gettext("There is nothing to hide."));
        hidden = new Set(found.faces.map((face) => face.index));
        return redactionCreate(file, { cover: cover(), min_face_px: MIN_FACE_PX, colour: cover() === "bar" && colour.value });
      }, mark);
    },
  };
}
