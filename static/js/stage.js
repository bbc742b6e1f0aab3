// The photo with a box over each face, or a blank area of the same proportions if there is no photo.

import { el, place } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { drawPoints } from "./mesh.js";
import { landmark, shapeOf } from "./words.js";
import { zoomable } from "./zoom.js";

/** Creates a stage that shows `src`, or without `src` a blank one; `drawFaces` adds the faces. */
export function createStage(src, alt) {
  const plane = el("div", { class: "plane" });
  const stage = el("div", { class: "stage" }, plane);
  const figure = el("figure", { class: "stage-figure" }, stage, el("figcaption", { class: "stage-caption muted small" }));
  const blank = (why) => {
    stage.classList.add("is-blank");
    figure.querySelector("figcaption").textContent = why;
  };
  if (src) {
    const photo = el("img", { class: "stage-photo", src, alt, draggable: "false" });
    photo.addEventListener("error", () => {
      photo.remove();
      blank(gettext("This browser cannot show the photo itself."));
    });
    photo.addEventListener("load", () => shape(stage, photo.naturalWidth, photo.naturalHeight));
    plane.append(photo);
  } else {
    blank(gettext("The picture was not kept. The boxes show where its faces are."));
  }
  return figure;
}

/**
 * Draws the boxes of an analysis; the arrow keys go from one to the next. With `name`, a function of a face, the tags
 * are names instead of numbers.
 */
export function drawFaces(figure, { image, faces }, name = null) {
  const stage = figure.querySelector(".stage");
  shape(stage, image.width, image.height);
  const plane = stage.querySelector(".plane");
  plane.querySelectorAll(".face-mark").forEach((mark) => mark.remove());
  plane.append(...faces.map((face) => mark(face, image, name?.(face))));
  plane.querySelector(".face-box")?.setAttribute("tabindex", "0");
  plane.addEventListener("keydown", walk);
  zoomable(stage, plane);
}

/** The part of a face's box that is inside the picture. */
function inside({ x, y, width, height }, image) {
  const [left, top] = [Math.max(0, x), Math.max(0, y)];
  return { left, top, width: Math.min(image.width, x + width) - left, height: Math.min(image.height, y + height) - top };
}

/** One face: a button around it; its points are there while the face is pointed at or has the focus. */
function mark(face, image, name) {
  const at = inside(face.box, image);
  const number = String(face.index + 1);
  const box = el("button", {
    type: "button", class: "face-box", "data-face": face.index, tabindex: "-1",
    "aria-label": name ?? fill(gettext("Face %(number)s: go to its card"), { number }),
  }, el("span", { class: name ? "face-number is-name" : "face-number", "aria-hidden": "true" }, name ?? number));
  const group = el("div", { class: "face-mark", "data-face": face.index }, box);
  // The tag of a small face is outside of its box, where the picture goes on.
  group.classList.toggle("is-high", at.top < image.height * 0.08);
  group.classList.toggle("is-right", at.left > image.width * 0.9);
  let points = [];
  const show = () => points.length || group.append(...(points = [...meshes(face, at), ...landmarks(face, at)]));
  const hide = (event) => {
    if (group.contains(event.relatedTarget) || group.contains(document.activeElement)) return;
    points.forEach((point) => point.remove());
    points = [];
  };
  group.addEventListener("pointerenter", show);
  group.addEventListener("focusin", show);
  group.addEventListener("pointerleave", hide);
  group.addEventListener("focusout", (event) => group.contains(event.relatedTarget) || setTimeout(() => group.matches(":hover") || hide(event)));
  return place(group, {
    left: (at.left / image.width) * 100, top: (at.top / image.height) * 100,
    width: (at.width / image.width) * 100, height: (at.height / image.height) * 100,
  });
}

function meshes({ attributes = {} }, box) {
  const answers = Object.entries(attributes).filter(([name]) => shapeOf(name) === "points").map(([, answer]) => answer);
  return answers.map((answer) => drawPoints(answer, box));
}

function landmarks(face, box) {
  const number = face.index + 1;
  return Object.entries(face.landmarks).map(([name, [left, top]]) => {
    const words = landmark(name);
    const at = `${Math.round(left)}, ${Math.round(top)}`;
    return place(
      el("span", {
        class: "landmark", role: "img", tabindex: "0", "data-name": words,
        "aria-label": fill(gettext("%(name)s of face %(number)s, at %(at)s"), { name: words, number, at }),
      }),
      { left: ((left - box.left) / box.width) * 100, top: ((top - box.top) / box.height) * 100 });
  });
}

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Only one box is in the tab order; the arrow keys move the focus and that place. */
function walk(event) {
  const step = STEPS[event.key];
  if (!step || !event.target.matches(".face-box")) return;
  const boxes = [...event.currentTarget.querySelectorAll(".face-mark:not([hidden]) .face-box")];
  const next = boxes[(boxes.indexOf(event.target) + step + boxes.length) % boxes.length];
  boxes.forEach((box) => box.setAttribute("tabindex", box === next ? "0" : "-1"));
  event.preventDefault();
  next.focus();
}

/** Sets the proportions; stage.css then makes the stage as wide as the window's height allows (--stage-height). */
function shape(stage, width, height) {
  stage.style.setProperty("--ratio", String(width / height));
  stage.classList.add("has-shape");
}
