/** The rows about faults: each call of each operation fails, or its process dies there; for a private host (see bench.ts). */
import { pathToFileURL } from "node:url";
import { hasLinkKind, openNetlink } from "@netkit/netlink";
import { interrupted, sweep, type Complaint } from "@netkit/testing";
import { powerCuts } from "./power-cuts.ts";
import type { Row } from "./report.ts";
import { subjects, type Subject } from "./subjects.ts";

/** What has become of the faults under one driver and firewall. */
export interface FaultFigure {
  readonly driver: string;
  readonly firewall?: string;
  /** Why there were none. */
  readonly lacks?: string;
  /** What was asked for, in words. */
  readonly operations: readonly string[];
  /** Calls to the kernel, the firewall, files and the store that failed. */
  readonly failures: number;
  /** Changes that the process was killed before. */
  readonly deaths: number;
  readonly leaks: number;
  readonly losses: number;
  /** Errors that don't say what to do. */
  readonly unexplained: number;
  readonly complaints: readonly string[];
}

/**
 * @param drivers only these, and no state file; none: all
 * @param powers how often the power is cut, and how often a writer killed
 */
export async function measureFaults(quick: boolean, drivers: readonly string[], powers: number): Promise<Row[]> {
  const signal = interrupted();
  const rows: Row[] = [];
  for (const subject of subjects.filter(({ driver }) => drivers.length === 0 || drivers.includes(driver)))
    for (const firewall of quick ? subject.firewalls.slice(0, 1) : subject.firewalls) {
      using progress = progressOf([subject.driver, firewall].filter(Boolean).join(", "));
      const figure = await figureOf(subject, firewall, signal, progress.tick);
      progress.end(said(figure));
      rows.push(rowOf(figure));
    }
  return drivers.length === 0 ? [...rows, ...powerCuts(powers)] : rows;
}

interface Progress extends Disposable {
  /** One more fault. */
  readonly tick: () => void;
  readonly end: (said: string) => void;
}

/** A line on stderr for each subject; on a terminal it counts, for a driver takes minutes. */
function progressOf(name: string): Progress {
  let faults = 0;
  const show = (): void => void process.stderr.write(`\r${name}: ${faults} faults`);
  const timer = process.stderr.isTTY ? setInterval(show, 1_000) : undefined;
  return {
    tick: () => faults++,
    end: (text) => {
      const erased = timer === undefined ? "" : "\r\u001B[2K";
      process.stderr.write(`${erased}${name}: ${text}\n`);
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

async function figureOf(
  subject: Subject,
  firewall: Subject["firewalls"][number],
  signal: AbortSignal,
  onFault: () => void,
): Promise<FaultFigure> {
  const { driver, needs, courses } = subject;
  const named = { driver, ...(firewall === undefined ? {} : { firewall }) };
  if (needs !== undefined && !isThere(needs)) return { ...named, lacks: needs, ...countsOf(), ...kindsOf([]) };
  const operations = new Set<string>();
  const complaints: Complaint[] = [];
  const faults = { error: 0, kill: 0 };
  const module = pathToFileURL(subject.module);
  const lab = { module, ...(subject.export === undefined ? {} : { export: subject.export }) };
  for (const course of courses)
    for (const mode of ["error", "kill"] as const) {
      const swept = await sweep(lab, {
        mode,
        course,
        signal,
        onFault,
        ...(firewall === undefined ? {} : { firewall }),
      });
      for (const operation of swept.operations) operations.add(operation);
      faults[mode] += swept.faults;
      complaints.push(...swept.complaints);
    }
  return { ...named, ...countsOf([...operations], faults), ...kindsOf(complaints) };
}

function isThere(kind: "ipvlan"): boolean {
  using socket = openNetlink();
  return hasLinkKind(socket, kind);
}

function countsOf(
  operations: readonly string[] = [],
  { error, kill } = { error: 0, kill: 0 },
): Pick<FaultFigure, "operations" | "failures" | "deaths"> {
  return { operations, failures: error, deaths: kill };
}

function kindsOf(
  complaints: readonly Complaint[],
): Pick<FaultFigure, "leaks" | "losses" | "unexplained" | "complaints"> {
  const of = (kind: Complaint["kind"]): number => complaints.filter((complaint) => complaint.kind === kind).length;
  const messages = complaints.map(({ message }) => message);
  return { leaks: of("leak"), losses: of("loss"), unexplained: of("error"), complaints: messages };
}

function rowOf(figure: FaultFigure): Row {
  const { driver, firewall, leaks, losses, unexplained } = figure;
  return {
    id: ["faults", driver, firewall].filter(Boolean).join("-"),
    what: `faults: ${[driver, firewall].filter(Boolean).join(", ")}: what leaked, was lost, or not explained`,
    value: leaks + losses + unexplained,
    unit: "",
    budget: 0,
    how: said(figure),
    data: { ...figure },
  };
}

function said({ lacks, operations, failures, deaths, leaks, losses, unexplained, complaints }: FaultFigure): string {
  if (lacks !== undefined) return `not run: this kernel has no ${lacks}`;
  const [first] = complaints;
  return [
    `${operations.length} operations, ${failures} calls failed, ${deaths} deaths`,
    `${leaks} leaks, ${losses} lost, ${unexplained} unexplained${first === undefined ? "" : `, the first: ${first}`}`,
  ].join(": ");
}
