// Made from docs/api/scorer.openapi.json by `npm run generate`. Do not edit.

export interface paths {
    readonly "/score": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Choose a tip
         * @description Which of these tips should this person see now?
         *
         *     The choice is recorded before it is told. A retry with the same request id gets the first answer again.
         */
        readonly post: operations["score"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * AssignedExperiment
         * @description The experiment that the person takes part in, and the side that they are on.
         */
        readonly AssignedExperiment: {
            readonly name: string;
            readonly variant: string;
        };
        /**
         * CandidateTip
         * @description A tip that may be chosen, and what the caller knows of it for this person.
         */
        readonly CandidateTip: {
            /** @description The caller's own name of the tip; events about it refer to it. */
            readonly tip_id: string;
            /** @description What the caller knows of the tip, such as its topic. Absent or null is unknown, which is not 0. */
            readonly features?: {
                readonly [key: string]: number | boolean | string | null;
            } | null;
            /** @description For a tip that `/generate` wrote, the `prompt_version` of its answer: the prompt earns the tip's reward. */
            readonly prompt_version?: string | null;
        };
        /**
         * ErrorBody
         * @description The body of every answer that is not a success.
         */
        readonly ErrorBody: {
            readonly error: components["schemas"]["ErrorDetail"];
        };
        /**
         * ErrorDetail
         * @description What went wrong.
         */
        readonly ErrorDetail: {
            /**
             * @description For a program: what a caller may act on.
             * @enum {string}
             */
            readonly code: "body_too_large" | "decision_conflict" | "internal_server_error" | "invalid_body" | "invalid_feature" | "method_not_allowed" | "not_found" | "retired_prompt_version" | "tenant_not_allowed" | "too_many_requests" | "unauthorized" | "unknown_prompt_version" | "unknown_tenant" | "unsupported_media_type";
            /** @description For a person: names the thing and, where there is one, the remedy. Its words may change. */
            readonly message: string;
            /** @description The first faults of an `invalid_body`; else empty. */
            readonly fields: readonly components["schemas"]["FieldFault"][];
        };
        /**
         * FieldFault
         * @description What is wrong with one field of the body.
         */
        readonly FieldFault: {
            /** @description The way to it, such as `candidates.0.tip_id`, cut to its first characters when longer; `body` is all of it. */
            readonly field: string;
            readonly message: string;
        };
        /**
         * NamedVersion
         * @description A policy or a model, and which one of them.
         */
        readonly NamedVersion: {
            readonly name: string;
            /** @description Empty when the model has no versions, as a language model. */
            readonly version: string;
        };
        /**
         * RankedTip
         * @description A tip with the model's estimate of its reward and the probability of its being chosen.
         */
        readonly RankedTip: {
            readonly tip_id: string;
            /** @description The model's estimate of the reward, higher is better; null when no model scored. */
            readonly score: number | null;
            /** @description The probability with which the policy would choose this tip. Those of a ranking sum to 1. */
            readonly probability: number;
        };
        /**
         * ScoreRequest
         * @description Which of these tips should this person see now?
         */
        readonly ScoreRequest: {
            /**
             * @description A UUID that names the decision, so that a retry gets the first answer; goes before the header `x-request-id`.
             *     Anything but a UUID names nothing. Absent: the header's, else a new one.
             */
            readonly request_id?: string | null;
            /** @description The tenant, as a catalog declares it: it says which policy, model and features decide. */
            readonly tenant_id: string;
            /** @description The person: the key of what the signals told about them, and of the side that they are on in an experiment. */
            readonly user_id: string;
            /** @description The tips to choose among, each `tip_id` once. Their order means nothing. */
            readonly candidates: readonly components["schemas"]["CandidateTip"][];
            /**
             * @description What the caller computed about the person, by the names of the profile schema; others are ignored and counted.
             *     Absent: nothing is known.
             */
            readonly profile_features?: ({
                /** @description Shown tips that the person completed. Unit: share 0 to 1. */
                readonly completion_rate?: number | null;
                /** @description Shown tips that the person dismissed. Unit: share 0 to 1. */
                readonly dismiss_rate?: number | null;
                /** @description The hour of the day that suits the person best. Unit: local hour 0 to 23. */
                readonly preferred_hour?: number | null;
                /** @description Tips that the person is shown. Unit: tips per week. */
                readonly tip_volume?: number;
                /**
                 * Format: int64
                 * @description Tips that the person was shown since local midnight. Unit: tips.
                 */
                readonly tips_shown_today?: number;
                /** @description Since the last tip was shown. Unit: hours. */
                readonly hours_since_last_tip?: number | null;
                /**
                 * Format: int64
                 * @description Whole days since the signup. Unit: days.
                 */
                readonly days_since_signup?: number;
                /**
                 * Format: int64
                 * @description Days in a row, up to yesterday, with a completed tip. Unit: days.
                 */
                readonly streak_days?: number;
                /** @description The person's local time at the moment of the call. Unit: minutes east of UTC. */
                readonly utc_offset_minutes?: number | null;
                /** @description The language that the person reads tips in. Unit: BCP 47 tag. */
                readonly language?: string | null;
                /** @description What the person said to work on. Unit: tip topic. */
                readonly goal?: string | null;
                /** @description Whether the person lets the product notify them. Unit: true or false. */
                readonly notifications_enabled?: boolean;
            } & {
                readonly [key: string]: number | boolean | string | null;
            }) | null;
            /** @description What the caller knows of the moment, such as the hour of the person's day. */
            readonly context?: {
                readonly [key: string]: number | boolean | string | null;
            };
        };
        /**
         * ScoreResponse
         * @description The chosen tip, and the numbers that it was chosen by.
         */
        readonly ScoreResponse: {
            /**
             * Format: uuid
             * @description Names this decision for the events about it on the bus. The caller's request id when that is a UUID.
             */
            readonly decision_id: string;
            /** @description The tip to show. The draw is seeded by `decision_id`. */
            readonly tip_id: string;
            /** @description Every candidate, the highest score first and equal ones by `tip_id`. */
            readonly ranking: readonly components["schemas"]["RankedTip"][];
            /** @description The probability with which `tip_id` was chosen, as in its entry of `ranking`. */
            readonly propensity: number;
            /** @description What turned scores into probabilities. `uniform`, `fallback` when the policy's own inputs were missing. */
            readonly policy: components["schemas"]["NamedVersion"];
            /** @description What scored; null when no model was loaded. */
            readonly model: components["schemas"]["NamedVersion"] | null;
            /** @description The columns that the model read, such as `tips@1`. */
            readonly feature_service: string;
            /** @description Null when the tenant runs none. */
            readonly experiment: components["schemas"]["AssignedExperiment"] | null;
            /**
             * @description What the answer had to do without; empty for a full one. A decision that names anything is kept out of learning.
             *
             *     - `online_store`: the signal features could not be read in time.
             *     - `model`: no model was loaded; a policy that needs scores chose uniformly.
             *     - `decision_log`: the decision was not recorded in time, so events about it cannot be joined.
             */
            readonly degraded: readonly ("online_store" | "model" | "decision_log")[];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    readonly score: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description A UUID that names the decision, when `request_id` does not. Anything but a UUID is ignored. */
                readonly "x-request-id"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["ScoreRequest"];
            };
        };
        readonly responses: {
            /** @description The recorded decision. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "decision_id": "01a203bc-6513-762a-bd08-d7170f931563",
                     *       "tip_id": "lights-out",
                     *       "ranking": [
                     *         {
                     *           "tip_id": "lights-out",
                     *           "score": 0.71,
                     *           "probability": 0.95
                     *         },
                     *         {
                     *           "tip_id": "stretch",
                     *           "score": 0.64,
                     *           "probability": 0.05
                     *         }
                     *       ],
                     *       "propensity": 0.95,
                     *       "policy": {
                     *         "name": "epsilon_greedy",
                     *         "version": "1"
                     *       },
                     *       "model": {
                     *         "name": "tips",
                     *         "version": "3"
                     *       },
                     *       "feature_service": "tips@1",
                     *       "experiment": {
                     *         "name": "exploration",
                     *         "variant": "less"
                     *       },
                     *       "degraded": []
                     *     }
                     */
                    readonly "application/json": components["schemas"]["ScoreResponse"];
                };
            };
            /** @description `unauthorized`: no token of a caller came along. */
            readonly 401: {
                headers: {
                    readonly "www-authenticate"?: "Bearer";
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `tenant_not_allowed`: the caller may not ask for this tenant. */
            readonly 403: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `decision_conflict`: the request id already names another decision. */
            readonly 409: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `body_too_large`: the deployment says how long a body may be, 400,000 bytes unless it was set. */
            readonly 413: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `unsupported_media_type`: the body is sent as something else than JSON, or compressed. */
            readonly 415: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `invalid_body`: it does not have this shape; `fields` says where. `invalid_feature`: a profile feature, or another one that the tenant's model reads, has the wrong type. `unknown_tenant`: no catalog declares the tenant. */
            readonly 422: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `too_many_requests`: the tenant asks more than this process answers it. */
            readonly 429: {
                headers: {
                    /** @description Seconds until the next try. */
                    readonly "retry-after"?: number;
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ErrorBody"];
                };
            };
            /** @description `internal_server_error`: a fault of the service; its log says why. */
            readonly 500: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
}
