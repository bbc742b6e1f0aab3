// The page of one stored analysis.

import { analysisView } from "./analysis.js";
import { analysisGet, pictureUrl } from "./api.js";
import { confirmAndDelete } from "./delete.js";
import { el } from "./dom.js";
import { clearError, showError } from "./errors.js";
import { createStage } from "./stage.js";
import { faces, when } from "./words.js";

const [errorPlace, status, result, made] = ["error", "status", "result", "made"].map((id) => document.getElementById(id));
const { id } = result.dataset;

async function show() {
  clearError(errorPlace);
  try {
    const analysis = await analysisGet(id);
    const figure = createStage("kept" in result.dataset ? pictureUrl(id) : null, "The analysed photo");
    result.replaceChildren(analysisView(figure, analysis, actions()));
    status.textContent = `${faces(analysis.faces.length)} found.`;
  } catch (error) {
    showError(errorPlace, error, show);
  }
}

function actions() {
  const remove = el("button", { type: "button", class: "button is-quiet" }, "Delete");
  remove.addEventListener("click", async () => {
    try {
      if (await confirmAndDelete(id)) location.assign("/");
    } catch (error) {
      showError(errorPlace, error);
    }
  });
  return [remove];
}

// The server writes it in UTC; the visitor reads it in their own time.
made.textContent = when(made.dateTime);
show();
