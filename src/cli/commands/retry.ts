/** `fantail retry`: deliveries tried again at once, some by their ids or all of a subscription. */
import type { Delivery } from "../../client/api.ts";
import type { Client } from "../../client/client.ts";
import { systemRuntime } from "../../client/runtime.ts";
import { EXIT, failureOf, usage, type ExitCode } from "../failure.ts";
import { flag, given, oneOf, text, whole } from "../options.ts";
import type { Command, Shell } from "../shell.ts";
import { spanOf } from "../times.ts";

const STATUSES = ["dead", "cancelled", "retrying", "pending", "delivered"] as const;
const RETRIES_MAX = 1_000_000;

export const retry: Command = (parser, run) =>
  parser.command(
    "retry [deliveries..]",
    "Try deliveries again, at once",
    (command) =>
      command
        .positional("deliveries", { type: "string", array: true, describe: "Deliveries, dlv_…" })
        .option("subscription", text("All of this subscription, sub_…"))
        .option("status", {
          ...oneOf(STATUSES, "With --subscription: those with this status"),
          default: "dead" as const,
        })
        .option("since", text("With --subscription: of events accepted then or later, like 24h"))
        .option("until", text("With --subscription: of events accepted before"))
        .option("limit", whole("--limit", { min: 1, max: RETRIES_MAX }, "With --subscription: at most so many"))
        .option("dry-run", flag("With --subscription: only list them"))
        .example("$0 retry dlv_…", "One delivery")
        .example("$0 retry --subscription sub_… --since 24h", "What died within a day"),
    (args) =>
      run(args, (shell) => {
        const { deliveries = [] } = args;
        if (args.subscription === undefined) return retryThese(shell, deliveries);
        if (deliveries.length > 0) throw usage("Give deliveries, or --subscription, not both");
        return retryAll(shell, {
          query: given({
            subscription_id: args.subscription,
            status: args.status,
            ...spanOf(args, systemRuntime.now()),
          }),
          limit: args.limit ?? RETRIES_MAX,
          isDry: args["dry-run"],
        });
      }),
  );

/** @throws Failure when it is not clear which. */
async function retryThese(shell: Shell, ids: readonly string[]): Promise<ExitCode> {
  if (ids.length === 0) throw usage("Which deliveries? Give ids, or --subscription");
  const client = await shell.client();
  const counts = { retried: 0, failed: 0 };
  for (const id of ids) await retryOne(shell, client, id, counts);
  return counts.failed === 0 ? EXIT.ok : EXIT.failed;
}

interface Wanted {
  readonly query: Parameters<Client["deliveries"]["list"]>[0];
  readonly limit: number;
  readonly isDry: boolean;
}

async function retryAll(shell: Shell, { query, limit, isDry }: Wanted): Promise<ExitCode> {
  const { out } = shell;
  const client = await shell.client();
  // Read to its end first: what is retried has another status, and would move the pages.
  const found: Delivery[] = [];
  for await (const delivery of client.deliveries.list(query)) {
    found.push(delivery);
    if (found.length === limit) break;
  }
  if (isDry) {
    for (const one of found) out.each(one, () => `${one.id}  ${one.type}  ${one.status}  ${one.cause ?? "–"}`);
    out.note(`${found.length} would be retried`);
    return EXIT.ok;
  }
  const counts = { retried: 0, failed: 0 };
  for (const { id } of found) {
    await retryOne(shell, client, id, counts);
    out.progress(`${counts.retried + counts.failed} of ${found.length}`);
  }
  out.progress("");
  out.note(`${counts.retried} retried, ${counts.failed} failed`);
  return counts.failed === 0 ? EXIT.ok : EXIT.failed;
}

async function retryOne(
  { out, reached }: Shell,
  client: Client,
  id: string,
  counts: { retried: number; failed: number },
): Promise<void> {
  try {
    const retried = await client.deliveries.retry(id);
    counts.retried += 1;
    out.each(retried, () => `${retried.id}  ${retried.status}`);
  } catch (error) {
    const failure = failureOf(error, reached());
    // A router that is away, or a key that is none, is so for all of them.
    if (failure.exitCode !== EXIT.failed || failure.problem?.status === 401) throw failure;
    counts.failed += 1;
    out.note(`fantail: ${id}: ${failure.lines.join("; ")}`);
  }
}
