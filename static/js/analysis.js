// Shows one analysis: the stage beside the cards; a face's box and card are highlighted together.

import { annotatedButton } from "./annotate.js";
import { faceCard } from "./cards.js";
import { el } from "./dom.js";
import { FROM, filterBar } from "./filter.js";
import { fill, gettext } from "./i18n.js";
import { recipe } from "./recipe.js";
import { drawFaces } from "./stage.js";
import { tabbed } from "./tabs.js";
import { faceTiles } from "./tiles.js";
import { duration, faces, sure } from "./words.js";

const CROWD = 12; // among more, the tags of small faces would cover the next ones

/**
 * The stage `figure` beside the cards of `analysis`. `actions` are buttons and links for above the cards; `recipeOf`
 * has the photo's name and options for the API tab (no tab without it); `known` are the faces' labels if the visitor may
 * change them; `prefix` keeps element ids unique.
 */
export function analysisView(figure, analysis, { actions = [], recipeOf = null, known = null, prefix = "" } = {}) {
  drawFaces(figure, analysis);
  const described = el("div", { class: "described" });
  const photo = figure.querySelector(".stage-photo");
  const pictures = photo && analysis.faces.length ? [annotatedButton(photo, analysis)] : [];
  const view = el("div", { class: "result" }, figure,
    el("div", { class: "side" },
      el("div", { class: "side-head" },
        el("h2", { class: "side-count", tabindex: "-1" }, el("strong", {}, faces(analysis.faces.length)),
          el("span", { class: "muted" }, ` ${fill(gettext("in %(time)s"), { time: duration(analysis.timing_ms.total) })}`)),
        el("div", { class: "side-actions" }, ...pictures, ...actions)),
      ...(recipeOf ? tabbed(gettext("Result"), [[gettext("Faces"), described], ["API", recipe(analysis, recipeOf)]]) : [described])));
  const { id, image, model, faces: found } = analysis;
  const labelled = known && { id, known };
  const cardOf = (face) => faceCard(face, { photo, image, model, labelled, prefix });
  if (found.length < FROM) {
    described.append(el("div", { class: "cards" }, ...(found.length ? found.map(cardOf) : [nothingFound()])));
  } else {
    view.classList.add("has-many");
    view.classList.toggle("is-crowded", found.length > CROWD);
    const tiles = faceTiles(found, { photo, image, cardOf });
    const filter = filterBar(found, (shown) => {
      tiles.arrange(shown);
      for (const mark of view.querySelectorAll(".face-mark")) mark.hidden = !shown.includes(Number(mark.dataset.face));
    });
    described.append(filter, tiles);
  }
  described.append(fineprint(analysis));
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

/** Pointing at or focusing a box highlights its card or tile, and vice versa; clicking a box leads to the card. */
function linkHighlights(view) {
  const faceOf = (node) => node?.closest?.("[data-face]")?.dataset.face ?? null;
  let lit = null;
  const light = (index) => {
    if (index === lit) return;
    for (const face of [lit, index]) {
      if (face === null) continue;
      for (const node of view.querySelectorAll(`[data-face="${face}"]`)) node.classList.toggle("is-lit", face === index);
    }
    lit = index;
  };
  const focused = () => (view.contains(document.activeElement) ? faceOf(document.activeElement) : null);
  const bringIntoView = (index) => view.querySelector(".stage").showFace?.(view.querySelector(`.face-mark[data-face="${index}"]`));
  view.addEventListener("pointerover", (event) => light(faceOf(event.target) ?? focused()));
  view.addEventListener("pointerleave", () => light(focused()));
  view.addEventListener("focusin", (event) => {
    const face = faceOf(event.target);
    light(face);
    if (face !== null && event.target.matches(".card, .tile-line, :focus-visible")) bringIntoView(face);
  });
  view.addEventListener("focusout", (event) => light(faceOf(event.relatedTarget)));
  view.addEventListener("click", (event) => {
    const mark = event.target.closest?.(".face-mark");
    if (!mark) return;
    view.querySelector("[role=tab]")?.click();
    const tiles = view.querySelector(".tiles");
    if (tiles) {
      tiles.open(Number(mark.dataset.face));
      return;
    }
    const card = view.querySelector(`.card[data-face="${mark.dataset.face}"]`);
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest", behavior: "smooth" });
  });
}
