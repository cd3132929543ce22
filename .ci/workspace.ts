import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

export const root: string = dirname(import.meta.dirname);

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly description?: string;
  readonly type?: string;
  readonly sideEffects?: boolean;
  readonly engines?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  readonly publishConfig?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export interface Package {
  /** Its name under packages/. */
  readonly folder: string;
  readonly path: string;
  readonly manifest: Manifest;
}

export function packages(): Package[] {
  return readdirSync(join(root, "packages")).map((folder) => {
    const path = join(root, "packages", folder);
    return { folder, path, manifest: readJson<Manifest>(join(path, "package.json")) };
  });
}

export function readJson<T>(path: string): T {
  // oxlint-disable-next-line typescript/no-unsafe-return -- the files of this repository; the tests say what they hold
  return JSON.parse(readFileSync(path, "utf8"));
}
