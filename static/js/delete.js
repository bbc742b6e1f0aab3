// Asks before an analysis is deleted, then deletes it.

import { analysisDelete } from "./api.js";

/** Resolves to true once deleted, to false where the visitor thought better of it. Rejects with ApiError. */
export async function confirmAndDelete(id) {
  const dialog = document.querySelector("#delete-dialog");
  dialog.returnValue = "cancel";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "delete") return false;
  await analysisDelete(id);
  return true;
}
