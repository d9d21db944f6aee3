/**
 * SNS subscription filter policies. Sources: "Amazon SNS subscription filter policies", "String value matching", "Numeric value matching",
 * "Key matching" and "Filter policy constraints" of the Amazon SNS Developer Guide, MessageAttributeValue of its API Reference.
 *
 * Documented there and different from a pattern: `exists` true asks for a value that is neither null nor empty; `exists` false on message
 * attributes does not hold when there are none at all; in policies on attributes, quotes and backslashes are escaped twice.
 */
import { isMembers, type Members } from "../json-value.ts";
import { oneOf } from "../words.ts";
import { readPlaces } from "./attributes.ts";
import { type Findings, readJsonText, readObject, refuse } from "./findings.ts";
import type { Translation } from "./imported.ts";
import { importAttributes } from "./sns-attributes.ts";
import { importBody } from "./sns-body.ts";

const SCOPES = ["MessageAttributes", "MessageBody"] as const;
type Scope = (typeof SCOPES)[number];

export interface SnsRequest {
  /** The policy, or what `get-subscription-attributes` answers, whose `FilterPolicy` is JSON text. */
  readonly policy: unknown;
  /** FilterPolicyScope; absent: as `get-subscription-attributes` says, or SNS's own default, MessageAttributes. */
  readonly scope?: unknown;
  /** Of message attributes: where the producer puts each, the name of an attribute or `data.<member>`. */
  readonly attributes?: unknown;
}

/** A policy as filters; null with faults. A policy without keys, and a subscription without a policy, takes everything. */
export function importSns(request: SnsRequest, findings: Findings): Translation | null {
  const places = readPlaces(request.attributes, { findings, taken: [], intoData: true });
  const given = readObject(request.policy, "/policy", findings);
  const subscription = given === null ? null : subscriptionOf(given);
  const scope = readScope(request.scope, subscription, findings);
  if (given === null || scope === null) return null;
  if (subscription === null) return translate(given, "/policy");
  return readFilterPolicy(subscription.members["FilterPolicy"], `${subscription.pointer}/FilterPolicy`);

  function translate(policy: Members, pointer: string, inside = findings): Translation | null {
    if (Object.keys(policy).length === 0) return { types: null, source: null, filters: [] };
    if (scope === "MessageBody") return importBody(policy, pointer, inside);
    return importAttributes(policy, { pointer, places, findings: inside });
  }

  function readFilterPolicy(text: unknown, pointer: string): Translation | null {
    if (text === undefined || text === null) return { types: null, source: null, filters: [] };
    if (typeof text !== "string") return refuse(findings, pointer, "must be JSON text");
    return readJsonText(text, { pointer, findings }, (json, inside) => {
      const policy = readObject(json, pointer, inside);
      return policy === null ? null : translate(policy, pointer, inside);
    });
  }
}

const isSubscription = (members: Members): boolean =>
  typeof members["FilterPolicy"] === "string" || typeof members["SubscriptionArn"] === "string";

interface Subscription {
  readonly members: Members;
  readonly pointer: string;
}

/** The attributes of a subscription, if that is what was given: there, unlike in a policy, these members are strings. */
function subscriptionOf(given: Members): Subscription | null {
  const { Attributes: attributes } = given;
  if (isMembers(attributes) && isSubscription(attributes))
    return { members: attributes, pointer: "/policy/Attributes" };
  return isSubscription(given) ? { members: given, pointer: "/policy" } : null;
}

function readScope(asked: unknown, subscription: Subscription | null, findings: Findings): Scope | null {
  const stated = subscription?.members["FilterPolicyScope"];
  const [asks, states] = [asked ?? undefined, stated ?? undefined];
  const [own, theirs] = [asks, states].map((value) => SCOPES.find((scope) => scope === value));
  if (asks !== undefined && own === undefined) return refuse(findings, "/scope", oneOf(SCOPES));
  if (states !== undefined && theirs === undefined) {
    return refuse(findings, `${subscription?.pointer ?? ""}/FilterPolicyScope`, oneOf(SCOPES));
  }
  if (own !== undefined && theirs !== undefined && own !== theirs) {
    return refuse(findings, "/scope", "must be what FilterPolicyScope says, or absent");
  }
  return own ?? theirs ?? "MessageAttributes";
}
