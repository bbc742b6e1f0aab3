// Lists of analyses that the server renders: loads the latest, and deletes rows on request.

import { part } from "./api.js";
import { confirmAndDelete } from "./delete.js";
import { renew } from "./dom.js";
import { showError } from "./errors.js";
import { showNames } from "./names.js";
import { localTimes } from "./words.js";

let lastRequest = 0; // responses to earlier requests are ignored

/** Fills `root` with the visitor's last analyses. */
export async function showRecent(root) {
  const request = ++lastRequest;
  try {
    const fresh = await part(root.dataset.src);
    if (request !== lastRequest) return;
    localTimes(fresh);
    showNames(fresh);
    renew(root, fresh);
  } catch (error) {
    if (request === lastRequest) showError(root, error, () => showRecent(root));
  }
}

/** Makes the delete buttons in `root` work; `onDelete` gets the id, `onError` the error. */
export function enableDelete(root, { onDelete, onError }) {
  root.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-delete]");
    if (!button) return;
    const { id } = button.closest("[data-id]").dataset;
    try {
      if (await confirmAndDelete([id])) await onDelete(id);
    } catch (error) {
      onError(error);
    }
  });
}
