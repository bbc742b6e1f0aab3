// Asks for confirmation, then deletes analyses.

import { analysisDelete } from "./api.js";
import { forgetName } from "./names.js";

/**
 * Resolves to true when all are deleted, to false if the visitor cancels. `onGone` gets each id that is deleted now or
 * was deleted before. Rejects with ApiError.
 */
export async function confirmAndDelete(ids, onGone = () => {}) {
  const dialog = document.querySelector("#delete-dialog");
  dialog.returnValue = "cancel";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "delete") return false;
  for (const id of ids) {
    await analysisDelete(id).catch((error) => {
      if (error.code !== "not_found") throw error;
    });
    forgetName(id);
    onGone(id);
  }
  return true;
}
