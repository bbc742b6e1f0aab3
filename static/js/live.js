// The live page: sends the camera's newest picture whenever the last answer is there, and shows what it says.

import { frameCreate } from "./api.js";
import { summary } from "./cards.js";
import { el, place } from "./dom.js";
import { clearError, showError } from "./errors.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { Moments } from "./moments.js";
import { Tracks } from "./tracks.js";
import { openCamera } from "./webcam.js";
import { faces as facesInWords, label, percent } from "./words.js";

// A frame's longer side and smallest face, in pixels: enough to read a face, little enough for ten frames a second.
const FRAME = 480;
const MIN_FACE = 40;
const MOST_FACES = 10;
// An answer after this long is about the past; the frame is given up.
const LATE_S = 2;
const BUSY_S = 2;
const MOST_STILLS = 12;

// `catching` and `expression` are null if the server estimates no expressions.
const [start, stop, stage, video, marks, list, status, rate, late, errorPlace, catching, expression, stills] =
  ["start", "stop", "live-stage", "live-video", "marks", "faces", "status", "rate", "late", "error", "catching", "expression", "stills"]
    .map((id) => document.getElementById(id));

const picture = document.createElement("canvas"); // the frame as the camera gave it
const sent = document.createElement("canvas");
let stream = null;
let last = []; // when the last answers came, in seconds
let leftOut = 0; // frames whose answers came too late
const seconds = () => performance.now() / 1000;
const say = (words) => status.textContent === words || (status.textContent = words);
const wait = (s) => new Promise((resolve) => setTimeout(resolve, s * 1000));

async function begin() {
  clearError(errorPlace);
  start.disabled = true;
  try {
    stream = await openCamera();
  } catch (error) {
    showError(errorPlace, error, begin);
    return;
  } finally {
    start.disabled = false;
  }
  const mine = stream;
  mine.getVideoTracks()[0].addEventListener("ended", () => mine === stream && end({ code: "camera_ended", message: "" }));
  video.srcObject = mine;
  await video.play().catch(() => null); // the visitor was faster than the camera
  if (mine === stream) {
    show(true);
    stop.focus();
    watch(mine);
  }
}

/** Turns the camera off; with `error` also says why. */
function end(error = null) {
  stream?.getTracks().forEach((track) => track.stop());
  stream = video.srcObject = null;
  last = [];
  for (const node of [marks, list]) node.replaceChildren();
  [rate.textContent, late.textContent, leftOut] = ["", "", 0];
  show(false);
  say("");
  if (error) showError(errorPlace, error, begin);
  else start.focus();
}

function show(running) {
  [start.hidden, stop.hidden, stage.hidden] = [running, !running, !running];
}

/** One frame after the other, as long as this stream is the page's. */
async function watch(mine) {
  const tracks = new Tracks();
  const moments = new Moments(keep);
  while (mine === stream) {
    if (document.hidden) {
      say(gettext("Paused while this page is hidden."));
      await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
      continue;
    }
    await freshFrame();
    const time = seconds();
    try {
      const { faces } = await frameCreate(await frame(), { min_face_px: MIN_FACE, max_faces: MOST_FACES }, AbortSignal.timeout(LATE_S * 1000));
      if (mine !== stream) return;
      const inView = tracks.update(faces, time);
      draw(inView);
      if (catching?.checked) moments.look(inView, expression.value, time, copy);
      count();
    } catch (error) {
      if (mine !== stream) return;
      if (error.code === "late") leaveOut();
      else if (error.status === 503 || error.status === 429) await busy(error, mine);
      else end(error);
    }
  }
}

/** Waits until the camera has another picture than the last one. */
const freshFrame = () =>
  Promise.race([wait(0.5), new Promise((resolve) => (video.requestVideoFrameCallback ? video.requestVideoFrameCallback(resolve) : requestAnimationFrame(resolve)))]);

function leaveOut() {
  leftOut += 1;
  late.textContent = fill(ngettext("The server is slow: %(count)s frame came back too late and was left out.", "The server is slow: %(count)s frames came back too late and were left out.", leftOut), { count: leftOut });
}

async function busy({ retryAfter }, mine) {
  const until = seconds() + (retryAfter || BUSY_S);
  while (mine === stream && seconds() < until) {
    say(fill(gettext("The server is busy. It goes on in %(seconds)s s."), { seconds: Math.ceil(until - seconds()) }));
    await wait(0.25);
  }
}

/** The camera's picture as a small JPEG. */
function frame() {
  const { videoWidth: width, videoHeight: height } = video;
  Object.assign(picture, { width, height });
  picture.getContext("2d").drawImage(video, 0, 0);
  const scale = Math.min(1, FRAME / Math.max(width, height, 1));
  Object.assign(sent, { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) });
  sent.getContext("2d").drawImage(picture, 0, 0, sent.width, sent.height);
  return new Promise((resolve) => sent.toBlob(resolve, "image/jpeg", 0.85));
}

function copy() {
  const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return canvas;
}

/** Boxes over the picture, which is shown as in a mirror, and a line for each face. */
function draw(tracks) {
  stage.style.setProperty("--ratio", String(sent.width / sent.height));
  const share = (part, whole) => (part / whole) * 100;
  marks.replaceChildren(...tracks.map(({ number, face: { box, attributes } }) => {
    const { label: top, probabilities } = attributes.expression ?? {};
    const words = top ? `${label(top)} ${percent(probabilities[top])}` : String(number);
    return place(el("div", { class: "live-mark" }, el("span", { class: "live-tag" }, words)), {
      left: 100 - share(box.x + box.width, sent.width), top: share(box.y, sent.height),
      width: share(box.width, sent.width), height: share(box.height, sent.height),
    });
  }));
  const lines = tracks.map(({ number, face }) => `${number}. ${summary(face.attributes)}`);
  if ([...list.children].map((line) => line.textContent).join("\n") !== lines.join("\n")) {
    list.replaceChildren(...lines.map((line) => el("li", {}, line)));
  }
  say(facesInWords(tracks.length));
}

/** Shows how many frames of the last two seconds were answered. */
function count() {
  const now = seconds();
  last = [...last.filter((time) => now - time < 2), now];
  const span = now - last[0];
  if (span < 1) return;
  const fps = (last.length - 1) / span;
  rate.textContent = fill(gettext("%(count)s frames a second"), { count: fps.toFixed(fps < 10 ? 1 : 0) });
  rate.dataset.fps = fps.toFixed(2);
}

/** A still of the moment, which only this page has until it is saved. */
async function keep(canvas, probability) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  const url = URL.createObjectURL(blob);
  const words = `${label(expression.value)} ${percent(probability)}`;
  const name = `${expression.value}-${stills.childElementCount + 1}.jpg`;
  stills.prepend(el("li", {}, el("a", { href: url, download: name, title: gettext("Save this still") },
    el("img", { src: url, alt: words, width: "160" }), el("span", { class: "small" }, words))));
  while (stills.childElementCount > MOST_STILLS) {
    URL.revokeObjectURL(stills.lastElementChild.querySelector("a").href);
    stills.lastElementChild.remove();
  }
}

start.addEventListener("click", begin);
stop.addEventListener("click", () => end());
window.addEventListener("pagehide", () => stream && end());
start.disabled = false;
