/** Webhooks sent to a receiver in this process and verified with the specification's library. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Client, type JobInfo, JobNotFound } from "runo";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { KEY, Scripted, Server, Site } from "./support.js";

let server: Server;
let site: Site;
let client: Client;
let secret: string;

before(async () => {
  [server, site] = [await Server.start(), await Site.start()];
  client = new Client({ apiKey: KEY, baseUrl: server.base });
  ({ secret } = server.admin<{ secret: string }>("hook", "secret", "create", "--account", "dev"));
});
after(async () => {
  await site.close();
  await server.close();
});

/** Returns the state of the job's webhook once it is final. */
async function finalWebhook(id: string): Promise<NonNullable<JobInfo["webhook"]>> {
  for (let n = 0; n < 600; n += 1) {
    const { webhook } = await client.job(id);
    assert(webhook !== undefined);
    if (webhook.state !== "waiting" && webhook.state !== "pending") return webhook;
    await pause(50);
  }
  throw new Error("the message was never delivered");
}

test("the message is sent until the receiver accepts it", async () => {
  const receiver = await Scripted.start({ status: 500 }, { status: 204, body: "" });
  const job = await client.batch(site.urls(2), { title: "string" }, { webhook: { url: receiver.base } });
  assert.deepEqual(await finalWebhook(job.id), { state: "delivered", attempts: 2, last_status: 204 });
  const [first, second] = receiver.seen;
  assert.deepEqual([first!.body, first!.headers["webhook-id"]], [second!.body, second!.headers["webhook-id"]]);
  for (const seen of receiver.seen) {
    const headers = seen.headers as Record<string, string>;
    const message = new Webhook(secret).verify(seen.body, headers) as { type: string; data: { job_id: string } };
    assert.deepEqual([message.type, message.data.job_id], ["job.completed", job.id]);
    const forged = seen.body.replace("completed", "cancelled");
    assert.throws(() => new Webhook(secret).verify(forged, headers), WebhookVerificationError);
  }
  await receiver.close();
});

test("a message can be sent again", async () => {
  const receiver = await Scripted.start({ status: 410 }, { status: 204, body: "" });
  const job = await client.batch(site.urls(1), { title: "string" }, { webhook: { url: receiver.base } });
  assert.equal((await finalWebhook(job.id)).state, "gone");
  assert.deepEqual(await client.resendWebhook(job.id), { state: "pending", attempts: 1, last_status: 410 });
  assert.deepEqual(await finalWebhook(job.id), { state: "delivered", attempts: 2, last_status: 204 });
  const [first, second] = receiver.seen;
  assert.deepEqual([first!.body, first!.headers["webhook-id"]], [second!.body, second!.headers["webhook-id"]]);
  await assert.rejects(client.resendWebhook("job_0123456789abcdef"), JobNotFound);
  await receiver.close();
});

test("both secrets verify during a rotation", async () => {
  const receiver = await Scripted.start({ status: 204, body: "" });
  const { secret: rotated } = server.admin<{ secret: string }>("hook", "secret", "rotate", "--account", "dev");
  const job = await client.batch(site.urls(1), { title: "string" }, { webhook: { url: receiver.base, events: ["job.completed"] } });
  assert.equal((await finalWebhook(job.id)).state, "delivered");
  const [seen] = receiver.seen;
  for (const one of [secret, rotated]) {
    assert(new Webhook(one).verify(seen!.body, seen!.headers as Record<string, string>));
  }
  await receiver.close();
});
