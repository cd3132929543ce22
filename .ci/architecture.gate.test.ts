import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { packages, root } from "./workspace.ts";
import type { Manifest } from "./workspace.ts";

// A gate that sees nothing passes everything. So each rule gets one violation, in a copy of the workspace that has the
// real configuration and manifests and no sources, and has to name it.

const copy = mkdtempSync(join(tmpdir(), "netkit-architecture-"));

beforeAll(() => {
  for (const file of [
    "package.json",
    "pnpm-workspace.yaml",
    "pnpm-lock.yaml",
    "turbo.json",
    "oxlint.config.ts",
    "tsconfig.base.json",
  ]) {
    cpSync(join(root, file), join(copy, file));
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
});

function fresh(): void {
  rmSync(join(copy, "packages"), { recursive: true, force: true });
  for (const { folder, path, manifest } of packages()) {
    write(folder, "package.json", JSON.stringify(manifest));
    cpSync(join(path, "tsconfig.json"), join(copy, "packages", folder, "tsconfig.json"));
    write(folder, "src/index.ts", "export const nothing = 0;\n");
  }
}

beforeEach(fresh);

afterAll(() => rmSync(copy, { recursive: true }));

function write(folder: string, file: string, text: string): void {
  const path = join(copy, "packages", folder, file);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
}

function depend(folder: string, field: "dependencies" | "devDependencies", name: string): void {
  const manifest = packages().find((candidate) => candidate.folder === folder)?.manifest as Manifest;
  write(
    folder,
    "package.json",
    JSON.stringify({ ...manifest, [field]: { ...manifest[field], [name]: "workspace:^" } }),
  );
}

function run(program: string, ...args: string[]): { code: number | null; output: string } {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1", NO_COLOR: "1" };
  const { status, stdout, stderr } = spawnSync(join(root, "node_modules/.bin", program), args, {
    cwd: copy,
    env,
    encoding: "utf8",
  });
  // Both wrap long lines and draw boxes beside them.
  return { code: status, output: `${stdout}${stderr}`.replaceAll(/\s*\n[\s|│]*/g, " ") };
}

const boundaries = () => run("turbo", "boundaries");
const lint = () => run("oxlint", "packages");

test("the copy without violations passes", () => {
  expect(boundaries()).toMatchObject({ code: 0, output: expect.stringContaining("no issues found") });
  expect(lint()).toMatchObject({ code: 0, output: expect.stringContaining("Found 0 warnings and 0 errors") });
});

describe("turbo boundaries flags", () => {
  test.each(['import "@netkit/kernel";', 'await import("@netkit/kernel");', 'import "execa";'])(
    "the undeclared %s",
    (source) => {
      write("driver-bridge", "src/bad.ts", source);
      expect(boundaries()).toMatchObject({
        code: 1,
        output: expect.stringMatching(/cannot import package `(@netkit\/kernel|execa)`/),
      });
    },
  );

  test("a relative import of another package's file", () => {
    write("driver-bridge", "src/bad.ts", 'export * from "../../core/src/index.ts";');
    expect(boundaries()).toMatchObject({ code: 1, output: expect.stringContaining("leaves the package") });
  });

  test("a cycle of packages", () => {
    depend("core", "dependencies", "@netkit/kernel");
    expect(boundaries()).toMatchObject({ code: 1, output: expect.stringContaining("Circular package dependency") });
  });
});

const layers: [folder: string, source: string][] = [
  ["core", "@netkit/netlink"],
  ["core", "node:fs"],
  ["core", "node:child_process"],
  ["core", "koffi"],
  ["core", "execa"],
  ["ipam", "@netkit/netlink"],
  ["ipam", "node:fs"],
  ["ipam", "node:child_process"],
  ["driver-bridge", "@netkit/kernel"],
  ["driver-bridge", "@netkit/driver-none"],
  ["driver-bridge", "@netkit/engine"],
  ["driver-bridge", "@netkit/testing"],
  ["driver-bridge", "node:fs"],
  ["driver-bridge", "node:child_process"],
  ["driver-ipvlan", "@netkit/driver-macvlan"],
  ["driver-macvlan", "@netkit/engine"],
  ["driver-none", "@netkit/netlink"],
  ["driver-overlay", "@netkit/driver-bridge"],
  ["driver-routed", "@netkit/driver-bridge"],
  ["driver-flannel", "@netkit/store-etcd"],
  ["driver-host", "execa"],
  ["driver-container", "koffi"],
  ["netlink", "@netkit/core"],
  ["netlink", "node:child_process"],
  ["kernel", "@netkit/engine"],
  ["kernel", "@netkit/netfilter"],
  ["kernel", "node:child_process"],
  ["netfilter", "@netkit/kernel"],
  ["sandbox", "@netkit/kernel"],
  ["sandbox", "@netkit/engine"],
  ["store-sqlite", "@netkit/netlink"],
  ["store-sqlite", "node:child_process"],
  ["store-consul", "@netkit/store-etcd"],
  ["store-consul", "node:child_process"],
  ["store-etcd", "@netkit/store-sqlite"],
  ["store-etcd", "node:child_process"],
  ["dns", "@netkit/netlink"],
  ["dns", "node:fs"],
  ["dns", "node:child_process"],
  ["agent", "@netkit/driver-bridge"],
  ["agent", "@netkit/netfilter"],
  ["agent", "node:child_process"],
  ["engine", "@netkit/driver-bridge"],
  ["engine", "@netkit/testing"],
  ["engine", "koffi"],
  ["engine", "node:child_process"],
  ["runtime", "@netkit/agent"],
  ["runtime", "node:child_process"],
  ["runtime-cni", "@netkit/agent"],
  ["runtime-cni", "@netkit/driver-bridge"],
  ["runtime-cni", "node:child_process"],
  ["runtime-docker", "@netkit/driver-bridge"],
  ["runtime-docker", "node:child_process"],
  ["runtime-netavark", "@netkit/agent"],
  ["runtime-netavark", "@netkit/driver-bridge"],
  ["runtime-netavark", "node:child_process"],
  ["conformance", "@netkit/driver-bridge"],
  ["conformance", "@netkit/testing"],
  ["fuzzing", "@netkit/core"],
];

const forms = ['import "X";', 'import type { A } from "X";', 'export * from "X";', 'await import("X");'];

describe("oxlint flags in", () => {
  let output: string;

  beforeAll(() => {
    fresh();
    layers.forEach(([folder, source], layer) => {
      forms.forEach((form, index) => write(folder, `src/bad-${layer}-${index}.ts`, form.replace("X", source)));
    });
    output = lint().output;
  });

  test.each(layers.map(([folder, source], layer) => ({ folder, source, layer })))(
    "$folder the import of $source",
    (bad) => {
      for (const index of forms.keys()) {
        expect(output).toMatch(
          new RegExp(
            `'${bad.source}' import is restricted[^']{0,400}packages/${bad.folder}/src/bad-${bad.layer}-${index}\\.ts`,
          ),
        );
      }
    },
  );

  test("all packages but those that may import anything", () => {
    const free = ["cli", "testing"];
    expect([...new Set([...layers.map(([folder]) => folder), ...free])].toSorted()).toEqual(
      packages().map(({ folder }) => folder),
    );
  });
});

describe("oxlint flags", () => {
  test("what a library prints", () => {
    write("engine", "src/bad.ts", 'console.log("");');
    expect(lint()).toMatchObject({ code: 1, output: expect.stringContaining("no-console") });
  });

  test("a promise that nobody awaits", () => {
    write("engine", "src/bad.ts", "export function start(): void {\n  Promise.resolve();\n}\n");
    expect(lint()).toMatchObject({ code: 1, output: expect.stringContaining("no-floating-promises") });
  });
});

test("tests may import what their package may not", () => {
  write(
    "driver-bridge",
    "src/good.netns.test.ts",
    'import { readFileSync } from "node:fs";\nexport const text = readFileSync("a", "utf8");\n',
  );
  expect(lint()).toMatchObject({ code: 0 });
});
