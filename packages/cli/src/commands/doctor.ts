import { exitCodes } from "@netkit/core";
import type { Finding, Report } from "@netkit/engine";
import { command, type Command } from "../command.ts";
import type { Terminal } from "../terminal.ts";

export const doctor: Command = command({
  name: "doctor",
  summary: "Compare everything stored with the kernel, and mend it",
  details: [
    `Exit status ${exitCodes.drift} if anything is left that differs. Warnings are about what isn't netkit's: rules of other firewalls\nthat drop its traffic (foreign), routes of the host that take a network's addresses (overlap). They are never changed,\nand count only with --strict. A sandbox's hosts or resolv.conf that was edited is no difference.`,
  ],
  options: {
    repair: { summary: "Mend what netkit may mend" },
    strict: { summary: `Exit status ${exitCodes.drift} for warnings, too` },
  },
  examples: [
    { line: "netkit doctor", summary: "What is missing, different or left over, and what is in netkit's way" },
    { line: "netkit doctor --repair --dry-run", summary: "What would be done about it" },
    { line: "netkit doctor --repair", summary: "Do it" },
  ],
  changes: true,
  async run({ open, options, change, terminal }) {
    const netkit = await open(change.dryRun === true || !options.repair);
    const report = await terminal.progress("comparing", () => netkit.doctor({ ...change, repair: options.repair }));
    const repaired = new Set(report.repaired);
    const left = report.findings.filter((finding) => !repaired.has(finding));
    const warnings = left.filter(isWarning);
    const problems = left.filter((finding) => !isWarning(finding) && !isNote(finding)).length;
    const lines = [
      ...groups(report.findings, (finding) => repaired.has(finding), terminal),
      `${report.checked} resources compared: ${verdict(problems, report.repaired, warnings.length)}`,
    ];
    if (left.some(({ repairable }) => repairable)) lines.push("Mend them with 'netkit doctor --repair'.");
    const failed = problems > 0 || (options.strict && warnings.length > 0);
    return { data: report, text: lines.join("\n"), exitCode: failed ? exitCodes.drift : 0 };
  },
});

/** What isn't as it should be, but isn't netkit's. */
function isWarning({ problem }: Finding): boolean {
  return problem === "foreign" || problem === "overlap";
}

/** What is over isn't brought back. */
function removes({ problem }: Finding): boolean {
  return problem === "gone" || problem === "ended" || problem === "stray";
}

/** What is as it may be, and good to know. */
function isNote({ problem }: Finding): boolean {
  return problem === "edited";
}

/** The findings by whose they are, in the order in which the first of each was found. */
function groups(findings: readonly Finding[], isRepaired: (finding: Finding) => boolean, terminal: Terminal): string[] {
  const [ofRuleset, others] = [true, false].map((of) => findings.filter((one) => isOfRuleset(one) === of));
  const byObject = Map.groupBy(others ?? [], ({ owner, object }) =>
    owner === undefined ? object : `${owner.type} ${owner.name}`,
  );
  return [...rulesetLines(ofRuleset ?? [], isRepaired, terminal), ...objectLines(byObject, isRepaired, terminal)];
}

/** Whether it says nothing but that the ruleset around it isn't as declared, as all do that the ruleset holds. */
function isOfRuleset({ differences = [] }: Finding): boolean {
  return differences.length > 0 && differences.every(({ field }) => field === "ruleset");
}

/** What of the ruleset differs, a line each, and who is concerned. */
function rulesetLines(
  findings: readonly Finding[],
  isRepaired: (finding: Finding) => boolean,
  terminal: Terminal,
): string[] {
  const [first] = findings;
  if (first === undefined) return [];
  const style = isRepaired(first) ? "green" : "red";
  const word = terminal.out(style, (isRepaired(first) ? "repaired" : first.problem).padEnd(9));
  const found = new Set(findings.flatMap(({ differences = [] }) => differences.map((one) => String(one.found))));
  const owners = new Set(
    findings.map(({ owner, object }) => (owner === undefined ? object : `${owner.type} ${owner.name}`)),
  );
  return [terminal.out("bold", `ruleset of ${some([...owners])}`), ...[...found].map((what) => `  ${word} ${what}`)];
}

function objectLines(
  byObject: ReadonlyMap<string, readonly Finding[]>,
  isRepaired: (finding: Finding) => boolean,
  terminal: Terminal,
): string[] {
  return [...byObject].flatMap(([object, group]) => [
    terminal.out("bold", object),
    ...group.flatMap((finding) => linesOf(finding, isRepaired(finding), terminal)),
  ]);
}

function linesOf(finding: Finding, repaired: boolean, terminal: Terminal): string[] {
  const { problem, message, hint, remedy = [] } = finding;
  const style = repaired ? "green" : isNote(finding) ? "dim" : isWarning(finding) ? "yellow" : "red";
  return [
    `  ${terminal.out(style, (repaired ? (removes(finding) ? "removed" : "repaired") : problem).padEnd(9))} ${message}`,
    ...(hint === undefined ? [] : [`            ${hint}`]),
    ...remedy.map((line) => `            ${terminal.out("cyan", line)}`),
  ];
}

function verdict(problems: number, mended: Report["repaired"], warnings: number): string {
  const removed = mended.filter(removes).length;
  const parts = [
    ...(problems > 0 ? [count(problems, "problem")] : []),
    ...(mended.length > removed ? [`${mended.length - removed} repaired`] : []),
    ...(removed > 0 ? [`${removed} removed`] : []),
    ...(problems === 0 ? [wellness(mended.length > 0, warnings > 0)] : []),
    ...(warnings > 0 ? [count(warnings, "warning")] : []),
  ];
  return parts.join(", ");
}

/** What a warning is about may well be that no traffic passes. */
function wellness(mended: boolean, warned: boolean): string {
  if (warned) return mended ? "nothing left to repair" : "nothing to repair";
  return mended ? "all is well now" : "all is well";
}

function some(names: readonly string[]): string {
  const others = names.length - 5;
  return `${names.slice(0, 5).join(", ")}${others > 0 ? ` and ${count(others, "other")}` : ""}`;
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
