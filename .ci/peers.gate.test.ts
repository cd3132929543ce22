import { expect, test } from "vitest";
import { isOver, type Row } from "../bench/report.ts";
import type { Program } from "../bench/peers/contender.ts";
import { Figures, pathKinds, type PathKind } from "../bench/peers/figures.ts";
import { rowsOf } from "../bench/peers/rows.ts";
import { sectionOf } from "../bench/published/section.ts";

const paths = Object.fromEntries(pathKinds.map((kind) => [kind, 10])) as Record<PathKind, number>;

function figuresOf(...ids: readonly Parameters<Figures["found"]>[0][]): Figures {
  const figures = new Figures();
  for (const id of ids) figures.found(id, { version: "1.0.0" });
  return figures;
}

function valuesOf(rows: readonly Row[]): Record<string, number> {
  return Object.fromEntries(rows.map(({ id, value }) => [id, value]));
}

function tableOf(rows: readonly Row[]): string {
  const machine = { model: "CPU", cores: 2, load: 0, kernel: "6.18", node: "v24" };
  return sectionOf({ peers: { date: "2026-01-01", machine, quick: false, rows } });
}

/** Ten of each, and one between. */
function line(first: number, last: number): number[] {
  return [...Array<number>(10).fill(first), 99, ...Array<number>(10).fill(last)];
}

function program(name: string, version: string): Program {
  return { name, version, words: {} };
}

test("netkit is compared with the fastest peer, and where it is slower the section says so", () => {
  const figures = figuresOf("library", "docker", "netavark-nftables", "floor");
  figures.note("library", "0", { attach: 3, detach: 30 });
  figures.note("docker", "0", { attach: 60, detach: 60 });
  figures.note("netavark-nftables", "0", { attach: 30, detach: 20 });
  figures.note("floor", "0", { attach: 2, detach: 1 });
  const rows = rowsOf(figures);
  expect(valuesOf(rows)).toMatchObject({
    "peers-attach-0-to-fastest-peer": 0.1,
    "peers-attach-0-to-floor": 1.5,
    "peers-detach-0-to-fastest-peer": 1.5,
  });
  expect(rows.filter(isOver).map(({ id }) => id)).toEqual(["peers-detach-0-to-fastest-peer"]);
  const section = tableOf(rows);
  expect(section).toMatch(
    /yet to reach:\n\n- detach, no ports: netkit, library, to netavark, nftables \(1\.0\.0\): 1\.50 times/,
  );
  expect(section).not.toContain("isn't the fastest");
  expect(section).not.toContain("attach, no ports: netkit");
});

test("what nobody has measured has no column and no table", () => {
  const figures = figuresOf("library");
  figures.note("library", "10", { attach: 3, detach: 30 });
  const section = tableOf(rowsOf(figures));
  expect(section).toContain("| attach | 10 ports |\n");
  for (const absent of ["no ports", "one after the other", "TCP", "whole processes", "NaN", "Infinity"])
    expect(section).not.toContain(absent);
});

test("whoever has published fewer ports is told with them, and not compared", () => {
  const figures = figuresOf("library", "docker", "cni-nftables");
  for (const id of ["library", "docker", "cni-nftables"] as const) figures.notePath(id, paths);
  figures.notePath("docker", { "connections-many": 1_000 });
  figures.notePorts("library", 10_000);
  figures.notePorts("docker", 300);
  figures.notePorts("cni-nftables", 10_000);
  const rows = rowsOf(figures);
  const compared = rows.find(({ id }) => id === "peers-path-connections-many-to-fastest-peer");
  expect(compared?.data["theirs"]).toBe("cni-nftables");
  expect(tableOf(rows)).toContain("505 with 300 (10.0–1000)");
});

test("growth is the last ten boxes beside the first ten, and the floor's own", () => {
  const figures = figuresOf("library", "floor");
  figures.noteRow("library", line(2, 6));
  figures.noteRow("floor", line(1, 2));
  const rows = rowsOf(figures);
  expect(valuesOf(rows)).toMatchObject({
    "peers-growth-library": 3,
    "peers-growth-floor": 2,
    "peers-growth-to-floor": 1.5,
  });
  expect(tableOf(rows)).toContain("21 attached one after the other, with a port each:");
});

test("a command is told by its own name, beside those of others", () => {
  const figures = figuresOf("cli", "docker-cli", "floor-programs");
  figures.noteStart("cli", program("netkit", ""), { version: 40, list: 60 });
  figures.noteStart("docker-cli", program("docker", "28.5.2"), { version: 20, list: 30 });
  figures.noteStart("floor-programs", program("node -e 0", ""), { version: 20 });
  const rows = rowsOf(figures);
  expect(valuesOf(rows)).toMatchObject({ "peers-start-version-to-floor": 2, "peers-start-list-to-fastest-peer": 2 });
  expect(tableOf(rows)).toMatch(/\| docker \(28\.5\.2\) \| 20\.0 \(20\.0–20\.0\) \| 30\.0 /);
});
