// Shows one analysis: the stage beside the cards; a face's box and card are highlighted together.

import { faceCard } from "./cards.js";
import { el } from "./dom.js";
import { filterBar } from "./filter.js";
import { fill, gettext } from "./i18n.js";
import { recipe } from "./recipe.js";
import { drawFaces } from "./stage.js";
import { tabbed } from "./tabs.js";
import { duration, faces, sure } from "./words.js";

/**
 * The stage `figure` beside the cards of `analysis`. `actions` are buttons and links for above the cards; `recipeOf`
 * has the photo's name and options for the API tab (no tab without it); `prefix` keeps element ids unique.
 */
export function analysisView(figure, analysis, { actions = [], recipeOf = null, prefix = "" } = {}) {
  drawFaces(figure, analysis);
  const described = el("div", { class: "described" });
  const view = el("div", { class: "result" }, figure,
    el("div", { class: "side" },
      el("div", { class: "side-head" },
        el("h2", { class: "side-count", tabindex: "-1" }, el("strong", {}, faces(analysis.faces.length)),
          el("span", { class: "muted" }, ` ${fill(gettext("in %(time)s"), { time: duration(analysis.timing_ms.total) })}`)),
        el("div", { class: "side-actions" }, ...actions)),
      ...(recipeOf ? tabbed(gettext("Result"), [[gettext("Faces"), described], ["API", recipe(analysis, recipeOf)]]) : [described])));
  const photo = figure.querySelector(".stage-photo");
  const cards = analysis.faces.map((face) => faceCard(face, { photo, image: analysis.image, prefix }));
  const filter = filterBar(analysis.faces, (shown) => {
    for (const node of view.querySelectorAll(".card, .face-mark")) node.hidden = !shown.has(Number(node.dataset.face));
  });
  described.append(...[filter, el("div", { class: "cards" }, ...(cards.length ? cards : [nothingFound()])), fineprint(analysis)].filter(Boolean));
  linkHighlights(view);
  return view;
}

function nothingFound() {
  return el("div", { class: "notice" },
    el("p", { class: "notice-title" }, gettext("No face was found")),
    el("p", {}, gettext("Try a photo with a larger, sharper face that looks at the camera.")));
}

function fineprint({ model, image, faces: described }) {
  const name = `${model.name} ${model.version}`;
  const answers = described.flatMap(({ attributes }) => Object.values(attributes));
  return el("p", { class: "muted small fineprint" },
    gettext("These are a model’s estimates of how a face looks, not facts about a person."), " ",
    answers.every(sure) ? null : `${gettext("Treat answers marked “unsure” as unknown.")} `,
    el("a", { href: `/models/${encodeURIComponent(model.name)}/` }, fill(gettext("How sure is %(name)s?"), { name })), " ",
    fill(gettext("Photo %(width)s × %(height)s."), image));
}

/** Pointing at or focusing a box highlights its card, and vice versa; clicking a box scrolls to its card. */
function linkHighlights(view) {
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
    const box = event.target.closest?.(".face-mark");
    if (!box) return;
    const card = view.querySelector(`.card[data-face="${box.dataset.face}"]`);
    view.querySelector("[role=tab]")?.click();
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest", behavior: "smooth" });
  });
}
