import { lstatSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { NetkitError } from "@netkit/core";

/** Others may write; and change their own alone (inode(7)). */
const [otherWrite, sticky] = [0o002, 0o1000];

/**
 * Makes a directory and those above it, for their owner alone.
 * @throws NetkitError STATE_UNWRITABLE for one that is another user's, or everybody's: they could put a link where root is to write
 */
export function makeDirectory(path: string): void {
  makeWhole(path);
  refuseOthers(path);
}

/** One by one: Node's own `recursive` never ends where the kernel says ENOENT below a directory that is there, as it does in /proc. */
function makeWhole(path: string): void {
  if (isDirectory(path)) return;
  makeWhole(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have been faster.
    if (!isDirectory(path)) throw error;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** A link to it is looked at, too. */
function refuseOthers(path: string): void {
  const own = process.geteuid?.() ?? 0;
  const { mode, uid } = statSync(path);
  const other = [lstatSync(path).uid, uid].find((owner) => owner !== own && owner !== 0);
  const everybodys = (mode & (otherWrite | sticky)) === otherWrite;
  if (other === undefined && !everybodys) return;
  const who = other === undefined ? "can be written to by everybody" : `belongs to user ${other}`;
  throw new NetkitError("STATE_UNWRITABLE", `the state directory ${path} ${who}: state there wouldn't be safe`, {
    hint: `Look at what is in it, then make it root's alone: chown root ${path}; chmod go-w ${path}. Or choose another --root.`,
    details: { path },
  });
}
