import { exitCodes } from "@netkit/core";
import type { Finding } from "@netkit/engine";
import { command, type Command } from "../command.ts";

export const doctor: Command = command({
  name: "doctor",
  summary: "Compare everything stored with the kernel, and mend it",
  details: [
    `Exit status ${exitCodes.drift} if anything is left that differs. What is somebody else's (foreign) is reported and never changed;\nso is a sandbox's hosts or resolv.conf that was edited, which is no difference.`,
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
    const others = report.findings.filter((finding) => !report.repaired.includes(finding));
    const [notes, left] = [others.filter(isNote), others.filter((finding) => !isNote(finding))];
    const lines = [
      ...report.repaired.map(({ message }) => `${terminal.out("green", "repaired ")} ${message}`),
      ...notes.map(({ problem, message }) => `${terminal.out("dim", problem.padEnd(9))} ${message}`),
      ...left.map(({ problem, message }) => `${terminal.out("red", problem.padEnd(9))} ${message}`),
      `${report.checked} resources compared: ${verdict(left.length, report.repaired.length)}`,
    ];
    const repairable = left.some((finding) => finding.repairable);
    if (repairable) lines.push("Mend them with 'netkit doctor --repair'.");
    return { data: report, text: lines.join("\n"), exitCode: left.length === 0 ? 0 : exitCodes.drift };
  },
});

/** What is as it may be, and good to know. */
function isNote({ problem }: Finding): boolean {
  return problem === "edited";
}

function verdict(left: number, repaired: number): string {
  if (left > 0) return `${left} ${left === 1 ? "problem" : "problems"}`;
  return repaired > 0 ? `${repaired} repaired, all is well now` : "all is well";
}
