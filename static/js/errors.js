// Says in plain words what went wrong and what to do about it.

import { el } from "./dom.js";

const ADVICE = {
  image_too_large: ["This picture is too large", "Save it smaller, or send a screenshot of it, and try again."],
  unsupported_media_type: ["This file is not a picture that can be read", "Choose a JPEG, PNG, WebP, HEIC, GIF, BMP or TIFF file."],
  undecodable_image: ["This picture is damaged", "The file looks like a picture but cannot be opened. Choose another copy of it."],
  invalid_request: ["The server did not understand this upload", "Choose the photo again. If it happens again, choose another one."],
  unauthenticated: ["You are logged out", "Your session has ended. Log in, then choose the photo again."],
  forbidden: ["The server did not accept this session", "Reload this page, log in if you are asked to, and try again."],
  not_found: ["This analysis is gone", "It has been deleted, or its time was over."],
  rate_limited: ["Too many photos at once", "Wait a minute, then try again."],
  overloaded: ["The server is busy", "Wait a few seconds, then try again."],
  model_not_ready: ["The model is not loaded", "Whoever runs this server has to look at its log. Try again later."],
  unreachable: ["The server did not answer", "Check your connection and that the server runs, then try again."],
};
const UNKNOWN = ["Something went wrong on the server", "Try again. If it happens again, tell whoever runs this server."];

/** Shows `error` in `place`; `retry`, where given, gets a button. */
export function showError(place, error, retry = null) {
  const [title, advice] = ADVICE[error.code] ?? UNKNOWN;
  const box = el("div", { class: "notice is-error" },
    el("p", { class: "notice-title" }, title),
    el("p", {}, advice),
    el("p", { class: "muted small" }, error.status ? "The server says: " : "", error.message, error.requestId ? ` (request ${error.requestId})` : ""),
  );
  if (error.code === "unauthenticated" || error.code === "forbidden") {
    const here = encodeURIComponent(location.pathname);
    box.append(el("p", {}, el("a", { class: "button", href: `/login/?next=${here}` }, "Log in")));
  } else if (retry) {
    const button = el("button", { class: "button", type: "button" }, "Try again");
    button.addEventListener("click", retry);
    box.append(el("p", {}, button));
  }
  place.replaceChildren(box);
}

export const clearError = (place) => place.replaceChildren();
