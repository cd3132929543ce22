import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { apiSchema } from "../src/api-schema.ts";

test("the published schema is the API's", () => {
  const published = readFileSync(new URL("../agent.schema.json", import.meta.url), "utf8");
  expect(JSON.parse(published)).toEqual(apiSchema());
});
