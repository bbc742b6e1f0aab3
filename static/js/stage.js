// The photo with a box a face over it, or a blank sheet of its proportions where the photo is not at hand.

import { el, place } from "./dom.js";

const LANDMARKS = ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"];

/** A stage that shows `src`; faces come later. Without a `src` it stays blank until it knows its proportions. */
export function createStage(src, alt) {
  const stage = el("div", { class: "stage" });
  const figure = el("figure", { class: "stage-figure" }, stage, el("figcaption", { class: "stage-caption muted small" }));
  if (src) {
    const photo = el("img", { class: "stage-photo", src, alt });
    photo.addEventListener("error", () => {
      photo.remove();
      stage.classList.add("is-blank");
      figure.querySelector("figcaption").textContent = "This browser cannot show the photo itself.";
    });
    photo.addEventListener("load", () => shape(stage, photo.naturalWidth, photo.naturalHeight));
    stage.append(photo);
  } else {
    stage.classList.add("is-blank");
    figure.querySelector("figcaption").textContent = "The picture was not kept. This is where its faces are.";
  }
  return figure;
}

/** Draws the boxes and landmarks of an analysis. */
export function drawFaces(figure, { image, faces }) {
  const stage = figure.querySelector(".stage");
  shape(stage, image.width, image.height);
  for (const face of faces) {
    const { x, y, width, height } = face.box;
    const number = String(face.index + 1);
    const box = el("button", { type: "button", class: "face-box", "data-face": face.index, "aria-label": `Face ${number}: go to its card` },
      el("span", { class: "face-number", "aria-hidden": "true" }, number));
    for (const name of LANDMARKS) {
      const [left, top] = face.landmarks[name];
      box.append(place(el("span", { class: "landmark", "aria-hidden": "true" }), {
        left: ((left - x) / width) * 100,
        top: ((top - y) / height) * 100,
      }));
    }
    stage.append(place(box, {
      left: (x / image.width) * 100,
      top: (y / image.height) * 100,
      width: (width / image.width) * 100,
      height: (height / image.height) * 100,
    }));
  }
}

/** As wide as it may be without getting taller than the window allows (see --stage-height in result.css). */
function shape(stage, width, height) {
  stage.style.setProperty("--ratio", String(width / height));
  stage.classList.add("has-shape");
}
