import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { OOClient } from "@oo/ml-client";
import { tipFor } from "../examples/ask.js";
import { tellClick } from "../examples/publish.js";
import { describe } from "../examples/read.js";
import { decode, encode } from "../src/index.js";
import { example } from "./examples.js";

const PACKAGE = new URL("../../", import.meta.url);

test("the code in the README is the code in examples/, which the compiler has checked", () => {
  const readme = readFileSync(new URL("README.md", PACKAGE), "utf8");
  const shown = [...readme.matchAll(/```ts\n(.*?)```/gs)].map((block) => block[1]!);
  const files = readdirSync(new URL("examples/", PACKAGE));
  const written = files.map((name) => readFileSync(new URL(`examples/${name}`, PACKAGE), "utf8"));
  assert.deepEqual(shown.toSorted(), written.toSorted());
});

test("the example of publishing puts a readable event on its subject, under its id", async () => {
  const published: unknown[][] = [];
  await tellClick({ publish: async (...message) => published.push(message) }, "d", "breathe");
  const [subject, payload, options] = published[0]!;
  const event = decode(payload as Uint8Array);
  assert.equal(subject, "feedback.tip_reacted");
  assert.deepEqual(options, { msgID: event.eventId });
});

test("the example of reading tells of each event", () => {
  assert.equal(describe(encode(example("tip_exposed"))), "ada saw breathe");
  assert.equal(describe(encode(example("sleep_recorded"))), "ada slept 7 h");
  assert.equal(describe(encode(example("session_started"))), "ada: sessionStarted");
});

test("the example of asking has a tip even when nobody answers", async (t) => {
  const server = createServer((_, response) => response.writeHead(503).end()).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await new Promise((listening) => server.on("listening", listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  assert.equal(await tipFor("ada", new OOClient({ scorerUrl: url, generatorUrl: url, retries: 0 })), "stretch");
});
