// Shows a chosen photo as the server sees it: browsers do not turn a WebP by the orientation in its EXIF data.

const ORIENTATION = 0x0112;
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

/** The address of the photo for an `img`, upright in every browser. */
export async function uprightUrl(file) {
  try {
    return URL.createObjectURL((file.type === "image/webp" && (await turned(file))) || file);
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

/** The WebP turned upright, as a PNG; null where it is upright as it is. */
async function turned(file) {
  const view = new DataView(await file.arrayBuffer());
  const found = findOrientation(view);
  const turn = TURNS[found?.value];
  if (!turn) return null;
  // Where a browser does turn it, not twice.
  view.setUint16(found.at, 1, found.little);
  const pixels = await createImageBitmap(new Blob([view.buffer], { type: file.type }));
  const { width, height } = pixels;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = found.value > 4 ? [height, width] : [width, height];
  const context = canvas.getContext("2d");
  context.setTransform(...turn(width, height));
  context.drawImage(pixels, 0, 0);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
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
