// npx openapi-ts --file clients/generated/openapi-ts.config.mjs
export default {
  input: process.env.XCLOUD_SCHEMA ?? "http://127.0.0.1:8000/api/schema",
  // Node runs the compiled modules as they are, so imports name files.
  output: { path: "client", module: { extension: ".js" } },
  parser: { patch: { input: sendFiles } },
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
};

// The generator takes one kind of body for each route, JSON if it can: here it is the form, which takes files.
function sendFiles(schema) {
  for (const { post } of Object.values(schema.paths)) {
    const content = post?.requestBody?.content ?? {};
    if ("multipart/form-data" in content) delete content["application/json"];
  }
}
