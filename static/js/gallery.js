// The gallery: exports, compares and deletes the selected analyses.

import { analysisGet } from "./api.js";
import { confirmAndDelete } from "./delete.js";
import { showError } from "./errors.js";
import { exportAs } from "./exports.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { showNames } from "./names.js";
import { enableDelete } from "./recent.js";
import { localTimes } from "./words.js";

const [form, errorPlace, count, compare, remove, all] =
  ["picked", "error", "picked-count", "compare-picked", "delete-picked", "pick-all"].map((id) => document.getElementById(id));
const failed = (error) => showError(errorPlace, error);
const picked = () => [...form.querySelectorAll("input[name=id]:checked")].map((box) => box.value);
const hint = count?.textContent;

function refresh() {
  const number = picked().length;
  const boxes = form.querySelectorAll("input[name=id]").length;
  Object.assign(all, { checked: number > 0 && number === boxes, indeterminate: number > 0 && number < boxes });
  count.textContent = number ? fill(ngettext("%(number)s chosen", "%(number)s chosen", number), { number }) : hint;
  compare.disabled = number !== 2;
  for (const button of form.querySelectorAll("[data-export]")) button.disabled = number === 0;
  remove.disabled = number === 0;
}

async function collect() {
  const pairs = [];
  for (const id of picked()) pairs.push(["", await analysisGet(id)]);
  return pairs;
}

/** Removes a deleted row at once, so that after an error only existing analyses are still selected. */
function removeRow(id) {
  form.querySelector(`[data-id="${id}"]`).remove();
  refresh();
}

// Empty fields would only make the address longer.
document.getElementById("search").addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});
// Another order at once; filters wait for the button.
document.querySelector("[name=order]").addEventListener("change", ({ target }) => target.form.requestSubmit());
// The search takes days in the visitor's time zone, as the list shows them.
document.querySelector("[name=zone]").value = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (form) {
  localTimes(form);
  showNames(form);
  all.addEventListener("change", () => form.querySelectorAll("input[name=id]").forEach((box) => (box.checked = all.checked)));
  form.addEventListener("change", refresh);
  for (const button of form.querySelectorAll("[data-export]")) {
    button.addEventListener("click", () => exportAs(button.dataset.export, collect).catch(failed));
  }
  remove.addEventListener("click", async () => {
    try {
      if (await confirmAndDelete(picked(), removeRow)) location.reload();
    } catch (error) {
      failed(error);
    }
  });
  enableDelete(form, { onDelete: () => location.reload(), onError: failed });
  // Also when the visitor comes back to this page, because the browser restores the ticks.
  window.addEventListener("pageshow", refresh);
}
