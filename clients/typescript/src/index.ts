/** Client for Runo, a self-hosted web-scraping API that turns web pages into typed rows. */

export { Client } from "./client.js";
export {
  AuthenticationError, CLIENT_CODES, ConnectionFailed, ERROR_CODES, type ErrorCode, InvalidRequest, JobForbidden, JobNotFound,
  ModelMismatch, PageError, ProtocolError, QuotaExceeded, RateLimited, RunoError, SchemaError, ServerError, WaitTimeout,
} from "./errors.js";
export { Job } from "./job.js";
export type { JsonSchema } from "./json_schema.js";
export type { RowOf, Schema, ShortSchema, TypedSchema } from "./schema.js";
export { type ClientOptions, VERSION } from "./sender.js";
export type * from "./types.js";
