import { exitCodes } from "@netkit/core";
import type { Finding, Report } from "@netkit/engine";
import { command, type Command } from "../command.ts";

export const doctor: Command = command({
  name: "doctor",
  summary: "Compare everything stored with the kernel, and mend it",
  details: [
    `Exit status ${exitCodes.drift} if anything is left that differs. What is somebody else's (foreign) is reported and never changed.`,
  ],
  options: { repair: { summary: "Mend what netkit may mend" } },
  examples: [
    { line: "netkit doctor", summary: "What is missing, different or left over" },
    { line: "netkit doctor --repair --dry-run", summary: "What would be done about it" },
    { line: "netkit doctor --repair", summary: "Do it" },
  ],
  changes: true,
  async run({ open, options, change, terminal }) {
    const netkit = await open();
    const report = await terminal.progress("comparing", () => netkit.doctor({ ...change, repair: options.repair }));
    const left = report.findings.filter((finding) => !report.repaired.includes(finding));
    const lines = [
      ...report.repaired.map(
        ({ problem, message }) => `${terminal.out("green", removes(problem) ? "removed  " : "repaired ")} ${message}`,
      ),
      ...left.map(({ problem, message }) => `${terminal.out("red", problem.padEnd(9))} ${message}`),
      `${report.checked} resources compared: ${verdict(left.length, report.repaired)}`,
    ];
    const repairable = left.some((finding) => finding.repairable);
    if (repairable) lines.push("Mend them with 'netkit doctor --repair'.");
    return { data: report, text: lines.join("\n"), exitCode: left.length === 0 ? 0 : exitCodes.drift };
  },
});

/** What is over isn't brought back. */
function removes(problem: Finding["problem"]): boolean {
  return problem === "gone" || problem === "ended" || problem === "stray";
}

function verdict(left: number, mended: Report["repaired"]): string {
  if (left > 0) return `${left} ${left === 1 ? "problem" : "problems"}`;
  if (mended.length === 0) return "all is well";
  const removed = mended.filter(({ problem }) => removes(problem)).length;
  const counts = [
    [mended.length - removed, "repaired"],
    [removed, "removed"],
  ] as const;
  const done = counts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return `${done.join(", ")}, all is well now`;
}
