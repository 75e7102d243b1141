import { setTimeout as pause } from "node:timers/promises";
import { Overloaded, TimedOut, Unavailable } from "./errors.js";

/** How long and how often one question is asked. */
export interface Patience {
  /** The longest that the caller waits, all attempts and pauses together. */
  readonly timeoutMs: number;
  /** The longest that one attempt may take. */
  readonly attemptTimeoutMs: number;
  /** How often a failed attempt is repeated. */
  readonly retries: number;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const PASSING_STATUSES: readonly (number | undefined)[] = [undefined, 502, 503, 504];

/**
 * What `attempt` returns, tried again while that is safe and there is time; else its last error.
 *
 * @param attempt Has to end when its signal aborts, with the signal's reason.
 * @param timedOut Makes the error for an attempt that took too long, given its milliseconds.
 * @param signal The caller's: its abort ends everything at once, with its reason.
 */
export async function retrying<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  timedOut: (ms: number) => TimedOut,
  patience: Patience,
  signal?: AbortSignal,
): Promise<T> {
  const deadline = performance.now() + patience.timeoutMs;
  for (let repeats = 0; ; repeats++) {
    signal?.throwIfAborted();
    const ms = Math.min(patience.attemptTimeoutMs, deadline - performance.now());
    try {
      return await within(ms, () => timedOut(Math.round(ms)), signal, attempt);
    } catch (error) {
      signal?.throwIfAborted();
      if (repeats >= patience.retries || !mayPass(error)) {
        throw error;
      }
      const wait = (retryAfterMs(error) ?? 0) + backoffMs(repeats, Math.random());
      if (performance.now() + wait >= deadline) {
        throw error;
      }
      await pause(wait, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

/**
 * Exponential backoff with full jitter: anything from nothing to 100 ms, then 200 ms, … up to 2 s.
 *
 * @param random In [0, 1).
 */
export function backoffMs(repeats: number, random: number): number {
  return random * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** repeats);
}

/** The milliseconds that a `Retry-After` header asks for, as seconds or as a date; undefined when it asks for none. */
export function parseRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) {
    return undefined;
  }
  if (/^\d+$/.test(header)) {
    return Number(header) * 1000;
  }
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

async function within<T>(
  ms: number,
  timedOut: () => TimedOut,
  caller: AbortSignal | undefined,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  // Not AbortSignal.any: in some versions of Node a caller's long-lived signal would keep each call's in memory.
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(timedOut()), ms);
  const follow = () => controller.abort(caller?.reason);
  caller?.addEventListener("abort", follow, { once: true });
  try {
    return await attempt(controller.signal);
  } finally {
    clearTimeout(timer);
    caller?.removeEventListener("abort", follow);
  }
}

/** Whether the same question may be answered a moment later. */
function mayPass(error: unknown): boolean {
  return (
    error instanceof TimedOut ||
    error instanceof Overloaded ||
    (error instanceof Unavailable && PASSING_STATUSES.includes(error.status))
  );
}

function retryAfterMs(error: unknown): number | undefined {
  return error instanceof Overloaded || error instanceof Unavailable ? error.retryAfterMs : undefined;
}
