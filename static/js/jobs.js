// The pages about jobs: starts a job from an archive, keeps the list up to date, and changes the state of jobs.

import { ApiError, jobChange, jobCreate, jobDelete, part, videoCreate } from "./api.js";
import { agreed, renew } from "./dom.js";
import { clearError, showError } from "./errors.js";
import { fill, gettext } from "./i18n.js";
import { localTimes } from "./words.js";

const LOOK_MS = 2000;
const AT_ONCE = 20; // jobs that the server tells of in one answer; JOBS_A_PAGE in web/pages/jobs.py
const VIDEO = /\.(mp4|m4v|mov|webm|gif)$/i;
const OPEN = new Set(["listing", "pending", "running", "paused", "deleting"]);
const [list, form, errorPlace, status, none] = ["jobs", "make", "error", "status", "none"].map((id) => document.getElementById(id));
const failed = (error) => showError(errorPlace, error);
const say = (words) => (status.textContent = words);
const rows = () => [...list.querySelectorAll("[data-job]")];
const idOf = (row) => row.dataset.job;
const latest = new Map(); // the last request about each job; responses to earlier requests are ignored

/** Fetches the current list items of these jobs. */
async function fetchRows(ids) {
  const found = [];
  for (let start = 0; start < ids.length; start += AT_ONCE) {
    const wanted = ids.slice(start, start + AT_ONCE).map((id) => ["id", id]);
    const answer = await part(`${list.dataset.rows}?${new URLSearchParams(wanted)}`);
    localTimes(answer);
    found.push(...answer.querySelectorAll("[data-job]"));
  }
  return found;
}

/** Updates a row from its fresh version. */
function updateRow(row, fresh) {
  for (const piece of ["[data-live]", "[data-actions]"]) renew(row.querySelector(piece), fresh.querySelector(piece));
  if (row.dataset.state !== fresh.dataset.state) {
    row.dataset.state = fresh.dataset.state;
    say(fill(gettext("Job of %(when)s: %(state)s"), {
      when: row.querySelector("time").textContent, state: row.querySelector(".job-state").textContent,
    }));
  }
}

async function refresh(ids) {
  const question = Symbol("question");
  for (const id of ids) latest.set(id, question);
  const fresh = new Map((await fetchRows(ids)).map((row) => [idOf(row), row]));
  for (const row of rows()) {
    if (latest.get(idOf(row)) !== question) continue;
    if (fresh.has(idOf(row))) updateRow(row, fresh.get(idOf(row)));
    else row.remove(); // deleted elsewhere
  }
}

/** Refreshes unfinished jobs at intervals while the page is visible. */
async function watch() {
  if (!document.hidden) {
    const open = rows().filter((row) => OPEN.has(row.dataset.state)).map(idOf);
    try {
      await refresh(open);
    } catch (error) {
      // Other errors may pass, for example while the server restarts; an ended session does not.
      if (error.code === "unauthenticated") return failed(error);
    }
  }
  return setTimeout(watch, LOOK_MS);
}

async function change(row, what) {
  const id = idOf(row);
  if (what === "cancel" && !(await agreed(document.getElementById("cancel-dialog")))) return;
  if (what !== "delete") {
    await jobChange(id, what);
    await refresh([id]);
    return;
  }
  const both = document.getElementById("delete-analyses");
  both.checked = false;
  if (!(await agreed(document.getElementById("delete-dialog")))) return;
  // A large one goes in the background, and is told of until it is gone.
  if (await jobDelete(id, both.checked)) {
    await refresh([id]);
    return;
  }
  say(gettext("Deleted."));
  if ("alone" in list.dataset) location.assign("/jobs/");
  else row.remove();
}

list.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-change]");
  if (!button) return;
  clearError(errorPlace);
  const row = button.closest("[data-job]");
  try {
    await change(row, button.dataset.change);
  } catch (error) {
    failed(error);
    if (error.code === "job_conflict") await refresh([idOf(row)]).catch(failed);
  }
});

const isVideo = ({ name, type }) => VIDEO.test(name) || type.startsWith("video/");

/** A video is not searched for people, and its faces are kept as stills. */
function showFields() {
  const film = form.archive.files[0] && isVideo(form.archive.files[0]);
  for (const id of ["search-field", "chips-field"]) document.getElementById(id)?.toggleAttribute("hidden", Boolean(film));
}

async function send() {
  const [archive, sent, stop, start] = [form.archive.files[0], ...["#sent", "#stop-upload", ".button"].map((name) => form.querySelector(name))];
  const film = isVideo(archive);
  const limit = Number(film ? form.dataset.maxVideoBytes : form.dataset.maxBytes);
  if (archive.size > limit) throw new ApiError(0, film ? "video_too_large" : "archive_too_large", archive.name);
  const aborting = new AbortController();
  const abort = () => aborting.abort();
  const busy = (now) => {
    start.disabled = now;
    sent.hidden = stop.hidden = !now;
  };
  stop.addEventListener("click", abort);
  busy(true);
  try {
    const made = await (film ? videoCreate : jobCreate)(archive, {
      keep: form.keep.checked,
      chips: Boolean(form.chips?.checked),
      subject: form.subject.value.trim(),
      search: form.search?.value, // there only if there are collections
      signal: aborting.signal,
      // After the upload the server keeps the archive: show an indeterminate bar.
      onProgress: (share) => (share < 1 ? (sent.value = share) : sent.removeAttribute("value")),
    });
    list.prepend(...(await fetchRows([made.id])));
    none?.remove();
    form.reset();
    showFields();
    say(gettext("The job has started."));
  } finally {
    busy(false);
    stop.removeEventListener("click", abort);
  }
}

form?.archive.addEventListener("change", showFields);
form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearError(errorPlace);
  try {
    await send();
  } catch (error) {
    if (error.code === "unsupported_media_type") error.code = "not_an_archive";
    if (error.code === "cancelled") say(gettext("Cancelled."));
    else failed(error);
  }
});

localTimes(document);
watch();
