/** Requests as commands for a shell: with the key in `$FANTAIL_KEY`, never in the text. */

interface Publish {
  /** Of the router, without a trailing slash. */
  readonly url: string;
  /** Null: that of the key. */
  readonly bus: string | null;
  /** An event in full, or in the short form. */
  readonly event: unknown;
}

/** The command that publishes the event. */
export function publishCommand({ url, bus, event }: Publish): string {
  const lines = [
    `curl -sS ${quoted(`${url}/v1/events`)}`,
    `-H "authorization: Bearer $FANTAIL_KEY"`,
    ...(bus === null ? [] : [`-H ${quoted(`fantail-bus: ${bus}`)}`]),
    `-H 'content-type: application/json'`,
    `--data-raw ${quoted(JSON.stringify(event))}`,
  ];
  return lines.join(" \\\n  ");
}

/** One word of a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
