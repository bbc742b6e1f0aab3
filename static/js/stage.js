// The photo with a box over each face, or a blank area of the same proportions if there is no photo.

import { el, place } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { landmark } from "./words.js";

/** Creates a stage that shows `src`, or without `src` a blank one; `drawFaces` adds the faces. */
export function createStage(src, alt) {
  const stage = el("div", { class: "stage" });
  const figure = el("figure", { class: "stage-figure" }, stage, el("figcaption", { class: "stage-caption muted small" }));
  const blank = (why) => {
    stage.classList.add("is-blank");
    figure.querySelector("figcaption").textContent = why;
  };
  if (src) {
    const photo = el("img", { class: "stage-photo", src, alt });
    photo.addEventListener("error", () => {
      photo.remove();
      blank(gettext("This browser cannot show the photo itself."));
    });
    photo.addEventListener("load", () => shape(stage, photo.naturalWidth, photo.naturalHeight));
    stage.append(photo);
  } else {
    blank(gettext("The picture was not kept. The boxes show where its faces are."));
  }
  return figure;
}

/** Draws the boxes and landmarks of an analysis. */
export function drawFaces(figure, { image, faces }) {
  const stage = figure.querySelector(".stage");
  shape(stage, image.width, image.height);
  stage.querySelectorAll(".face-mark").forEach((mark) => mark.remove());
  for (const face of faces) stage.append(mark(face, image));
}

/** One face: a button around it and its landmarks, which get into the tab order while the face has the focus. */
function mark(face, image) {
  const { x, y, width, height } = face.box;
  const number = String(face.index + 1);
  const box = el("button", {
    type: "button", class: "face-box", "data-face": face.index,
    "aria-label": fill(gettext("Face %(number)s: go to its card"), { number }),
  }, el("span", { class: "face-number", "aria-hidden": "true" }, number));
  const points = Object.entries(face.landmarks).map(([name, [left, top]]) => {
    const words = landmark(name);
    const at = `${Math.round(left)}, ${Math.round(top)}`;
    return place(
      el("span", {
        class: "landmark", role: "img", tabindex: "-1", "data-name": words,
        "aria-label": fill(gettext("%(name)s of face %(number)s, at %(at)s"), { name: words, number, at }),
      }),
      { left: ((left - x) / width) * 100, top: ((top - y) / height) * 100 });
  });
  const group = el("div", { class: "face-mark", "data-face": face.index }, box, ...points);
  const reach = (reachable) => points.forEach((point) => point.setAttribute("tabindex", reachable ? "0" : "-1"));
  group.addEventListener("focusin", () => reach(true));
  group.addEventListener("focusout", (event) => reach(group.contains(event.relatedTarget)));
  return place(group, {
    left: (x / image.width) * 100,
    top: (y / image.height) * 100,
    width: (width / image.width) * 100,
    height: (height / image.height) * 100,
  });
}

/** Sets the proportions; stage.css then makes the stage as wide as the window's height allows (--stage-height). */
function shape(stage, width, height) {
  stage.style.setProperty("--ratio", String(width / height));
  stage.classList.add("has-shape");
}
