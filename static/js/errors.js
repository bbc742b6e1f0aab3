// Explains errors in plain words, and what to do.

import { el } from "./dom.js";
import { fill, gettext } from "./i18n.js";

const AWAY = [gettext("The service is not available right now"), gettext("A part of the server does not answer. Nothing was changed. Try again in a minute.")];
const ADVICE = {
  image_too_large: [gettext("This picture is too large"), gettext("Save a smaller version or take a screenshot of it, and try again.")],
  unsupported_media_type: [gettext("This file is not a supported picture"), gettext("Choose a JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP or TIFF file.")],
  image_too_expensive: [gettext("This picture takes too long"), gettext("Save it again as a plain JPEG, and try again.")],
  no_face: [gettext("No face was found"), gettext("Choose a photo in which a face is larger and seen from the front.")],
  no_person: [gettext("Nobody was found"), gettext("Choose a photo in which people are larger.")],
  too_many_faces: [gettext("Too many faces"), gettext("Choose a photo with at most 20 faces, or cut it.")],
  undecodable_image: [gettext("This picture is damaged"), gettext("The file looks like a picture but cannot be opened. Choose another copy.")],
  invalid_request: [gettext("The server did not understand this upload"), gettext("Choose the photo again. If it happens again, choose another one.")],
  url_forbidden: [gettext("This address is not allowed"), gettext("The server only fetches photos from the public internet. Save the photo and choose it as a file.")],
  url_fetch_failed: [gettext("This address gives no photo"), gettext("Open it in a browser to check it, or save the photo and choose it as a file.")],
  too_many_photos: [gettext("Too many files at once"), gettext("Put them in a ZIP and start a job, or choose fewer.")],
  unauthenticated: [gettext("You are logged out"), gettext("Your session has ended. Log in again: what is done stays, and the rest goes on.")],
  forbidden: [gettext("The server did not accept this session"), gettext("Log in again: what is done stays, and the rest goes on.")],
  not_found: [gettext("This analysis is gone"), gettext("It was deleted or has expired.")],
  rate_limited: [gettext("Too many photos at once"), gettext("Wait a minute, then try again.")],
  overloaded: [gettext("The server is busy"), gettext("Wait a few seconds, then try again.")],
  model_not_ready: [gettext("The model is not loaded"), gettext("The administrator of this server can find the reason in its log. Try again later.")],
  not_an_archive: [gettext("This file is neither an archive nor a video"), gettext("Choose a ZIP or TAR with photos, or an MP4, MOV, WebM or GIF.")],
  archive_too_large: [gettext("This archive is too large"), gettext("Split it, and start a job for each part.")],
  archive_encrypted: [gettext("This archive is encrypted"), gettext("Create it again without a password.")],
  archive_unreadable: [gettext("This archive is damaged"), gettext("Create it again, or choose another copy.")],
  video_too_large: [gettext("This video is too large"), gettext("Cut it, or save it with fewer bits a second.")],
  empty_job: [gettext("This archive contains no images"), gettext("Choose an archive that contains photos.")],
  too_many_items: [gettext("This archive contains too many images"), gettext("Split it, and start a job for each part.")],
  job_conflict: [gettext("The job has changed"), gettext("Its state changed in the meantime. Check it and try again.")],
  several_faces: [gettext("There are several faces"), gettext("Choose the face of this person in the photo.")],
  low_quality: [gettext("This face is hard to recognise"), gettext("It would be taken for other people’s. Use a sharper photo, from the front.")],
  far_from_subject: [gettext("This face does not look like this person’s others"), gettext("Check the name. If it is right, enrol it all the same.")],
  doubtful_faces: [gettext("These faces are hard to recognise"), gettext("They would be taken for other people’s. Tick the box to enrol them all the same.")],
  belongs_to_another: [gettext("This face looks like someone else here"), gettext("Check the name. If it is right, enrol it all the same.")],
  already_enrolled: [gettext("This photo is enrolled already"), gettext("Another photo of the person would help more.")],
  empty_collection: [gettext("Nobody is enrolled yet"), gettext("Enrol people first, then search.")],
  other_model: [gettext("This collection is of an earlier model"), gettext("Make a new collection, and enrol the people again.")],
  index_behind: [gettext("The collection is being read"), gettext("Wait a few seconds, then try again.")],
  search_unavailable: AWAY,
  storage_unavailable: [gettext("Stored pictures are not available"), gettext("The storage does not answer. Nothing was changed. Try again in a minute.")],
  database_unavailable: AWAY,
  limits_unavailable: AWAY,
  unreachable: [gettext("The server did not answer"), gettext("Check your connection and that the server runs, then try again.")],
  no_camera: [gettext("The camera cannot be used"), gettext("Allow this page to use it in the browser’s settings, or choose a photo instead.")],
  camera_refused: [gettext("This page may not use the camera"), gettext("Allow it beside the page’s address in the browser, then start again.")],
  camera_busy: [gettext("The camera is in use"), gettext("Close other programs that use it, then start again.")],
  camera_insecure: [gettext("The browser gives no camera to this page"), gettext("Open the page over HTTPS.")],
  camera_ended: [gettext("The camera has stopped"), gettext("It was unplugged, or the browser took it back. Start again.")],
};
const UNKNOWN = [gettext("Something went wrong on the server"), gettext("Try again. If it happens again, tell the administrator of this server.")];

