import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where setup unpacks servers that tests run, so that no machine gets a service that it didn't ask for. */
const unpacked = join(import.meta.dirname, "../../../../.tools/servers");

/**
 * The path of a program that setup brought or the machine has; undefined where there is none.
 * @param folder where its package has it, if it isn't for everybody to run
 */
export function findProgram(name: string, folder?: string): string | undefined {
  const brought = (folder === undefined ? ["usr/bin", "usr/sbin", "bin"] : [folder]).map((part) =>
    join(unpacked, part),
  );
  const own =
    folder === undefined
      ? [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"]
      : [join("/", folder)];
  const folders = [...brought, ...own];
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
