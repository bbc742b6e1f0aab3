// Talks to the JSON API with the visitor's session.

import { fill, gettext } from "./i18n.js";

const ROOT = "/api/v1";

/** An error of the API or of the network. */
export class ApiError extends Error {
  constructor(status, code, message, requestId = "", details = {}, retryAfter = 0) {
    super(message);
    this.status = status;
    this.code = code;
    this.requestId = requestId;
    this.details = details;
    this.retryAfter = retryAfter; // seconds after which to try again; 0 if the server does not say
  }
}

const linked = (link) => (link ? `?${new URLSearchParams({ link })}` : "");
/** With `link`, of another user who shows it. */
export const pictureUrl = (id, link = "") => `${ROOT}/analyses/${id}/picture${linked(link)}`;
/** The small picture of a face that was kept. */
export const chipUrl = (id, face, link = "") => `${ROOT}/analyses/${id}/faces/${face}/chip${linked(link)}`;
export const analysisGet = (id, link = "") => request("GET", `/analyses/${id}${linked(link)}`);
/** The labels of an analysis's faces: a face's index → output → right value. */
export const labelsGet = async (id) =>
  Object.fromEntries((await request("GET", `/analyses/${id}/labels`)).results.map(({ face, labels }) => [face, labels]));
/** Replaces the labels of one face. */
export const labelsSet = (id, face, labels) => request("PUT", `/analyses/${id}/faces/${face}/labels`, labels);
export const analysisDelete = (id) => request("DELETE", `/analyses/${id}`);
/** `change` is one of cancel, pause, resume and retry. */
export const jobChange = (id, change) => request("POST", `/jobs/${id}/${change}`);
export const jobDelete = (id, withAnalyses) => request("DELETE", `/jobs/${id}${withAnalyses ? "?analyses=true" : ""}`);

/** The address of a video, or of a `part` of it. */
export const videoUrl = (id, part = "") => `${ROOT}/videos/${id}${part && `/${part}`}`;
export const videoGet = (id) => request("GET", `/videos/${id}`);

/** Compares the faces of two photos at a false match rate. */
export function comparisonCreate({ first, second }, fmr) {
  const form = new FormData();
  for (const [name, value] of Object.entries({ first, second, fmr })) form.append(name, value);
  return request("POST", "/comparisons", form);
}

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

/**
 * Analyzes a photo: a `file` or the one at an `address`. `store` is nothing, answers or pictures; `attributes` are
 * outputs with commas between, or empty for the default ones. `onProgress` gets the
 * share sent, 0 to 1; aborting `signal` rejects with code `cancelled`.
 */
export function analysisCreate({ file, address }, { store, chips, attributes, subject, vectors, ...how }) {
  const kept = {
    "store.result": store === "nothing" && "false", "store.image": store === "pictures" && "true",
    // Said either way where answers are kept, so that the page keeps what it says, whatever the server's default.
    "store.chips": store === "answers" && String(Boolean(chips)),
    "store.subject": subject, "store.vectors": vectors && "true",
  };
  return upload("/analyses", { image: file, url: address, attributes, ...kept }, how);
}

/** A JPEG of a photo that every browser can show, as a blob. */
export const previewCreate = ({ file, address }) => pictureCreate("/previews", { image: file, url: address });

/** The photo with its faces hidden, as a blob. */
export const redactionCreate = (image, options) => pictureCreate("/redactions", { image, ...options });

/** The photo with another background behind its people, as a blob. */
export const portraitCreate = (image, options) => pictureCreate("/portraits", { image, ...options });

/** The faces of a photo, without attributes. */
export const detectionCreate = (image, min_face_px) => request("POST", "/detections", formOf({ image, min_face_px }));

/** The faces of a frame, which is not kept. Aborting `signal` rejects with code `late`. */
export async function frameCreate(image, { min_face_px, max_faces }, signal) {
  try {
    return await request("POST", "/analyses", formOf({ image, min_face_px, max_faces, "store.result": "false" }), signal);
  } catch (error) {
    throw signal.aborted ? new ApiError(0, "late", error.message) : error;
  }
}

/** A form with the fields that have a value. */
function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
  return form;
}

async function pictureCreate(path, fields) {
  const { response, body: blob } = await answer(path, { method: "POST", headers: changing(), body: formOf(fields) }, (answered) => answered.blob());
  if (!response.ok) throw refusal(response.status, parsed(await blob.text()));
  return blob;
}

/** Uploads an archive of photos, with the same options. */
export const jobCreate = (archive, { keep, chips, subject, search, ...how }) =>
  upload("/jobs", { archive, "store.image": keep && "true", "store.chips": String(chips && !keep), "store.subject": subject, search }, how);

/** Uploads a video, with the same options. */
export const videoCreate = (video, { keep, subject, ...how }) =>
  upload("/videos", { video, "store.image": keep && "true", "store.subject": subject }, how);

function upload(path, fields, { onProgress, signal }) {
  const form = formOf(fields);
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

async function answer(path, options, read) {
  try {
    const response = await fetch(ROOT + path, options);
    return { response, body: await read(response) };
  } catch {
    throw unreachable();
  }
}

/** `sent` is a form, or an object that is sent as JSON. */
export async function request(method, path, sent = undefined, signal = undefined) {
  const json = sent && !(sent instanceof FormData);
  const headers = { Accept: "application/json", ...(json && { "Content-Type": "application/json" }), ...(method === "GET" ? {} : changing()) };
  const options = { method, headers, signal, body: json ? JSON.stringify(sent) : sent };
  const { response, body: text } = await answer(path, options, (answered) => answered.text());
  const body = parsed(text);
  if (!response.ok) throw refusal(response.status, body, Number(response.headers.get("Retry-After")) || 0);
  return body;
}

function refusal(status, body, retryAfter = 0) {
  const { code, message, details } = body?.error ?? {};
  const words = message ?? fill(gettext("The server answered %(status)s."), { status });
  return new ApiError(status, code ?? "unexpected", words, body?.request_id, details, retryAfter);
}

const unreachable = () => new ApiError(0, "unreachable", gettext("The server did not answer."));

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const changing = () => ({ "X-CSRFToken": csrfToken() });

/** The cookie's, because a log-in in another tab changes it; the page's own if there is no such cookie. */
const csrfToken = () =>
  /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? document.querySelector("input[name=csrfmiddlewaretoken]").value;
