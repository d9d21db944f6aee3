import { useId } from "preact/hooks";
import { useLoad } from "../data/use-load.ts";
import { useSession, useSessionHandle } from "../session/session.tsx";

/** The buses that the root key may look at. A bus has all its events on one deployment: there are few. */
const BUSES_MAX = 200;

/** The bus that is looked at; the root key can choose another. */
export function BusSwitcher() {
  const { session, bus } = useSession();
  return session.is_root ? (
    <Choice bus={bus} />
  ) : (
    <p class="bus-name" title="The bus of the key">
      {bus}
    </p>
  );
}

function Choice({ bus }: { readonly bus: string }) {
  const id = useId();
  const { client } = useSession();
  const { setBus } = useSessionHandle();
  const buses = useLoad((signal) => client.buses.list({ limit: BUSES_MAX }, { signal }).page(), []);
  const names = new Set([bus, ...(buses.data?.data.map((summary) => summary.bus) ?? [])]);
  return (
    <div class="bus-choice">
      <label class="hidden" for={id}>
        Bus
      </label>
      <select id={id} value={bus} onChange={(changed) => setBus(changed.currentTarget.value)}>
        {[...names].toSorted().map((name) => (
          <option key={name} value={name} selected={name === bus}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
