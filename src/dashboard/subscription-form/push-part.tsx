import { Panel } from "../components/panel.tsx";
import { TextField } from "../components/text-field.tsx";
import type { PartProps } from "./field-props.ts";

/** How it is pushed: how long, how often, how fast, and how it is signed. */
export function PushPart({ draft, onChange, faultOf, isNew }: PartProps & { readonly isNew: boolean }) {
  return (
    <Panel title="How it is pushed">
      <div class="fields">
        <TextField
          label="Retry schedule"
          value={draft.schedule}
          onValue={(schedule) => onChange({ schedule })}
          fault={faultOf("/retry/schedule_s")}
          hint="How long to wait after each failed attempt; none: one attempt"
          input={{ name: "schedule", autocomplete: "off", placeholder: "5s, 5m, 30m, 2h" }}
        />
        <TextField
          label="Permanent statuses"
          value={draft.permanent}
          onValue={(permanent) => onChange({ permanent })}
          fault={faultOf("/retry/permanent")}
          hint="Answers that are final after three attempts"
          input={{ name: "permanent", autocomplete: "off", placeholder: "400, 413, 415, 422" }}
        />
        <TextField
          label="Timeout (ms)"
          value={draft.timeout}
          onValue={(timeout) => onChange({ timeout })}
          fault={faultOf("/timeout_ms")}
          hint="How long one attempt may take"
          input={{ name: "timeout", inputMode: "numeric", autocomplete: "off" }}
        />
        <TextField
          label="Concurrency"
          value={draft.concurrency}
          onValue={(concurrency) => onChange({ concurrency })}
          fault={faultOf("/concurrency")}
          hint="Requests open at a time; empty: no limit"
          input={{ name: "concurrency", inputMode: "numeric", autocomplete: "off" }}
        />
        <TextField
          label="Rate: pushes"
          value={draft.rateLimit}
          onValue={(rateLimit) => onChange({ rateLimit })}
          fault={faultOf("/rate/limit")}
          hint="At most so many; empty: no limit"
          input={{ name: "rate-limit", inputMode: "numeric", autocomplete: "off", placeholder: "100" }}
        />
        <TextField
          label="Rate: in"
          value={draft.ratePeriod}
          onValue={(ratePeriod) => onChange({ ratePeriod })}
          fault={faultOf("/rate/period_s")}
          hint="The period of these pushes"
          input={{ name: "rate-period", autocomplete: "off", placeholder: "60s" }}
        />
        <TextField
          label={isNew ? "Signing secret (optional)" : "New signing secret (optional)"}
          value={draft.secret}
          onValue={(secret) => onChange({ secret })}
          fault={faultOf("/secret")}
          hint={isNew ? "Empty: one is made, and shown once" : "Empty: it stays. The former signs along for a day"}
          input={{ name: "secret", type: "password", autocomplete: "off", placeholder: "whsec_…" }}
        />
      </div>
    </Panel>
  );
}
