import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { equals } from "@bufbuild/protobuf";
import { EnvelopeSchema } from "../src/gen/oo/events/v1/envelope_pb.js";
import { decode, encode, SUBJECTS } from "../src/index.js";
import { NAMES, example } from "./examples.js";
import { GOLDEN, goldenFile } from "./golden.js";

const files = readdirSync(GOLDEN, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".json"));

test("there is an example of every event", () => {
  const shown = new Set<string>(NAMES.map((name) => example(name).event.case));
  assert.deepEqual(Object.keys(SUBJECTS).filter((event) => !shown.has(event)), []);
});

for (const type of NAMES) {
  test(`${type} is written as the golden file has it, byte for byte`, () => {
    assert.equal(Buffer.from(encode(example(type))).toString(), readFileSync(goldenFile(type), "utf8"));
  });
}

for (const file of files) {
  test(`the golden file ${file} is read, whoever wrote it, and says what TypeScript's of that name says`, () => {
    const read = decode(readFileSync(new URL(file, GOLDEN)));
    const ours = file.replace(/[^.]*\.json$/, "typescript.json");
    if (files.includes(ours)) {
      const expected = decode(readFileSync(new URL(ours, GOLDEN)));
      assert.ok(equals(EnvelopeSchema, read, expected), `${file} and ${ours} tell different events`);
    }
  });
}
