import { codes, didYouMean, exitCodes, NetkitError } from "@netkit/core";
import type { CaseResult, Tier } from "@netkit/conformance";
import { command, type Command } from "../command.ts";
import { driverUrl, importDriver } from "../drivers.ts";
import { readSettings } from "../settings.ts";
import type { Terminal } from "../terminal.ts";

// The suite itself is loaded once it runs.
const tierNames: readonly Tier[] = ["contract", "kernel", "traffic"];

export const conformance: Command = command({
  name: "conformance",
  summary: "Run the suite for drivers against a driver package",
  details: [
    "The cases that netkit's own drivers pass: the contract, one kernel with namespaces that play the host, and traffic.\nWhat the kernel lacks is skipped with a reason. All of it takes minutes; each case is printed when it is done.",
  ],
  arguments: { PACKAGE: { summary: "A package, or the path of one or of a module", complete: "path" } },
  options: {
    only: { value: "ID", many: true, summary: "Only cases whose ids start so" },
    tier: { value: "TIER", many: true, summary: "Only this tier: contract, kernel or traffic", complete: tierNames },
    skip: { value: "ID", many: true, summary: "Not the cases whose ids start so" },
  },
  examples: [
    { line: "netkit conformance netkit-driver-pairs", summary: "A package installed in this folder" },
    {
      line: "netkit conformance --json . | jq '.results[] | select(.outcome == \"failed\")'",
      summary: "The package in this folder; failures as data",
    },
  ],
  changes: false,
  abortable: true,
  async run({ arguments: { PACKAGE }, options, globals, terminal, change }) {
    const { folders } = await readSettings(globals);
    const module = driverUrl(PACKAGE, folders);
    // What isn't a driver at all is an error, not a failed case.
    await importDriver(PACKAGE, folders);
    const { runConformance } = await import("@netkit/conformance");
    const done: CaseResult[] = [];
    const label = (): string => `${done.length} cases done, last ${done.at(-1)?.id ?? "none"}`;
    const report = await terminal.progress(label, () =>
      runConformance(
        { module },
        {
          ...(options.only.length === 0 ? {} : { only: options.only }),
          ...(options.tier.length === 0 ? {} : { tiers: options.tier.map(tierOf) }),
          skip: options.skip,
          ...(change.signal === undefined ? {} : { signal: change.signal }),
          onResult: (result) => {
            done.push(result);
            if (!globals.json) terminal.print(describe(result, terminal).join("\n"));
          },
        },
      ),
    );
    const { driver, passed, failed, skipped } = report;
    const text = ["", `${driver}: ${passed} passed, ${failed} failed, ${skipped} skipped`].join("\n");
    return { data: report, text, exitCode: failed === 0 ? 0 : exitCodes[codes.DRIVER_INVALID.kind] };
  },
});

function tierOf(word: string): Tier {
  const tier = tierNames.find((name) => name === word);
  if (tier !== undefined) return tier;
  throw new NetkitError("ARGUMENT_INVALID", `no tier is called ${JSON.stringify(word)}`, {
    hint: didYouMean(word, tierNames, `There are ${tierNames.join(", ")}.`),
  });
}

function describe({ id, rule, outcome, reason, ms, notes }: CaseResult, terminal: Terminal): string[] {
  const colour = { passed: "green", failed: "red", skipped: "yellow" } as const;
  const line = `${terminal.out(colour[outcome], outcome.padEnd(7))}  ${id}  ${rule} (${ms.toFixed(0)} ms)`;
  const further = [...(reason === undefined ? [] : reason.split("\n")), ...notes];
  return [line, ...further.map((text) => `         ${text}`)];
}
