/** `fantail open`: the dashboard in a browser. */
import { spawn } from "node:child_process";
import { usage } from "../failure.ts";
import { flag } from "../options.ts";
import type { Command, Shell } from "../shell.ts";

/** Where each thing is shown: paths of the dashboard, which has one page for all keys. */
const PAGES: Readonly<Record<string, (id: string) => string>> = {
  evt: (id) => `/events/${id}`,
  dlv: (id) => `/deliveries/${id}`,
  sub: (id) => `/subscriptions/${id}`,
  key: () => "/keys",
};

export const open: Command = (parser, run) =>
  parser.command(
    "open [id]",
    "Open the dashboard in a browser",
    (command) =>
      command
        .positional("id", { type: "string", describe: "At this event, delivery or subscription" })
        .option("print", flag("Only print the address"))
        .example("$0 open evt_…", ""),
    (args) => run(args, (shell) => show(shell, args.id, args.print)),
  );

async function show({ config, out }: Shell, id: string | undefined, isPrinted: boolean): Promise<void> {
  const { url, file } = await config();
  if (url === null) throw usage(`There is no URL: set FANTAIL_URL, give --url, or write ${file} with fantail login`);
  const address = `${url.value.replace(/\/+$/, "")}${pathOf(id)}`;
  out.answer({ url: address }, () => [address]);
  if (isPrinted || out.isJson) return;
  if (!(await opened(address))) out.note("There is no browser to open it with: open the address yourself");
}

function pathOf(id: string | undefined): string {
  if (id === undefined) return "/";
  const [prefix = "", rest] = id.split("_", 2);
  const page = rest === undefined || !Object.hasOwn(PAGES, prefix) ? undefined : PAGES[prefix];
  if (page === undefined) throw usage(`${id.slice(0, 60)} is no id: it must begin with evt_, dlv_, sub_ or key_`);
  return page(encodeURIComponent(id));
}

/** Whether the system has an opener. What that does then is its own affair. */
function opened(address: string): Promise<boolean> {
  const [command, ...args] = OPENERS[process.platform] ?? ["xdg-open"];
  return new Promise((resolve) => {
    const child = spawn(command ?? "", [...args, address], { stdio: "ignore", detached: true });
    child.once("error", () => resolve(false));
    child.once("spawn", () => {
      child.unref();
      resolve(true);
    });
  });
}

/** `start` is a word of cmd, whose first quoted argument is a title. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ["open"],
  win32: ["cmd", "/c", "start", '""'],
};
