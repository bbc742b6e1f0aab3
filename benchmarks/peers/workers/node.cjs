// face-api or human on each photo that is requested, with its default settings; timed from the file to the answers.
//
// `node node.cjs FOLDER NAME`; requests and answers as __init__.py says, with "age", "gender" and "expression".
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
    return faces.map(({ detection: { box }, age, gender, expressions }) => ({
      box: [box.left, box.top, box.right, box.bottom],
      age,
      gender,
      expression: expressions.asSortedArray()[0].expression,
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
    face: { detector: { maxDetected: 20 }, iris: off },
    body: off, hand: off, object: off, gesture: off, segmentation: off,
  });
  await human.load();
  return async (tensor) => {
    const result = await human.detect(tensor);
    if (result.error) throw new Error(result.error);
    return result.face.map(({ box: [x, y, width, height], age, gender, emotion }) => ({
      box: [x, y, x + width, y + height],
      age,
      gender,
      expression: emotion?.[0]?.emotion,
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
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const started = performance.now();
    const picture = sharp(JSON.parse(line).photo).rotate().toColourspace('srgb').removeAlpha().raw();
    const { data, info } = await picture.toBuffer({ resolveWithObject: true });
    const tensor = tf.tensor3d(new Uint8Array(data), [info.height, info.width, info.channels], 'int32');
    const faces = await describe(tensor);
    tf.dispose(tensor);
    process.stdout.write(`${JSON.stringify({ ms: performance.now() - started, faces })}\n`);
  }
}

main();
