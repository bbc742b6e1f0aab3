// Builds elements. Text is always set as text, never as markup.

/** Creates an element with attributes (null and false are left out) and children (elements or strings). */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// The namespace of drawings, which the parser of pages knows.
const SVG = new DOMParser().parseFromString("<svg></svg>", "text/html").body.firstChild.namespaceURI;

/** Creates an element of a drawing. */
export function svgEl(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** Replaces the contents of `root` by those of `fresh` if they differ; the focus stays on its control or near it. */
export function renew(root, fresh) {
  if (root.innerHTML === fresh.innerHTML) return;
  const used = root.contains(document.activeElement) && document.activeElement.outerHTML;
  root.replaceChildren(...fresh.childNodes);
  if (!used) return;
  const controls = [root, root.parentNode].flatMap((node) => [...node.querySelectorAll("a, button")]);
  (controls.find((node) => node.outerHTML === used) ?? controls[0])?.focus();
}

/** Positions a node in percentages of its parent; sets styles by script, which a strict CSP allows. */
export function place(node, percentages) {
  for (const [side, value] of Object.entries(percentages)) node.style[side] = `${value}%`;
  return node;
}

/** Opens a dialog; resolves to whether the visitor agreed. */
export async function agreed(dialog) {
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue === "yes";
}

/** Lets photos be chosen with a label's file input or dropped on it; `onFiles` gets a list of one or more. */
export function takesFiles(drop, onFiles) {
  const input = drop.querySelector("input[type=file]");
  const take = (files) => files.length && onFiles([...files]);
  const takeChosen = () => {
    const chosen = [...input.files];
    input.value = "";
    take(chosen);
  };
  input.addEventListener("change", takeChosen);
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("is-over", kind === "dragenter" || kind === "dragover");
      if (kind === "drop") take(event.dataTransfer.files);
    });
  }
  takeChosen(); // before this script was loaded
}
