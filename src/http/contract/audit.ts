/** What requests say of the audit: the schema that validates them. */
import * as z from "zod";
import { AUDIT_ACTIONS } from "../../ports.ts";
import { pageParameters, spanParameters, textParameter, wordParameter } from "./parts.ts";

export const auditQuery = z.strictObject({
  target: textParameter("Only changes of what has this id, or of the bus of this name."),
  actor: textParameter("Only what this key did, by its id; `root` and `system` are actors too."),
  action: wordParameter(AUDIT_ACTIONS, "Only changes of this kind."),
  ...spanParameters("done"),
  ...pageParameters("audit"),
});
