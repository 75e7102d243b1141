import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidPromptVersions, promptVersionFor } from "../src/index.js";

const USERS = Array.from({ length: 10_000 }, (_, n) => `user-${n}`);

function versionsOf(list: string, users = USERS.slice(0, 1_000), tenant = "tips"): (string | undefined)[] {
  return users.map((user) => promptVersionFor(tenant, user, list));
}

/** How far the shares of the versions are from even: chi-square, with one degree of freedom less than versions. */
function chiSquare(versions: readonly (string | undefined)[], kinds: number): number {
  const counts = new Map<string | undefined, number>();
  for (const version of versions) {
    counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  assert.equal(counts.size, kinds);
  const expected = versions.length / kinds;
  return [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

test("without the variable the server chooses", () => {
  assert.equal(promptVersionFor("tips", "ada", undefined), undefined);
});

test("one version is everybody's", () => {
  assert.deepEqual(new Set(versionsOf("v2")), new Set(["v2"]));
});

test("a rotation splits people evenly", () => {
  // The values that chance passes in one of a thousand splits.
  assert.ok(chiSquare(versionsOf("v1,v2", USERS), 2) < 10.83);
  assert.ok(chiSquare(versionsOf("v1,v2,v3", USERS), 3) < 13.82);
});

test("a person keeps their version, from process to process and for ever", () => {
  assert.deepEqual(
    ["ada", "ben", "cleo", "Zoë", "\u{1f600}\u007f\""].map((user) => promptVersionFor("tips", user, "v1,v2")),
    ["v2", "v1", "v2", "v2", "v1"],
  );
});

test("blanks and the order of the list change nothing", () => {
  assert.deepEqual(versionsOf(" v2 ,\tv1\n"), versionsOf("v1,v2"));
});

test("a new version takes people from all others, and moves nobody else", () => {
  const [before, after] = [versionsOf("v1,v2"), versionsOf("v1,v2,v3")];
  const moved = after.filter((version, n) => version !== before[n]);
  assert.deepEqual(new Set(moved), new Set(["v3"]));
});

test("the same user id in another tenant is another person", () => {
  const other = versionsOf("v1,v2", USERS, "other");
  const same = versionsOf("v1,v2", USERS).filter((version, n) => version === other[n]);
  assert.ok(Math.abs(same.length / USERS.length - 0.5) < 0.02, `${same.length} of ${USERS.length} agree`);
});

for (const list of ["", " ", ",", "v1,", ",v1", "v1,,v2"]) {
  test(`a blank entry is refused: ${JSON.stringify(list)}`, () => {
    assert.throws(() => promptVersionFor("tips", "ada", list), (error) => {
      return error instanceof InvalidPromptVersions && error.message.includes(JSON.stringify(list));
    });
  });
}

test("a version that stands twice is refused", () => {
  assert.throws(() => promptVersionFor("tips", "ada", "v1,v2,v1"), InvalidPromptVersions);
});
