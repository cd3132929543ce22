import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { release } from "node:os";

export interface Versions {
  readonly netkit: string;
  readonly node: string;
  readonly kernel: string;
}

export function versions(): Versions {
  const manifest = findPackageJSON(import.meta.url);
  const { version } = JSON.parse(manifest === undefined ? "{}" : readFileSync(manifest, "utf8")) as {
    version?: string;
  };
  return { netkit: version ?? "unknown", node: process.versions.node, kernel: release() };
}
