/** `fantail backtest`: what filters would have taken of the events on record. */
import type { EventSummary, FilterBacktested } from "../../client/api.ts";
import type { BacktestQuery } from "../../client/filters.ts";
import { systemRuntime } from "../../client/runtime.ts";
import { isMembers } from "../../core/json-value.ts";
import { BACKTEST_SAMPLE_MAX } from "../../core/limits.ts";
import { parseJson, readDocument } from "../documents.ts";
import { usage } from "../failure.ts";
import { given, list, several, text, whole } from "../options.ts";
import type { Command, Shell } from "../shell.ts";
import { table } from "../table.ts";
import { spanOf } from "../times.ts";

const EVENTS_DEFAULT = 100_000;

export const backtest: Command = (parser, run) =>
  parser.command(
    "backtest [subscription]",
    "Try filters on the events on record",
    (command) =>
      command
        .positional("subscription", {
          type: "string",
          describe: "Compare with what this takes, sub_…; alone: try its own filters",
        })
        .option("file", text("types, source and filters from a JSON or YAML file, - for stdin"))
        .option("types", list("Event types to take"))
        .option("source", text("The source to take"))
        .option("filter", several("A filter as JSON; all that are given must hold"))
        .option("since", { ...text("Of events accepted then or later, like 24h"), default: "24h" })
        .option("until", text("Of events accepted before"))
        .option(
          "events",
          whole("--events", { min: 1, max: 100_000_000 }, `Look at so many, at most; else ${EVENTS_DEFAULT}`),
        )
        .example("$0 backtest sub_… --types order.created,order.paid", "What a change would gain and lose")
        .example(`$0 backtest --filter '{"prefix":{"subject":"eu/"}}' --since 7d`, ""),
    (args) =>
      run(args, async (shell) => {
        const { subscription: id } = args;
        const span = spanOf(args, systemRuntime.now());
        const wanted = await wantedOf(args);
        const query =
          id === undefined
            ? { ...wanted, ...span }
            : { ...(wanted ?? (await ownOf(shell, id))), ...span, subscription_id: id };
        if (id === undefined && wanted === null)
          throw usage("Which filters? Give a subscription, a --file, or --types, --source and --filter");
        await tryOn(shell, query, args.events ?? EVENTS_DEFAULT);
      }),
  );

interface WantedOptions {
  readonly file: string | undefined;
  readonly types: readonly string[] | undefined;
  readonly source: string | undefined;
  readonly filter: readonly string[] | undefined;
}

type Wanted = Pick<BacktestQuery, "types" | "source" | "filters">;

/** Null: nothing is given. */
async function wantedOf({ file, types, source, filter }: WantedOptions): Promise<Wanted | null> {
  if (file === undefined && types === undefined && source === undefined && filter === undefined) return null;
  const stored = file === undefined ? {} : (await readDocument(file)).value;
  if (!isMembers(stored)) throw usage(`${file ?? ""} must be an object of types, source and filters`);
  const options = given({ types, source, filters: filter?.map((one) => parseJson(one, "--filter")) });
  // A subscription's whole document is as good: what it says beside is not asked.
  const { types: types_, source: source_, filters: filters_ } = { ...stored, ...options } as Record<string, unknown>;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the router judges them, and names what is wrong
  return given({ types: types_, source: source_, filters: filters_ }) as Wanted;
}

async function ownOf({ client }: Shell, id: string): Promise<Wanted> {
  const { types, source, filters } = await (await client()).subscriptions.get(id);
  return { types, source, filters };
}

interface Total {
  examined: number;
  skipped: number;
  matched: number;
  gained: number;
  lost: number;
  readonly sample: EventSummary[];
}

async function tryOn({ client, out }: Shell, query: BacktestQuery, eventsMax: number): Promise<void> {
  const pages = (await client()).filters.backtest(query);
  const total: Total = { examined: 0, skipped: 0, matched: 0, gained: 0, lost: 0, sample: [] };
  let next: string | undefined;
  do {
    const page: FilterBacktested = await pages.page(next);
    add(total, page);
    out.progress(`${total.examined.toLocaleString("en")} events looked at`);
    next = page.next_cursor ?? undefined;
  } while (next !== undefined && total.examined < eventsMax);
  out.progress("");
  const isPart = next !== undefined;
  const isCompared = query.subscription_id !== undefined;
  const { gained, lost, ...counts } = total;
  out.answer({ ...counts, ...(isCompared ? { gained, lost } : {}), is_part: isPart }, () => [
    `${total.examined.toLocaleString("en")} events looked at${isPart ? ", and there are older ones: --events looks at more" : ""}`,
    ...(total.skipped === 0 ? [] : [`${total.skipped.toLocaleString("en")} are erased or no longer kept`]),
    `${total.matched.toLocaleString("en")} are taken`,
    ...(isCompared
      ? [
          `${gained.toLocaleString("en")} of them are not taken by ${query.subscription_id}, which takes ${lost.toLocaleString("en")} others`,
        ]
      : []),
    ...(total.sample.length === 0 ? [] : ["", ...sampleTable(total.sample)]),
  ]);
}

function add(total: Total, page: FilterBacktested): void {
  total.examined += page.examined;
  total.skipped += page.skipped;
  total.matched += page.matched;
  total.gained += page.difference?.gained.count ?? 0;
  total.lost += page.difference?.lost.count ?? 0;
  total.sample.push(...page.sample.slice(0, BACKTEST_SAMPLE_MAX - total.sample.length));
}

const sampleTable = (events: readonly EventSummary[]): readonly string[] =>
  table<EventSummary>(
    [
      { name: "event", of: (event) => event.event_id },
      { name: "type", of: ({ type }) => type },
      { name: "source", of: ({ source }) => source },
      { name: "subject", of: ({ subject }) => subject },
      { name: "accepted", of: (event) => event.accepted_at },
    ],
    events,
  );
