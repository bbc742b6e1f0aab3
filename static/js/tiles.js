// Many faces: a grid of tiles with a chip and one line each; a tile opens into the face's card.

import { summary } from "./cards.js";
import { chip } from "./chip.js";
import { el } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { sure } from "./words.js";

const CHIP = 96;

/**
 * The grid. `cardOf(face)` draws a card. The result has `open(index)`, and `arrange(indices)`, which shows only these
 * faces, in this order. What is far out of view has no content.
 */
export function faceTiles(faces, { photo, image, cardOf }) {
  const list = el("ul", { class: "tiles", "aria-label": gettext("Faces") });
  const tiles = new Map(faces.map((face) => [face.index, el("li", { class: "tile", "data-face": face.index })]));
  let opened = null;

  const fillTile = (index) => {
    const tile = tiles.get(index);
    if (!tile.firstChild) tile.append(line(faces[index], photo, image));
  };
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const index = Number(target.dataset.face);
      if (isIntersecting) fillTile(index);
      else if (index !== opened && !target.contains(document.activeElement)) target.replaceChildren();
    }
  }, { root: list, rootMargin: "400px 0px" });

  function close() {
    if (opened === null) return;
    const tile = tiles.get(opened);
    tile.classList.remove("is-open");
    tile.replaceChildren(line(faces[opened], photo, image));
    opened = null;
  }

  function open(index) {
    close();
    const tile = tiles.get(index);
    const back = el("button", { type: "button", class: "tile-close", title: gettext("Close"), "aria-label": gettext("Close") }, "×");
    back.addEventListener("click", shut);
    const card = cardOf(faces[index]);
    card.append(back);
    tile.classList.add("is-open");
    tile.replaceChildren(card);
    opened = index;
    card.focus({ preventScroll: true });
    tile.scrollIntoView({ block: "nearest" });
  }

  function shut() {
    const tile = tiles.get(opened);
    close();
    tile.querySelector("button").focus();
  }

  function arrange(indices) {
    const shown = new Set(indices);
    if (opened !== null && !shown.has(opened)) close();
    for (const [index, tile] of tiles) tile.hidden = !shown.has(index);
    list.append(...indices.map((index) => tiles.get(index)));
  }

  list.addEventListener("click", (event) => {
    const button = event.target.closest(".tile-line");
    if (button) open(Number(button.parentNode.dataset.face));
  });
  list.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && opened !== null) shut();
    const tile = event.target.matches(".tile-line") && event.target.parentNode;
    const next = tile && neighbour(list, tile, event.key);
    if (!next) return;
    event.preventDefault();
    fillTile(Number(next.dataset.face));
    next.querySelector("button, [tabindex]").focus();
  });

  list.append(...tiles.values());
  tiles.forEach((tile) => near.observe(tile));
  // For those who come with the Tab key before anything was scrolled.
  if (faces.length) fillTile(0);
  return Object.assign(list, { open, arrange });
}

/** The tile beside, above or below by the arrow key; in rows as wide as the grid is now. */
function neighbour(list, tile, key) {
  const shown = [...list.children].filter((node) => !node.hidden);
  const columns = Math.max(1, shown.findIndex((node) => node.offsetTop > shown[0].offsetTop));
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[key];
  const target = { Home: 0, End: shown.length - 1 }[key] ?? shown.indexOf(tile) + step;
  return shown[target];
}

function line(face, photo, image) {
  const unsure = Object.values(face.attributes).filter((answer) => "abstained" in answer && !sure(answer)).length;
  const number = face.index + 1;
  const picture = chip(face, photo, image, CHIP);
  // The line beside it says more.
  picture?.setAttribute("aria-hidden", "true");
  return el("button", { type: "button", class: "tile-line", "aria-expanded": "false" },
    picture ?? el("span", { class: "chip" }),
    el("span", { class: "tile-words" },
      el("span", { class: "tile-title" }, el("span", { class: "visually-hidden" }, gettext("Face"), " "), el("b", {}, String(number)), " ", summary(face.attributes)),
      el("span", { class: "tile-note muted small" },
        unsure ? fill(gettext("%(count)s unsure"), { count: unsure }) : "",
        unsure && face.quality.warnings.length ? " · " : "",
        face.quality.warnings.length ? gettext("poor picture") : "")));
}
