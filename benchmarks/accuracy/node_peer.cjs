// Runs in the peers' own folder: face-api or human on each picture that is requested, with its default settings.
//
// `node node_peer.cjs FOLDER NAME`. A request is a path on a line of standard input; the answer is a line on standard
// output: the largest face's {"age", "gender", "expression"}, or null if no face is found.
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');

const [folder, name] = process.argv.slice(2);
const modules = path.resolve(folder, 'node_modules');
const load = (file) => require(path.join(modules, file));

// TensorFlow.js reads models and WebAssembly with fetch, which in Node cannot read files.
const fetchFromNet = globalThis.fetch;
globalThis.fetch = async (url, options) =>
  String(url).startsWith('file://') ? new Response(fs.readFileSync(String(url).slice(7))) : fetchFromNet(url, options);

async function startFaceApi() {
  const faceapi = load('@vladmandic/face-api/dist/face-api.node-wasm.js');
  const models = path.join(modules, '@vladmandic/face-api/model');
  for (const net of ['ssdMobilenetv1', 'faceLandmark68Net', 'ageGenderNet', 'faceExpressionNet']) {
    await faceapi.nets[net].loadFromDisk(models);
  }
  return async (tensor) => {
    const faces = await faceapi.detectAllFaces(tensor).withFaceLandmarks().withFaceExpressions().withAgeAndGender();
    return faces.map(({ detection, age, gender, expressions }) => ({
      area: detection.box.area,
      answer: { age, gender, expression: expressions.asSortedArray()[0].expression },
    }));
  };
}

async function startHuman() {
  const { Human } = load('@vladmandic/human/dist/human.node-wasm.js');
  const off = { enabled: false };
  const human = new Human({
    backend: 'wasm',
    wasmPath: path.join(modules, '@tensorflow/tfjs-backend-wasm/dist/'),
    modelBasePath: `file://${path.join(modules, '@vladmandic/human/models/')}`,
    cacheSensitivity: 0, // Every picture is a new one, not the next frame of a video.
    filter: off, // needs a canvas
    face: { detector: { maxDetected: 10 }, iris: off },
    body: off, hand: off, object: off, gesture: off, segmentation: off,
  });
  await human.load();
  return async (tensor) => {
    const result = await human.detect(tensor);
    if (result.error) throw new Error(result.error);
    return result.face.map(({ box, age, gender, emotion }) => ({
      area: box[2] * box[3],
      answer: { age, gender, expression: emotion?.[0]?.emotion },
    }));
  };
}

async function main() {
  const sharp = load('sharp');
  const tf = load('@tensorflow/tfjs');
  load('@tensorflow/tfjs-backend-wasm').setWasmPaths(path.join(modules, '@tensorflow/tfjs-backend-wasm/dist/'));
  await tf.setBackend('wasm');
  await tf.ready();
  const describe = await { 'face-api': startFaceApi, human: startHuman }[name]();
  for await (const file of readline.createInterface({ input: process.stdin })) {
    const { data, info } = await sharp(file).rotate().toColourspace('srgb').removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const tensor = tf.tensor3d(new Uint8Array(data), [info.height, info.width, info.channels], 'int32');
    const faces = await describe(tensor);
    tf.dispose(tensor);
    const largest = faces.reduce((best, face) => (best && best.area >= face.area ? best : face), null);
    process.stdout.write(`${JSON.stringify(largest && largest.answer)}\n`);
  }
}

main();
