// Two stored analyses side by side.

import { analysisView } from "./analysis.js";
import { analysisGet, pictureUrl } from "./api.js";
import { showError } from "./errors.js";
import { gettext } from "./i18n.js";
import { createStage } from "./stage.js";
import { localTimes } from "./words.js";

async function show(half, side) {
  const { id, kept } = half.dataset;
  const place = half.querySelector(".pair-result");
  try {
    const figure = createStage(kept === undefined ? null : pictureUrl(id), gettext("The analyzed photo"));
    place.replaceChildren(analysisView(figure, await analysisGet(id), { prefix: `half-${side}-` }));
  } catch (error) {
    showError(place, error, () => show(half, side));
  }
}

localTimes(document);
document.querySelectorAll(".pair-half").forEach(show);
