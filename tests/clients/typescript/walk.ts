// Calls a server through the client that was generated from its schema: node walk.js URL KEY PHOTO ARCHIVE
import { openAsBlob } from "node:fs";
import { strict as assert } from "node:assert";
import { client } from "./client/client.gen.js";
import {
  analysisCreate, analysisList, analysisPictureRead, detectionCreate, jobCreate, jobPause, jobRead, jobResults,
  jobResume, previewCreate,
} from "./client/index.js";

const [url, key, photo, archive, job] = process.argv.slice(2);
client.setConfig({ baseUrl: url, auth: key, throwOnError: false });
const image = await openAsBlob(photo);

async function startOf(blob: unknown): Promise<string> {
  assert(blob instanceof Blob);
  return Buffer.from(await blob.slice(0, 4).arrayBuffer()).toString("latin1");
}

if (job === undefined) {
  const made = await analysisCreate({
    body: { image, attributes: ["age", "gender"], max_faces: 3, store: { image: true, subject: "visitor 17" } },
  });
  assert.equal(made.response?.status, 201, JSON.stringify(made.error));
  assert(made.data && "id" in made.data);
  const [face] = made.data.faces;
  assert.deepEqual(Object.keys(face.attributes), ["age", "gender"]);
  const age: number = face.attributes.age!.value;
  assert(age > 60 && age < 100, `${age}`);

  const listed = await analysisList({ query: { subject: "visitor 17", min_age: 60, unsure: true } });
  assert.deepEqual(listed.data?.results.map((each) => each.id), [made.data.id]);
  const picture = await analysisPictureRead({ path: { analysis_id: made.data.id } });
  assert.equal(await startOf(picture.data), "\xff\xd8\xff\xe0");
  const preview = await previewCreate({ body: { image } });
  assert.equal(await startOf(preview.data), "\xff\xd8\xff\xe0");
  const detected = await detectionCreate({ body: { image, min_face_px: 20 } });
  assert.equal(detected.data?.faces.length, 1);
  const refused = await detectionCreate({ body: { image: new Blob(["no picture"]) } });
  assert.equal(refused.error?.error.code, "unsupported_media_type");

  const started = await jobCreate({ body: { archive: await openAsBlob(archive), attributes: ["age"], priority: -1 } });
  assert(started.data, JSON.stringify(started.error));
  assert.equal((await jobPause({ path: { job_id: started.data.id } })).data?.state, "paused");
  await jobResume({ path: { job_id: started.data.id } });
  console.log(started.data.id);
} else {
  const path = { job_id: job };
  assert.equal((await jobRead({ path })).data?.state, "done");
  const table = await jobResults({ path, query: { format: "parquet" }, parseAs: "blob" });
  assert.equal(await startOf(table.data), "PAR1");
  const lines = await jobResults({ path, parseAs: "text" });
  assert.equal(JSON.parse(lines.data!.split("\n")[0]).name, "hopper.jpg");
  console.log("done");
}
