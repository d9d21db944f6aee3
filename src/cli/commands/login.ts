/** `fantail login` and `fantail config`: where the router is and with which key, kept in a file of its owner's. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Writable } from "node:stream";
import { createInterface } from "node:readline/promises";
import type { Session } from "../../client/api.ts";
import { createClient } from "../../client/client.ts";
import { systemRuntime } from "../../client/runtime.ts";
import { readText } from "../documents.ts";
import { usage } from "../failure.ts";
import type { Command, Shell } from "../shell.ts";
import { details } from "../table.ts";

export const login: Command = (parser, run) =>
  parser.command(
    "login",
    "Keep the URL and a key in a file",
    (command) =>
      command
        .example("$0 login --url https://events.example.com", "Asks for the key")
        .example("$0 login --url http://127.0.0.1:8787 < key.txt", "Reads it from stdin"),
    (args) => run(args, keep),
  );

export const config: Command = (parser, run) =>
  parser.command(
    "config",
    "Show which settings are in force, and where they are from",
    (command) => command,
    (args) => run(args, show),
  );

/** The key is tried before it is kept. It is no option: others could read it in the list of processes. */
async function keep(shell: Shell): Promise<void> {
  const { url, bus, file } = await shell.config();
  if (url === null) throw usage("Where is the router? Give --url");
  const key = (process.stdin.isTTY ? await askSilently("Key: ") : await readText("-")).trim();
  if (key === "") throw usage("There is no key on stdin");
  const settings = { url: url.value, key, ...(bus === null ? {} : { bus: bus.value }) };
  const session = await tryKey(settings);
  const text = `${JSON.stringify(settings, null, 2)}\n`;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.${systemRuntime.uuid()}`;
  await writeFile(fresh, text, { mode: 0o600, flag: "wx" });
  await rename(fresh, file);
  const { bus: acts, scopes, expires_at } = session;
  shell.out.answer({ file, url: url.value, bus: acts, scopes, expires_at }, () => [
    `Kept in ${file}: bus ${acts}, ${scopes.join(", ")}${expires_at === null ? "" : `, until ${expires_at}`}`,
  ]);
}

/** What the key allows. @throws Failure on what is no key; what the client throws when the router does not know it. */
async function tryKey(settings: {
  readonly url: string;
  readonly key: string;
  readonly bus?: string;
}): Promise<Session> {
  try {
    return await createClient({ ...settings, retries: 1 }).session.get();
  } catch (error) {
    throw error instanceof TypeError ? usage(error.message, error) : error;
  }
}

async function askSilently(question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  // From here on the terminal shows nothing of what is typed.
  const asking = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  process.stderr.write(question);
  try {
    return await asking.question("");
  } finally {
    asking.close();
    process.stderr.write("\n");
  }
}

async function show({ config: read, out }: Shell): Promise<void> {
  const { url, key, bus, file, warnings } = await read();
  const shown = key === null ? null : `${key.value.slice(0, /^ftk_[a-z0-9-]+_/.exec(key.value)?.[0].length ?? 0)}…`;
  const document = {
    file,
    url: url && { value: url.value, from: url.from },
    key: key && { value: shown, from: key.from },
    bus: bus && { value: bus.value, from: bus.from },
  };
  for (const warning of warnings) out.note(`fantail: warning: ${warning}`);
  out.answer(document, () =>
    details([
      ["file", file],
      ["url", url && `${url.value} (${url.from})`],
      ["key", key && `${shown ?? ""} (${key.from})`],
      ["bus", bus && `${bus.value} (${bus.from})`],
    ]),
  );
}