// The same file or address is refused again.
const FINAL = new Set(["image_too_large", "unsupported_media_type", "image_too_expensive", "undecodable_image", "url_forbidden", "too_many_photos", "not_found"]);
// These concern the session or the server, not the photo.
const PASSING = new Set([
  "unauthenticated", "forbidden", "unreachable", "overloaded", "rate_limited", "model_not_ready", "storage_unavailable",
  "database_unavailable", "limits_unavailable",
]);

export const cannotPass = (error) => FINAL.has(error.code);
export const mayPass = (error) => PASSING.has(error.code);
export const errorTitle = (error) => (ADVICE[error.code] ?? UNKNOWN)[0];

/** Builds a box that explains the error, with a button if `retry` is given. */
export function errorBox(error, retry = null, name = "") {
  const [title, advice] = ADVICE[error.code] ?? UNKNOWN;
  const said = error.status ? fill(gettext("The server says: %(words)s"), { words: error.message }) : error.message;
  const request = error.requestId ? ` (${fill(gettext("request %(id)s"), { id: error.requestId })})` : "";
  const box = el("div", { class: "notice is-error" },
    el("p", { class: "notice-title" }, name && `${name}: `, title),
    el("p", {}, advice),
    el("p", { class: "muted small" }, said, request));
  const buttons = el("p", { class: "error-buttons" });
  if (error.code === "unauthenticated" || error.code === "forbidden") {
    const here = encodeURIComponent(location.pathname + location.search);
    // In a tab of its own if something on this page waits for it.
    buttons.append(el("a", { class: "button", href: `/login/?next=${here}`, target: retry && "_blank" }, gettext("Log in")));
  }
  if (error.code === "too_many_photos") buttons.append(el("a", { class: "button", href: "/jobs/" }, gettext("Start a job")));
  if (retry && !cannotPass(error)) {
    const button = el("button", { class: `button${buttons.firstChild ? " is-quiet" : ""}`, type: "button" }, gettext("Try again"));
    button.addEventListener("click", retry);
    buttons.append(button);
  }
  if (buttons.firstChild) box.append(buttons);
  return box;
}


/** Shows the error in `place`, and scrolls there: a phone's screen may end above it. */
export function showError(place, error, retry = null, name = "") {
  place.replaceChildren(errorBox(error, retry, name));
  place.scrollIntoView({ block: "nearest" });
}

export const clearError = (place) => place.replaceChildren();
