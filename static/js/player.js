// Plays a video's frames with a box around each person: the kept frames, or the video file if the visitor opens it here.

import { el, place } from "./dom.js";
import { gettext } from "./i18n.js";
import { clock } from "./timeline.js";

const GAP_S = 0.6; // a box is shown this long after its moment, unless the next one comes

/** `frameUrl` gives the address of a kept frame by its index. */
export function createPlayer({ image, seconds, scenes, storyboard, people }, frameUrl) {
  let at = 0;
  let playing = null; // when it was started, on the page's clock, less the time then shown
  const listeners = [];
  const screen = el("div", { class: "screen" });
  screen.style.aspectRatio = `${image.width} / ${image.height}`;
  const still = el("img", { class: "screen-picture", alt: "", hidden: storyboard.length === 0 });
  const film = el("video", { class: "screen-picture", playsinline: true, hidden: true });
  const boxes = people.map(({ face }) => {
    const box = el("div", { class: "screen-box", hidden: true }, el("span", {}, String(face.index + 1)));
    box.style.setProperty("--hue", hue(face.index));
    return box;
  });
  screen.append(still, film, ...boxes);
  const button = el("button", { type: "button", class: "button" }, gettext("Play"));
  const slider = el("input", { type: "range", min: 0, max: seconds, step: 0.01, value: 0, "aria-label": gettext("Time") });
  const time = el("span", { class: "muted small screen-time" });
  const file = el("input", { type: "file", accept: "video/*", class: "visually-hidden" });
  const open = el("label", { class: "button is-quiet", title: gettext("The file stays on this device.") }, file, gettext("Play my file"));
  const frames = new Map(); // kept frames by index, as addresses of blobs

  /** The address of a kept frame; null if the server does not give it now: then it is asked again. */
  function frame(index) {
    if (!frames.has(index)) {
      frames.set(index, fetchFrame(index).catch(() => {
        frames.delete(index);
        return null;
      }));
    }
    return frames.get(index);
  }

  async function fetchFrame(index) {
    const answer = await fetch(frameUrl(index));
    if (!answer.ok) throw new Error(answer.statusText);
    return URL.createObjectURL(await answer.blob());
  }

  async function drawFrame() {
    if (still.hidden) return;
    const index = Math.max(0, storyboard.findLastIndex((moment) => moment <= at + 0.001));
    still.dataset.index = index;
    const address = await frame(index);
    if (address && still.dataset.index === String(index) && still.src !== address) still.src = address;
    if (index + 1 < storyboard.length) frame(index + 1);
  }

  function draw() {
    people.forEach(({ moments, scene }, number) => {
      const index = moments.at.findLastIndex((moment) => moment <= at + 0.05);
      const next = moments.at[index + 1];
      const shown = index >= 0 && at < (scenes[scene + 1] ?? Infinity) && at - moments.at[index] <= Math.max(GAP_S, next ? Math.min(next - moments.at[index], 5) : 0);
      boxes[number].hidden = !shown;
      if (!shown) return;
      const [x, y, width, height] = moments.boxes[index];
      place(boxes[number], { left: (100 * x) / image.width, top: (100 * y) / image.height, width: (100 * width) / image.width, height: (100 * height) / image.height });
    });
    drawFrame();
    slider.value = at;
    time.textContent = `${clock(at)} / ${clock(seconds)}`;
    for (const listener of listeners) listener(at);
  }

  function tick(now) {
    if (playing === null) return;
    at = film.hidden ? (now - playing) / 1000 : film.currentTime;
    if (at >= seconds || film.ended) {
      at = seconds;
      pause();
    }
    draw();
    requestAnimationFrame(tick);
  }

  function play() {
    if (at >= seconds - 0.05) at = 0;
    playing = performance.now() - at * 1000;
    button.textContent = gettext("Pause");
    if (!film.hidden) {
      film.currentTime = at;
      film.play();
    }
    requestAnimationFrame(tick);
  }

  function pause() {
    playing = null;
    film.pause();
    button.textContent = gettext("Play");
  }

  function seek(to) {
    at = Math.min(Math.max(0, to), seconds);
    if (playing !== null) playing = performance.now() - at * 1000;
    if (!film.hidden) film.currentTime = at;
    draw();
  }

  button.addEventListener("click", () => (playing === null ? play() : pause()));
  slider.addEventListener("input", () => seek(Number(slider.value)));
  file.addEventListener("change", () => {
    if (!file.files[0]) return;
    pause();
    URL.revokeObjectURL(film.src);
    film.src = URL.createObjectURL(file.files[0]);
    film.hidden = false;
    still.hidden = true;
    seek(at);
  });
  film.addEventListener("error", () => {
    // A format that this browser cannot play.
    film.hidden = true;
    still.hidden = storyboard.length === 0;
    draw();
  });
  draw();
  return {
    element: el("div", { class: "player" }, screen, el("div", { class: "player-bar" }, button, slider, time, open)),
    seek,
    onTime: (listener) => {
      listeners.push(listener);
      listener(at);
    },
  };
}

/** Neighbouring numbers have colours that are far apart. */
const hue = (index) => Math.round((index * 137.5 + 190) % 360);
