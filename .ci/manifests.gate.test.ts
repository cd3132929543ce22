import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packages, readJson, root } from "./workspace.ts";

interface TsConfig {
  readonly references?: readonly { readonly path: string }[];
}

const published = packages().filter(({ manifest }) => !manifest.private);
const libraries = published.filter(({ manifest }) => !manifest.bin);
const drivers = libraries.filter(({ folder }) => folder.startsWith("driver-"));

describe.each(packages())("the manifest of $folder", ({ folder, path, manifest }) => {
  const dependencies = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.devDependencies };
  const ours = Object.keys(dependencies).filter((name) => name.startsWith("@netkit/"));

  test("is named after its folder", () => {
    expect(manifest.name).toBe(folder === "cli" ? "netkit" : `@netkit/${folder}`);
  });

  test("has the fields that all packages have alike", () => {
    expect(manifest).toMatchObject({
      license: "Apache-2.0",
      type: "module",
      sideEffects: false,
      engines: { node: "^24.11 || >=26" },
      description: expect.stringMatching(/^[A-Zn].{20,}[^.]$/),
    });
    // Where the repository lives is no business of its code.
    for (const field of ["repository", "homepage", "bugs", "author"]) expect(manifest).not.toHaveProperty(field);
  });

  test("takes versions from the workspace and the catalog alone", () => {
    // Somebody else's package that ours only works beside takes a range.
    for (const [name, range] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      expect(range, name).toBe(name.startsWith("@netkit/") ? "workspace:^" : "catalog:");
    }
  });

  test("agrees with the references of tsconfig.json", () => {
    const { references = [] } = readJson<TsConfig>(join(path, "tsconfig.json"));
    const referenced = references.map((reference) => reference.path.replace("../", "@netkit/"));
    const built = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    expect(ours).toEqual(expect.arrayContaining(referenced));
    expect(referenced).toEqual(expect.arrayContaining(built.filter((name) => name.startsWith("@netkit/"))));
  });

  test("keeps what is for tests out of what gets installed", () => {
    const installed = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    expect(installed).not.toContain("@netkit/testing");
    expect(installed).not.toContain("@netkit/fuzzing");
  });

  test("has a README", () => {
    expect(existsSync(join(path, "README.md"))).toBe(true);
  });
});

test.each(published)("$folder is published for everybody, with provenance", ({ manifest }) => {
  expect(manifest.publishConfig).toMatchObject({ access: "public", provenance: true });
});

test.each(libraries)("$folder exports in dist what it exports in src", ({ manifest }) => {
  const expected = Object.entries(manifest.exports ?? {}).map(([key, source]) => {
    const built = source.replace("./src/", "./dist/").replace(/\.ts$/, "");
    return [key, { types: `${built}.d.ts`, default: `${built}.js` }];
  });
  expect(expected).not.toEqual([]);
  expect(manifest.publishConfig?.["exports"]).toEqual(Object.fromEntries(expected));
  expect(manifest.files).toEqual(["dist", "src", "!**/*.test.ts", "!**/.tsbuildinfo"]);
});

test.each(drivers)("$folder has core as its peer, so that a program has one core", ({ manifest }) => {
  expect(manifest.peerDependencies).toEqual({ "@netkit/core": "workspace:^" });
  expect(manifest.dependencies ?? {}).not.toHaveProperty("@netkit/core");
  // turbo orders builds and judges imports without looking at peers.
  expect(manifest.devDependencies).toMatchObject({ "@netkit/core": "workspace:^" });
});

test("every package is type-checked with the workspace", () => {
  const { references = [] } = readJson<TsConfig>(join(root, "tsconfig.json"));
  expect(references.map(({ path }) => path).toSorted()).toEqual(packages().map(({ folder }) => `packages/${folder}`));
});

test("no address of a registry or mirror is in the lock file", () => {
  expect(readFileSync(join(root, "pnpm-lock.yaml"), "utf8")).not.toMatch(/https?:/);
});
