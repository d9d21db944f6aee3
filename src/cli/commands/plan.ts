/** `fantail plan`: what `apply` would change, and which events would go another way. */
import { EXIT, type ExitCode } from "../failure.ts";
import { fileAt, flag } from "../options.ts";
import type { Command, Shell } from "../shell.ts";
import { FILE_DEFAULT, planFile, showPlan, type PlanningOptions } from "../state/planning.ts";

export const plan: Command = (parser, run) =>
  parser.command(
    "plan [file]",
    "Show what apply would change, and how many of the last day's events would change route",
    (command) =>
      command
        .positional("file", fileAt(`Buses, subscriptions and keys as YAML; else ${FILE_DEFAULT}`))
        .option("prune", flag("Also delete named subscriptions and keys that the file does not have"))
        .option("write-secrets", flag("Send secrets and header values anew: whether they differ cannot be seen"))
        .option("impact", {
          type: "boolean",
          default: true,
          describe: "Try changes on the last day's events; --no-impact does not",
        })
        .option("detailed-exitcode", flag(`Exit with ${EXIT.changes} when there are changes`))
        .example("$0 plan", "Of fantail.yaml, as a diff")
        .example("$0 plan prod.yaml --detailed-exitcode", "For CI: 0 no changes, 4 changes"),
    (args) =>
      run(args, (shell) =>
        show(shell, args.file ?? FILE_DEFAULT, {
          prune: args.prune,
          writeSecrets: args["write-secrets"],
          impact: args.impact,
          isDetailed: args["detailed-exitcode"],
        }),
      ),
  );

async function show(
  shell: Shell,
  file: string,
  options: PlanningOptions & { readonly isDetailed: boolean },
): Promise<ExitCode> {
  const planned = await planFile(shell, file, options);
  showPlan(shell, planned);
  const hasChanges = planned.some(({ plan: { changes } }) => changes.length > 0);
  return options.isDetailed && hasChanges ? EXIT.changes : EXIT.ok;
}
