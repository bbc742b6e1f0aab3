// Takes one photo: chosen, dropped, pasted, or one of the samples.

import { ApiError } from "./api.js";
import { gettext } from "./i18n.js";

/** `drop` is the label of a file input; `onPhoto` gets the file. */
export function takeOnePhoto(drop, { onPhoto, onError }) {
  const input = drop.querySelector("input");
  const take = (files) => files?.[0] && onPhoto(files[0]);
  const takeChosen = () => {
    const chosen = [...input.files];
    input.value = "";
    take(chosen);
  };
  input.addEventListener("change", takeChosen);
  for (const button of document.querySelectorAll("[data-sample]")) {
    button.addEventListener("click", async () => {
      try {
        const blob = await (await fetch(button.dataset.sample)).blob();
        take([new File([blob], button.dataset.sample.split("/").pop().replace(/\.[0-9a-f]{12}(?=\.)/, ""), { type: "image/jpeg" })]);
      } catch {
        onError(new ApiError(0, "unreachable", gettext("The server did not answer.")));
      }
    });
  }
  document.addEventListener("paste", (event) => take(event.clipboardData?.files));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("is-over");
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && drop.classList.remove("is-over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("is-over");
    take(event.dataTransfer?.files);
  });
  takeChosen(); // before this script was loaded
}
