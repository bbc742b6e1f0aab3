// Lists of analyses that the server renders: puts the latest in, and deletes rows on request.

import { part } from "./api.js";
import { confirmAndDelete } from "./delete.js";
import { showError } from "./errors.js";

/** Fills `root` with the visitor's last analyses. */
export async function showRecent(root) {
  try {
    root.replaceChildren(...(await part(root.dataset.src)));
  } catch (error) {
    showError(root, error, () => showRecent(root));
  }
}

/** Every delete button in `root` asks and deletes; `onDelete` is told the id, `onError` what went wrong. */
export function deletable(root, { onDelete, onError }) {
  root.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-delete]");
    if (!button) return;
    const { id } = button.closest("[data-id]").dataset;
    try {
      if (await confirmAndDelete(id)) await onDelete(id);
    } catch (error) {
      onError(error);
    }
  });
}
