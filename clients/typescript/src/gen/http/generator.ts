// Made from docs/api/generator.openapi.json by `npm run generate`. Do not edit.

export interface paths {
    readonly "/generate": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Write a tip
         * @description Write this person a tip.
         *
         *     Whatever fails on the way, the answer is a tip: at worst the prompt's own, and `degraded` says why.
         *     The decision is recorded before it is told. A retry with the same request id gets the first answer again.
         */
        readonly post: operations["generate"];
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
         * GenerateRequest
         * @description Write this person a tip.
         */
        readonly GenerateRequest: {
            /**
             * @description A UUID that names the decision, so that a retry gets the first answer; goes before the header `x-request-id`.
             *     Anything but a UUID names nothing. Absent: the header's, else a new one.
             */
            readonly request_id?: string | null;
            /** @description The tenant, as a catalog declares it. */
            readonly tenant_id: string;
            /** @description The person: the key of what the signals told about them, and of the side that they are on in an experiment. */
            readonly user_id: string;
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
            /**
             * @description A released prompt, such as `v2`. Absent: that of the tenant's experiment, else of its rollout, else the
             *     deployment's default.
             */
            readonly prompt_version?: string | null;
            /** @description What the tip should be about, in the person's words. Absent: the language model chooses. */
            readonly topic?: string | null;
            /**
             * @description The language to write in, as a BCP 47 tag such as `de-AT`. Absent, or a language that the prompt does not write:
             *     English; the tip says what it is written in.
             */
            readonly locale?: string | null;
            /**
             * @description The titles of tips that the person saw lately, so that another one is written. Prompts from `v3` on read them.
             * @default []
             */
            readonly recent_tips?: readonly string[];
            /**
             * @description How many different tips to write; fewer come when the language model repeats itself. With more than one, `/score`
             *     can choose among them.
             * @default 1
             */
            readonly n?: number;
        };
        /**
         * GenerateResponse
         * @description The tip, who wrote it and what that took.
         */
        readonly GenerateResponse: {
            /**
             * Format: uuid
             * @description Names this decision for the events about it on the bus. The caller's request id when that is a UUID.
             */
            readonly decision_id: string;
            readonly tip: components["schemas"]["WrittenTip"];
            /**
             * @description The further tips, at most `n` - 1 and each another one. To let `/score` choose, send it all of them as candidates
             *     with this `prompt_version`, and tell the bus of `/score`'s decision.
             */
            readonly alternatives: readonly components["schemas"]["WrittenTip"][];
            /** @description The prompt that the tip was asked for with, also when the template wrote it. */
            readonly prompt_version: string;
            /** @description The experiment that chose the prompt version; null when the request or the default did. */
            readonly experiment: components["schemas"]["AssignedExperiment"] | null;
            /** @description The language model that wrote the tip; null when the prompt's template did. */
            readonly model: components["schemas"]["NamedVersion"] | null;
            /** @description Whether the tips were written for an earlier request of this person, of whom nothing new is known since. */
            readonly cached: boolean;
            readonly usage: components["schemas"]["TokenUsage"];
            /**
             * @description What the answer had to do without; empty for a full one. A decision that names anything is kept out of learning.
             *
             *     - `online_store`: the signal features could not be read in time; the tip was written without them.
             *     - `decision_log`: the decision was not recorded in time, so events about it cannot be joined.
             *     - All others: the template wrote the tip, because the language model took too long (`timeout`), failed
             *       (`llm_failed`) or went on and on (`completion_too_long`), would have been sent too much (`prompt_too_long`), costs
             *       too much for one call (`call_budget`) or for the tenant's day (`daily_budget`), nobody could tell what the day has
             *       cost so far (`budget_unknown`), the prompt could not be filled in (`prompt`), or what it wrote is not to be shown
             *       (`guardrail:` and the reason).
             */
            readonly degraded: readonly ("online_store" | "decision_log" | "timeout" | "llm_failed" | "prompt_too_long" | "completion_too_long" | "call_budget" | "daily_budget" | "budget_unknown" | "prompt" | "guardrail:not_a_tip" | "guardrail:title_length" | "guardrail:body_length" | "guardrail:control_characters" | "guardrail:emojis" | "guardrail:language" | "guardrail:topic" | "guardrail:unsafe" | "guardrail:danger" | "guardrail:medical_claim" | "guardrail:financial_claim" | "guardrail:legal_claim" | "guardrail:toxicity" | "guardrail:personal_data" | "guardrail:secret" | "guardrail:foreign_link" | "guardrail:foreign_name" | "guardrail:echo" | "guardrail:instruction" | "guardrail:leak" | "guardrail:markup" | "guardrail:opaque" | "guardrail:shouting")[];
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
         * TokenUsage
         * @description What the language model took, also for answers that were refused; zeros when none was asked or none answered.
         */
        readonly TokenUsage: {
            readonly prompt_tokens: number;
            readonly completion_tokens: number;
            /** @description In US dollars; null when none answered. */
            readonly cost_usd: number | null;
        };
        /**
         * WrittenTip
         * @description The tip as the person may see it.
         */
        readonly WrittenTip: {
            /** @description Exposures and reactions on the bus refer to it. */
            readonly tip_id: string;
            /** @description Plain text; the prompt version says how long it may be. */
            readonly title: string;
            /** @description Plain text; the prompt version says how long it may be. */
            readonly body: string;
            /** @description What it is written in, such as `en`. */
            readonly language: string;
            /** @description What it is about: one of the prompt version's topics, such as `rest`. */
            readonly topic: string;
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
    readonly generate: {
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
                readonly "application/json": components["schemas"]["GenerateRequest"];
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
                     *       "tip": {
                     *         "tip_id": "tip-01a203bc-6513-762a-bd08-d7170f931563",
                     *         "title": "Dim the lights at nine",
                     *         "body": "Turn off the big lamp now. A darker room makes it easier to go to bed on time.",
                     *         "language": "en",
                     *         "topic": "rest"
                     *       },
                     *       "alternatives": [],
                     *       "prompt_version": "v2",
                     *       "experiment": {
                     *         "name": "wording",
                     *         "variant": "short"
                     *       },
                     *       "model": {
                     *         "name": "gpt-5-mini",
                     *         "version": ""
                     *       },
                     *       "cached": false,
                     *       "usage": {
                     *         "prompt_tokens": 312,
                     *         "completion_tokens": 41,
                     *         "cost_usd": 0.00016
                     *       },
                     *       "degraded": []
                     *     }
                     */
                    readonly "application/json": components["schemas"]["GenerateResponse"];
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
            /** @description `retired_prompt_version`: it is used no more; the message says why and lists those that may be used. */
            readonly 410: {
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
            /** @description `invalid_body`: it does not have this shape; `fields` says where. `invalid_feature`: a profile feature has the wrong type. `unknown_tenant`: no catalog declares the tenant. `unknown_prompt_version`: it is not released; the message lists those that may be used. */
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
