// `npm run golden` writes the golden files of TypeScript that are missing. One that exists is never written again:
// it is what some program out there has sent.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { encode } from "../src/index.js";
import { NAMES, example } from "./examples.js";

/** `proto/golden`, which all languages share; seen from dist/test. */
export const GOLDEN = new URL("../../../../proto/golden/", import.meta.url);

export function goldenFile(type: string): URL {
  return new URL(`v1/${type}.typescript.json`, GOLDEN);
}

if (process.argv[1] !== undefined && pathToFileURL(process.argv[1]).href === import.meta.url) {
  mkdirSync(new URL("v1/", GOLDEN), { recursive: true });
  for (const type of NAMES.filter((name) => !existsSync(goldenFile(name)))) {
    writeFileSync(goldenFile(type), encode(example(type)), { flag: "wx" });
    console.log(`wrote ${fileURLToPath(goldenFile(type))}`);
  }
}
