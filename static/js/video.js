// The page of one video: waits until it has been read, then shows its people, who move on a timeline that plays.

import { videoGet, videoUrl } from "./api.js";
import { faceCard } from "./cards.js";
import { el } from "./dom.js";
import { clearError, showError } from "./errors.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { createPlayer } from "./player.js";
import { clock, createTimeline } from "./timeline.js";
import { label, summed } from "./words.js";

const LOOK_MS = 2000;
const OPEN = new Set(["pending", "running", "paused"]);
const KINDS = { sharpest: gettext("Sharpest"), frontal: gettext("Most frontal") };
// How a face looks with a label: "happy" for happiness.
const looks = Object.assign({}, ...summed.map(([, { labels }]) => labels ?? {}));
const [errorPlace, status, progress, place] = ["error", "status", "progress", "video"].map((id) => document.getElementById(id));
const { id } = place.dataset;

async function look() {
  clearError(errorPlace);
  try {
    const video = await videoGet(id);
    progress.hidden = !OPEN.has(video.state);
    progress.value = video.progress;
    if (video.result) return show(video.result);
    status.textContent = OPEN.has(video.state) ? waiting(video) : ended(video);
    if (OPEN.has(video.state)) setTimeout(look, LOOK_MS);
  } catch (error) {
    showError(errorPlace, error, look);
  }
}

function waiting({ state, progress: share }) {
  if (state === "paused") return gettext("Paused");
  return state === "running"
    ? fill(gettext("The video is being read: %(share)s % so far."), { share: Math.round(share * 100) })
    : gettext("The video waits for its turn.");
}

function ended({ state, error }) {
  if (error) return fill(gettext("The video could not be read: %(reason)s (%(code)s)"), { reason: error.message, code: error.code });
  return state === "cancelled" ? gettext("Cancelled.") : gettext("The result of this video was deleted.");
}

function show(result) {
  const count = result.people.length;
  status.textContent = count === 0 ? gettext("No people were found in this video.")
    : fill(ngettext("%(count)s person in %(time)s.", "%(count)s people in %(time)s.", count), { count, time: clock(result.seconds) });
  const player = createPlayer(result, (index) => videoUrl(id, `frames/${index}`));
  const timeline = createTimeline(result, (at) => player.seek(at), (index, kind) => videoUrl(id, `people/${index}/stills/${kind}`));
  player.onTime((at) => timeline.move(at));
  place.replaceChildren(
    el("div", { class: "video-stage" }, player.element),
    timeline.element,
    el("p", { class: "video-downloads small" },
      el("a", { class: "button is-quiet", href: videoUrl(id), download: `video-${id}.json` }, "JSON"), " ",
      el("a", { class: "button is-quiet", href: `${videoUrl(id)}?format=csv`, download: "" }, gettext("Timeline as CSV")), " ",
      el("a", { class: "button is-quiet", href: `/api/v1/jobs/${id}/results?format=csv`, download: "" }, gettext("People as CSV"))),
    el("div", { class: "cards video-cards" }, ...result.people.map((person) => el("div", { class: "video-person" }, stills(person, player),
      faceCard(person.face, { photo: null, image: result.image, model: result.model })))));
}

/** The kept stills of a person; a click goes to the moment. */
function stills(person, player) {
  if (person.stills.length === 0) return null;
  return el("ul", { class: "stills" }, ...person.stills.map(({ kind, at }) => {
    const words = KINDS[kind] ?? fill(gettext("Most %(look)s"), { look: looks[kind] ?? label(kind) });
    const button = el("button", { type: "button", class: "still", title: fill(gettext("Go to %(time)s"), { time: clock(at) }) },
      el("img", { src: videoUrl(id, `people/${person.face.index}/stills/${kind}`), alt: "", width: 96, height: 96, loading: "lazy" }),
      el("span", {}, words));
    button.addEventListener("click", () => player.seek(at));
    return el("li", {}, button);
  }));
}

look();
