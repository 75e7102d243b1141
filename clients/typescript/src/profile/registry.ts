/**
 * The profile features: what a caller computes of a person and ships with each call, under these names.
 *
 * The list is declared once, in Python (`src/oo/features/profile_schema.py`). This file says the same in TypeScript, and
 * `oo profile check` fails when the two differ.
 */

/** What a profile feature is. A `float64` and an `int64` are both a `number` here; an `int64` has no fraction. */
export interface ProfileFeature {
  readonly dtype: "float64" | "int64" | "string" | "bool";
  /** Whether a caller may know the person and still not this. */
  readonly nullable: boolean;
  /** What one of it is; for text and booleans, what the values stand for. */
  readonly unit: string;
  readonly meaning: string;
}

/** Every profile feature, by its name on the wire. */
export const PROFILE_FEATURES = {
  completion_rate: {
    dtype: "float64",
    nullable: true,
    unit: "share 0 to 1",
    meaning: "Shown tips that the person completed.",
  },
  dismiss_rate: {
    dtype: "float64",
    nullable: true,
    unit: "share 0 to 1",
    meaning: "Shown tips that the person dismissed.",
  },
  preferred_hour: {
    dtype: "int64",
    nullable: true,
    unit: "local hour 0 to 23",
    meaning: "The hour of the day that suits the person best.",
  },
  tip_volume: {
    dtype: "float64",
    nullable: false,
    unit: "tips per week",
    meaning: "Tips that the person is shown.",
  },
  tips_shown_today: {
    dtype: "int64",
    nullable: false,
    unit: "tips",
    meaning: "Tips that the person was shown since local midnight.",
  },
  hours_since_last_tip: {
    dtype: "float64",
    nullable: true,
    unit: "hours",
    meaning: "Since the last tip was shown.",
  },
  days_since_signup: {
    dtype: "int64",
    nullable: false,
    unit: "days",
    meaning: "Whole days since the signup.",
  },
  streak_days: {
    dtype: "int64",
    nullable: false,
    unit: "days",
    meaning: "Days in a row, up to yesterday, with a completed tip.",
  },
  utc_offset_minutes: {
    dtype: "int64",
    nullable: true,
    unit: "minutes east of UTC",
    meaning: "The person's local time at the moment of the call.",
  },
  language: {
    dtype: "string",
    nullable: true,
    unit: "BCP 47 tag",
    meaning: "The language that the person reads tips in.",
  },
  goal: {
    dtype: "string",
    nullable: true,
    unit: "tip topic",
    meaning: "What the person said to work on.",
  },
  notifications_enabled: {
    dtype: "bool",
    nullable: false,
    unit: "true or false",
    meaning: "Whether the person lets the product notify them.",
  },
} as const satisfies Readonly<Record<string, ProfileFeature>>;

/** The name of a profile feature on the wire. */
export type ProfileFeatureName = keyof typeof PROFILE_FEATURES;

interface ValueOfDtype {
  readonly float64: number;
  readonly int64: number;
  readonly string: string;
  readonly bool: boolean;
}

type ValueOf<F extends ProfileFeature> = ValueOfDtype[F["dtype"]] | (F["nullable"] extends true ? null : never);

/**
 * The profile of a person that a caller knows all about, null where the schema allows it.
 *
 * A service reads a feature that is left out as null, so `Partial<ProfileFeatures>` is a valid profile, too. It ignores
 * and counts a name that is not here, and refuses a value of another type by its name.
 */
export type ProfileFeatures = {
  readonly [Name in ProfileFeatureName]: ValueOf<(typeof PROFILE_FEATURES)[Name]>;
};
