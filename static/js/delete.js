// Asks before analyses are deleted, then deletes them.

import { analysisDelete } from "./api.js";

/** Resolves to true once all are deleted, to false where the visitor thought better of it. Rejects with ApiError. */
export async function confirmAndDelete(...ids) {
  const dialog = document.querySelector("#delete-dialog");
  dialog.returnValue = "cancel";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "delete") return false;
  for (const id of ids) await analysisDelete(id);
  return true;
}
