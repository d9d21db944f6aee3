/** The costs of a run as Markdown: the section "What it costs" of docs/performance.md. */
import { aimOf, atBatches, billOf, FULL_BATCH_MESSAGES, logLinesAt, PRICES, PRICES_AS_OF, RIVALS } from "./bill.ts";
import type { CostCase, Costs } from "./costs.ts";
import { type Cell, table } from "./table.ts";

const usd = (value: number): string => value.toFixed(2);
/** Enough digits for what is far below a cent. */
const fine = (value: number): string => (value === 0 ? "0" : value < 0.005 ? value.toFixed(4) : value.toFixed(2));

const totalAt = (one: CostCase, messages: number): number => billOf(atBatches(one, messages)).total;
/** As it was measured, which is what an aim is for. */
const measuredTotalOf = (one: CostCase): number => totalAt(one, one.messagesPerBatch);

/** Cases that cost more than they are to, as they were measured. */
export function overAim({ cases }: Costs): readonly string[] {
  return cases.flatMap((one) => {
    const [total, aim] = [measuredTotalOf(one), aimOf(one)];
    return aim === null || total <= aim ? [] : [`${nameOf(one)}: US$ ${usd(total)}, at most ${usd(aim)}`];
  });
}

const nameOf = ({ level, fanOut, isPaced }: CostCase): string =>
  `\`${level}\`, fan-out ${fanOut}${isPaced ? ", each with a rate" : ""}`;

function aimText(one: CostCase): string {
  const aim = aimOf(one);
  return aim === null ? "" : `≤ ${usd(aim)} ${measuredTotalOf(one) <= aim ? "✓" : "✗"}`;
}

function billRow(one: CostCase): readonly Cell[] {
  const bill = billOf(atBatches(one, one.messagesPerBatch));
  return [
    nameOf(one),
    usd(bill.requests),
    usd(bill.cpu),
    usd(bill.queueOperations),
    fine(bill.rowsRead),
    usd(bill.rowsWritten),
    usd(bill.limiters),
    `**${usd(bill.total)}**`,
    aimText(one),
    one.messagesPerBatch.toFixed(1),
    usd(totalAt(one, FULL_BATCH_MESSAGES)),
    usd(totalAt(one, 1)),
    usd(logLinesAt(one, one.messagesPerBatch)),
  ];
}

function countRow(one: CostCase): readonly Cell[] {
  const { life, end } = one;
  return [
    nameOf(one),
    one.events,
    one.perSecond,
    life.requests.toFixed(3),
    (life.cpuMs + (end?.cpuMs ?? 0)).toFixed(2),
    life.queueOperations.toFixed(2),
    life.rowsWritten.toFixed(2),
    (end?.rowsWritten ?? 0).toFixed(2),
    (life.rowsRead + (end?.rowsRead ?? 0)).toFixed(1),
    one.d1CallsPerBatch.toFixed(2),
    life.limiterRequests.toFixed(2),
    `${one.logLines.toFixed(2)}, ${Math.round(one.logBytes)} B`,
    one.databaseBytes === 0 ? "0" : Math.round(one.databaseBytes).toLocaleString("en"),
  ];
}

function rivalTable(cases: readonly CostCase[]): string {
  const fanOuts = [...new Set(cases.map(({ fanOut }) => fanOut))];
  const own = (["all", "failures"] as const).map((level) => {
    const total = (fanOut: number): string => {
      const one = cases.find((other) => other.level === level && other.fanOut === fanOut && !other.isPaced);
      return one === undefined ? "" : usd(measuredTotalOf(one));
    };
    return [`Fantail, log level \`${level}\``, ...fanOuts.map(total), "log lines; D1 storage", "the table above"];
  });
  const others = RIVALS.map((rival) => {
    const at = (fanOut: number): string => {
      const price = rival.at(fanOut);
      return price === null ? "not known" : usd(price);
    };
    return [rival.name, ...fanOuts.map(at), rival.notIn, rival.source];
  });
  return table([["", ...fanOuts.map((fanOut) => `fan-out ${fanOut}`), "not in it", "source"], ...own, ...others]);
}

const priceTable = (): string =>
  table([
    ["what", "US$", "for", "included each month", "source"],
    ...Object.values(PRICES).map(({ name, usd: price, unit, included, source }) => [
      name,
      price,
      unit,
      included === 0 ? "" : included.toLocaleString("en"),
      source.replace("https://developers.cloudflare.com", ""),
    ]),
  ]);

/** Sweeps of 30 days. */
const SWEEPS_A_MONTH = 43_200;

export function costsMarkdown(costs: Costs): string {
  const sweeps = billOf(costs.idleSweep).total * (SWEEPS_A_MONTH / 1_000_000);
  const quick = costs.quick ? "**A shortened run: its figures are for a look only.** " : "";
  return `## What it costs

${quick}US$ for a million events beyond the included amounts, at list prices of ${PRICES_AS_OF}: each event of
${costs.eventBytes.toLocaleString("en")} bytes is published alone, by a request of its own, and each first attempt succeeds. What is billed was counted, at the
bindings of the built Worker, in the local runtime; production was not billed. The rows that retention deletes at the end are in it.

${table([
  [
    "log level, fan-out",
    "requests",
    "CPU",
    "queue operations",
    "rows read",
    "rows written",
    "Durable Objects",
    "total",
    "aim",
    "messages a batch",
    `total at ${FULL_BATCH_MESSAGES}`,
    "total alone",
    "log lines, beside it",
  ],
  ...costs.cases.map(billRow),
])}

- **CPU** is that of the whole local runtime, with the simulators of database, queues and Durable Objects: an upper bound.
- **Messages a batch** is the mean of the run, which published faster than was delivered, so that batches filled. An invocation and, at \`all\`, two
  rows are billed for each batch: \`total at ${FULL_BATCH_MESSAGES}\` is the same event in full batches, \`total alone\` one that has a batch to itself. The aims are for batches that fill.
- **Log lines** are an add-on of Workers Logs: \`head_sampling_rate\` in \`wrangler.toml\` keeps a part of them, and is 1 as delivered.
- **A rate** asks a Durable Object once for each batch and subscription, a concurrency once more at the end of the batch, and each call writes a
  row. The run had ${costs.kinds} subscriptions in turn: the deliveries of a batch to one subscription share its calls.
- **Not in it**: 5.00 a month for the plan, storage of the database, and ${usd(sweeps)} a month for 43,200 sweeps that find nothing.

What was counted for each event:

${table([
  [
    "log level, fan-out",
    "events",
    "published a second",
    "requests",
    "CPU ms",
    "queue operations",
    "rows written, delivering",
    "rows written, removing",
    "rows read",
    "D1 calls a batch",
    "Durable Object calls",
    "log lines",
    "bytes of database",
  ],
  ...costs.cases.map(countRow),
])}

Beside others, at their list prices, US$ for a million events:

${rivalTable(costs.cases)}

The prices, as Cloudflare's pages under \`developers.cloudflare.com\` had them:

${priceTable()}
`;
}
