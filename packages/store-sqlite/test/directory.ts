import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A directory for one test, removed after it. */
export function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "netkit-store-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
