// Tabs after the ARIA pattern: arrow keys move between tabs, the Tab key moves to the panel.

import { el } from "./dom.js";

/** `tabs` are pairs of a title and a panel; the first is open. `onOpen` gets the number of one that is opened later. */
export function tabbed(name, tabs, onOpen = () => {}) {
  const id = `tabs-${(tabbed.count = (tabbed.count ?? 0) + 1)}`;
  const heads = tabs.map(([title], index) =>
    el("button", { type: "button", role: "tab", class: "tab", id: `${id}-${index}`, "aria-controls": `${id}-panel-${index}` }, title));
  const panels = tabs.map(([, panel], index) =>
    el("div", { role: "tabpanel", class: "tab-panel", id: `${id}-panel-${index}`, "aria-labelledby": `${id}-${index}` }, panel));
  const open = (chosen) => {
    heads.forEach((head, index) => {
      head.setAttribute("aria-selected", String(index === chosen));
      head.setAttribute("tabindex", index === chosen ? "0" : "-1");
      panels[index].hidden = index !== chosen;
    });
  };
  heads.forEach((head, index) => {
    head.addEventListener("click", () => {
      open(index);
      onOpen(index);
    });
    head.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = (index + step + heads.length) % heads.length;
      open(next);
      heads[next].focus();
      onOpen(next);
    });
  });
  open(0);
  return [el("div", { role: "tablist", class: "tabs", "aria-label": name }, ...heads), ...panels];
}
