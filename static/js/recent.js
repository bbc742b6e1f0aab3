// Lists of analyses that the server renders: puts the latest in, and deletes rows on request.

import { part } from "./api.js";
import { confirmAndDelete } from "./delete.js";
import { renew } from "./dom.js";
import { showError } from "./errors.js";
import { localTimes } from "./words.js";

let asked = 0; // how often, so that an answer to an earlier question is known for one

/** Fills `root` with the visitor's last analyses. */
export async function showRecent(root) {
  const question = ++asked;
  try {
    const fresh = await part(root.dataset.src);
    if (question !== asked) return;
    localTimes(fresh);
    renew(root, fresh);
  } catch (error) {
    if (question === asked) showError(root, error, () => showRecent(root));
  }
}

/** Every delete button in `root` asks and deletes; `onDelete` is told the id, `onError` what went wrong. */
export function deletable(root, { onDelete, onError }) {
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
