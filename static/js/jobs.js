// The pages about jobs: makes one of an archive, keeps the list up to date by itself, and leads jobs from state to state.

import { ApiError, jobChange, jobCreate, jobDelete, part } from "./api.js";
import { renew } from "./dom.js";
import { clearError, showError } from "./errors.js";
import { fill, gettext } from "./i18n.js";
import { localTimes } from "./words.js";

const LOOK_MS = 2000;
const AT_ONCE = 20; // jobs that the server tells of in one answer; JOBS_A_PAGE in cv/job_pages.py
const OPEN = new Set(["pending", "running", "paused", "deleting"]);
const [list, form, errorPlace, status, none] = ["jobs", "make", "error", "status", "none"].map((id) => document.getElementById(id));
const failed = (error) => showError(errorPlace, error);
const say = (words) => (status.textContent = words);
const rows = () => [...list.querySelectorAll("[data-job]")];
const idOf = (row) => row.dataset.job;
const latest = new Map(); // the last question about each job: an answer to an earlier one is old

/** The jobs as the server tells them now, each a list item. */
async function told(ids) {
  const found = [];
  for (let start = 0; start < ids.length; start += AT_ONCE) {
    const wanted = ids.slice(start, start + AT_ONCE).map((id) => ["id", id]);
    const answer = await part(`${list.dataset.rows}?${new URLSearchParams(wanted)}`);
    localTimes(answer);
    found.push(...answer.querySelectorAll("[data-job]"));
  }
  return found;
}

/** Puts a row's news in place. */
function tell(row, fresh) {
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
  const fresh = new Map((await told(ids)).map((row) => [idOf(row), row]));
  for (const row of rows()) {
    if (latest.get(idOf(row)) !== question) continue;
    if (fresh.has(idOf(row))) tell(row, fresh.get(idOf(row)));
    else row.remove(); // deleted elsewhere
  }
}

/** Looks again and again at the jobs that are not over, but not while nobody looks at the page. */
async function watch() {
  if (!document.hidden) {
    const open = rows().filter((row) => OPEN.has(row.dataset.state)).map(idOf);
    try {
      await refresh(open);
    } catch (error) {
      // A server that restarts is back soon; a session that ended is not.
      if (error.code === "unauthenticated") return failed(error);
    }
  }
  return setTimeout(watch, LOOK_MS);
}

async function asked(dialog) {
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue === "yes";
}

async function change(row, what) {
  const id = idOf(row);
  if (what === "cancel" && !(await asked(document.getElementById("cancel-dialog")))) return;
  if (what !== "delete") {
    await jobChange(id, what);
    await refresh([id]);
    return;
  }
  const both = document.getElementById("delete-analyses");
  both.checked = false;
  if (!(await asked(document.getElementById("delete-dialog")))) return;
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

async function send() {
  const [archive, sent, stop, start] = [form.archive.files[0], ...["#sent", "#stop-upload", ".button"].map((name) => form.querySelector(name))];
  const limit = Number(form.dataset.maxBytes);
  if (archive.size > limit) throw new ApiError(0, "archive_too_large", archive.name);
  const aborting = new AbortController();
  const abort = () => aborting.abort();
  const busy = (now) => {
    start.disabled = now;
    sent.hidden = stop.hidden = !now;
  };
  stop.addEventListener("click", abort);
  busy(true);
  try {
    const made = await jobCreate(archive, {
      keep: form.keep.checked,
      subject: form.subject.value.trim(),
      signal: aborting.signal,
      // Once all is sent the server reads the archive: a bar that runs.
      onProgress: (share) => (share < 1 ? (sent.value = share) : sent.removeAttribute("value")),
    });
    list.prepend(...(await told([made.id])));
    none?.remove();
    form.reset();
    say(gettext("The job has started."));
  } finally {
    busy(false);
    stop.removeEventListener("click", abort);
  }
}

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
