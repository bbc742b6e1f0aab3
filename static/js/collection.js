// The page of one collection: people are enrolled, found in photos, and erased.

import { pictureUrl } from "./api.js";
import { collectionDelete, collectionRename } from "./collections.js";
import { agreed, takesFiles } from "./dom.js";
import { enrolLine } from "./enrol.js";
import { clearError, showError } from "./errors.js";
import { fill, gettext } from "./i18n.js";
import { recogniser } from "./recognise.js";
import { roster } from "./roster.js";
import { unknownPeople } from "./unknown.js";

const [page, error, status, lines, tools, name] = ["collection", "error", "status", "enrolling", "enrol-tools", "name"].map((id) => document.getElementById(id));
const { id, rows } = page.dataset;
const say = (words) => (status.textContent = words);
const failed = (problem) => showError(error, problem);
const consent = () => document.getElementById("consent").value.trim();

const people = roster(document.getElementById("people"), {
  id, rows, onError: failed,
  onChange(words) {
    say(words);
    photos.again();
  },
});
const photos = recogniser(document.getElementById("searched"), { id, consent, onEnrolled: enrolled });

unknownPeople(document.getElementById("unknown"), {
  id, consent,
  async onEnrolled(subject) {
    await enrolled(subject);
    photos.again();
  },
});

async function enrolled(subject) {
  tools.hidden = !lines.children.length;
  if (subject === null) return;
  say(fill(gettext("%(name)s is enrolled."), { name: subject }));
  await people.refresh().catch(failed);
}

takesFiles(document.getElementById("enrol-drop"), async (files) => {
  clearError(error);
  for (const file of files) {
    const line = await enrolLine(file, {
      id, consent,
      async onEnrolled(subject) {
        await enrolled(subject);
        if (subject !== null && !lines.children.length) photos.again();
      },
    });
    lines.append(line);
    tools.hidden = false;
  }
});

document.getElementById("enrol-all").addEventListener("click", async (event) => {
  event.target.disabled = true;
  // One after the other: a person's second photo is compared with the first.
  for (const line of [...lines.children]) await line.enrol();
  event.target.disabled = false;
});

takesFiles(document.getElementById("search-drop"), ([file]) => photos.search(file));

document.getElementById("rename").addEventListener("click", async () => {
  const field = document.getElementById("new-name");
  field.value = name.textContent;
  if (!(await agreed(document.getElementById("rename-dialog"))) || !field.value.trim()) return;
  try {
    name.textContent = (await collectionRename(id, field.value.trim())).name;
  } catch (problem) {
    failed(problem);
  }
});

document.getElementById("delete").addEventListener("click", async () => {
  if (!(await agreed(document.getElementById("delete-dialog")))) return;
  try {
    await collectionDelete(id);
    location.assign("/people/");
  } catch (problem) {
    failed(problem);
  }
});

/** The kept picture of an earlier analysis, if the page is asked for its faces. */
async function searchAnalysis(analysis) {
  const answered = await fetch(pictureUrl(analysis));
  if (answered.ok) await photos.search(new File([await answered.blob()], "photo"));
}
if (page.dataset.analysis) searchAnalysis(page.dataset.analysis);
