/** `fantail apply`: makes buses, subscriptions and keys what a file says. A second time it changes nothing. */
import { confirmed } from "../confirm.ts";
import { EXIT, Failure, failureOf, usage, type ExitCode } from "../failure.ts";
import { fileAt, flag, text } from "../options.ts";
import type { Command, Shell } from "../shell.ts";
import { carryOut } from "../state/carry-out.ts";
import { summaryOf } from "../state/plan-lines.ts";
import { FILE_DEFAULT, planFile, showPlan, type Planned, type PlanningOptions } from "../state/planning.ts";
import { secretsSink, type SecretsSink } from "../state/secrets.ts";

export const apply: Command = (parser, run) =>
  parser.command(
    "apply [file]",
    "Make buses, subscriptions and keys what a file says",
    (command) =>
      command
        .positional("file", fileAt(`Buses, subscriptions and keys as YAML; else ${FILE_DEFAULT}`))
        .option("yes", { ...flag("Do not ask"), alias: "y" })
        .option("prune", flag("Also delete named subscriptions and keys that the file does not have"))
        .option("write-secrets", flag("Send secrets and header values anew: whether they differ cannot be seen"))
        .option("impact", {
          type: "boolean",
          default: true,
          describe: "Try changes on the last day's events; --no-impact does not",
        })
        .option("secrets-file", text("Write new keys and signing secrets to this new file (mode 0600), not to stdout"))
        .example("$0 apply", "Shows the diff of fantail.yaml, asks, and applies it")
        .example("$0 apply prod.yaml --yes --secrets-file secrets.json", "For CI"),
    (args) =>
      run(args, (shell) =>
        make(shell, args.file ?? FILE_DEFAULT, {
          prune: args.prune,
          writeSecrets: args["write-secrets"],
          impact: args.impact,
          isYes: args.yes,
          secretsFile: args["secrets-file"],
        }),
      ),
  );

interface ApplyOptions extends PlanningOptions {
  readonly isYes: boolean;
  readonly secretsFile: string | undefined;
}

async function make(shell: Shell, file: string, options: ApplyOptions): Promise<ExitCode> {
  const { out } = shell;
  if (out.isJson && !options.isYes) throw usage("With --json nobody can be asked: give --yes");
  const planned = await planFile(shell, file, options);
  const changes = planned.flatMap(({ plan }) => plan.changes);
  if (!out.isJson) showPlan(shell, planned);
  if (changes.length > 0 && !(await confirmed(`Apply this: ${summaryOf(changes)}?`, options.isYes))) return EXIT.failed;
  const secrets = changes.length === 0 ? null : await secretsSink(options.secretsFile, out);
  try {
    const done = secrets === null ? 0 : await carryOutAll(shell, planned, secrets);
    const made = options.secretsFile === undefined ? (secrets?.made ?? []) : [];
    if (out.isJson) out.answer({ changes: done, secrets: made }, () => []);
    else if (done > 0) out.line(`${done} of ${changes.length} changes are made`);
  } finally {
    await secrets?.close();
  }
  return EXIT.ok;
}

/** How many were made. @throws Failure at the first that cannot be, which says so. */
async function carryOutAll(shell: Shell, planned: readonly Planned[], secrets: SecretsSink): Promise<number> {
  const { out, reached } = shell;
  const all = planned.flatMap(({ client, plan }) => plan.changes.map((change) => ({ client, change })));
  for (const [done, { client, change }] of all.entries()) {
    try {
      await carryOut(client, change, secrets);
    } catch (error) {
      const { lines, exitCode, problem } = failureOf(error, reached());
      const told = `${change.kind} ${change.name}: ${lines.join("; ")} (${done} of ${all.length} changes are made; apply again to go on)`;
      // Keys that were made are shown once: with --json their line would be lost with the answer.
      if (out.isJson && secrets.made.length > 0) out.answer({ changes: done, secrets: secrets.made }, () => []);
      throw new Failure(told, exitCode, { problem, cause: error });
    }
    out.line(`${change.action}d ${change.kind} ${change.name}`);
  }
  return all.length;
}
