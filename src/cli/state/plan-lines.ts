/** A plan as people read it. It decides nothing. */
import { harmless, type Output } from "../output.ts";
import type { AnyChange, BusPlan, MemberChange } from "./changes.ts";
import type { Impact } from "./impact.ts";

/** A change, and what it does to the routes; null: nothing, or nobody may know. */
export interface Foreseen {
  readonly change: AnyChange;
  readonly impact: Impact | null;
}

type Paint = Pick<Output, "paint">;

const SIGNS = { create: ["+", "good"], update: ["~", "doubtful"], delete: ["-", "bad"] } as const;

export function planLines(plan: BusPlan, foreseen: readonly Foreseen[], out: Paint): readonly string[] {
  const { bus, unmanaged, unseen } = plan;
  const lines = foreseen.flatMap((one) => changeLines(one, out));
  return [
    `bus ${bus}${lines.length === 0 ? ": no changes" : ""}`,
    ...lines,
    ...(unmanaged === 0 ? [] : [out.paint("faint", `  ${unmanaged} more that the file does not name: they stay`)]),
    ...(unseen.length === 0
      ? []
      : [
          out.paint(
            "faint",
            `  Secrets and header values cannot be read back: --write-secrets sends those of ${harmless(unseen.join(", "))} anew`,
          ),
        ]),
  ];
}

function changeLines({ change, impact }: Foreseen, out: Paint): readonly string[] {
  const [sign, tone] = SIGNS[change.action];
  const id = "id" in change && change.id !== change.name ? ` (${change.id})` : "";
  const head = `  ${sign} ${change.kind} ${change.name}${id}`;
  return [
    out.paint(tone, harmless(head)),
    ...("members" in change ? change.members.flatMap((member) => memberLines(member, change.action, out)) : []),
    ...(impact === null ? [] : [`      ${impactLine(impact)}`]),
  ];
}

function memberLines({ name, from, to }: MemberChange, action: AnyChange["action"], out: Paint): readonly string[] {
  if (action === "create") return [harmless(`      ${name}: ${to}`)];
  return [
    out.paint("bad", harmless(`      - ${name}: ${from ?? "–"}`)),
    out.paint("good", harmless(`      + ${name}: ${to}`)),
  ];
}

function impactLine({ examined, gained, lost, isPart }: Impact): string {
  const of = `of ${isPart ? "the newest " : "all "}${examined.toLocaleString("en")} events of the last day`;
  return `routes: ${gained.toLocaleString("en")} more taken, ${lost.toLocaleString("en")} no longer, ${of}`;
}

/** How many of the last day's events come to a subscription, or no longer do, by all changes together; null: nothing was tried. */
export function movedBy(impacts: readonly Impact[]): { readonly routes: number; readonly isPart: boolean } | null {
  if (impacts.length === 0) return null;
  return {
    routes: impacts.reduce((sum, { gained, lost }) => sum + gained + lost, 0),
    isPart: impacts.some((impact) => impact.isPart),
  };
}

/** The same in words, an event counted once for each subscription. */
export function movedLine(moved: ReturnType<typeof movedBy>): readonly string[] {
  if (moved === null) return [];
  return [
    `${moved.isPart ? "At least " : ""}${moved.routes.toLocaleString("en")} routes of the last day's events would change`,
  ];
}

/** "2 to create, 1 to change, 0 to delete". */
export function summaryOf(changes: readonly AnyChange[]): string {
  const count = (action: AnyChange["action"]) => changes.filter((change) => change.action === action).length;
  return `${count("create")} to create, ${count("update")} to change, ${count("delete")} to delete`;
}
