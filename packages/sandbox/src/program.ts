import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import { NetkitError } from "@netkit/core";

/** Where shells look when there is no PATH. */
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Look `command` up as execvp(3) does, before anything is started.
 *
 * @throws NetkitError COMMAND with `details.exitCode` 127 (not found) or 126 (found, but not executable): the
 * statuses of POSIX shells (XCU 2.8.2) and of `docker run`.
 */
export function checkCommand(command: string, path: string = defaultPath, cwd: string = process.cwd()): void {
  const places = command.includes("/") ? [command] : path.split(":").map((folder) => `${folder || "."}/${command}`);
  const kinds = command === "" ? [] : places.map((place) => kindOf(resolve(cwd, place)));
  if (kinds.includes("program")) return;
  if (kinds.includes("other")) {
    throw new NetkitError("COMMAND", `${command} is not executable`, {
      hint: "Name a program, or make the file executable with chmod +x.",
      details: { command, exitCode: 126 },
    });
  }
  throw new NetkitError("COMMAND", `command ${JSON.stringify(command)} not found`, {
    hint: command.includes("/") ? `No such file (working directory ${cwd}).` : notIn(path),
    details: { command, exitCode: 127 },
  });
}

/** npx puts a folder for each one above the current before the others. */
function notIn(path: string): string {
  const folders = path.split(":").filter((folder) => !folder.includes("/node_modules/"));
  return `Commands are the host's, there are no images. It is in none of: ${folders.join(":")}.`;
}

/**
 * The absolute path of a program that netkit itself runs, from the directories of the system first.
 * @throws NetkitError TOOL_MISSING
 */
export function findTool(name: string): string {
  const known = tools.get(name);
  if (known !== undefined) return known;
  const folders = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", ...(process.env["PATH"] ?? "").split(":")];
  const found = folders.map((folder) => `${folder}/${name}`).find((place) => kindOf(place) === "program");
  if (found === undefined) {
    throw new NetkitError("TOOL_MISSING", `${name} is not installed`, {
      hint: name === "env" ? "Install coreutils." : "Install util-linux.",
      details: { tool: name },
    });
  }
  tools.set(name, found);
  return found;
}
const tools = new Map<string, string>();

function kindOf(place: string): "program" | "other" | undefined {
  try {
    if (!statSync(place).isFile()) return "other";
    accessSync(place, constants.X_OK);
    return "program";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EACCES" ? "other" : undefined;
  }
}
