// The page of one stored analysis.

import { analysisView } from "./analysis.js";
import { analysisGet, chipUrl, labelsGet, pictureUrl } from "./api.js";
import { keptChip } from "./chip.js";
import { confirmAndDelete } from "./delete.js";
import { el } from "./dom.js";
import { clearError, showError } from "./errors.js";
import { exportButtons } from "./exports.js";
import { fill, gettext } from "./i18n.js";
import { createStage } from "./stage.js";
import { faces, localTimes } from "./words.js";

const [errorPlace, status, result] = ["error", "status", "result"].map((id) => document.getElementById(id));
const { id, link, days } = result.dataset;
const own = "own" in result.dataset;
const token = own ? "" : link;
const kept = "kept" in result.dataset;

async function show() {
  clearError(errorPlace);
  try {
    const [analysis, known] = await Promise.all([analysisGet(id, token), own ? labelsGet(id) : null]);
    for (const face of analysis.faces.slice(0, Number(result.dataset.chips ?? 0))) keptChip(face, chipUrl(id, face.index, token));
    const figure = createStage(kept ? pictureUrl(id, token) : null, gettext("The analyzed photo"));
    result.replaceChildren(analysisView(figure, analysis, { actions: actions(analysis), recipeOf: { store: kept ? "pictures" : "answers" }, known }));
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
  const [json, csv] = exportButtons(() => [["", analysis]], failed);
  return own ? [...whoLink(analysis), json, csv, shareButton(), remove] : [json];
}

/** Where people are compared, the faces of a kept picture can be looked for in a collection. */
function whoLink({ faces: found }) {
  if (!kept || !found.length || !("identity" in result.dataset)) return [];
  return [el("a", { class: "button is-quiet", href: `/people/?analysis=${id}` }, gettext("Who is it?"))];
}

/** Copies a link for others who are logged in. */
function shareButton() {
  const button = el("button", { type: "button", class: "button is-quiet" }, gettext("Copy a link"));
  button.addEventListener("click", async () => {
    const address = `${location.origin}${location.pathname}?${new URLSearchParams({ link })}`;
    const words = fill(gettext("Everyone who can log in here can open it for %(days)s days, also to see the picture if it was kept."), { days });
    try {
      await navigator.clipboard.writeText(address);
      status.textContent = gettext("Copied");
      button.replaceWith(el("span", { class: "share small" }, `${gettext("Copied")}. `, words));
    } catch {
      // Without HTTPS there is no clipboard.
      button.replaceWith(el("label", { class: "share small" }, words, el("input", { readonly: true, value: address })));
      document.querySelector(".share input").select();
    }
  });
  return button;
}

localTimes(document);
show();
