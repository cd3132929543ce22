/** The rows about faults: each call of each operation fails, or its process dies there; for a private host (see bench.ts). */
import { pathToFileURL } from "node:url";
import { hasLinkKind, openNetlink } from "@netkit/netlink";
import { sweep, type Complaint, type Course } from "@netkit/testing";
import { powerCuts } from "./power-cuts.ts";
import type { Row } from "./report.ts";

interface Subject {
  readonly driver: string;
  /** From the folder of the checkout. */
  readonly module: string;
  readonly export?: string;
  /** The links that it needs, and not every kernel has. */
  readonly needs?: "ipvlan";
  readonly courses: readonly NonNullable<Course["course"]>[];
  /** That rules are made with, where the driver has any. */
  readonly firewalls: readonly ("nftables" | "iptables" | undefined)[];
}

/** Of one network that nobody makes. */
const predefined = { courses: ["attaching"], firewalls: [undefined] } as const;
const made = { courses: ["attaching", "changing"], firewalls: [undefined] } as const;
const ruled = { ...made, firewalls: ["nftables"] } as const;

const subjects: readonly Subject[] = [
  { driver: "none", module: "packages/driver-none/src/index.ts", ...predefined },
  { driver: "host", module: "packages/driver-host/src/index.ts", ...predefined },
  { driver: "container", module: "packages/driver-container/src/index.ts", ...predefined },
  // Rules are alike under all three.
  { driver: "bridge", module: "packages/driver-bridge/src/index.ts", ...ruled, firewalls: ["nftables", "iptables"] },
  { driver: "routed", module: "packages/driver-routed/src/index.ts", ...ruled },
  { driver: "macvlan", module: "packages/driver-macvlan/src/index.ts", ...made },
  { driver: "ipvlan", module: "packages/driver-ipvlan/src/index.ts", needs: "ipvlan", ...made },
  { driver: "overlay", module: "packages/driver-overlay/src/index.ts", ...ruled },
  // Its etcd is one in memory.
  { driver: "flannel", module: "packages/driver-flannel/test/lab.ts", export: "narrow", ...ruled },
];

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

/** @param powers how often the power is cut, and how often a writer killed */
export async function measureFaults(quick: boolean, powers: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const subject of subjects)
    for (const firewall of quick ? subject.firewalls.slice(0, 1) : subject.firewalls) {
      const figure = await figureOf(subject, firewall);
      process.stderr.write(`${[figure.driver, firewall].filter(Boolean).join(", ")}: ${said(figure)}\n`);
      rows.push(rowOf(figure));
    }
  return [...rows, ...powerCuts(powers)];
}

async function figureOf(subject: Subject, firewall: Subject["firewalls"][number]): Promise<FaultFigure> {
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
      const swept = await sweep(lab, { mode, course, ...(firewall === undefined ? {} : { firewall }) });
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
