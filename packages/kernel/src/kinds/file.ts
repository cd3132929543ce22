import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { FileResource } from "@netkit/core";
import type { Kind } from "../kind.ts";
import { compare, missing } from "../reading.ts";
import { taken } from "../refusal.ts";
import { command, quote, type Shell } from "../shell.ts";

export const file: Kind<FileResource> = {
  create(tx, { path, content }) {
    const { item } = tx;
    tx.act("host", `write ${path}`, () => {
      const found = contentOf(path);
      if (found === content) return undefined;
      if (found !== undefined) throw taken(item, compare({ content: [content, found] }));
      write(path, content);
      return () => remove(path);
    });
  },
  change(tx, resource, previous) {
    const { path, content } = resource;
    tx.act("host", `write ${path}`, () => {
      let written = content;
      const found = overwrite(path, content, (present) => (written = edited(present, resource, previous)));
      if (found === written) return undefined;
      return () => (found === undefined ? remove(path) : overwrite(path, found));
    });
    return true;
  },
  remove(tx, { path }) {
    tx.act("host", `remove ${path}`, () => {
      const found = contentOf(path);
      return unlinkBoth(path) && found !== undefined ? () => write(path, found) : undefined;
    });
    // On its own, so that the file comes back when it fails.
    tx.act("host", `remove ${dirname(path)}`, () => {
      removeDirectory(path);
      return undefined;
    });
  },
  read(_, { path, content }) {
    const found = contentOf(path);
    return found === undefined ? missing : compare({ content: [content, found] });
  },
  createCommands,
  changeCommands(shell, resource, previous) {
    const commands = createCommands(shell, resource);
    if (resource.edits === undefined) return commands;
    const unedited = `printf ${format(previous.content)} | cmp -s - ${quote(resource.path)}`;
    return [`if ${unedited}; then ${commands.at(-1)}; fi`];
  },
  removeCommands: (_, { path }) => [
    command("rm", "-f", path),
    `${command("rmdir", dirname(path))} 2>/dev/null || true`,
  ],
};

function createCommands(_: Shell, { path, content }: FileResource): string[] {
  return [command("mkdir", "-p", dirname(path)), `printf ${format(content)} > ${quote(path)}`];
}

/** What becomes of a file's content when `previous` turns into `wanted`. */
function edited(found: string, wanted: FileResource, previous: FileResource): string {
  if (wanted.edits === undefined) return wanted.content;
  // What a process left that died while it wrote (see rewrite) is no edit.
  if ([previous, wanted].some(({ content }) => withoutEnd(found) === withoutEnd(content))) return wanted.content;
  if (wanted.edits === "keep" || wanted.content === previous.content) return found;
  const [before, after] = [linesOf(previous.content), linesOf(wanted.content)];
  const left = linesOf(found).filter((line) => after.includes(line) || !before.includes(line));
  const added = after.filter((line) => !before.includes(line) && !left.includes(line));
  return [...left, ...added].map((line) => `${line}\n`).join("");
}

function linesOf(text: string): string[] {
  return withoutEnd(text).split("\n");
}

function withoutEnd(text: string): string {
  return text.replace(/\n+$/, "");
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Readers see the whole content or no file. */
function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  try {
    writeFileSync(temporary(path), content, { mode: 0o644 });
    renameSync(temporary(path), path);
  } catch (error) {
    unlink(temporary(path));
    removeDirectory(path);
    throw error;
  }
}

/** Its name says whose it is: what a process left that died in the middle goes with the file. */
function temporary(path: string): string {
  return join(dirname(path), `.${basename(path)}.netkit`);
}

/**
 * Changes a file in its place: processes that have it mounted over their own (/etc/hosts of a sandbox) see the change.
 * A new file under the old name would leave them with the old one; it would also be flushed to disk on ext4, at ten
 * times the cost. Returns what was there before; undefined: no file.
 * @param edit what to write instead, by what is there
 */
function overwrite(path: string, content: string, edit: (found: string) => string = () => content): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r+");
  } catch (error) {
    if (codeOf(error) !== "ENOENT" && codeOf(error) !== "ENOTDIR") throw error;
    write(path, content);
    return undefined;
  }
  try {
    const found = readFileSync(fd, "utf8");
    const wanted = edit(found);
    if (found === wanted) return found;
    const present = Buffer.byteLength(found);
    try {
      rewrite(fd, wanted, present);
    } catch (error) {
      rewrite(fd, found, fstatSync(fd).size); // it may hold some of the new content
      throw error;
    }
    return found;
  } finally {
    closeSync(fd);
  }
}

/**
 * A process that dies in between leaves the new content with blank lines behind it, never a mixture: what is longer than it
 * is overwritten by line breaks first, in one write.
 * @param present how many bytes there are
 */
function rewrite(fd: number, content: string, present: number): void {
  const length = Buffer.byteLength(content);
  const bytes = Buffer.alloc(Math.max(length, present), "\n");
  bytes.write(content);
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, at);
  if (present > length) ftruncateSync(fd, length);
}

/** Removes the file, and its directory with the last one. */
function remove(path: string): void {
  unlinkBoth(path);
  removeDirectory(path);
}

/** False: there was no file. */
function unlinkBoth(path: string): boolean {
  unlink(temporary(path));
  return unlink(path);
}

/** Unless there is something else in it. */
function removeDirectory(path: string): void {
  try {
    rmdirSync(dirname(path));
  } catch (error) {
    if (!["ENOTEMPTY", "ENOENT", "ENOTDIR", "EBUSY"].includes(String(codeOf(error)))) throw error;
  }
}

function unlink(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return false;
    throw error;
  }
}

/** The content as printf's format, on one line. */
function format(content: string): string {
  const escaped = content
    .replaceAll("\\", String.raw`\\`)
    .replaceAll("%", "%%")
    .replaceAll("\n", String.raw`\n`);
  return content === "" ? "''" : quote(escaped);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
