/** The plan of a file: what is asked for, what there is, and what follows; for `plan`, which shows it, and `apply`, which carries it out. */
import type { Client } from "../../client/client.ts";
import { systemRuntime } from "../../client/runtime.ts";
import { EXIT, Failure } from "../failure.ts";
import type { Shell } from "../shell.ts";
import { planBus, type BusPlan, type PlanOptions } from "./changes.ts";
import { currentBus } from "./current.ts";
import { impactOf } from "./impact.ts";
import { readOutline } from "./outline.ts";
import { movedBy, movedLine, planLines, summaryOf, type Foreseen } from "./plan-lines.ts";
import { wantedBuses, type WantedBus } from "./wanted.ts";

/** The plan of one bus, with the client that speaks for it. */
export interface Planned {
  readonly client: Client;
  readonly plan: BusPlan;
  readonly foreseen: readonly Foreseen[];
}

export interface PlanningOptions extends Omit<PlanOptions, "ownKey"> {
  /** Whether events on record are looked at. */
  readonly impact: boolean;
}

/** @throws Failure on a file that is wrong, and on a name that is ambiguous. */
export async function planFile(shell: Shell, file: string, options: PlanningOptions): Promise<readonly Planned[]> {
  const wanted = wantedBuses(await readOutline(file), process.env);
  const planned: Planned[] = [];
  for (const bus of wanted) planned.push(await planOne(shell, bus, options));
  return planned;
}

async function planOne(shell: Shell, wanted: WantedBus, options: PlanningOptions): Promise<Planned> {
  const name = wanted.name ?? (await configuredBus(shell));
  const client = await shell.client(name);
  const current = await currentBus(client, name, wanted);
  const ownKey = options.prune && wanted.keys !== null ? (await client.session.get()).actor : null;
  const planned = planBus(name, wanted, current, { ...options, ownKey });
  if (!planned.ok) throw new Failure(planned.error, EXIT.failed);
  const foreseen: Foreseen[] = [];
  for (const change of planned.value.changes) {
    shell.out.progress(`Looking at the last day's events: ${foreseen.length} of ${planned.value.changes.length}`);
    const isKnown = options.impact && current.bus !== null;
    foreseen.push({ change, impact: isKnown ? await impactOf(client, change, systemRuntime.now()) : null });
  }
  shell.out.progress("");
  return { client, plan: planned.value, foreseen };
}

/** The bus that a file means which names none. A key of a bus says it itself. */
export async function configuredBus(shell: Shell): Promise<string> {
  const { bus, key } = await shell.config();
  const own = /^ftk_([a-z0-9-]{1,32})_/.exec(key?.value ?? "")?.[1];
  return bus?.value ?? own ?? "default";
}

/** The plan on stdout; a person sees it as a diff. */
export function showPlan({ out }: Shell, planned: readonly Planned[]): void {
  const changes = planned.flatMap(({ plan }) => plan.changes);
  const document = planned.map(({ plan, foreseen }) => ({
    bus: plan.bus,
    changes: foreseen.map(({ change, impact }) => ({
      action: change.action,
      kind: change.kind,
      name: change.name,
      id: "id" in change ? change.id : null,
      members: "members" in change ? change.members : [],
      routes: impact && { examined: impact.examined, gained: impact.gained, lost: impact.lost, is_part: impact.isPart },
    })),
    unmanaged: plan.unmanaged,
    unseen: plan.unseen,
  }));
  const moved = movedBy(planned.flatMap(({ foreseen }) => foreseen.flatMap(({ impact }) => impact ?? [])));
  const routes = moved && { changed: moved.routes, is_part: moved.isPart };
  out.answer({ changes: changes.length, routes, buses: document }, () => [
    ...planned.flatMap(({ plan, foreseen }) => planLines(plan, foreseen, out)),
    ...movedLine(moved),
    changes.length === 0 ? "No changes" : summaryOf(changes),
  ]);
}

/** A file that nobody named. */
export const FILE_DEFAULT = "fantail.yaml";
