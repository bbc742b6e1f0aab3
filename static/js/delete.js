// Asks before analyses are deleted, then deletes them.

import { analysisDelete } from "./api.js";

/**
 * Resolves to true once all are deleted, to false where the visitor thought better of it. `onGone` is told each id as
 * it goes, also where it was gone already. Rejects with ApiError.
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
    onGone(id);
  }
  return true;
}
