// Two of this visit's photos side by side; the visitor can choose others.

import { analysisView } from "./analysis.js";
import { el } from "./dom.js";
import { gettext } from "./i18n.js";
import { createStage } from "./stage.js";

/** Compares two of `photos`, which are at least two analyzed ones; `first` is on the left. */
export function pairView(photos, first) {
  const second = photos.find((photo) => photo !== first);
  const halves = [[first, gettext("Left photo")], [second, gettext("Right photo")]].map(([photo, title], side) => half(photos, photo, title, side));
  return el("div", { class: "pair" }, ...halves);
}

function half(photos, chosen, title, side) {
  const select = el("select", {}, ...photos.map((photo, index) =>
    el("option", { value: index, selected: photo === chosen }, photo.name)));
  const place = el("div", {});
  const show = () => {
    const { url, name, analysis } = photos[Number(select.value)];
    place.replaceChildren(analysisView(createStage(url, name), analysis, { prefix: `half-${side}-` }));
  };
  select.addEventListener("change", show);
  show();
  return el("section", { class: "pair-half", "aria-label": title },
    el("label", { class: "filter-field" }, title, select), place);
}
