import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where setup unpacks servers that tests run, so that no machine gets a service that it didn't ask for. */
const unpacked = join(import.meta.dirname, "../../../../.tools/servers");

/** The path of a program that setup brought or the machine has; undefined where there is none. */
export function findProgram(name: string): string | undefined {
  const brought = ["usr/bin", "usr/sbin", "bin"].map((folder) => join(unpacked, folder));
  const folders = [...brought, ...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
