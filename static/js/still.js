// Shows a chosen photo as the server sees it: a still, and upright. Browsers play animations, of which the server sees the
// first frame, and do not turn a WebP by the orientation in its EXIF data.

const ORIENTATION = 0x0112;
// In which an animated PNG says that it is one.
const HEAD_BYTES = 4096;
// For each orientation but 1: canvas transforms from the pixels as they are stored (w × h) to the upright photo.
const TURNS = {
  2: (w) => [-1, 0, 0, 1, w, 0],
  3: (w, h) => [-1, 0, 0, -1, w, h],
  4: (w, h) => [1, 0, 0, -1, 0, h],
  5: () => [0, 1, 1, 0, 0, 0],
  6: (w, h) => [0, 1, -1, 0, h, 0],
  7: (w, h) => [0, -1, -1, 0, h, w],
  8: (w) => [0, -1, 1, 0, 0, w],
};

/** The address of the photo for an `img`, still and upright in every browser. */
export async function stillUrl(file) {
  try {
    return URL.createObjectURL((await still(file)) || file);
  } catch {
    return URL.createObjectURL(file); // damaged: the server says so
  }
}

/** Whether the browser can show the picture at this address. */
export function canShow(url) {
  return new Promise((done) => {
    const image = new Image();
    image.onload = () => done(true);
    image.onerror = () => done(false);
    image.src = url;
  });
}

/** The first frame, upright, as a PNG; null where the browser shows just that. */
async function still(file) {
  const moving = await moves(file);
  if (!moving && file.type !== "image/webp") return null;
  const view = new DataView(await file.arrayBuffer());
  const found = file.type === "image/webp" ? findOrientation(view) : null;
  const turn = TURNS[found?.value];
  if (!moving && !turn) return null;
  // Where a browser does turn it, not twice.
  if (turn) view.setUint16(found.at, 1, found.little);
  const pixels = await createImageBitmap(new Blob([view.buffer], { type: file.type }));
  const { width, height } = pixels;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = turn && found.value > 4 ? [height, width] : [width, height];
  const context = canvas.getContext("2d");
  if (turn) context.setTransform(...turn(width, height));
  context.drawImage(pixels, 0, 0);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

/** Whether the picture may have several frames. */
async function moves(file) {
  if (file.type === "image/gif") return true;
  if (file.type !== "image/webp" && file.type !== "image/png") return false;
  const head = new TextDecoder("latin1").decode(await file.slice(0, HEAD_BYTES).arrayBuffer());
  // The flag of an animated WebP, and the chunk that precedes the pixels of an animated PNG.
  return file.type === "image/webp" ? head.startsWith("VP8X", 12) && (head.charCodeAt(20) & 2) > 0 : head.includes("acTL");
}

/** The orientation of a WebP's EXIF data, where it stands and in which byte order; null where there is none. */
function findOrientation(view) {
  const tiff = exifStart(view);
  if (tiff === null) return null;
  const little = view.getUint16(tiff) === 0x4949; // "II"
  const directory = tiff + view.getUint32(tiff + 4, little);
  for (let index = 0; index < view.getUint16(directory, little); index += 1) {
    const entry = directory + 2 + 12 * index;
    if (view.getUint16(entry, little) === ORIENTATION) {
      return { value: view.getUint16(entry + 8, little), at: entry + 8, little };
    }
  }
  return null;
}

function exifStart(view) {
  const name = (at) => String.fromCharCode(...new Uint8Array(view.buffer, at, 4));
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    if (name(at) === "EXIF") return name(at + 8) === "Exif" ? at + 14 : at + 8;
    at += 8 + size + (size % 2);
  }
  return null;
}
