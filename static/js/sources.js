// Takes photos: chosen, dropped (also folders), pasted, from the camera, from an address, or one of the samples.

import { ApiError } from "./api.js";
import { cameraButton } from "./camera.js";
import { fill, gettext } from "./i18n.js";

// For more there are jobs.
const MOST = 500;
const OTHER_FILES = /^(\.|Thumbs\.db$|desktop\.ini$)/;

/** `onFiles` gets files, `onAddress` an address, `onError` an ApiError. */
export function takePhotos({ onFiles, onAddress, onError }) {
  const [file, drop, camera, address] = ["file", "drop", "camera", "address"].map((id) => document.getElementById(id));
  const take = (files) => {
    const found = [...(files ?? [])];
    if (found.length > MOST) {
      onError(new ApiError(0, "too_many_photos", fill(gettext("These are %(count)s files; this page takes %(most)s at once."), { count: found.length, most: MOST })));
    } else if (found.length) onFiles(found);
  };
  file.addEventListener("change", () => {
    const chosen = [...file.files];
    file.value = "";
    take(chosen);
  });
  cameraButton(camera, { onPhoto: (photo) => take([photo]), onError });
  address?.addEventListener("submit", (event) => {
    event.preventDefault();
    onAddress(address.elements.address.value.trim());
    address.reset();
  });
  for (const button of document.querySelectorAll("[data-sample]")) button.addEventListener("click", () => takeSample(button, take, onError));
  document.addEventListener("paste", (event) => take(event.clipboardData?.files));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("is-over");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) drop.classList.remove("is-over");
  });
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    drop.classList.remove("is-over");
    take(await dropped(event.dataTransfer));
  });
  take(file.files); // chosen before this script was loaded
}

async function takeSample(button, take, onError) {
  const { sample } = button.dataset;
  try {
    const photo = await (await fetch(sample)).blob();
    take([new File([photo], sample.split("/").pop().replace(/\.[0-9a-f]{12}(?=\.)/, ""), { type: "image/jpeg" })]);
  } catch {
    onError(new ApiError(0, "unreachable", gettext("The server did not answer.")));
  }
}

/** The dropped files; of folders those that may be photos, also in folders within. */
async function dropped(data) {
  // All entries at once: after the first pause the browser has forgotten the others.
  const entries = [...(data?.items ?? [])].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return data?.files;
  const found = [];
  for (const entry of entries) if (entry) await collect(entry, found);
  return found;
}

async function collect(entry, found) {
  if (found.length > MOST) return;
  if (entry.isDirectory) {
    const reader = entry.createReader();
    // A reader gives its entries in portions, the last of which is empty.
    for (let batch; (batch = await new Promise((done, failed) => reader.readEntries(done, failed))).length; ) {
      for (const child of batch) await collect(child, found);
    }
    return;
  }
  const file = await new Promise((done, failed) => entry.file(done, failed));
  if (!OTHER_FILES.test(file.name) && (!file.type || file.type.startsWith("image/"))) found.push(file);
}
