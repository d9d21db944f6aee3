/** Makes one change of a plan. Each is made on what the plan saw, or not at all: `If-Match` carries the version. */
import type { KeyCreate, SubscriptionCreate } from "../../client/api.ts";
import type { Client } from "../../client/client.ts";
import { ProblemError } from "../../client/errors.ts";
import { EXIT, Failure } from "../failure.ts";
import type { AnyChange, Creation, Deletion, Update } from "./changes.ts";
import type { SecretsSink } from "./secrets.ts";

/** @throws Failure when somebody has changed it since it was planned; what the client throws. */
export async function carryOut(client: Client, change: AnyChange, secrets: SecretsSink): Promise<void> {
  try {
    if (change.action === "create") await create(client, change, secrets);
    else if (change.action === "update") await update(client, change);
    else await remove(client, change);
  } catch (error) {
    if (!(error instanceof ProblemError && error.slug === "version-mismatch")) throw error;
    throw new Failure(
      `${change.kind} ${change.name} was changed by somebody since it was planned: plan again`,
      EXIT.failed,
      {
        problem: error.problem,
        cause: error,
      },
    );
  }
}

// `wanted.ts` has checked the documents, and the router judges what is left: the assertions below say no more than that.
/* oxlint-disable typescript/no-unsafe-type-assertion */

async function create(client: Client, { kind, bus, name, document }: Creation, secrets: SecretsSink): Promise<void> {
  if (kind === "bus") {
    await client.buses.put(name, document, { ifAbsent: true });
    return;
  }
  if (kind === "key") {
    const made = await client.keys.create(document as unknown as KeyCreate);
    return secrets.keep({ bus, kind, name, id: made.id, secret: made.key });
  }
  const made = await client.subscriptions.create(document as unknown as SubscriptionCreate);
  // Absent when the file gave one: whoever wrote it has it.
  if (made.secret !== undefined && document["secret"] === undefined)
    await secrets.keep({ bus, kind, name, id: made.id, secret: made.secret });
}

async function update(client: Client, { kind, id, patch, version }: Update): Promise<void> {
  const options = { ifMatch: version };
  if (kind === "bus") await client.buses.update(id, patch, options);
  else if (kind === "key") await client.keys.update(id, patch, options);
  else await client.subscriptions.update(id, patch, options);
}

async function remove(client: Client, { kind, id, version }: Deletion): Promise<void> {
  const options = { ifMatch: version };
  if (kind === "key") await client.keys.revoke(id, options);
  else await client.subscriptions.delete(id, options);
}
