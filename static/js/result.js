// The page of one stored analysis.

import { analysisView } from "./analysis.js";
import { analysisGet, pictureUrl } from "./api.js";
import { confirmAndDelete } from "./delete.js";
import { el } from "./dom.js";
import { clearError, showError } from "./errors.js";
import { exportButtons } from "./exports.js";
import { fill, gettext } from "./i18n.js";
import { createStage } from "./stage.js";
import { faces, localTimes } from "./words.js";

const [errorPlace, status, result] = ["error", "status", "result"].map((id) => document.getElementById(id));
const { id } = result.dataset;
const kept = "kept" in result.dataset;

async function show() {
  clearError(errorPlace);
  try {
    const analysis = await analysisGet(id);
    const figure = createStage(kept ? pictureUrl(id) : null, gettext("The analyzed photo"));
    result.replaceChildren(analysisView(figure, analysis, { actions: actions(analysis), recipeOf: { store: kept ? "pictures" : "answers" } }));
    status.textContent = fill(gettext("%(faces)s found."), { faces: faces(analysis.faces.length) });
  } catch (error) {
    showError(errorPlace, error, show);
  }
}

function actions(analysis) {
  const failed = (error) => showError(errorPlace, error);
  const remove = el("button", { type: "button", class: "button is-quiet" }, gettext("Delete"));
  remove.addEventListener("click", async () => {
    try {
      if (await confirmAndDelete([id])) location.assign("/gallery/");
    } catch (error) {
      failed(error);
    }
  });
  return [...exportButtons(() => [["", analysis]], failed), remove];
}

localTimes(document);
show();
