// Makes the types of the contract: `npm run generate [folder]`, src/gen by default.
// Events come from proto/ (buf and protoc-gen-es), HTTP bodies from docs/api (openapi-typescript).
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const project = dirname(dirname(here));
const out = resolve(process.argv[2] ?? join(here, "src", "gen"));

rmSync(out, { recursive: true, force: true });

// buf comes with the project's environment (`make env`), or from the PATH.
const buf = spawnSync("buf", ["generate", "--output", out], {
  cwd: here,
  stdio: "inherit",
  env: { ...process.env, PATH: join(project, ".venv", "bin") + delimiter + process.env.PATH },
});
if (buf.error) {
  throw new Error("buf does not run; `make env` at the project's root installs it", { cause: buf.error });
}
if (buf.status !== 0) {
  process.exit(buf.status ?? 1);
}

mkdirSync(join(out, "http"), { recursive: true });
for (const service of ["scorer", "generator"]) {
  const source = join(project, "docs", "api", `${service}.openapi.json`);
  // A field with a default may be left out of a request.
  const types = await openapiTS(pathToFileURL(source), { immutable: true, defaultNonNullable: false });
  const header = `// Made from docs/api/${service}.openapi.json by \`npm run generate\`. Do not edit.\n\n`;
  writeFileSync(join(out, "http", `${service}.ts`), header + astToString(types));
}
