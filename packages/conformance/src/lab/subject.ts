import type { AnyDriver } from "@netkit/core";

/** A driver to be tested, in a form that another process can load too. */
export interface Subject {
  /** The URL of the module that exports it. */
  readonly module: string | URL;
  /** The name of the export, a driver or a function that returns one; default `driver`, as the CLI loads it. */
  readonly export?: string;
}

/** @throws TypeError when the module exports no driver under that name */
export async function loadSubject({ module, export: name = "driver" }: Subject): Promise<AnyDriver> {
  const exported = ((await import(String(module))) as Record<string, unknown>)[name];
  const driver: unknown = typeof exported === "function" ? (exported as () => unknown)() : exported;
  if (typeof driver === "object" && driver !== null && "api" in driver) return driver as AnyDriver;
  throw new TypeError(`${String(module)} exports no driver as '${name}'`);
}
