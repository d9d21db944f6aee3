interface MemberChangesProps {
  readonly changes: readonly {
    readonly member: string;
    /** Undefined: it was not there. */
    readonly before: unknown;
    readonly after: unknown;
  }[];
}

/** Member by member, as it was and as it is after it. */
export function MemberChanges({ changes }: MemberChangesProps) {
  return (
    <dl class="changes">
      {changes.map(({ member, before, after }) => (
        <div key={member}>
          <dt class="mono">{member}</dt>
          <dd>
            {before === undefined ? null : <del>{written(before)}</del>}
            {after === undefined ? null : <ins>{written(after)}</ins>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

const written = (value: unknown): string => JSON.stringify(value, null, 2);
