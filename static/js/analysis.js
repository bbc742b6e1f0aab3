// Shows one analysis: the stage beside its cards, each face's box and card lit together.

import { faceCard } from "./cards.js";
import { el } from "./dom.js";
import { drawFaces } from "./stage.js";
import { duration, faces } from "./words.js";

/** The stage `figure` beside the cards of `analysis`; `actions` are buttons and links for below. */
export function analysisView(figure, analysis, actions) {
  drawFaces(figure, analysis);
  const cards = analysis.faces.length ? analysis.faces.map(faceCard) : [nothingFound()];
  const { model, image, timing_ms: timing } = analysis;
  const view = el("div", { class: "result" }, figure,
    el("div", { class: "side" },
      el("h2", { class: "side-count", tabindex: "-1" }, el("strong", {}, faces(analysis.faces.length)),
        el("span", { class: "muted" }, ` in ${duration(timing.total)}`)),
      el("div", { class: "cards" }, ...cards),
      el("p", { class: "muted small" },
        "These are a model’s estimates of how a face looks, not facts about a person. ",
        `Model ${model.name} ${model.version}, photo ${image.width} × ${image.height}.`),
      el("div", { class: "side-actions" }, ...actions)));
  lightTogether(view);
  return view;
}

function nothingFound() {
  return el("div", { class: "notice" },
    el("p", { class: "notice-title" }, "No face was found"),
    el("p", {}, "Try a photo where a face is larger, sharper and turned to the camera."));
}

/** Pointing at or focusing a box lights its card, and the other way round; pressing a box goes to its card. */
function lightTogether(view) {
  const faceOf = (node) => node?.closest?.("[data-face]")?.dataset.face ?? null;
  const light = (index) => {
    for (const node of view.querySelectorAll("[data-face]")) {
      node.classList.toggle("is-lit", node.dataset.face === index);
    }
  };
  const focused = () => (view.contains(document.activeElement) ? faceOf(document.activeElement) : null);
  view.addEventListener("pointerover", (event) => light(faceOf(event.target) ?? focused()));
  view.addEventListener("pointerleave", () => light(focused()));
  view.addEventListener("focusin", (event) => light(faceOf(event.target)));
  view.addEventListener("focusout", (event) => light(faceOf(event.relatedTarget)));
  view.addEventListener("click", (event) => {
    const box = event.target.closest?.(".face-box");
    if (!box) return;
    const card = view.querySelector(`.card[data-face="${box.dataset.face}"]`);
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest", behavior: "smooth" });
  });
}
