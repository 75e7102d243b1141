import { createHash } from "node:crypto";
import { InvalidPromptVersions } from "./errors.js";

/**
 * The prompt version for this person out of `TIP_PROMPT_VERSION`: one version (`v1`) or a rotation (`v1,v2`).
 *
 * A rotation splits people evenly, and a person keeps their version: on every machine, whatever the order of the list,
 * and when the list grows, unless the new version is the one that they get.
 *
 * @param versions The variable's value. Undefined leaves the choice to the server, so the answer is undefined too.
 * @throws {@link InvalidPromptVersions} an entry is blank or stands twice.
 */
export function promptVersionFor(tenantId: string, userId: string, versions: string | undefined): string | undefined {
  return versions === undefined ? undefined : chosen(promptVersions(versions), tenantId, userId);
}

/** The different versions in the list, blanks around them taken off. */
function promptVersions(list: string): string[] {
  const versions = list.split(",").map((version) => version.trim());
  if (versions.includes("")) {
    throw new InvalidPromptVersions(
      `TIP_PROMPT_VERSION has a blank entry: ${JSON.stringify(list)}; ` +
        "write v1, or v1,v2, or unset it for the server's default",
    );
  }
  if (new Set(versions).size < versions.length) {
    throw new InvalidPromptVersions(
      `TIP_PROMPT_VERSION names a version twice: ${JSON.stringify(list)}; name each once, since people are split evenly`,
    );
  }
  return versions;
}

/** The version that draws the highest number for this person: rendezvous hashing, so a change moves no one needlessly. */
function chosen(versions: readonly string[], tenantId: string, userId: string): string | undefined {
  let best: string | undefined;
  let highest = -1;
  for (const version of versions) {
    const drawn = chance("prompt_version", tenantId, userId, version);
    if (drawn > highest) {
      [best, highest] = [version, drawn];
    }
  }
  return best;
}

/**
 * A number in [0, 1) that the key alone decides, the same as `oo.experiments.chance.chance` in Python: the first 53 bits
 * of the SHA-256 of the JSON array in ASCII without spaces, divided by 2^53.
 */
function chance(...key: readonly string[]): number {
  const ascii = JSON.stringify(key).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const bits = createHash("sha256").update(ascii).digest().readBigUInt64BE() >> 11n;
  return Number(bits) / 2 ** 53;
}
