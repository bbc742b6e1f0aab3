// Talks to the JSON API with the visitor's session.

import { fill, gettext } from "./i18n.js";

const ROOT = "/api/v1";

/** An error of the API or of the network. */
export class ApiError extends Error {
  constructor(status, code, message, requestId = "") {
    super(message);
    this.status = status;
    this.code = code;
    this.requestId = requestId;
  }
}

export const pictureUrl = (id) => `${ROOT}/analyses/${id}/picture`;
export const analysisGet = (id) => request("GET", `/analyses/${id}`);
export const analysisDelete = (id) => request("DELETE", `/analyses/${id}`);
/** `change` is one of cancel, pause, resume and retry. */
export const jobChange = (id, change) => request("POST", `/jobs/${id}/${change}`);
export const jobDelete = (id, withAnalyses) => request("DELETE", `/jobs/${id}${withAnalyses ? "?analyses=true" : ""}`);

/** A part of a page that the server rendered, in an element of its own. */
export async function part(address) {
  const html = await (await fromPage(address)).text();
  return new DOMParser().parseFromString(html, "text/html").body;
}

/** The table of analyses as a blob; `photos` are pairs of an analysis's id and its photo's name. */
export async function analysesCsv(photos) {
  const headers = { "Content-Type": "application/json", "X-CSRFToken": csrfToken() };
  return fromPage("/analyses.csv", { method: "POST", headers, body: JSON.stringify(photos) });
}

/** Fetches a route of the pages; its response is a blob. */
async function fromPage(address, options = {}) {
  let response;
  let body;
  try {
    response = await fetch(address, { ...options, redirect: "manual" });
    body = await response.blob();
  } catch {
    throw unreachable();
  }
  // Without a session the server redirects to the login.
  if (response.type === "opaqueredirect") throw new ApiError(401, "unauthenticated", gettext("The session has ended."));
  if (!response.ok) throw refusal(response.status, null);
  return body;
}

/** Uploads a photo. `onProgress` gets the share sent, 0 to 1; aborting `signal` rejects with code `cancelled`. */
export const analysisCreate = (photo, { keep, ...how }) => upload("/analyses", { image: photo, "store.image": keep && "true" }, how);

/** Uploads an archive of photos, with the same options. */
export const jobCreate = (archive, { keep, subject, ...how }) =>
  upload("/jobs", { archive, "store.image": keep && "true", "store.subject": subject }, how);

function upload(path, fields, { onProgress, signal }) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
  // fetch() cannot report upload progress.
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("POST", ROOT + path);
    xhr.setRequestHeader("X-CSRFToken", csrfToken());
    xhr.setRequestHeader("Accept", "application/json");
    xhr.upload.addEventListener("progress", (event) => event.lengthComputable && onProgress(event.loaded / event.total));
    xhr.upload.addEventListener("load", () => onProgress(1));
    xhr.addEventListener("load", () => {
      const body = parsed(xhr.responseText);
      if (xhr.status >= 200 && xhr.status < 300 && body) resolve(body);
      else reject(refusal(xhr.status, body));
    });
    xhr.addEventListener("error", () => reject(unreachable()));
    xhr.addEventListener("abort", () => reject(new ApiError(0, "cancelled", gettext("The upload was cancelled."))));
    signal.addEventListener("abort", () => xhr.abort());
    xhr.send(form);
  });
}

async function request(method, path) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  let response;
  let text;
  try {
    response = await fetch(ROOT + path, { method, headers });
    text = await response.text();
  } catch {
    throw unreachable();
  }
  const body = parsed(text);
  if (!response.ok) throw refusal(response.status, body);
  return body;
}

function refusal(status, body) {
  const { code, message } = body?.error ?? {};
  return new ApiError(status, code ?? "unexpected", message ?? fill(gettext("The server answered %(status)s."), { status }), body?.request_id);
}

const unreachable = () => new ApiError(0, "unreachable", gettext("The server did not answer."));

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const csrfToken = () => document.querySelector("input[name=csrfmiddlewaretoken]").value;
