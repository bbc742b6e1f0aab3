// Settings of Swagger UI at /api/docs. A classic script: the page's own script reads this global.
"use strict";

// Swagger UI fills each field of a form with a sample, and sends empty fields, too. A photo would then be sent together
// with the URL "string", and refused: fields start empty here, and only those that are filled are sent.
const emptyForms = {
  afterLoad() {
    const sample = this.fn.getSampleSchema;
    this.fn.getSampleSchema = (schema, mediaType, ...more) => {
      // Only fields of forms are asked for without a media type. The caller parses the samples of arrays.
      if (mediaType === false) return this.fn.hasSchemaType(schema, "array") ? "[]" : "";
      return sample(schema, mediaType, ...more);
    };
  },
  wrapComponents: { ParameterIncludeEmpty: () => () => null },
};

// eslint-disable-next-line no-unused-vars -- SWAGGER_UI_SETTINGS names it
const docsSettings = {
  deepLinking: true,
  docExpansion: "list",
  plugins: [emptyForms],
};
