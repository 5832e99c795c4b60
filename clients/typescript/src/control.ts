/** The calls that a job makes about itself, and the client for any job. */

import * as calls from "./calls.js";
import type { Call } from "./calls.js";
import { JobNotFound } from "./errors.js";
import { type Sender, Deadline } from "./sender.js";
import type { JobInfo } from "./types.js";

/** Sends a call without a deadline; returns the members of its JSON response. */
export async function members(sender: Sender, call: Call): Promise<Record<string, unknown>> {
  return (await sender.json(call, new Deadline(undefined, undefined))).members;
}

/** Returns a job's state and progress. */
export async function jobInfo(sender: Sender, id: string): Promise<JobInfo> {
  return (await members(sender, calls.job(id))) as unknown as JobInfo;
}

/** Cancels a job. Returns false if it had already ended by itself. Throws JobNotFound if it does not exist. */
export async function cancelJob(sender: Sender, id: string): Promise<boolean> {
  try {
    await members(sender, calls.cancel(id));
    return true;
  } catch (error) {
    if (!(error instanceof JobNotFound)) throw error;
    // The job has ended, perhaps by an earlier attempt of this call whose response was lost.
    return (await jobInfo(sender, id)).status === "cancelled";
  }
}
