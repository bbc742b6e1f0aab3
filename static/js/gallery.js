// The gallery: what can be done with the analyses that are ticked.

import { analysisGet } from "./api.js";
import { confirmAndDelete } from "./delete.js";
import { showError } from "./errors.js";
import { exportAs } from "./exports.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { deletable } from "./recent.js";
import { localTimes } from "./words.js";

const [form, errorPlace, count, compare, remove] =
  ["picked", "error", "picked-count", "compare-picked", "delete-picked"].map((id) => document.getElementById(id));
const failed = (error) => showError(errorPlace, error);
const picked = () => [...form.querySelectorAll("input[name=id]:checked")].map((box) => box.value);
const hint = count?.textContent;

function refresh() {
  const number = picked().length;
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

/** Its row goes at once: should a later one fail, only what is still there stays ticked. */
function gone(id) {
  form.querySelector(`[data-id="${id}"]`).remove();
  refresh();
}

// Days of the search are the visitor's own, as the times below it are.
document.querySelector("[name=zone]").value = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (form) {
  localTimes(form);
  form.addEventListener("change", refresh);
  for (const button of form.querySelectorAll("[data-export]")) {
    button.addEventListener("click", () => exportAs(button.dataset.export, collect).catch(failed));
  }
  remove.addEventListener("click", async () => {
    try {
      if (await confirmAndDelete(picked(), gone)) location.reload();
    } catch (error) {
      failed(error);
    }
  });
  deletable(form, { onDelete: () => location.reload(), onError: failed });
  // Also when the browser comes back here: it restores the ticks by itself.
  window.addEventListener("pageshow", refresh);
}
